package document

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/openplp/khocr/internal/khmer"
)

// docxText is what word/document.xml is read back as.
type docxText struct {
	Paragraphs []struct {
		Properties struct {
			Style   *docxValue   `xml:"pStyle"`
			Break   *struct{}    `xml:"pageBreakBefore"`
			Align   *docxValue   `xml:"jc"`
			Section *docxSection `xml:"sectPr"`
		} `xml:"pPr"`
		Runs []docxRun `xml:"r"`
	} `xml:"body>p"`
	Section docxSection `xml:"body>sectPr"`
}

type docxRun struct {
	Properties struct {
		Fonts *struct {
			ComplexScript string `xml:"cs,attr"`
		} `xml:"rFonts"`
		ComplexScript *struct{} `xml:"cs"`
		Language      *struct {
			Bidi string `xml:"bidi,attr"`
		} `xml:"lang"`
	} `xml:"rPr"`
	Text string `xml:"t"`
}

type docxValue struct {
	Value string `xml:"val,attr"`
}

type docxSection struct {
	Size struct {
		Width       int    `xml:"w,attr"`
		Height      int    `xml:"h,attr"`
		Orientation string `xml:"orient,attr"`
	} `xml:"pgSz"`
}

// readBody parses the pages as document.xml has them.
func readBody(t testing.TB, pages ...*Page) docxText {
	t.Helper()
	var out bytes.Buffer
	body := newDocxBody(&out)
	for _, page := range pages {
		if err := body.add(page); err != nil {
			t.Fatal(err)
		}
	}
	if err := body.end(); err != nil {
		t.Fatal(err)
	}
	var read docxText
	if err := xml.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	return read
}

func (d docxText) texts() []string {
	var texts []string
	for _, p := range d.Paragraphs {
		text := ""
		for _, r := range p.Runs {
			text += r.Text
		}
		texts = append(texts, text)
	}
	return texts
}

func TestEveryPartOfADocxIsWellFormed(t *testing.T) {
	info := sampleInfo()
	info.FileName = "<a>&\x00\ufffe\"\xff.pdf"
	result := rendered(t, FormatDocx, info, samplePages())
	archive, err := zip.NewReader(bytes.NewReader(result), int64(len(result)))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range archive.File {
		names[file.Name] = true
		if !file.Modified.Equal(info.FinishedAt) {
			t.Errorf("%s is of %s, not of the document's end", file.Name, file.Modified)
		}
		decoder := xml.NewDecoder(bytes.NewReader(part(file.Name)(t, result)))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", file.Name, err)
				break
			}
		}
	}
	if archive.File[0].Name != "[Content_Types].xml" {
		t.Errorf("the first part is %s", archive.File[0].Name)
	}
	var types struct {
		Parts []struct {
			Name string `xml:"PartName,attr"`
		} `xml:"Override"`
	}
	if err := xml.Unmarshal(part("[Content_Types].xml")(t, result), &types); err != nil {
		t.Fatal(err)
	}
	for _, declared := range types.Parts {
		if !names[strings.TrimPrefix(declared.Name, "/")] {
			t.Errorf("%s is declared and missing", declared.Name)
		}
	}
	var core struct {
		Title string `xml:"title"`
	}
	if err := xml.Unmarshal(part("docProps/core.xml")(t, result), &core); err != nil || core.Title != "<a>&\"\ufffd.pdf" {
		t.Errorf("title %q, %v", core.Title, err)
	}
}

func FuzzAnyTextComesBackFromDocx(f *testing.F) {
	f.Add("ខ្មែរ <b>&amp; \"'", "]]>\x00\x1b\ufffe\uffff\xff")
	f.Add("\ud7ff\U0010ffff\u200b", "a\tb\r\nc\u0085\u2028")
	// Seeds in which everything that matters stands next to everything else.
	alphabet := []rune("កខ្រាំ២៛។aZ9é<>&\"'()[]«» \t\n\r\f\x00\x7f\u0085\u200b\u200d\ufeff\ufffd\ufffe\uffff\U0001f600")
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var texts [2]string
		for i := range texts {
			for range random.IntN(20) {
				texts[i] += string(alphabet[random.IntN(len(alphabet))])
			}
		}
		f.Add(texts[0], texts[1]+"\xe1\x9e")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		var want []string
		for _, text := range []string{first, second} {
			if text = carried(text); text != "" {
				want = append(want, text)
			}
		}
		if want == nil {
			want = []string{""} // the empty sheet
		}
		read := readBody(t, &Page{Lines: []Line{
			inParagraph(1, printed(first, 72, 72, 400, 12)), inParagraph(2, printed(second, 72, 90, 400, 12)),
		}})
		got := read.texts()
		for i, text := range got {
			if got[i] = strings.ReplaceAll(text, "\u200b", ""); text != khmer.BreakWords(want[i]) {
				t.Errorf("%q has other breaks than %q", text, khmer.BreakWords(want[i]))
			}
			want[i] = strings.ReplaceAll(want[i], "\u200b", "")
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		for _, p := range read.Paragraphs {
			for _, r := range p.Runs {
				checkScript(t, r)
			}
		}
	})
}

// carried is the text that XML 1.0 can carry and a paragraph shows: characters of its production Char without controls,
// line breaks and tabs as spaces, no space at the ends.
func carried(text string) string {
	kept := ""
	for _, r := range text {
		switch {
		case strings.ContainsRune("\t\n\v\f\r\u0085\u2028\u2029", r):
			kept += " "
		case r >= 0x20 && r < 0x7f || r >= 0xa0 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000:
			kept += string(r)
		}
	}
	return strings.TrimSpace(kept)
}

// checkScript checks that runs with Khmer say so in every way that word processors look at, and others in none.
func checkScript(t *testing.T, r docxRun) {
	t.Helper()
	p := r.Properties
	marked := p.Fonts != nil && p.Fonts.ComplexScript == "Khmer OS Battambang" &&
		p.ComplexScript != nil && p.Language != nil && p.Language.Bidi == "km-KH"
	unmarked := p.Fonts == nil && p.ComplexScript == nil && p.Language == nil
	khmer := strings.ContainsFunc(r.Text, func(c rune) bool { return unicode.Is(unicode.Khmer, c) })
	if khmer && !marked || !khmer && !unmarked {
		t.Errorf("run %q has properties %+v", r.Text, p)
	}
}

func TestPagesBecomeSheets(t *testing.T) {
	text := func(width, height float64, text string) *Page {
		return &Page{Width: width, Height: height, Text: text}
	}
	for _, test := range []struct {
		name  string
		pages []*Page
		// want is a line for each paragraph: | before it where it starts a page, its text, and the size of the
		// section that it closes.
		want string
	}{
		{"no page is one empty A4 sheet", nil, "A4"},
		{"pages of a size are one section", []*Page{text(595, 842, "a"), text(594, 843, "b\nc")}, "a |b c 11900x16840"},
		{"another size is another section",
			[]*Page{text(595, 842, "a"), text(842, 595, "b"), text(842, 595, "c")}, "a/11900x16840 b |c 16840x11900 landscape"},
		{"an empty page is an empty paragraph", []*Page{text(595, 842, ""), text(595, 842, "a")}, "- |a 11900x16840"},
		{"an empty page before another size has a paragraph beside the one that closes the section",
			[]*Page{text(595, 842, "a"), text(595, 842, ""), text(842, 595, "b")},
			"a |- -/11900x16840 b 16840x11900 landscape"},
		{"a first page of unknown size is A4", []*Page{text(0, 0, "a")}, "a A4"},
		{"a later page of unknown size is like the one before", []*Page{text(842, 595, "a"), text(0, 0, "")}, "a |- 16840x11900 landscape"},
		{"a page beyond Word's limit is scaled down", []*Page{text(2480, 3508, "a")}, "a 22396x31680"},
		{"a sliver is widened", []*Page{text(20, 842, "a")}, "a 1440x16840"},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := readBody(t, test.pages...)
			var got []string
			for i, p := range read.Paragraphs {
				word := read.texts()[i]
				if word == "" {
					word = "-"
				}
				if p.Properties.Break != nil {
					word = "|" + word
				}
				if s := p.Properties.Section; s != nil {
					word += "/" + s.String()
				}
				got = append(got, word)
			}
			got = append(got, read.Section.String())
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q, want %q", strings.Join(got, " "), test.want)
			}
		})
	}
}

func (s docxSection) String() string {
	if s.Size.Width == 11906 && s.Size.Height == 16838 {
		return "A4"
	}
	return strings.TrimSpace(fmt.Sprintf("%dx%d %s", s.Size.Width, s.Size.Height, s.Size.Orientation))
}

func TestTypeIsScaledWithTheSheetAndStaysWithinWhatWordTakes(t *testing.T) {
	for _, test := range []struct {
		name         string
		height, size float64
		want         string
	}{
		{"as it is", 842, 12.5, `<w:sz w:val="25"/><w:szCs w:val="25"/>`},
		{"scaled with its page", 3168, 24, `<w:sz w:val="24"/><w:szCs w:val="24"/>`},
		{"not below a point", 842, 0.6, `<w:sz w:val="2"/>`},
		{"not beyond Word's largest", 842, 1e9, `<w:sz w:val="3276"/>`},
		{"left to the style where it is not known", 842, 0, `<w:p><w:r><w:t `},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			body := newDocxBody(&out)
			page := &Page{Width: 595, Height: test.height, Lines: []Line{printed("a", 72, 72, 100, test.size)}}
			if err := errors.Join(body.add(page), body.end()); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), test.want) {
				t.Errorf("no %s in %s", test.want, out.String())
			}
		})
	}
}
