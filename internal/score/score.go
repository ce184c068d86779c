// Package score measures recognised Khmer against the truth: how many characters, and how many orthographic syllables, are
// wrong, and which words are right. What cannot be seen on paper does not count: white space, zero-width characters, and the
// order in which the marks of a syllable are stored.
//
// It defines its own order of marks. It must not use the one that results are handed out in, or a mistake there would
// measure itself as right.
package score

import "github.com/openplp/khocr/internal/edits"

// Score is the result of one comparison, or the sum of several.
type Score struct {
	// Characters counts code points, Clusters whole orthographic syllables.
	Characters, Clusters Errors
}

// Compare a text with its truth. Both are normalised first; see Syllables.
func Compare(truth, text string) Score {
	want, got := Syllables(truth), Syllables(text)
	return Score{Characters: count(codePoints(want), codePoints(got)), Clusters: count(want, got)}
}

// Add another score to this one.
func (s *Score) Add(other Score) {
	s.Characters.add(other.Characters)
	s.Clusters.add(other.Clusters)
}

// Errors relates mistakes to the length of the truth.
type Errors struct {
	// Edits is the least number of insertions, deletions and replacements that make the truth of the text, Length the
	// truth's own.
	Edits, Length int
}

// Rate is edits by length, from 0; it passes 1 where a text is longer than its truth and wrong. With an empty truth, every
// edit counts 1.
func (e Errors) Rate() float64 { return float64(e.Edits) / float64(max(e.Length, 1)) }

func (e *Errors) add(other Errors) {
	e.Edits += other.Edits
	e.Length += other.Length
}

func count[T comparable](truth, text []T) Errors {
	return Errors{Edits: edits.Distance(truth, text), Length: len(truth)}
}

func codePoints(syllables []string) []rune {
	var all []rune
	for _, syllable := range syllables {
		all = append(all, []rune(syllable)...)
	}
	return all
}
