package fuzz

import (
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"

	"github.com/pb33f/libopenapi/datamodel/high/base"
)

// valid makes up a value that a schema takes, as it stands in a query, a header or a form.
func valid(random *rand.Rand, s *base.Schema) string {
	kind := ""
	if len(s.Type) > 0 {
		kind = s.Type[0]
	}
	switch {
	case s.Const != nil:
		return s.Const.Value
	case len(s.Enum) > 0:
		return s.Enum[random.IntN(len(s.Enum))].Value
	case s.Example != nil && s.Example.Value != "" && random.IntN(2) == 0:
		return s.Example.Value
	case kind == "boolean":
		return strconv.FormatBool(random.IntN(2) == 0)
	case kind == "integer":
		low, high := int64(0), int64(1000)
		if s.Minimum != nil {
			low = int64(*s.Minimum)
		}
		if s.Maximum != nil {
			high = int64(*s.Maximum)
		}
		return fmt.Sprint(low + random.Int64N(min(high-low, 1<<31)+1))
	case kind == "array":
		items := make([]string, 1+random.IntN(3))
		for i := range items {
			items[i] = valid(random, s.Items.A.Schema())
		}
		return strings.Join(items, ",")
	case s.Format == "date-time":
		return time.Unix(random.Int64N(4e9), 0).UTC().Format(time.RFC3339)
	case s.Format == "uri":
		return []string{"https://example.com/done", "http://example.com:8080/?a=b", "https://127.0.0.1/", "http://[::1]/", "http://10.0.0.1/"}[random.IntN(5)]
	case s.Pattern != "":
		if parsed, err := syntax.Parse(s.Pattern, syntax.Perl); err == nil {
			return matching(random, parsed)
		}
	}
	low, high := 1, 40
	if s.MinLength != nil {
		low = int(*s.MinLength)
	}
	if s.MaxLength != nil {
		high = min(high, int(*s.MaxLength))
	}
	return word(random, low+random.IntN(max(1, high-low)))
}

// word is text without anything that is special anywhere.
func word(random *rand.Rand, length int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	text := make([]byte, length)
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

// matching makes up text that a pattern matches.
func matching(random *rand.Rand, pattern *syntax.Regexp) string {
	repeat := func(low, high int) string {
		var out strings.Builder
		for range low + random.IntN(high-low+1) {
			out.WriteString(matching(random, pattern.Sub[0]))
		}
		return out.String()
	}
	switch pattern.Op {
	case syntax.OpLiteral:
		return string(pattern.Rune)
	case syntax.OpCharClass:
		at := 2 * random.IntN(len(pattern.Rune)/2)
		low, high := pattern.Rune[at], pattern.Rune[at+1]
		return string(low + rune(random.IntN(int(high-low)+1)))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return word(random, 1)
	case syntax.OpConcat:
		var out strings.Builder
		for _, one := range pattern.Sub {
			out.WriteString(matching(random, one))
		}
		return out.String()
	case syntax.OpAlternate:
		return matching(random, pattern.Sub[random.IntN(len(pattern.Sub))])
	case syntax.OpCapture:
		return matching(random, pattern.Sub[0])
	case syntax.OpQuest:
		return repeat(0, 1)
	case syntax.OpStar:
		return repeat(0, 3)
	case syntax.OpPlus:
		return repeat(1, 3)
	case syntax.OpRepeat:
		return repeat(pattern.Min, min(max(pattern.Min, pattern.Max), pattern.Min+8))
	}
	return ""
}

// odd are values that nothing, or not everything, takes.
var odd = []string{
	"", " ", "0", "-1", "1e9", "99999999999999999999", "2147483648", "NaN", "null", "true", "[]", "{}", `{"a":1}`, `{"a":"b","a":"c"}`, "{", `"`, "'",
	"\x00", "\x7f", "\xff\xfe", "\xc3\x28", "\u202e", "ខ្មែរ", "ក\u17d2", "😀", "a\tb", "%", "%zz", "%00", "..", "../../x", "....//", "\\", "/", "a/b",
	"1-", "-1-2", "3-1", "1-999999", "1,,2", "0-0", "1-3,2-5", "km,,en", "xx-invalid-tag-that-is-long", "JSON", "Json", "text ", "high,low",
	"http://", "ftp://example.com/", "https://user:pass@example.com/", "https://example.com/#a", "javascript:alert(1)", "http://0x7f.1/", "http://2130706433/",
	"1s", "0s", "61s", "-5s", "1h", "1ns", "2026-02-30T00:00:00Z", "2026-13", "0000-00", "9999-12", "bytes=-1", "bytes=5-1", "bytes=0-0,2-2",
	"*", `"a"`, `W/"a"`, "${x}", "{{7*7}}", "<script>", "' OR 1=1 --", "km;q=9", "en, km;q=x", ";;;", "=", "&", "a=b&a=c",
}

// oddValue is one of them, or a long one.
func oddValue(random *rand.Rand) string {
	switch random.IntN(12) {
	case 0:
		return strings.Repeat("ក", 1+random.IntN(2000))
	case 1:
		return word(random, 1+random.IntN(5000))
	case 2:
		text := make([]byte, 1+random.IntN(40))
		for i := range text {
			text[i] = byte(random.Uint32())
		}
		return string(text)
	}
	return odd[random.IntN(len(odd))]
}
