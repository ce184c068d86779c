package storage

import (
	"io"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

// BenchmarkResult is that of a result of 300 full pages of print, read from a file store; MB/s are those of the result.
func BenchmarkResult(b *testing.B) {
	const count = 300
	store, err := Open(b.Context(), "file://"+b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	page := document.Page{Width: 595.3, Height: 841.9, Source: document.SourceOCR, Reason: "no_text_layer", Model: "khmer", DPI: 200}
	words := strings.Fields("សាលារៀន ភូមិឃុំ បណ្ណាល័យសាធារណៈ សៀវភៅ រដ្ឋបាល report ការងារ ឆ្នាំ២០២៦")
	for i := range 34 {
		top := 60.25 + 21*float64(i)
		line := document.Line{Text: strings.Join(words, " "), Box: document.Box{72, top, 523.5, top + 16.25}, Confidence: 90.25, FontSize: 12}
		for j, word := range words {
			left := 72.5 + 56*float64(j)
			box := document.Box{left, top, left + 50.5, top + 16.25}
			line.Words = append(line.Words, document.Word{Text: word, Box: box, Confidence: 90.25})
		}
		page.Lines = append(page.Lines, line)
		page.Text += line.Text + "\n"
	}
	numbers := make([]int, count)
	for i := range numbers {
		page.Number, numbers[i] = i+1, i+1
		content, err := document.EncodePage(&page)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := store.Put(b.Context(), PageKey("ns", "uid", i+1), strings.NewReader(string(content))); err != nil {
			b.Fatal(err)
		}
	}
	info := document.Info{Pages: count}
	for name, render := range map[string]func(io.Writer) error{
		"json": func(w io.Writer) error {
			return document.Render(w, document.FormatJSON, info, store.Pages(b.Context(), "ns", "uid", numbers))
		},
		"json as stored": func(w io.Writer) error {
			return document.RenderJSON(w, info, store.EncodedPages(b.Context(), "ns", "uid", numbers))
		},
		"docx": func(w io.Writer) error {
			return document.Render(w, document.FormatDocx, info, store.Pages(b.Context(), "ns", "uid", numbers))
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var size written
				if err := render(&size); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(size))
			}
		})
	}
}

type written int

func (w *written) Write(p []byte) (int, error) {
	*w += written(len(p))
	return len(p), nil
}
