package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/openplp/khocr/internal/score"
)

// sample is a document to be measured with.
type sample struct {
	// name is that of the file without its extension.
	name, path string
	// truth of the whole document; nil where nobody knows it.
	truth *string
	// pages holds the truth of single pages, by their number.
	pages map[int]string
	// only are the pages to read, in order; nil for all.
	only []int
}

// set is the group of samples that one belongs to: the part of the name before the first dash.
func (s sample) set() string {
	set, _, _ := strings.Cut(s.name, "-")
	return set
}

// truthOf a page as far as it is known: else that of the whole document, or nothing.
func (s sample) truthOf(page int) string {
	if truth, ok := s.pages[page]; ok {
		return truth
	}
	if s.truth != nil {
		return *s.truth
	}
	return ""
}

// isBlank tells whether there is nothing to read on any page.
func (s sample) isBlank() bool { return s.truth != nil && len(score.Syllables(*s.truth)) == 0 }

// isPDF tells the only kind of document whose pages may have truths of their own.
func isPDF(path string) bool { return strings.EqualFold(filepath.Ext(path), ".pdf") }

var (
	documentExtensions = []string{".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pdf"}
	pageTruth          = regexp.MustCompile(`^(.+)-p0*([1-9][0-9]{0,5})$`)
)

// pair finds the documents among the names of a folder's files, and for each text the document or page that it is the truth
// of: NAME.txt of the document NAME.*, NAME-pNNN.txt of a page of NAME.pdf. A text that belongs to nothing is stray.
func pair(names []string) (samples []sample, truthOf map[string]place, stray []string, err error) {
	index := make(map[string]int)
	for _, name := range slices.Sorted(slices.Values(names)) {
		extension := filepath.Ext(name)
		if !slices.Contains(documentExtensions, strings.ToLower(extension)) {
			continue
		}
		base := strings.TrimSuffix(name, extension)
		if other, ok := index[base]; ok {
			return nil, nil, nil, fmt.Errorf("%s and %s have one name, so that their truths and results cannot be told apart", samples[other].path, name)
		}
		index[base] = len(samples)
		samples = append(samples, sample{name: base, path: name})
	}
	truthOf = make(map[string]place)
	for _, name := range names {
		base, isText := strings.CutSuffix(name, ".txt")
		if !isText {
			continue
		}
		if i, ok := index[base]; ok {
			truthOf[name] = place{sample: i}
			continue
		}
		if match := pageTruth.FindStringSubmatch(base); match != nil {
			if i, ok := index[match[1]]; ok && isPDF(samples[i].path) {
				number, _ := strconv.Atoi(match[2])
				truthOf[name] = place{sample: i, page: number}
				continue
			}
		}
		stray = append(stray, name)
	}
	slices.Sort(stray)
	return samples, truthOf, stray, nil
}

// place is what a truth tells about: a page of a sample, or all of it where the page is 0.
type place struct{ sample, page int }

// loadSamples reads the truths of a folder, and sees to it that its documents can be read. Warnings tell what is odd.
func loadSamples(folder string) (samples []sample, warnings []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, fmt.Errorf("looking for documents: %w", err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	samples, truthOf, stray, err := pair(names)
	if err != nil {
		return nil, nil, fmt.Errorf("looking for documents in %s: %w", folder, err)
	}
	if len(samples) == 0 {
		return nil, nil, fmt.Errorf("%s has no documents (%s)", folder, strings.Join(documentExtensions, " "))
	}
	for i := range samples {
		samples[i].path = filepath.Join(folder, samples[i].path)
		samples[i].pages = make(map[int]string)
		err = errors.Join(err, readable(samples[i].path))
	}
	for name, place := range truthOf {
		text, readError := readText(filepath.Join(folder, name))
		err = errors.Join(err, readError)
		if place.page > 0 {
			samples[place.sample].pages[place.page] = text
		} else {
			samples[place.sample].truth = &text
		}
	}
	if err != nil {
		return nil, nil, err
	}
	for _, name := range stray {
		warnings = append(warnings, fmt.Sprintf("%s is the truth of no document", name))
	}
	for _, sample := range samples {
		if sample.truth == nil && len(sample.pages) == 0 {
			warnings = append(warnings, fmt.Sprintf("%s has no truth: it is read but not scored", filepath.Base(sample.path)))
		}
	}
	return samples, warnings, nil
}

func readable(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening a document: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("opening a document: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	return nil
}

func readText(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading a truth: %w", err)
	}
	if !utf8.Valid(content) {
		return "", fmt.Errorf("reading a truth: %s is not UTF-8", path)
	}
	return string(content), nil
}

// thin keeps every nth of the samples. A PDF without a truth of the whole stays, with every nth of the pages that have
// truths, or of all where none has.
func thin(samples []sample, n int) []sample {
	if n == 1 {
		return samples
	}
	var kept []sample
	seen := 0
	for _, sample := range samples {
		switch {
		case len(sample.pages) > 0:
			sample.truth = nil // nobody knows that of a part
			sample.only = everyNth(slices.Sorted(maps.Keys(sample.pages)), n)
		case isPDF(sample.path) && sample.truth == nil:
			sample.only = everyNth(allPages(), n)
		default:
			seen++
			if seen%n != 1 {
				continue
			}
		}
		kept = append(kept, sample)
	}
	return kept
}

func everyNth(numbers []int, n int) []int {
	var kept []int
	for i := 0; i < len(numbers); i += n {
		kept = append(kept, numbers[i])
	}
	return kept
}

// allPages that a document may have; the engine leaves out what it has not.
func allPages() []int {
	numbers := make([]int, maxPages)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}
