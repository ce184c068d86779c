package money

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
)

func TestAmountsAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]Amount{"0": 0, "12": 12 * Unit, "0.15": 150_000, "0.000001": 1, "999999999.999999": 999_999_999_999_999} {
		got, err := Parse(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("Parse(%q) = %d, %v, written %s", text, got, err, got)
		}
		encoded, err := json.Marshal(got)
		if err != nil || string(encoded) != text {
			t.Errorf("JSON of %s is %s, %v", text, encoded, err)
		}
		var back Amount
		if err := json.Unmarshal(encoded, &back); err != nil || back != want {
			t.Errorf("%s comes back as %d, %v", text, back, err)
		}
	}
	for _, text := range []string{"", "-1", "1.", ".5", "1e3", "0.0000001", "1000000000", "1,5", " 1", "១"} {
		if got, err := Parse(text); !errors.Is(err, ErrAmount) {
			t.Errorf("Parse(%q) = %d, %v", text, got, err)
		}
	}
}

func TestPerMillionRoundsUp(t *testing.T) {
	tests := []struct {
		price Amount
		count int64
		want  Amount
	}{
		{0, 1000, 0}, {150_000, 0, 0}, {150_000, 1, 1}, {150_000, 1_000_000, 150_000}, {150_000, 1500, 225},
		{Unit, 3, 3}, {math.MaxInt64, math.MaxInt64, Most}, {Most, 1_000_001, Most},
	}
	for _, test := range tests {
		if got := PerMillion(test.price, test.count); got != test.want {
			t.Errorf("%d things at %s a million cost %d, want %d", test.count, test.price, got, test.want)
		}
	}
}

func TestASumIsAtMostWhatCanBeWritten(t *testing.T) {
	for _, test := range []struct{ a, b, want Amount }{
		{0, 0, 0}, {2 * Unit, 3, 2*Unit + 3}, {Most, 0, Most}, {Most, 1, Most}, {Most - 1, 1, Most}, {Most, Most, Most},
	} {
		got := test.a.Plus(test.b)
		if got != test.want {
			t.Errorf("%s and %s are %s, want %s", test.a, test.b, got, test.want)
		}
		if back, err := Parse(got.String()); err != nil || back != got {
			t.Errorf("%s comes back as %s, %v", got, back, err)
		}
	}
}
