package vision

import (
	"slices"

	"github.com/openplp/khocr/internal/edits"
)

const (
	// anchorLength is how many characters in a row, found once in each of two texts, are believed to be the same place. Of the pages that
	// were measured, none has eight in a row twice by chance.
	anchorLength = 8
	// maxGap bounds the product of the lengths of two stretches between anchors that are compared, and maxWork the sum over all of them.
	// A dense page has 4,000 characters.
	maxGap, maxWork = 8000 * 8000, 4 * 8000 * 8000
	// leastAlike is the share of the shorter one of two such stretches that has to be found in the other.
	leastAlike = 0.3
	// leastRun is how many matches in a row count: one or two are found in any text.
	leastRun = 3
)

// match tells for each character of a text where in another it stands, or edits.Unmatched; no place is used twice. Stretches may come
// in another order. It is Heckel's way of comparing files (P. Heckel, "A technique for isolating differences between files", Comm. ACM
// 21, 1978), with stretches of characters for his lines: what is found once in each text is the same, and so is what is equal
// beside it. Then come words, by which the cells of tables are told, and what is left between two such places is compared by the least
// edits.
func match(quick, text []rune, quickWords, textWords []stretch) []int {
	m := matching{quick: quick, text: text, matches: make([]int, len(text)), used: make([]bool, len(quick)), work: maxWork}
	for i := range m.matches {
		m.matches[i] = edits.Unmatched
	}
	m.anchor()
	m.words(quickWords, textWords)
	m.fill()
	return m.matches
}

type matching struct {
	quick, text []rune
	matches     []int
	// used are the places of the quick text that are matched.
	used []bool
	// work that may still be done.
	work int
}

func (m *matching) set(at, place int) {
	m.matches[at], m.used[place] = place, true
}

// anchor matches what is found once in each text, and what is equal on both sides of it.
func (m *matching) anchor() {
	const twice = -1
	places := make(map[[anchorLength]rune]int)
	for i := 0; i+anchorLength <= len(m.quick); i++ {
		key := [anchorLength]rune(m.quick[i:])
		if _, ok := places[key]; ok {
			places[key] = twice
		} else {
			places[key] = i
		}
	}
	found := make(map[[anchorLength]rune]int)
	for i := 0; i+anchorLength <= len(m.text); i++ {
		key := [anchorLength]rune(m.text[i:])
		if place, ok := places[key]; !ok || place == twice {
			continue
		}
		if _, ok := found[key]; ok {
			found[key] = twice
		} else {
			found[key] = i
		}
	}
	for at := 0; at+anchorLength <= len(m.text); at++ {
		key := [anchorLength]rune(m.text[at:])
		first, ok := found[key]
		if !ok || first == twice || m.matches[at] != edits.Unmatched {
			continue
		}
		place := places[key]
		for i, j := at, place; i < len(m.text) && j < len(m.quick) && m.free(i, j); i, j = i+1, j+1 {
			m.set(i, j)
		}
		for i, j := at-1, place-1; i >= 0 && j >= 0 && m.free(i, j); i, j = i-1, j-1 {
			m.set(i, j)
		}
	}
}

// stretch of characters, from one up to another.
type stretch struct{ start, end int }

// words matches those of which nothing is matched and that are as often in the one text as in the other, in their order.
func (m *matching) words(quickWords, textWords []stretch) {
	there, here := make(map[string][]stretch), make(map[string][]stretch)
	for _, w := range quickWords {
		if !slices.Contains(m.used[w.start:w.end], true) {
			text := string(m.quick[w.start:w.end])
			there[text] = append(there[text], w)
		}
	}
	for _, w := range textWords {
		if !slices.ContainsFunc(m.matches[w.start:w.end], func(place int) bool { return place != edits.Unmatched }) {
			text := string(m.text[w.start:w.end])
			here[text] = append(here[text], w)
		}
	}
	for text, words := range here {
		if len(words) != len(there[text]) {
			continue
		}
		for i, w := range words {
			for k := range w.end - w.start {
				m.set(w.start+k, there[text][i].start+k)
			}
		}
	}
}

// free tells that two characters are equal, and neither is matched.
func (m *matching) free(at, place int) bool {
	return m.matches[at] == edits.Unmatched && !m.used[place] && m.text[at] == m.quick[place]
}

// fill compares each stretch of the text that is not matched with what is free behind the place before it, and before the place behind it.
func (m *matching) fill() {
	for start := 0; start < len(m.text); {
		if m.matches[start] != edits.Unmatched {
			start++
			continue
		}
		end := start
		for end < len(m.text) && m.matches[end] == edits.Unmatched {
			end++
		}
		m.compare(start, end, m.around(start, end))
		start = end
	}
}

// around are the free places of the quick text beside those that the neighbours of a stretch have.
func (m *matching) around(start, end int) []int {
	from, to := 0, len(m.quick)
	if start > 0 {
		from = m.matches[start-1] + 1
	}
	if end < len(m.text) {
		to = m.matches[end]
	}
	var places []int
	at := from
	for ; at < len(m.quick) && !m.used[at]; at++ {
		places = append(places, at)
	}
	if at >= to && from <= to {
		return places
	}
	before := to
	for before > 0 && !m.used[before-1] {
		before--
	}
	for at := before; at < to; at++ {
		places = append(places, at)
	}
	return places
}

// compare a stretch of the text with some places.
func (m *matching) compare(start, end int, places []int) {
	area := (end - start) * len(places)
	if area == 0 || area > maxGap || area > m.work {
		return
	}
	m.work -= area
	there := make([]rune, len(places))
	for i, place := range places {
		there[i] = m.quick[place]
	}
	found := edits.Align(there, m.text[start:end])
	shorter := min(end-start, len(places))
	if float64(solid(found, shorter)) < leastAlike*float64(shorter) {
		return
	}
	for i, j := range found {
		if j != edits.Unmatched {
			m.set(start+i, places[j])
		}
	}
}

// solid counts the matches that stand in a row, on both sides, with enough others; fewer are enough where the shorter side has no more.
func solid(matches []int, shorter int) int {
	count := 0
	for start := 0; start < len(matches); {
		end := start + 1
		if matches[start] != edits.Unmatched {
			for end < len(matches) && matches[end] == matches[end-1]+1 {
				end++
			}
			if end-start >= min(leastRun, shorter) {
				count += end - start
			}
		}
		start = end
	}
	return count
}
