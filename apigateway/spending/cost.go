package spending

import (
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/money"
	"github.com/openplp/khocr/internal/relayport"
)

const (
	// mostTokens bounds what an endpoint can claim of one page: more than any model reads and writes.
	mostTokens = 10_000_000
	// mostAnswers and mostTime are what asking about one page can take, likewise.
	mostAnswers = 1000
	mostTime    = 24 * time.Hour
	// promptTokens is what a prompt of 4,000 characters takes at the most, pixelsPerToken how few pixels of an image are a token: models
	// take between 200 and 1,600.
	promptTokens   = 4096
	pixelsPerToken = 196
)

// Cost is what a page costs because of which a model has spent so much, all questions together. A page without an answer costs what
// its tokens do.
func Cost(price *v1alpha1.ModelPrice, spent relayport.Spent) money.Amount {
	if price == nil {
		return 0
	}
	spent = Bounded(spent)
	cost := money.PerMillion(AmountOf(price.PerMillionInputTokens), spent.InputTokens).
		Plus(money.PerMillion(AmountOf(price.PerMillionOutputTokens), spent.OutputTokens))
	if spent.Answers > 0 {
		cost = cost.Plus(AmountOf(price.PerPage))
	}
	return cost
}

// MostCost is what a page may cost about which a model is asked so many questions, with images of so many pixels together and so many
// tokens in each answer.
func MostCost(model *v1alpha1.OpenAIModel, questions int, pixels int64, tokens int) money.Amount {
	return Cost(model.Price, relayport.Spent{
		Answers: 1, InputTokens: pixels/pixelsPerToken + int64(questions)*promptTokens,
		OutputTokens: int64(questions) * int64(tokens),
	})
}

// Bounded is what was spent as far as it can be believed: an endpoint says of its tokens what it likes.
func Bounded(spent relayport.Spent) relayport.Spent {
	return relayport.Spent{
		InputTokens: min(max(0, spent.InputTokens), mostTokens), OutputTokens: min(max(0, spent.OutputTokens), mostTokens),
		Answers: min(max(0, spent.Answers), mostAnswers), Tries: min(max(0, spent.Tries), mostAnswers),
		Milliseconds: min(max(0, spent.Milliseconds), mostTime.Milliseconds()),
	}
}

// LimitOf is what an organization may spend in a month, nil where it has no limit.
func LimitOf(organization *v1alpha1.Organization) *money.Amount {
	if organization.Spec.AI == nil || organization.Spec.AI.MonthlyCostLimit == "" {
		return nil
	}
	limit := AmountOf(organization.Spec.AI.MonthlyCostLimit)
	return &limit
}

// AmountOf a price, whose form the API server has checked; 0 where there is none.
func AmountOf(price v1alpha1.Price) money.Amount {
	parsed, err := money.Parse(string(price))
	if err != nil {
		return 0
	}
	return parsed
}
