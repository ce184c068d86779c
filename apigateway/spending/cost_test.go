package spending

import (
	"math"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/money"
	"github.com/openplp/khocr/internal/relayport"
)

func TestCost(t *testing.T) {
	tokens := &v1alpha1.ModelPrice{PerMillionInputTokens: "0.15", PerMillionOutputTokens: "0.6"}
	page := &v1alpha1.ModelPrice{PerPage: "0.002"}
	for name, c := range map[string]struct {
		price *v1alpha1.ModelPrice
		spent relayport.Spent
		want  string
	}{
		"a model that costs nothing":  {nil, relayport.Spent{InputTokens: 1e6, Answers: 1}, "0"},
		"by tokens":                   {tokens, relayport.Spent{InputTokens: 2000, OutputTokens: 1000, Answers: 2}, "0.0009"},
		"rounded up":                  {tokens, relayport.Spent{InputTokens: 1, OutputTokens: 1, Answers: 1}, "0.000002"},
		"by the page":                 {page, relayport.Spent{InputTokens: 2000, Answers: 1}, "0.002"},
		"by the page, asked twice":    {page, relayport.Spent{Answers: 2}, "0.002"},
		"by the page without answers": {page, relayport.Spent{Tries: 3}, "0"},
		"by both":                     {&v1alpha1.ModelPrice{PerPage: "1", PerMillionInputTokens: "1"}, relayport.Spent{InputTokens: 5e5, Answers: 1}, "1.5"},
		"tokens that cannot be":       {tokens, relayport.Spent{InputTokens: math.MinInt64, OutputTokens: math.MaxInt64, Answers: 1}, "6"},
		"a price that is no number":   {&v1alpha1.ModelPrice{PerPage: "much"}, relayport.Spent{Answers: 1}, "0"},
		"more than there are numbers": {&v1alpha1.ModelPrice{PerMillionInputTokens: "999999999"}, relayport.Spent{InputTokens: math.MaxInt64}, money.Most.String()},
	} {
		if got := Cost(c.price, c.spent); got.String() != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestMostCostIsMoreThanWhatIsSpent(t *testing.T) {
	model := &v1alpha1.OpenAIModel{Price: &v1alpha1.ModelPrice{PerPage: "0.01", PerMillionInputTokens: "1", PerMillionOutputTokens: "2"}}
	// A page of A4 for a model that takes 28 by 28 pixels as a token, twice, with the longest answers.
	spent := relayport.Spent{Answers: 2, InputTokens: 2 * (2048*1448/784 + 300), OutputTokens: 2 * 1000}
	if most, cost := MostCost(model, 2, 2*2048*1448, 1000), Cost(model.Price, spent); most < cost || most > 10*cost {
		t.Errorf("at most %s, and %s are spent", most, cost)
	}
	if got := MostCost(&v1alpha1.OpenAIModel{}, 2, 1e6, 8192); got != 0 {
		t.Errorf("a model that costs nothing costs %s", got)
	}
}

func TestLimitOf(t *testing.T) {
	for price, want := range map[v1alpha1.Price]string{"50": "50", "0": "0", "0.5": "0.5", "bad": "0"} {
		got := LimitOf(&v1alpha1.Organization{Spec: v1alpha1.OrganizationSpec{AI: &v1alpha1.AISettings{MonthlyCostLimit: price}}})
		if got == nil || got.String() != want {
			t.Errorf("%s: %v", price, got)
		}
	}
	if got := LimitOf(&v1alpha1.Organization{Spec: v1alpha1.OrganizationSpec{AI: &v1alpha1.AISettings{}}}); got != nil {
		t.Errorf("without one: %v", got)
	}
	if got := LimitOf(&v1alpha1.Organization{}); got != nil {
		t.Errorf("without settings: %v", got)
	}
}
