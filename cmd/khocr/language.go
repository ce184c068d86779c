package main

import (
	"fmt"
	"strings"
	"unicode"
)

// language is that of the person who reads what the program says.
type language string

const (
	english language = "en"
	khmer   language = "km"
)

// languageOf finds the language of an environment, as gettext does.
func languageOf(getenv func(string) string) language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := getenv(name); locale != "" {
			if locale == "km" || strings.HasPrefix(locale, "km_") || strings.HasPrefix(locale, "km.") {
				return khmer
			}
			return english
		}
	}
	return english
}

func (l *language) Set(text string) error {
	switch language(text) {
	case english, khmer:
		*l = language(text)
		return nil
	}
	return fmt.Errorf("there is no language %q: en or km", text)
}

func (l *language) String() string { return string(*l) }

// Type implements pflag.Value.
func (l *language) Type() string { return "language" }

// text is something to say, in both languages.
type text struct{ en, km string }

// said is a text that a terminal may have.
type said string

// in says it. What is put into it may come from anybody, and is made printable, unless it was said already.
func (t text) in(l language, values ...any) said {
	format := t.en
	if l == khmer {
		format = t.km
	}
	for i, value := range values {
		switch value := value.(type) {
		case string:
			values[i] = printable(value)
		case error:
			values[i] = printable(value.Error())
		case fmt.Stringer:
			values[i] = printable(value.String())
		}
	}
	return said(fmt.Sprintf(format, values...))
}

// printable shows what a terminal would obey, or what would turn the text around it, as an escape. File names and texts out
// of documents may hold anything.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\u200b' || r == '\u200c' || r == '\u200d': // Khmer is written with them
			b.WriteRune(r)
		case r == unicode.ReplacementChar, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
