// Package money holds amounts of the platform's one currency, exactly.
package money

import (
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
)

// Amount is a sum in millionths of the currency's unit. It is never negative in what this project makes.
type Amount int64

// Unit is one unit of the currency.
const Unit Amount = 1_000_000

// Most is the largest amount that can be written and read.
const Most = 1_000_000_000*Unit - 1

// ErrAmount: a text is no amount.
var ErrAmount = errors.New("an amount is a number such as 12 or 0.15, below a billion and with at most six digits behind the point")

var decimal = regexp.MustCompile(`^([0-9]{1,9})(?:\.([0-9]{1,6}))?$`)

// Parse reads a decimal number such as 0.15.
func Parse(text string) (Amount, error) {
	match := decimal.FindStringSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("%w: %q", ErrAmount, text)
	}
	whole, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parse %q: %w", text, err)
	}
	rest, err := strconv.ParseInt((match[2] + "000000")[:6], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parse %q: %w", text, err)
	}
	return Amount(whole)*Unit + Amount(rest), nil
}

// String is the decimal number, without digits that say nothing.
func (a Amount) String() string {
	sign := ""
	if a < 0 {
		sign = "-"
	}
	magnitude := uint64(max(a, -a))
	text := fmt.Sprintf("%s%d.%06d", sign, magnitude/uint64(Unit), magnitude%uint64(Unit))
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// Float is the amount in units, for metrics, which have nothing better.
func (a Amount) Float() float64 { return float64(a) / float64(Unit) }

// Plus is the sum of two amounts, and Most where that would be more.
func (a Amount) Plus(other Amount) Amount {
	if a > Most-other {
		return Most
	}
	return a + other
}

// MarshalJSON writes a number.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Amount) UnmarshalJSON(content []byte) error {
	amount, err := Parse(strings.TrimPrefix(string(content), "-"))
	if err != nil {
		return err
	}
	if content[0] == '-' {
		amount = -amount
	}
	*a = amount
	return nil
}

// PerMillion is what so many things cost at a price for a million of them, rounded up; Most where that is more.
// Neither may be negative.
func PerMillion(price Amount, count int64) Amount {
	high, low := bits.Mul64(uint64(price), uint64(count))
	low, carry := bits.Add64(low, 999_999, 0)
	if high += carry; high >= 1_000_000 {
		return Most
	}
	quotient, _ := bits.Div64(high, low, 1_000_000)
	return Amount(min(quotient, uint64(Most)))
}
