package document

import (
	"iter"
	"strings"
	"time"
)

// sampleInfo and samplePages are a letter of two pages as the engine would hand it over, then a page that failed and a
// landscape one whose lines know their paragraphs.
func sampleInfo() Info {
	return Info{
		ID: "a1b2c3d4e5f6", FileName: "របាយការណ៍ & notes.pdf", Pages: 4, Model: "khmer",
		CreatedAt:  time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC),
		FinishedAt: time.Date(2026, 3, 2, 8, 15, 9, 0, time.UTC),
	}
}

func samplePages() []*Page {
	done := time.Date(2026, 3, 2, 8, 15, 5, 0, time.UTC)
	first := &Page{
		Number: 1, Width: 595, Height: 842, Source: SourceOCR, Reason: "no_text_layer", Model: "khmer", DPI: 200,
		Confidence: 91.5, Milliseconds: 640, ProcessedAt: done,
		Lines: []Line{
			printed("របាយការណ៍ប្រចាំឆ្នាំ ២០២៦", 197, 72, 200, 20),
			printed("សាលាឃុំបានបើកបណ្ណាល័យថ្មីមួយនៅដើមខែមីនា ដើម្បីឱ្យសិស្សានុសិស្ស", 90, 130, 433, 12),
			printed("មានកន្លែងអាន និងស្រាវជ្រាវឯកសារជាភាសាខ្មែរ។", 72, 152, 451, 12),
			printed("សៀវភៅចំនួន ១.២៥០ ក្បាលត្រូវបានប្រមូល។", 72, 174, 250, 12),
			printed("Scanned pages are read by khocr (version 1) at 200 dpi, then checked", 90, 196, 433, 12),
			printed("by hand; ឯកសារ PDF ទាំង 35 ទំព័រ had fewer than 20 errors.", 72, 218, 300, 12),
			printed("១. ក្រុមការងារចុះបញ្ជីសៀវភៅ", 72, 250, 200, 12),
			printed("២. គ្រូបង្រៀនណែនាំសិស្សឱ្យចេះប្រើកុំព្យូទ័រ", 72, 272, 260, 12),
		},
	}
	second := &Page{
		Number: 2, Width: 595.3, Height: 841.9, Source: SourceNative, Reason: "native_text_ok",
		Confidence: 100, Milliseconds: 12, ProcessedAt: done,
		Lines: []Line{
			printed("ផ្នែកទី២៖ គម្រោងបន្ត", 72, 72, 160, 16),
			printed("ខ្ញុំសង្ឃឹមថា យើងនឹងអាចពង្រីកបណ្ណាល័យនេះទៅគ្រប់ភូមិក្នុងឆ្នាំក្រោយ។", 72, 110, 440, 12),
		},
	}
	failed := &Page{
		Number: 3, Source: SourceNone, Reason: PageErrorTimeout, Milliseconds: 60000, ProcessedAt: done,
		Error: &PageError{Code: PageErrorTimeout, Message: "The page took longer than a page may take."},
	}
	landscape := &Page{
		Number: 4, Width: 842, Height: 595, Rotation: 90, Source: SourceOCR, Reason: "forced", Model: "khmer", DPI: 200,
		Confidence: 88, Milliseconds: 500, ProcessedAt: done,
		Lines: []Line{
			inParagraph(1, printed("តម្លៃសរុប $1,500 <VAT included>", 72, 72, 200, 0)),
			inParagraph(1, printed("គិតជាប្រាក់រៀល ៦.១៥០.០០០៛", 72, 94, 180, 0)),
			inParagraph(2, printed("Signed", 600, 300, 60, 0)),
		},
	}
	pages := []*Page{first, second, failed, landscape}
	for _, page := range pages {
		texts := make([]string, len(page.Lines))
		for i, line := range page.Lines {
			texts[i] = line.Text
		}
		page.Text = strings.Join(texts, "\n")
	}
	return pages
}

// printed is a line of one word at a place, as wide as told and as high as its type.
func printed(text string, left, top, width, size float64) Line {
	box := Box{left, top, left + width, top + max(size, 12)}
	return Line{
		Text: text, Box: box, Confidence: 91.5, FontSize: size,
		Words: []Word{{Text: text, Box: box, Confidence: 91.5}},
	}
}

func inParagraph(number int, line Line) Line {
	line.Paragraph = number
	return line
}

// each yields the pages, then err if there is one.
func each(pages []*Page, err error) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		for _, page := range pages {
			if !yield(page, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}
