package document

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// MaxCorrections bounds the corrected words of a page.
	MaxCorrections = 1000
	// MaxCorrectionLength bounds the text of a corrected word in characters: a word of Khmer is what stands between spaces, so it can
	// be most of a line.
	MaxCorrectionLength = 500
)

// Correction says what a word really is. Line and Word count from 1, as in the page as it was read.
type Correction struct {
	Line int `json:"line"`
	Word int `json:"word"`
	// Text in its place; empty where nothing stands there.
	Text string `json:"text"`
}

// ErrCorrection begins what is wrong with a correction, in words for people.
var ErrCorrection = errors.New("correction")

// CheckCorrections brings corrections of a page into the form in which they are kept, NFC and without spaces around, or fails with
// an ErrCorrection that says what is wrong with one.
func (p *Page) CheckCorrections(corrections []Correction) ([]Correction, error) {
	if len(corrections) > MaxCorrections {
		return nil, fmt.Errorf("%w: there are %d words, and at most %d can be corrected on a page", ErrCorrection, len(corrections), MaxCorrections)
	}
	seen := make(map[[2]int]bool, len(corrections))
	checked := make([]Correction, len(corrections))
	for i, c := range corrections {
		at := [2]int{c.Line, c.Word}
		switch {
		case !p.has(c):
			return nil, fmt.Errorf("%w: the page has no word %d in a line %d", ErrCorrection, c.Word, c.Line)
		case seen[at]:
			return nil, fmt.Errorf("%w: word %d of line %d is there twice", ErrCorrection, c.Word, c.Line)
		case strings.ContainsFunc(c.Text, func(r rune) bool { return isLineBreak(r) || !isText(r) }):
			return nil, fmt.Errorf("%w: word %d of line %d has a line break, a tab or a control character", ErrCorrection, c.Word, c.Line)
		}
		seen[at] = true
		c.Text = strings.TrimSpace(norm.NFC.String(c.Text))
		if utf8.RuneCountInString(c.Text) > MaxCorrectionLength {
			return nil, fmt.Errorf("%w: word %d of line %d has more than %d characters", ErrCorrection, c.Word, c.Line, MaxCorrectionLength)
		}
		checked[i] = c
	}
	return checked, nil
}

func (p *Page) has(c Correction) bool {
	return c.Line >= 1 && c.Line <= len(p.Lines) && c.Word >= 1 && c.Word <= len(p.Lines[c.Line-1].Words)
}

// Corrected is the page with its words corrected, and itself where none is. What people wrote is certain. A word that was taken out
// stays in its place with an empty text, so that lines and words count as before; the other formats leave it out.
func (p *Page) Corrected(corrections []Correction) *Page {
	changed := make(map[int]map[int]string)
	for _, c := range corrections {
		if !p.has(c) {
			continue
		}
		if changed[c.Line-1] == nil {
			changed[c.Line-1] = make(map[int]string)
		}
		changed[c.Line-1][c.Word-1] = c.Text
	}
	if len(changed) == 0 {
		return p
	}
	corrected := *p
	corrected.CorrectedWords = 0
	corrected.Lines = make([]Line, len(p.Lines))
	var texts []string
	var all []Word
	for i, line := range p.Lines {
		if words := changed[i]; words != nil {
			line = line.corrected(words)
			corrected.CorrectedWords += len(words)
		}
		if line.Text != "" || changed[i] == nil {
			texts = append(texts, line.Text)
		}
		all = append(all, line.Words...)
		corrected.Lines[i] = line
	}
	corrected.Text = strings.Join(texts, "\n")
	corrected.Confidence = certainty(all)
	return &corrected
}

// corrected is the line with the texts of some words, by their index.
func (l Line) corrected(texts map[int]string) Line {
	words := make([]Word, len(l.Words))
	var shown []string
	for i, word := range l.Words {
		if text, ok := texts[i]; ok {
			word = Word{Text: text, Box: word.Box, Confidence: 100, Recognized: word.Text}
		}
		if word.Text != "" {
			shown = append(shown, word.Text)
		}
		words[i] = word
	}
	l.Words = words
	l.Text = strings.Join(shown, " ")
	l.Confidence = certainty(words)
	return l
}

// certainty is the mean confidence of the words that are there, in hundredths.
func certainty(words []Word) float64 {
	sum, count := 0.0, 0
	for _, word := range words {
		if word.Text != "" {
			sum += word.Confidence
			count++
		}
	}
	if count == 0 {
		return 0
	}
	return math.Round(100*sum/float64(count)) / 100
}

// withoutRemoved passes pages on without the words that people took out, and the lines that have no other.
func withoutRemoved(pages iter.Seq2[*Page, error]) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		for page, err := range pages {
			if err == nil && page.CorrectedWords > 0 {
				page = page.withoutRemoved()
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

func (p *Page) withoutRemoved() *Page {
	left := *p
	left.Lines = nil
	for _, line := range p.Lines {
		var words []Word
		removed := false
		for _, word := range line.Words {
			if word.Text == "" && word.Recognized != "" {
				removed = true
			} else {
				words = append(words, word)
			}
		}
		if removed && len(words) == 0 {
			continue
		}
		line.Words = words
		left.Lines = append(left.Lines, line)
	}
	return &left
}
