package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/spf13/cobra"
	"golang.org/x/text/encoding/charmap"

	"github.com/openplp/khocr/internal/khmer"
	"github.com/openplp/khocr/internal/legacy"
)

func limonCommand() *cobra.Command {
	var data, out string
	command := &cobra.Command{
		Use:   "limon",
		Short: "Take the Limon fonts out of PDFs, with what prints a syllable",
		Long: "Writes for each Limon font of DATA/train/*.pdf that can print enough of the syllables of DATA/corpus/*.txt OUT/FACE-*.ttf, its parts, " +
			"and OUT/FACE.tsv: a syllable, the places of the glyphs in the font that print it, and how often they were seen to, 0 where others " +
			"that were seen let it be told. Needs mutool.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return takeLimon(data, out) },
	}
	command.Flags().StringVar(&data, "data", "", "folder that has train/ and corpus/")
	command.Flags().StringVar(&out, "out", "", "folder to write to")
	return command
}

const (
	// limonFamily is the name that internal/legacy has for it.
	limonFamily = "Limon"
	// enough of a corpus for a face to be of use, as a share of its characters.
	enough = 0.3
)

// face of a family.
type face struct {
	// ids are the places of the glyphs in the font, by code.
	ids   map[rune]int
	files map[string][]byte
}

func (f *face) can(codes string) bool {
	for _, code := range codes {
		if _, has := f.ids[code]; !has {
			return false
		}
	}
	return true
}

func takeLimon(data, out string) error {
	pdfs, err := filepath.Glob(filepath.Join(data, "train", "*.pdf"))
	if err != nil {
		return err
	}
	var speller *speller
	differs := "" // the name of a font of which two PDFs have different ones
	faces := map[string]*face{}
	for _, pdf := range pdfs {
		err := trace(pdf, func(printed run) {
			family := legacy.Find(printed.font)
			if family == nil || family.Name != limonFamily {
				return
			}
			if speller == nil {
				speller = newSpeller(family)
			}
			name := plainName(printed.font)
			if faces[name] == nil {
				faces[name] = &face{map[rune]int{}, map[string][]byte{}}
			}
			codes := make([]rune, len(printed.codes))
			for i, character := range printed.codes {
				codes[i] = codeOf(character)
				if id, has := faces[name].ids[codes[i]]; has && id != printed.ids[i] {
					differs = name
				}
				faces[name].ids[codes[i]] = printed.ids[i]
			}
			speller.read(codes)
		})
		if err != nil {
			return err
		}
		if differs != "" {
			return fmt.Errorf("%s: its %s has glyphs in other places than that of PDFs before it", pdf, differs)
		}
		if err := extract(pdf, faces); err != nil {
			return fmt.Errorf("extract the fonts of %s: %w", pdf, err)
		}
	}
	if speller == nil {
		return fmt.Errorf("no PDF in %s has text in Limon", filepath.Join(data, "train"))
	}
	texts, err := syllablesOf(filepath.Join(data, "corpus", "*.txt"))
	if err != nil {
		return err
	}
	for text, spellings := range speller.seen {
		for _, count := range spellings {
			texts.add("what is printed", text, count)
		}
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(faces)) {
		if err := writeFace(filepath.Join(out, name), faces[name], speller, texts); err != nil {
			return err
		}
	}
	return nil
}

// codeOf is the code, from 0 to 255, of the character that readers have for it.
func codeOf(character rune) rune {
	if character == 'μ' {
		character = 'µ'
	}
	code, _ := charmap.Windows1252.EncodeRune(character)
	return rune(code)
}

// plainName of a font, without the mark of a subset.
func plainName(font string) string {
	if _, name, found := strings.Cut(font, "+"); found {
		return name
	}
	return font
}

// extract the files of fonts that are known. What a document has as a font of several bytes to a code is there also as one of
// one byte.
func extract(pdf string, faces map[string]*face) error {
	file, err := os.Open(pdf)
	if err != nil {
		return err
	}
	defer file.Close()
	api.DisableConfigDir()
	configuration := model.NewDefaultConfiguration()
	document := strings.TrimSuffix(filepath.Base(pdf), ".pdf")
	err = api.ExtractFonts(file, nil, func(font pdfcpu.Font) error {
		face := faces[plainName(font.Name)]
		if face == nil {
			return nil
		}
		content, err := io.ReadAll(font)
		face.files[fmt.Sprintf("%s%d.%s", document, font.ObjNr, font.Type)] = content
		return err
	}, configuration)
	if unsupported := (*api.UnsupportedResourceError)(nil); errors.As(err, &unsupported) {
		return nil
	}
	return err
}

// wanted syllables, by the corpus and how often they stand there.
type wanted map[string]map[string]int

func (w wanted) add(corpus, text string, count int) {
	if w[corpus] == nil {
		w[corpus] = map[string]int{}
	}
	w[corpus][text] += count
}

func syllablesOf(pattern string) (wanted, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	texts := wanted{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(content)) {
			text, _, _ := strings.Cut(line, "\t")
			// The fonts draw one for both, which is read as the other.
			text = strings.ReplaceAll(text, subscriptMark+"ដ", subscriptMark+"ត")
			for cluster := range khmer.Clusters(khmer.Order(strings.Join(strings.Fields(text), ""))) {
				if cluster.Valid {
					texts.add(filepath.Base(path), cluster.Text, 1)
				}
			}
		}
	}
	return texts, nil
}

func writeFace(path string, face *face, speller *speller, texts wanted) error {
	spelt := map[string][]spelling{}
	useful := false
	var report strings.Builder
	for _, corpus := range slices.Sorted(maps.Keys(texts)) {
		var kinds, kindsSpelt, all, allSpelt int
		for text, count := range texts[corpus] {
			spellings, known := spelt[text]
			if !known {
				spellings = speller.spell(text, face.can)
				spelt[text] = spellings
			}
			kinds++
			all += count
			if len(spellings) > 0 {
				kindsSpelt++
				allSpelt += count
			}
		}
		useful = useful || float64(allSpelt) > enough*float64(all)
		fmt.Fprintf(&report, ", %d of %d syllables of %s (%.1f %% of its text)", kindsSpelt, kinds, corpus, 100*float64(allSpelt)/float64(max(1, all)))
	}
	fmt.Printf("%s: %d glyphs%s\n", filepath.Base(path), len(face.ids), &report)
	if !useful || len(face.files) == 0 {
		return nil
	}
	file, err := os.Create(path + ".tsv")
	if err != nil {
		return err
	}
	defer file.Close()
	table := bufio.NewWriter(file)
	for _, text := range slices.Sorted(maps.Keys(spelt)) {
		for _, spelling := range spelt[text] {
			var ids []string
			for _, code := range spelling.codes {
				ids = append(ids, strconv.Itoa(face.ids[code]))
			}
			fmt.Fprintf(table, "%s\t%s\t%d\n", text, strings.Join(ids, " "), spelling.count)
		}
	}
	if err := errors.Join(table.Flush(), file.Close()); err != nil {
		return err
	}
	for name, content := range face.files {
		if err := os.WriteFile(path+"-"+name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
