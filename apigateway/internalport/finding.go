package internalport

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/money"
	"github.com/openplp/khocr/internal/relayport"
	"github.com/openplp/khocr/internal/vision"
	"github.com/openplp/khocr/internal/workerport"
)

// fallsBack tells whether the page is the recogniser's where the model does not read it. A corrector has nothing else to offer.
func (q *inquiry) fallsBack() bool {
	return q.role == document.RoleCorrector || q.work.job.Spec.FallsBack()
}

// cost of what was spent.
func (q *inquiry) cost(spent relayport.Spent) money.Amount {
	if q.model == nil || !q.model.IsAI() {
		return 0
	}
	return spending.Cost(q.model.Spec.OpenAI.Price, spent)
}

// mostCost is what the page may cost at the most.
func (q *inquiry) mostCost() money.Amount {
	spec := q.model.Spec.OpenAI
	questions, tokens, pixels := len(q.incoming.images), spec.EffectiveMaxOutputTokens(), int64(0)
	for _, image := range q.incoming.images {
		pixels += image.pixels()
	}
	if q.role == document.RoleReader {
		questions, pixels = maxAttempts*questions, maxAttempts*pixels
	} else {
		tokens = min(tokens, relayport.MaxLineTokens)
	}
	return spending.MostCost(spec, questions, pixels, tokens)
}

// result is the page that is stored, and its JSON. A text that takes more than a page may is not used.
func (q *inquiry) result(quick *document.Page, found finding, now time.Time) (*document.Page, []byte, error) {
	page := q.composed(quick, found, now)
	content, err := document.EncodePage(page)
	if err == nil && len(content) > workerport.MaxPageBytes {
		found.reason = document.AITooLong
		found.next = nextStep(found.reason, maxAttempts, q.fallsBack())
		page = q.composed(quick, found, now)
		content, err = document.EncodePage(page)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("encode page %d: %w", q.number, err)
	}
	return page, content, nil
}

// composed is the page with what came of the inquiry.
func (q *inquiry) composed(quick *document.Page, found finding, now time.Time) *document.Page {
	spent := spending.Bounded(found.spent)
	said := &document.AI{
		Model: q.name, Role: q.role, Reason: found.reason, Message: document.AIReasons()[found.reason], Attempts: found.attempts,
		InputTokens: spent.InputTokens, OutputTokens: spent.OutputTokens, Cost: q.cost(spent), Milliseconds: spent.Milliseconds,
	}
	page := *quick
	switch {
	case found.next == fail:
		page = document.Page{
			Number: quick.Number, Width: quick.Width, Height: quick.Height, Rotation: quick.Rotation, Source: document.SourceNone,
			Reason: document.PageErrorNotRead, Milliseconds: quick.Milliseconds, Lines: []document.Line{},
			Error: &document.PageError{Code: document.PageErrorNotRead, Message: said.Message},
		}
	case found.next == use && q.role == document.RoleReader:
		page = *vision.Align(found.text, quick)
		page.Model, said.Used = q.name, true
	case q.role == document.RoleCorrector:
		page = *corrected(quick, found.lines, said)
		said.Lines, page.Model = len(q.incoming.images), recognizerOf(q.work.job)
	default:
		page.Model = recognizerOf(q.work.job)
	}
	page.AI, page.ProcessedAt = said, now
	return &page
}

// corrected is the page with those lines as the model reads them that it may be right about.
func corrected(quick *document.Page, texts map[int]string, said *document.AI) *document.Page {
	lines := slices.Clone(quick.Lines)
	for i, text := range texts {
		if line, changed := vision.CorrectLine(lines[i], text); changed {
			lines[i] = line
			said.LinesCorrected++
		}
	}
	if said.Used = said.LinesCorrected > 0; !said.Used {
		return quick
	}
	return quick.WithLines(lines)
}

// outcomeOf counts a page: the model had its say, or it was to have it and something else had to do.
func outcomeOf(said *document.AI) spending.Sum {
	if said.Reason == "" {
		return spending.Sum{Pages: 1}
	}
	return spending.Sum{Fallbacks: 1}
}

// logFinding tells operators why a model's answer is not used. It has no word of the page.
func (s *Server) logFinding(ctx context.Context, asked *inquiry, said *document.AI, detail string) {
	if said.Reason == "" {
		return
	}
	s.Log.InfoContext(ctx, "an AI model's text is not used", "request_id", serving.RequestFrom(ctx).ID,
		"job", asked.work.job.Namespace+"/"+asked.work.job.Name, "organization", asked.organization.Name, "page", asked.number,
		"model", said.Model, "reason", said.Reason, "attempts", said.Attempts, "detail", detail)
}
