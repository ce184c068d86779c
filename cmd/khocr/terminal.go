package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// isTerminal tells whether somebody looks at what is written there.
func isTerminal(w io.Writer) bool {
	file, isFile := w.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd()))
}

// table is for people. Its columns are as wide as what stands in them looks, and not as it is long.
type table struct{ rows [][]said }

func (t *table) add(cells ...said) { t.rows = append(t.rows, cells) }

// cell is a text from anywhere.
func cell(value any) said { return said(printable(fmt.Sprint(value))) }

func (t *table) write(w io.Writer) error {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], runewidth.StringWidth(string(c)))
		}
	}
	var b bytes.Buffer
	for _, row := range t.rows {
		var line strings.Builder
		for i, c := range row {
			line.WriteString(string(c) + strings.Repeat(" ", widths[i]-runewidth.StringWidth(string(c))+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := b.WriteTo(w)
	return err
}

// writeJSON writes a value as one line for programs, that does a terminal no harm either.
func writeJSON(w io.Writer, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode as JSON: %w", err)
	}
	var b strings.Builder
	for _, r := range string(encoded) {
		if r > 0x7e && r < 0x10000 && unicode.In(r, unicode.Cc, unicode.Cf) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	_, err = io.WriteString(w, b.String()+"\n")
	return err
}

// bytesOf is a size for people.
func bytesOf(size int64) string {
	const kilo = 1 << 10
	switch {
	case size >= kilo*kilo:
		return strconv.FormatFloat(float64(size)/(kilo*kilo), 'f', 1, 64) + " MB"
	case size >= kilo:
		return strconv.FormatFloat(float64(size)/kilo, 'f', 1, 64) + " KB"
	}
	return strconv.FormatInt(size, 10) + " B"
}

// shellWord is an argument as a shell takes it.
func shellWord(argument string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./=,:@%+", r)
	}
	switch {
	case argument != "" && strings.IndexFunc(argument, func(r rune) bool { return !plain(r) }) < 0:
		return argument
	case printable(argument) != argument:
		return "$'" + printable(strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(argument)) + "'"
	}
	return "'" + strings.ReplaceAll(argument, "'", `'\''`) + "'"
}
