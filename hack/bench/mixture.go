package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// leaf is a page of a PDF.
type leaf struct {
	path string
	page int
}

// mix makes a PDF of so many pages out of those found below a folder. Pages of a kind are the images of one folder, each on
// paper of A4, or those of one PDF. Kinds take turns, and begin again when they have no more pages, so that all are there in
// equal parts; the same folder makes the same document.
func mix(ctx context.Context, data string, pages int, folder, path string) (kinds int, err error) {
	images, documents, err := find(data)
	if err != nil {
		return 0, err
	}
	for i, files := range images {
		bound := filepath.Join(folder, fmt.Sprintf("images-%02d.pdf", i))
		if err := bind(files, bound); err != nil {
			return 0, err
		}
		documents = append(documents, bound)
	}
	leaves := make([][]leaf, len(documents))
	for i, document := range documents {
		count, err := pageCount(ctx, document)
		if err != nil {
			return 0, err
		}
		for page := range count {
			leaves[i] = append(leaves[i], leaf{document, page + 1})
		}
	}
	arguments := []string{"--warning-exit-0", "--empty", "--pages"}
	for _, leaf := range inTurns(leaves, pages) {
		arguments = append(arguments, leaf.path, strconv.Itoa(leaf.page))
	}
	if output, err := exec.CommandContext(ctx, "qpdf", append(arguments, "--", path)...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("putting the document together with qpdf: %w: %s", err, output)
	}
	return len(documents), nil
}

// find the images of each folder below one, and the PDFs, in the order of their names.
func find(data string) (images [][]string, documents []string, err error) {
	folders := make(map[string][]string)
	err = filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() || !slices.Contains(documentExtensions, strings.ToLower(filepath.Ext(path))):
		case isPDF(path):
			documents = append(documents, path)
		default:
			folders[filepath.Dir(path)] = append(folders[filepath.Dir(path)], path)
		}
		return nil
	})
	if err == nil && len(folders)+len(documents) == 0 {
		err = fmt.Errorf("nothing below %s is one of %s", data, strings.Join(documentExtensions, " "))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("looking for documents: %w", err)
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		images = append(images, folders[folder])
	}
	return images, documents, nil
}

func pageCount(ctx context.Context, document string) (int, error) {
	command := exec.CommandContext(ctx, "qpdf", "--warning-exit-0", "--show-npages", document)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return 0, fmt.Errorf("counting the pages of %s with qpdf: %w", document, err)
	}
	count, err := strconv.Atoi(strings.TrimSpace(string(output)))
	if err != nil || count < 1 {
		return 0, fmt.Errorf("qpdf finds %q pages in %s", output, document)
	}
	return count, nil
}

// inTurns takes so many items, one of each kind after the other. A kind that is used up begins again; each has at least one.
func inTurns[T any](kinds [][]T, count int) []T {
	items := make([]T, count)
	for i := range items {
		kind := kinds[i%len(kinds)]
		items[i] = kind[i/len(kinds)%len(kind)]
	}
	return items
}
