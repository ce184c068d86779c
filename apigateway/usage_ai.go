package apigateway

import (
	"maps"
	"slices"

	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/internal/money"
)

// aiUsage is what AI models did for an organization in a month. Limit and Left are those of the current one.
type aiUsage struct {
	Currency string        `json:"currency"`
	Cost     money.Amount  `json:"cost"`
	Limit    *money.Amount `json:"limit"`
	Left     *money.Amount `json:"left"`
	aiCounts
	Models []aiModelUsage `json:"models"`
}

type aiModelUsage struct {
	Model string `json:"model"`
	aiCounts
	Cost money.Amount `json:"cost"`
}

type aiCounts struct {
	Pages        int64          `json:"pages"`
	Fallbacks    int64          `json:"fallbacks"`
	InputTokens  int64          `json:"input_tokens"`
	OutputTokens int64          `json:"output_tokens"`
	Seconds      jobview.Tenths `json:"seconds"`
}

func aiCountsOf(sum spending.Sum) aiCounts {
	return aiCounts{sum.Pages, sum.Fallbacks, sum.InputTokens, sum.OutputTokens, jobview.Tenths(float64(sum.Milliseconds) / 1000)}
}

// aiUsageOf sums up what was spent; nil where nothing was and there is no limit.
func aiUsageOf(spent spending.Sums, limit *money.Amount, currency string) *aiUsage {
	if len(spent) == 0 && limit == nil {
		return nil
	}
	all := spent.All()
	usage := &aiUsage{Currency: currency, Cost: all.Cost, Limit: limit, aiCounts: aiCountsOf(all), Models: []aiModelUsage{}}
	if limit != nil {
		left := max(0, *limit-all.Cost)
		usage.Left = &left
	}
	for _, model := range slices.Sorted(maps.Keys(spent)) {
		usage.Models = append(usage.Models, aiModelUsage{model, aiCountsOf(spent[model]), spent[model].Cost})
	}
	return usage
}
