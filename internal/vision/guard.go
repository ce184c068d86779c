package vision

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"

	"github.com/openplp/khocr/internal/document"
)

// Bounds of what is believed. Where they come from: of the pages in testdata, read by the recogniser on paper that is clean, worn and poor, and the
// prepared answers to them; docs/ai-guard.md has the table. "Found" are pairs of clusters that follow one another.
const (
	// leastConfidence from which what the recogniser read can judge a text, in percent, over its clusters. On pages above 45 it found
	// at least 80 % of the true pairs, on those below 31 at most 7 %.
	leastConfidence = 40
	// fewPairs: with fewer clusters single ones are looked for.
	fewPairs = 12
	// leastLength and mostLength of a text, by the length of what was read. On pages that can judge, the truth had 0.98 to 1.02 of it.
	leastLength, mostLength = 0.7, 1.4
	// leastFound is the share of a text that must be found in what was read, and the other way round. Right ones had 0.8 and more, the texts of
	// other pages in the same language 0.41 and less.
	leastFound = 0.55
	// mostAstray bounds what is in a row on one side and not on the other: misses less hits. Right texts had 7 at the most where the recogniser was
	// sure, and 20 where it was not; a sentence that was made up has 15, two lines have 50. To a text it adds what the recogniser was unsure of
	// and the text has otherwise: there the model may have read what it could not.
	mostAstray = 16
	// mostText in bytes is five times that of a dense page in Khmer: beyond, nothing else is looked at.
	mostText = 64 << 10
	// mostPerLine are the clusters that a text may have for each line that was seen, where what was read cannot judge otherwise.
	mostPerLine = 150
	// mostShift is how far the share of Khmer among the letters may be from what was read, and mostShiftUnsure the same where that cannot judge. Tesseract
	// makes Khmer of Khmer even where it makes the wrong one.
	mostShift, mostShiftUnsure = 0.4, 0.85
	// fewLetters tell nothing of a script.
	fewLetters = 12
	// mostForeign is the share of letters of scripts that are neither Khmer nor Latin, of which the recogniser reads none.
	mostForeign = 0.2
	// mostRepeated is the share of a text's sequences of five clusters that came before, beyond what was read; and the share that no page has.
	mostRepeated, mostRepeatedUnsure = 0.25, 0.5
	// mostMisread is the share of a sentence's clusters that the recogniser may have misread where the sentence is the page's own and not the
	// model's: twice what it misread on the poorest pages that can judge.
	mostMisread = 0.4
	// mostSentences are looked for on the page: one that the page lacks is enough.
	mostSentences = 50
)

// Judge says why a text cannot be that of the page: one of document's AI reasons, or "" where it can be believed. text is what Clean left
// of an answer, and quick is the page as the recogniser read it. What is printed on the page is no remark and no refusal, whatever it says.
//
// Where the recogniser read little, or is not sure of it, its reading cannot judge much: then a text is rejected for what it is alone.
// Where it read nothing at all, nothing speaks for a text.
func Judge(text string, quick *document.Page) string {
	text = written(text)
	answer, read := clusters(text), clustersRead(quick)
	switch {
	case !hasText(text) && !hasText(quick.Text):
		return ""
	case !hasText(text):
		return document.AIEmpty
	}
	if len(text) > mostText {
		if repetition(answer) > mostRepeatedUnsure {
			return document.AIGuardRepetition
		}
		return document.AIGuardLength
	}
	own := texts(read)
	switch {
	case says(text, refusal, own):
		return document.AIRefused
	case says(text, remark, own), hasMarkup(text) && !strings.ContainsAny(quick.Text, "<>{}"):
		return document.AIGuardForeign
	}
	sure := confidence(read) >= leastConfidence
	switch {
	case otherScript(text, quick.Text, sure):
		return document.AIGuardScript
	case !sure && repetition(answer) > mostRepeatedUnsure:
		return document.AIGuardRepetition
	case len(read) == 0:
		return document.AIGuardUnlike
	case !sure && len(answer) > mostPerLine*len(quick.Lines):
		return document.AIGuardLength
	case !sure:
		return ""
	}
	reason := compare(answer, read)
	if reason != "" && repetition(answer) > repetition(texts(read))+mostRepeated {
		return document.AIGuardRepetition
	}
	return reason
}

// compare a text with what was read, where that can judge.
func compare(answer []string, read []cluster) string {
	there := texts(read)
	hits, back := newFinder(there).find(answer), newFinder(answer).find(there)
	ratio := float64(len(answer)) / float64(len(there))
	short := len(there) < fewPairs
	switch {
	case share(hits) < leastFound && weighted(back, read) < leastFound:
		return document.AIGuardUnlike
	case !short && (ratio < leastLength || ratio > mostLength), short && len(answer) > 2*fewPairs:
		return document.AIGuardLength
	case share(hits) < leastFound, weighted(back, read) < leastFound:
		return document.AIGuardUnlike
	case astray(hits, nil) > mostAstray+doubt(back, read), astray(back, read) > mostAstray:
		return document.AIGuardLength
	}
	return ""
}

// cluster that the recogniser read, with the confidence of its word.
type cluster struct {
	text       string
	confidence float64
}

func clustersRead(quick *document.Page) []cluster {
	var all []cluster
	for _, line := range quick.Lines {
		for _, word := range wordsOf(line) {
			for _, text := range clusters(word.Text) {
				all = append(all, cluster{text, word.Confidence})
			}
			if len(all) > maxGlyphs {
				return all
			}
		}
	}
	return all
}

func texts(read []cluster) []string {
	all := make([]string, len(read))
	for i, c := range read {
		all[i] = c.text
	}
	return all
}

func confidence(read []cluster) float64 {
	sum := 0.0
	for _, c := range read {
		sum += c.confidence
	}
	return sum / float64(max(len(read), 1))
}

// finder counts the pairs of a text, or its single clusters where it has few.
type finder struct {
	single bool
	counts map[[2]string]int
}

func newFinder(text []string) finder {
	f := finder{single: len(text) < fewPairs, counts: make(map[[2]string]int)}
	for i := range text {
		f.counts[f.key(text, i)]++
	}
	return f
}

func (f finder) key(text []string, i int) [2]string {
	if f.single {
		return [2]string{text[i]}
	}
	if i+1 < len(text) {
		return [2]string{text[i], text[i+1]}
	}
	return [2]string{text[i], ""}
}

// find tells for each cluster of a text whether it is found, with the one behind it or the one before: each pair as often as it is there.
func (f finder) find(text []string) []bool {
	found := make([]bool, len(text))
	used := make(map[[2]string]int)
	for i := range text {
		key := f.key(text, i)
		if used[key] < f.counts[key] {
			used[key]++
			found[i] = true
		}
	}
	return found
}

func share(hits []bool) float64 {
	count := 0
	for _, hit := range hits {
		if hit {
			count++
		}
	}
	return float64(count) / float64(max(len(hits), 1))
}

// weighted is the share of what was read that was found, by how sure it is.
func weighted(hits []bool, read []cluster) float64 {
	found, all := 0.0, 0.0
	for i, hit := range hits {
		all += read[i].confidence
		if hit {
			found += read[i].confidence
		}
	}
	if all == 0 {
		return 0
	}
	return found / all
}

// astray is the most that misses outnumber hits in any stretch of a text; a miss counts as much as it was sure, where that is known.
func astray(hits []bool, read []cluster) float64 {
	most, here := 0.0, 0.0
	for i, hit := range hits {
		switch {
		case hit:
			here--
		case read != nil:
			here += read[i].confidence / 100
		default:
			here++
		}
		here = max(here, 0)
		most = max(most, here)
	}
	return most
}

// says tells whether a sentence of the text is of a kind, and not the page's own.
func says(text string, kind *regexp.Regexp, page []string) bool {
	left := mostSentences
	for line := range strings.Lines(text) {
		for _, at := range kind.FindAllStringIndex(line, left) {
			// The page has the sentence if it has this and what comes next.
			end := min(len(line), at[1]+len("and what comes next"))
			sentence := clusters(strings.ToValidUTF8(line[at[0]:end], ""))
			if float64(distanceWithin(sentence, page)) > mostMisread*float64(len(sentence)) {
				return true
			}
			left--
		}
		if left <= 0 {
			break
		}
	}
	return false
}

// distanceWithin is the least edit distance between a sentence and any stretch of a text (P. H. Sellers, "The theory and computation of
// evolutionary distances: pattern recognition", J. Algorithms 1, 1980).
func distanceWithin(sentence, text []string) int {
	column := make([]int, len(sentence)+1)
	for i := range column {
		column[i] = i
	}
	least := len(sentence)
	for _, symbol := range text {
		diagonal := 0
		for i, own := range sentence {
			replaced := diagonal
			if own != symbol {
				replaced++
			}
			diagonal = column[i+1]
			column[i+1] = min(replaced, column[i]+1, column[i+1]+1)
		}
		least = min(least, column[len(sentence)])
	}
	return least
}

// doubt is how many clusters of what was read and not found are likely to be wrong.
func doubt(hits []bool, read []cluster) float64 {
	sum := 0.0
	for i, hit := range hits {
		if !hit {
			sum += 1 - read[i].confidence/100
		}
	}
	return sum
}

func hasText(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// otherScript tells whether a text is written in letters that the page is not.
func otherScript(text, read string, sure bool) bool {
	answer, page := scriptsOf(text), scriptsOf(read)
	if answer.letters < fewLetters {
		return false
	}
	if foreign := answer.share(answer.foreign); foreign > mostForeign && foreign > 2*page.share(page.foreign) {
		return true
	}
	if page.letters < fewLetters {
		return false
	}
	most := mostShift
	if !sure {
		most = mostShiftUnsure
	}
	shift := answer.share(answer.khmer) - page.share(page.khmer)
	return max(shift, -shift) > most
}

// scripts counts the letters of a text.
type scripts struct{ letters, khmer, foreign int }

func (s scripts) share(count int) float64 { return float64(count) / float64(max(s.letters, 1)) }

func scriptsOf(text string) scripts {
	var s scripts
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		s.letters++
		switch {
		case unicode.Is(unicode.Khmer, r):
			s.khmer++
		case !unicode.Is(unicode.Latin, r):
			s.foreign++
		}
	}
	return s
}

// repetition is the share of a text's sequences of five clusters that came before. Dots and dashes that lead to the edge do not count.
func repetition(text []string) float64 {
	const length = 5
	seen := make(map[[length]string]bool)
	repeated, all := 0, 0
	for i := 0; i+length <= len(text); i++ {
		key := [length]string(text[i:])
		if !hasText(strings.Join(key[:], "")) {
			continue
		}
		all++
		if seen[key] {
			repeated++
		}
		seen[key] = true
	}
	return float64(repeated) / float64(max(all, fewPairs))
}

var tag = regexp.MustCompile(`(?i)</?(?:think|thinking|reasoning|p|div|br|table|thead|tbody|tr|td|th|span|html|body|h[1-6]|b|i|em|strong|ul|ol|li|img|page|text|ocr|document)(?:\s[^<>]*)?/?>`)

// hasMarkup tells whether the text is written in JSON or HTML.
func hasMarkup(text string) bool {
	trimmed := strings.TrimSpace(text)
	return strings.HasPrefix(trimmed, "{") && json.Valid([]byte(trimmed)) ||
		strings.HasPrefix(trimmed, "[{") && json.Valid([]byte(trimmed)) || tag.MatchString(text)
}
