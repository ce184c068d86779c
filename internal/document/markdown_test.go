package document

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// readMarkdown has a line for each block: a heading's level before its text, and a bar before the text of a comment.
func readMarkdown(t testing.TB, source []byte) []string {
	t.Helper()
	// Without its linkifier: that a web address becomes a link changes no text.
	parser := goldmark.New(goldmark.WithExtensions(extension.Strikethrough, extension.Table, extension.TaskList)).Parser()
	var blocks []string
	for node := parser.Parse(text.NewReader(source)).FirstChild(); node != nil; node = node.NextSibling() {
		switch node := node.(type) {
		case *ast.HTMLBlock:
			blocks = append(blocks, "|"+strings.TrimSpace(string(node.Lines().Value(source))))
		case *ast.Heading:
			blocks = append(blocks, fmt.Sprintf("%d ", node.Level)+plain(t, node, source))
		case *ast.Paragraph:
			blocks = append(blocks, plain(t, node, source))
		default:
			t.Errorf("a %s in %q", node.Kind(), source)
		}
	}
	return blocks
}

// plain is the text of a block, in which nothing but text may be.
func plain(t testing.TB, block ast.Node, source []byte) string {
	t.Helper()
	var joined strings.Builder
	for node := block.FirstChild(); node != nil; node = node.NextSibling() {
		switch node := node.(type) {
		case *ast.Text:
			value := node.Segment.Value(source)
			for i := 0; i < len(value); i++ {
				// The parser leaves the escapes to what writes HTML.
				if value[i] == '\\' && i+1 < len(value) && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", value[i+1]) >= 0 {
					i++
				}
				joined.WriteByte(value[i])
			}
			if node.SoftLineBreak() || node.HardLineBreak() {
				joined.WriteByte('\n')
			}
		default:
			t.Errorf("a %s in %q", node.Kind(), source)
		}
	}
	return joined.String()
}

func TestMarkdownOfTheSample(t *testing.T) {
	var want []string
	for _, page := range samplePages() {
		comment := fmt.Sprintf("|<!-- page %d -->", page.Number)
		if page.Error != nil {
			comment = fmt.Sprintf("|<!-- page %d failed -->", page.Number)
		}
		want = append(want, comment)
		for _, p := range paragraphs(page) {
			if p.heading > 0 {
				p.text = fmt.Sprintf("%d %s", p.heading, p.text)
			}
			want = append(want, p.text)
		}
	}
	if got := readMarkdown(t, rendered(t, FormatMarkdown, sampleInfo(), samplePages())); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func FuzzMarkdownSaysWhatTheTextSays(f *testing.F) {
	for _, seed := range []string{
		"ខ្មែរ **ដិត** _ទ្រេត_ `កូដ` ~~លុប~~", "# not a heading #", "- no item", "+ no item", "1. no item", "12) no item", "១. ទីមួយ",
		"> no quote", "---", "===", "***", "<b>&amp;</b> AT&T &#35;", "<!-- page 9 -->", "[a](b) ![c](d) <http://e>", "[a]: b",
		`C:\*path\`, "a\\", "    code", "```", "~~~", "|a|b|", "[x] task", "$1,500", "a  b", "\ufeff# x", "\u200b- x", "\u00a0# x",
		"1\t2\u2028- 3\x00", "9. ", "-", "Ⅳ. x", "&", "\xff", "x_y_z", ":--", "https://example.com/_a_", "\\", "!", "![",
	} {
		f.Add(seed, 12.0)
		f.Add(seed, 40.0)
	}
	f.Fuzz(func(t *testing.T, first string, size float64) {
		page := &Page{Number: 1, Lines: []Line{
			inParagraph(1, printed(first, 72, 72, 400, size)), inParagraph(2, printed("body of the page that says its size", 72, 200, 400, 12)),
		}}
		want := []string{"|<!-- page 1 -->"}
		for _, p := range paragraphs(page) {
			if p.heading > 0 {
				p.text = fmt.Sprintf("%d %s", p.heading, p.text)
			}
			want = append(want, p.text)
		}
		source := rendered(t, FormatMarkdown, Info{Pages: 1}, []*Page{page})
		if got := readMarkdown(t, source); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q\nfrom %q", got, want, source)
		}
	})
}
