package document

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
)

// renderMarkdown writes CommonMark (https://spec.commonmark.org/): each paragraph is a line, and a comment tells where a page
// begins. No text can be taken for such a comment, because its angle brackets are escaped.
func renderMarkdown(w io.Writer, _ Info, pages iter.Seq2[*Page, error]) error {
	out := bufio.NewWriterSize(w, 64<<10)
	separator := ""
	for page, err := range pages {
		if err != nil {
			return err
		}
		failed := ""
		if page.Error != nil {
			failed = " failed"
		}
		fmt.Fprintf(out, "%s<!-- page %d%s -->\n", separator, page.Number, failed)
		for _, p := range paragraphs(page) {
			out.WriteByte('\n')
			if p.heading > 0 {
				out.WriteString(strings.Repeat("#", p.heading) + " ")
			}
			out.WriteString(literal(p.text))
			out.WriteByte('\n')
		}
		if err := out.Flush(); err != nil {
			return err
		}
		separator = "\n"
	}
	return out.Flush()
}

var (
	// inlineMarkup escapes what may mean something within a paragraph, in CommonMark or in the dialects that strike out.
	inlineMarkup = strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "&", `\&`, "#", `\#`, "~", `\~`)
	// listMarkup is what may begin a list, a break or an underlined heading where a line begins.
	listMarkup = regexp.MustCompile(`^([0-9]*)([-+=.)])`)
)

// literal is text on one line that means itself.
func literal(text string) string {
	return listMarkup.ReplaceAllString(inlineMarkup.Replace(text), `$1\$2`)
}
