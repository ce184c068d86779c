package main

import (
	"fmt"
	"io"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/score"
)

// guess is a word that was recognised.
type guess struct {
	// confidence in percent.
	confidence float64
	right      bool
}

// guesses are the recognised words that a truth tells about: those of the pages that have truths of their own, else of the
// whole document. Words of other pages help to find theirs, but were not guessed.
func (r result) guesses() []guess {
	if len(r.pages) == 0 && r.truth != nil {
		return guessesOf(*r.truth, r.read)
	}
	var guesses []guess
	for i, page := range r.read {
		if truth, ok := r.pages[page.Number]; ok {
			guesses = append(guesses, guessesOf(truth, r.read[i:i+1])...)
		}
	}
	return guesses
}

func guessesOf(truth string, pages []readPage) []guess {
	var texts []string
	var guesses []guess
	var places []int // of the guesses among the texts
	for _, page := range pages {
		for _, line := range page.Lines {
			for _, word := range line.Words {
				if page.Source == document.SourceOCR {
					guesses = append(guesses, guess{confidence: word.Confidence})
					places = append(places, len(texts))
				}
				texts = append(texts, word.Text)
			}
		}
	}
	right := score.RightWords(truth, texts)
	for i, place := range places {
		guesses[i].right = right[place]
	}
	return guesses
}

// trust is how far words of a confidence can be believed.
type trust struct {
	// From and To bound the confidence in percent: From is within, To only where it is 100.
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Words int     `json:"words"`
	// MeanConfidence of the words, and the share of them that are right, in percent; 0 where there are none. They are the
	// same where a confidence means what it says.
	MeanConfidence float64 `json:"mean_confidence"`
	Right          float64 `json:"right_percent"`
}

// confidenceBounds are closer where more of the words are.
var confidenceBounds = []float64{0, 50, 60, 70, 80, 90, 95, 100}

// reliabilityOf words: a row for each range of confidence, from low to high.
func reliabilityOf(guesses []guess) []trust {
	rows := make([]trust, len(confidenceBounds)-1)
	for i := range rows {
		rows[i].From, rows[i].To = confidenceBounds[i], confidenceBounds[i+1]
	}
	for _, guess := range guesses {
		i := len(rows) - 1
		for i > 0 && guess.confidence < rows[i].From {
			i--
		}
		rows[i].Words++
		rows[i].MeanConfidence += guess.confidence
		if guess.right {
			rows[i].Right += 100
		}
	}
	for i := range rows {
		words := float64(max(rows[i].Words, 1))
		rows[i].MeanConfidence /= words
		rows[i].Right /= words
	}
	return rows
}

func printReliability(w io.Writer, rows []trust) {
	_, _ = fmt.Fprintf(w, "\n%-32s %8s %8s %8s\n", "confidence of recognised words", "words", "mean", "right %")
	for _, row := range rows {
		mean, right := "-", "-"
		if row.Words > 0 {
			mean, right = fmt.Sprintf("%.1f", row.MeanConfidence), fmt.Sprintf("%.1f", row.Right)
		}
		_, _ = fmt.Fprintf(w, "%-32s %8d %8s %8s\n", fmt.Sprintf("%g-%g", row.From, row.To), row.Words, mean, right)
	}
}
