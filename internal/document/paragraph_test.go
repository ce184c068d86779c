package document

import (
	"slices"
	"testing"
)

func TestJoin(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"Khmer goes on without a space", []string{"សាលា", "រៀន"}, "សាលារៀន"},
		{"Khmer keeps the space that a line ended in", []string{"សាលា ", "រៀន"}, "សាលា រៀន"},
		{"Khmer keeps the space that a line began with", []string{"សាលា", " រៀន"}, "សាលា រៀន"},
		{"a sentence is followed by a space", []string{"ចប់។", "ថ្មី"}, "ចប់។ ថ្មី"},
		{"Latin goes on after a space", []string{"one", "two"}, "one two"},
		{"Latin that ended in a space gets no second one", []string{"one ", "two"}, "one two"},
		{"a hyphen joins", []string{"well-", "kept"}, "well-kept"},
		{"Khmer and Latin are kept apart", []string{"អាន", "PDF", "ថ្មី"}, "អាន PDF ថ្មី"},
		{"a zero-width space at the end of a Khmer line is kept", []string{"សាលា\u200b", "រៀន"}, "សាលា\u200bរៀន"},
		{"tabs and line breaks are spaces, control characters go", []string{"a\tb\x02\n", "c"}, "a b c"},
		{"the ends are trimmed", []string{" a", "b "}, "a b"},
		{"an empty line adds nothing", []string{"", "a"}, "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines := make([]Line, len(test.lines))
			for i, text := range test.lines {
				lines[i].Text = text
			}
			if got := join(lines); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestParagraphs(t *testing.T) {
	for _, test := range []struct {
		name string
		page Page
		want []string
	}{
		{"another number starts a paragraph, and so does none", Page{Lines: []Line{
			inParagraph(1, printed("a", 72, 72, 450, 12)), inParagraph(1, printed("b", 72, 90, 450, 12)),
			inParagraph(2, printed("c", 72, 108, 450, 12)), printed("d", 72, 126, 450, 12),
		}}, []string{"a b", "c", "d"}},
		{"lines of one number are cut by their places", Page{Lines: []Line{
			inParagraph(1, printed("a", 90, 72, 432, 12)), inParagraph(1, printed("b", 72, 90, 200, 12)),
			inParagraph(1, printed("c", 90, 108, 432, 12)), inParagraph(1, printed("d", 72, 126, 450, 12)),
		}}, []string{"a b", "c d"}},
		{"lines of one number are not cut by their sizes", Page{Lines: []Line{
			inParagraph(1, printed("a", 72, 72, 450, 12)), inParagraph(1, printed("b", 72, 90, 450, 7.3)),
		}}, []string{"a b"}},
		{"a short line is the last of its paragraph", Page{Lines: []Line{
			printed("a", 72, 72, 450, 12), printed("b", 72, 90, 200, 12), printed("c", 72, 108, 450, 12),
		}}, []string{"a b", "c"}},
		{"an indented line starts a paragraph", Page{Lines: []Line{
			printed("a", 90, 72, 432, 12), printed("b", 72, 90, 450, 12), printed("c", 90, 108, 432, 12),
		}}, []string{"a b", "c"}},
		{"a wide gap starts a paragraph", Page{Lines: []Line{
			printed("a", 72, 72, 450, 12), printed("b", 72, 90, 450, 12), printed("c", 72, 120, 450, 12), printed("d", 72, 138, 450, 12),
		}}, []string{"a b", "c d"}},
		{"double spacing is no gap", Page{Lines: []Line{
			printed("a", 72, 72, 450, 12), printed("b", 72, 108, 450, 12), printed("c", 72, 145, 450, 12),
		}}, []string{"a b c"}},
		{"another size starts a paragraph", Page{Lines: []Line{
			printed("a", 72, 72, 450, 18), printed("b", 72, 94, 450, 12), printed("c", 72, 112, 450, 12.6),
		}}, []string{"a", "b c"}},
		{"list markers start paragraphs", Page{Lines: []Line{
			printed("១. ក", 72, 72, 450, 12), printed("២. ខ", 72, 90, 450, 12), printed("(ក) គ", 72, 108, 450, 12),
			printed("- d", 72, 126, 450, 12), printed("2026 e", 72, 144, 450, 12),
		}}, []string{"១. ក", "២. ខ", "(ក) គ", "- d 2026 e"}},
		{"columns are not joined, and have widths of their own", Page{Lines: []Line{
			printed("a", 72, 72, 200, 12), printed("b", 72, 90, 200, 12),
			printed("c", 322, 72, 200, 12), printed("d", 322, 90, 200, 12),
		}}, []string{"a b", "c d"}},
		{"cells of a row are not joined", Page{Lines: []Line{
			printed("a", 72, 72, 200, 12), printed("b", 272, 73, 200, 12),
		}}, []string{"a", "b"}},
		{"blank lines are no paragraphs", Page{Lines: []Line{printed(" ", 72, 72, 200, 12)}}, nil},
		{"text without lines is taken line by line", Page{Text: "a\r\n\n b \fc"}, []string{"a", "b", "c"}},
		{"a blank page has none", Page{}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, p := range paragraphs(&test.page) {
				got = append(got, p.text)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestHeadingsAndSizes(t *testing.T) {
	const body = "a line of the body that outweighs all headings of the page by its length"
	long := ""
	for range headingMaxLength/10 + 1 {
		long += "0123456789"
	}
	for _, test := range []struct {
		name    string
		text    string
		size    float64
		heading int
		want    float64
	}{
		{"much larger type is a heading", "h", 20, 1, 20},
		{"larger type is a heading below it", "h", 15.2, 2, 15},
		{"slightly larger type is the body's", "h", 13.2, 0, 12},
		{"slightly smaller type is the body's", "h", 11, 0, 12},
		{"small type stays small", "h", 8, 0, 8},
		{"type of unknown size is no heading", "h", 0, 0, 0},
		{"a long text in large type is no heading", long, 20, 0, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines := []Line{inParagraph(1, printed(test.text, 72, 72, 450, test.size))}
			for i := range 5 {
				lines = append(lines, inParagraph(2, printed(body, 72, 100+18*float64(i), 450, 12)))
			}
			got := paragraphs(&Page{Lines: lines})[0]
			if got.heading != test.heading || got.size != test.want {
				t.Errorf("heading %d of %v pt, want %d of %v pt", got.heading, got.size, test.heading, test.want)
			}
		})
	}
}

func TestAlignment(t *testing.T) {
	body := printed("body", 72, 200, 450, 12)
	for _, test := range []struct {
		name  string
		lines []Line
		want  string
	}{
		{"a short line in the middle is centred", []Line{printed("t", 197, 72, 200, 12), body}, "center"},
		{"a short line at the left is not", []Line{printed("t", 72, 72, 200, 12), body}, ""},
		{"a short line at the right is aligned to it", []Line{printed("t", 322, 72, 200, 12), body}, "right"},
		{"a line at the right that begins left of the middle is not", []Line{printed("t", 222, 72, 300, 12), body}, ""},
		{"a column at the right is not", []Line{printed("t", 322, 72, 200, 12), printed("u", 322, 90, 200, 12), body}, ""},
		{"a line that fills the width is not", []Line{printed("t", 73, 72, 448, 12), body}, ""},
		{"the widest line of a title page is", []Line{printed("t", 100, 72, 400, 12), printed("u", 200, 90, 200, 12)}, "center"},
		{"the only line of a page is not", []Line{printed("t", 200, 72, 200, 12)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := paragraphs(&Page{Lines: test.lines})[0].align; got != test.want {
				t.Errorf("aligned %q, want %q", got, test.want)
			}
		})
	}
}

func TestIndentOfTheFirstLine(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []Line
		want  float64
	}{
		{"is the first line's against the second", []Line{printed("a", 100, 72, 422, 12), printed("b", 72, 90, 450, 12)}, 28},
		{"is nothing where the edges only scatter", []Line{printed("a", 74, 72, 448, 12), printed("b", 72, 90, 450, 12)}, 0},
		{"is not known of a single line", []Line{printed("a", 100, 72, 422, 12)}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := paragraphs(&Page{Lines: test.lines})[0].indent; got != test.want {
				t.Errorf("indent is %v, want %v", got, test.want)
			}
		})
	}
}
