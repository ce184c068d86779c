package main

import (
	"bufio"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/openplp/khocr/internal/flatten"
	"github.com/openplp/khocr/internal/khmer"
	"github.com/openplp/khocr/internal/scan"
)

const (
	// linesPerFile of training data: the trainer takes a line of each file in turn, so that all files weigh the same.
	linesPerFile = 200
	// widest a strip may be, in pixels: the trainer's memory grows with it.
	widest = 3000
	// mostWithoutText is how many lines of a page are learned that shows no text.
	mostWithoutText = 12
)

func linesCommand() *cobra.Command {
	var pages, out string
	var height, jobs int
	command := &cobra.Command{
		Use:   "lines",
		Short: "Cut lines out of pages",
		Long: "Cuts the lines out of PAGES/*.png as the engine does and writes them with the texts of PAGES/*.tsv to OUT/NNN.lstmf, in an order " +
			"of chance, " + strconv.Itoa(linesPerFile) + " to a file. Pages on which another number of lines is found are left out.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return cutAll(pages, out, height, jobs) },
	}
	flags := command.Flags()
	flags.StringVar(&pages, "pages", "", "folder of pages")
	flags.StringVar(&out, "out", "", "folder to write to")
	flags.IntVar(&height, "height", 36, "height of the network's input in pixels")
	flags.IntVar(&jobs, "jobs", 2, "pages at a time")
	return command
}

func cutAll(pages, out string, height, jobs int) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(pages, "*.png"))
	if err != nil {
		return err
	}
	slices.Sort(paths)
	cut := make([][]sample, len(paths))
	var group errgroup.Group
	group.SetLimit(jobs)
	for i, path := range paths {
		group.Go(func() error {
			samples, err := cutPage(path, height)
			if err != nil {
				return fmt.Errorf("cut %s: %w", path, err)
			}
			cut[i] = samples
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	matched, left := 0, 0
	for _, samples := range cut {
		if len(samples) > 0 {
			matched++
		}
	}
	all := slices.Concat(cut...)
	random := rand.New(rand.NewPCG(1, uint64(len(all))))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	number := 0
	for file := range slices.Chunk(all, linesPerFile) {
		if len(file) < linesPerFile && number > 0 {
			left = len(file)
			break
		}
		if err := os.WriteFile(filepath.Join(out, fmt.Sprintf("%04d.lstmf", number)), serialise(file), 0o644); err != nil {
			return err
		}
		number++
	}
	fmt.Printf("%d of %d pages, %d lines, %d of them left over\n", matched, len(paths), len(all), left)
	return nil
}

// truth of a line of a page: its width where it is known, in pixels, and its text.
type truth struct {
	width float64
	text  string
}

func readTruths(path string) ([]truth, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var truths []truth
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		width, text, _ := strings.Cut(lines.Text(), "\t")
		number, err := strconv.ParseFloat(width, 64)
		if err != nil {
			return nil, err
		}
		truths = append(truths, truth{number, khmer.Order(strings.Join(strings.Fields(text), " "))})
	}
	return truths, lines.Err()
}

func cutPage(path string, height int) ([]sample, error) {
	grey, err := readGrey(path)
	if err != nil {
		return nil, err
	}
	truths, err := readTruths(strings.TrimSuffix(path, ".png") + ".tsv")
	if err != nil {
		return nil, err
	}
	flat, _ := flatten.Page(grey)
	layout := scan.Read(flat)
	if len(truths) == 1 && truths[0].text == scan.NoText {
		return withoutText(layout, height), nil
	}
	if len(layout.Lines) != len(truths) {
		return nil, nil
	}
	var samples []sample
	for i, alike := range match(layout.Lines, truths) {
		if !alike {
			continue
		}
		if strip := layout.Strip(layout.Lines[i], height).Image; strip.Rect.Dx() <= widest {
			samples = append(samples, sample{strip, truths[i].text})
		}
	}
	return samples, nil
}

// withoutText are some of the lines that were found where there are none.
func withoutText(layout *scan.Layout, height int) []sample {
	var samples []sample
	count := min(mostWithoutText, len(layout.Lines))
	for i := range count {
		// Evenly spread: dirt has hundreds.
		line := layout.Lines[(i*len(layout.Lines)+count-1)/count]
		if strip := layout.Strip(line, height).Image; strip.Rect.Dx() <= widest {
			// As often as a word might stand there, so that a part of a line tells as much as all of it.
			samples = append(samples, sample{strip, strings.Repeat(scan.NoText, 1+strip.Rect.Dx()/(3*height))})
		}
	}
	return samples
}

// match tells for each line whether it is as wide as its text lets one expect, by what holds for most lines of the page.
func match(lines []*scan.Line, truths []truth) []bool {
	ratios := make([]float64, len(lines))
	for i, line := range lines {
		wide := truths[i].width
		if wide == 0 {
			wide = float64(standing(truths[i].text))
		}
		ratios[i] = float64(line.Box.Dx()) / max(1, wide)
	}
	usual := slices.Sorted(slices.Values(ratios))[len(ratios)/2]
	alike := make([]bool, len(lines))
	for i, ratio := range ratios {
		// Drawn lines are measured; letters are not as wide as one another.
		tolerance := 0.1
		if truths[i].width == 0 {
			tolerance = 0.35
		}
		alike[i] = ratio > usual*(1-tolerance) && ratio < usual*(1+tolerance)
	}
	return alike
}

// standing is the number of characters that stand beside one another.
func standing(text string) int {
	count := 0
	for cluster := range khmer.Clusters(text) {
		_ = cluster
		count++
	}
	for _, r := range text {
		if r == 'ា' || r == 'ោ' || r == 'ៅ' || unicode.IsSpace(r) {
			count++
		}
	}
	return count
}

func readGrey(path string) (*image.Gray, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	decoded, err := png.Decode(file)
	if err != nil {
		return nil, err
	}
	grey, ok := decoded.(*image.Gray)
	if !ok {
		grey = image.NewGray(decoded.Bounds())
		draw.Draw(grey, grey.Rect, decoded, decoded.Bounds().Min, draw.Src)
	}
	return grey, nil
}
