package document

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"time"
)

// Schema names the json format and its version. Within a version fields are only added.
const Schema = "khocr.result/v1"

// jsonHead is the result without its pages, which follow as the last field.
type jsonHead struct {
	Schema     string    `json:"schema"`
	ID         string    `json:"id"`
	FileName   string    `json:"file_name"`
	Model      string    `json:"model,omitempty"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
	PageCount  int       `json:"page_count"`
}

// renderJSON writes one page a line, so that a result of a thousand pages can still be looked at with a pager.
func renderJSON(w io.Writer, info Info, pages iter.Seq2[*Page, error]) error {
	head, err := json.Marshal(jsonHead{
		Schema: Schema, ID: info.ID, FileName: info.FileName, Model: info.Model,
		CreatedAt: info.CreatedAt.UTC(), FinishedAt: info.FinishedAt.UTC(), PageCount: info.Pages,
	})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	out.Write(bytes.TrimSuffix(head, []byte("}")))
	out.WriteString(`,"pages":[`)
	separator := "\n"
	for page, err := range pages {
		if err != nil {
			return err
		}
		encoded, err := MarshalPage(page)
		if err != nil {
			return err
		}
		out.WriteString(separator)
		if _, err := out.Write(encoded); err != nil {
			return err
		}
		separator = ",\n"
	}
	out.WriteString("\n]}\n")
	return out.Flush()
}

// MarshalPage encodes a page as the json format has it, on one line.
func MarshalPage(page *Page) ([]byte, error) {
	return json.Marshal(withoutNulls(page))
}

// withoutNulls is the page with empty lists where it has none: clients may loop over lines and words without a check.
func withoutNulls(page *Page) *Page {
	tidy := *page
	tidy.Lines = make([]Line, len(page.Lines))
	for i, line := range page.Lines {
		if line.Words == nil {
			line.Words = []Word{}
		}
		tidy.Lines[i] = line
	}
	return &tidy
}
