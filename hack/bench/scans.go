package main

import (
	"context"
	"fmt"
	"image"
	_ "image/jpeg" // pages
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/tiff" // pages

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

const (
	// peerDPI is the resolution at which Tesseract reads Khmer best for the time it takes, so that peers get no worse a page
	// than ours.
	peerDPI = 200
	// a4Inches is the long side of the paper that images are taken for.
	a4Inches = 11.69
	// muchLatin is the share of Latin among a page's letters from which on peers are told to read English too. It costs them
	// twice the time, so a heading or a citation is no reason to.
	muchLatin = 0.2
)

// scan is the image of a page as peers get it: a grey PNG of at most peerDPI.
type scan struct {
	path  string
	dpi   int
	latin bool
}

// scansOf makes the scans of a sample in a folder.
func scansOf(ctx context.Context, sample sample, folder string) ([]scan, error) {
	if isPDF(sample.path) {
		return drawPDF(ctx, sample, folder)
	}
	page, err := decodeImage(sample.path)
	if err != nil {
		return nil, err
	}
	grey, dpi := atPeerDPI(page)
	path := filepath.Join(folder, sample.name+".png")
	if err := writePNG(path, grey); err != nil {
		return nil, err
	}
	return []scan{{path: path, dpi: dpi, latin: latinShare(sample.truthOf(1)) >= muchLatin}}, nil
}

// drawPDF draws the pages of a PDF that are read.
func drawPDF(ctx context.Context, sample sample, folder string) ([]scan, error) {
	prefix := filepath.Join(folder, sample.name)
	draw := exec.CommandContext(ctx, "pdftoppm", "-gray", "-png", "-r", strconv.Itoa(peerDPI), sample.path, prefix)
	if output, err := draw.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("drawing %s with pdftoppm: %w: %s", sample.path, err, output)
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var scans []scan
	for _, file := range files {
		digits, ok := strings.CutPrefix(strings.TrimSuffix(file.Name(), ".png"), sample.name+"-")
		number, err := strconv.Atoi(digits)
		if !ok || err != nil || sample.only != nil && !slices.Contains(sample.only, number) {
			continue
		}
		scans = append(scans, scan{
			path: filepath.Join(folder, file.Name()), dpi: peerDPI,
			latin: latinShare(sample.truthOf(number)) >= muchLatin,
		})
	}
	return scans, nil
}

func decodeImage(path string) (image.Image, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a page: %w", err)
	}
	defer func() { _ = file.Close() }()
	page, _, err := image.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("decoding %s: %w", path, err)
	}
	return page, nil
}

// atPeerDPI makes a page grey, and smaller where it has a tenth more than peerDPI: less is not worth the blur.
func atPeerDPI(page image.Image) (grey *image.Gray, dpi int) {
	size := page.Bounds().Size()
	resolution := float64(max(size.X, size.Y)) / a4Inches
	if resolution <= 1.1*peerDPI {
		grey = image.NewGray(image.Rectangle{Max: size})
		draw.Draw(grey, grey.Rect, page, page.Bounds().Min, draw.Src)
		return grey, int(math.Round(resolution))
	}
	scale := peerDPI / resolution
	grey = image.NewGray(image.Rect(0, 0, int(math.Round(scale*float64(size.X))), int(math.Round(scale*float64(size.Y)))))
	draw.CatmullRom.Scale(grey, grey.Rect, page, page.Bounds(), draw.Src, nil)
	return grey, peerDPI
}

func writePNG(path string, grey *image.Gray) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	defer func() { _ = file.Close() }()
	if err := png.Encode(file, grey); err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	return file.Close()
}

// latinShare is the share of Latin among the letters of a text, from 0 to 1.
func latinShare(text string) float64 {
	latin, letters := 0, 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
			if unicode.Is(unicode.Latin, r) {
				latin++
			}
		}
	}
	return float64(latin) / float64(max(letters, 1))
}

// bind makes a PDF of images, one on each page of A4.
func bind(images []string, path string) error {
	// It would make a folder in the user's home otherwise.
	api.DisableConfigDir()
	pages := &pdfcpu.Import{PageDim: types.PaperSize["A4"], PageSize: "A4", Pos: types.Center, Scale: 1, InpUnit: types.POINTS}
	if err := api.ImportImagesFile(images, path, pages, nil); err != nil {
		return fmt.Errorf("making a PDF of the images: %w", err)
	}
	return nil
}
