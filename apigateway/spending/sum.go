package spending

import (
	"maps"

	"github.com/openplp/khocr/internal/money"
)

// Sum is what asking a model took, and what came of it. It only ever grows.
type Sum struct {
	// Pages that the model has read or looked through for corrections, and Fallbacks that it was to, and could not or was not believed.
	Pages     int64 `json:"pages"`
	Fallbacks int64 `json:"fallbacks"`
	// Answers that its endpoint gave, whatever they were worth.
	Answers      int64        `json:"answers"`
	InputTokens  int64        `json:"input_tokens"`
	OutputTokens int64        `json:"output_tokens"`
	Cost         money.Amount `json:"cost"`
	Milliseconds int64        `json:"ms"`
}

// Plus is both together.
func (s Sum) Plus(other Sum) Sum {
	return Sum{
		Pages: s.Pages + other.Pages, Fallbacks: s.Fallbacks + other.Fallbacks, Answers: s.Answers + other.Answers,
		InputTokens: s.InputTokens + other.InputTokens, OutputTokens: s.OutputTokens + other.OutputTokens,
		Cost: s.Cost.Plus(other.Cost), Milliseconds: s.Milliseconds + other.Milliseconds,
	}
}

// Sums are those of a month, by the names of the models.
type Sums map[string]Sum

// All models together.
func (s Sums) All() Sum {
	var all Sum
	for _, sum := range s {
		all = all.Plus(sum)
	}
	return all
}

func (s Sums) plus(other Sums) Sums {
	both := maps.Clone(s)
	if both == nil {
		both = Sums{}
	}
	for model, sum := range other {
		both[model] = both[model].Plus(sum)
	}
	return both
}
