package workerport

import (
	"testing"

	"github.com/openplp/khocr/internal/document"
)

func TestStoredCountsThePagesWhoseTextIsAnAIModels(t *testing.T) {
	failed := &document.PageError{Code: document.PageErrorNotRead}
	for name, test := range map[string]struct {
		page document.Page
		want StoredPage
	}{
		"nobody asked a model":      {document.Page{Source: document.SourceOCR}, StoredPage{Outcome: document.OutcomeRecognized}},
		"the model read it":         {document.Page{Source: document.SourceOCR, AI: &document.AI{Role: document.RoleReader, Used: true}}, StoredPage{Outcome: document.OutcomeRecognized, AI: true}},
		"the recogniser stood in":   {document.Page{Source: document.SourceOCR, AI: &document.AI{Role: document.RoleReader}}, StoredPage{Outcome: document.OutcomeRecognized}},
		"the model corrected it":    {document.Page{Source: document.SourceOCR, AI: &document.AI{Role: document.RoleCorrector, Used: true}}, StoredPage{Outcome: document.OutcomeRecognized}},
		"nobody was to stand in":    {document.Page{Source: document.SourceNone, Error: failed, AI: &document.AI{Role: document.RoleReader}}, StoredPage{Outcome: document.OutcomeFailed}},
		"a failed page has no text": {document.Page{Error: failed, AI: &document.AI{Role: document.RoleReader, Used: true}}, StoredPage{Outcome: document.OutcomeFailed}},
		"the page had its own text": {document.Page{Source: document.SourceNative}, StoredPage{Outcome: document.OutcomeNative}},
	} {
		if got := Stored(&test.page); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
