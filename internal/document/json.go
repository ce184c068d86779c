package document

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"
)

// Schema names the json format and its version. Within a version fields are only added.
const Schema = "khocr.result/v1"

// ResultSchema is the JSON Schema (draft 2020-12) of the json format.
//
//go:embed result.v1.schema.json
var ResultSchema string

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

// EncodePage is the page as the json format has it. Stored so, it can be delivered without being decoded. It fails where a
// number of the page is none: JSON has no other ones.
func EncodePage(page *Page) ([]byte, error) { return json.Marshal(withoutNulls(page)) }

// RenderJSON writes what Render writes as json, from pages as EncodePage made them, each good until the next one comes. It
// fails as Render does, and where a page is not JSON.
func RenderJSON(w io.Writer, info Info, encoded iter.Seq2[[]byte, error]) error {
	var compact bytes.Buffer
	err := writeJSON(w, info, counted(encoded, info.Pages), func(page []byte) ([]byte, error) {
		compact.Reset()
		err := json.Compact(&compact, page)
		return compact.Bytes(), err
	})
	if err != nil {
		return fmt.Errorf("rendering %s: %w", FormatJSON, err)
	}
	return nil
}

func renderJSON(w io.Writer, info Info, pages iter.Seq2[*Page, error]) error {
	return writeJSON(w, info, pages, EncodePage)
}

// writeJSON writes one page a line, so that a result of a thousand pages can still be looked at with a pager.
func writeJSON[P any](w io.Writer, info Info, pages iter.Seq2[P, error], encode func(P) ([]byte, error)) error {
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
		encoded, err := encode(page)
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
