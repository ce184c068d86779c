package correct

import (
	"iter"
	"slices"

	"github.com/openplp/khocr/internal/document"
)

// perCharacter is what a change earns for every character that it adds, and pays for every one that it takes away: else a
// shorter text would be the likelier one by being shorter. With 1 the words that were made worse are fewer by a sixth, and the
// gain is the same.
const perCharacter = 1

// passage is a line as the n-grams see it: without spaces, between its edges.
type passage struct {
	characters []character // the first and the last are the edges
	symbols    []symbol
	// likelihoods of the symbols after those before them.
	likelihoods []float64
	// margin by which a change must be likelier than what was read.
	margin  float64
	touched map[int]bool
}

// character of a word.
type character struct {
	rune rune
	word int
	// fixed characters are of words that are sure.
	fixed bool
}

func newPassage(words []document.Word, margin float64) *passage {
	p := &passage{margin: margin, touched: map[int]bool{}}
	p.add(character{fixed: true, word: -1}, edge)
	for i, word := range words {
		fixed := !unsure(word)
		for r, s := range visible(word.Text) {
			p.add(character{r, i, fixed}, s)
		}
	}
	p.add(character{fixed: true, word: len(words)}, edge)
	return p
}

func (p *passage) add(c character, s symbol) {
	p.characters = append(p.characters, c)
	p.symbols = append(p.symbols, s)
}

// changed yields the words that were changed, by their number, with the text that they have now.
func (p *passage) changed() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for word := range p.touched {
			var text []rune
			for _, c := range p.characters {
				if c.word == word {
					text = append(text, c.rune)
				}
			}
			if !yield(word, string(text)) {
				return
			}
		}
	}
}

// edit puts what was written in the place of so many characters from a place on.
type edit struct {
	at, read int
	written  []rune
	gain     float64
}

// mendOnce makes the edit that makes the line likeliest, and tells whether there was one.
func (p *passage) mendOnce() bool {
	best := p.best()
	if best.gain <= p.margin {
		return false
	}
	word := p.characters[best.at-1].word
	if best.read > 0 {
		word = p.characters[best.at].word
	}
	replacement := make([]character, len(best.written))
	for i, r := range best.written {
		replacement[i] = character{rune: r, word: word}
	}
	symbols := slices.Clone(p.symbolsFor(best.at, best.written))
	p.characters = slices.Replace(p.characters, best.at, best.at+best.read, replacement...)
	p.symbols = slices.Replace(p.symbols, best.at, best.at+best.read, symbols...)
	p.touched[word] = true
	return true
}

// best of all edits that the words allow. Its gain is at most margin where there is none.
func (p *passage) best() edit {
	best := edit{gain: p.margin}
	if !p.anyUnsure() {
		return best
	}
	p.weigh()
	table := confusions()
	for at := 1; at < len(p.characters); at++ {
		for read := 0; read <= longest && p.mayReplace(at, read); read++ {
			// A text is not likelier than certain, so what is likely enough as it is needs no look at the table.
			now := p.likelihood(at, at+read)
			if perCharacter*longest-now <= best.gain {
				continue
			}
			for _, c := range table[p.text(at, read)] {
				if gain := p.gain(at, read, c, now, best.gain); gain > best.gain {
					best = edit{at, read, c.written, gain}
				}
			}
		}
	}
	return best
}

func (p *passage) anyUnsure() bool {
	return slices.ContainsFunc(p.characters, func(c character) bool { return !c.fixed })
}

// mayReplace tells whether so many characters from a place on are of one word that is unsure, and are not all of it. For none
// it is the word before the place: what is overlooked are mostly marks.
func (p *passage) mayReplace(at, read int) bool {
	if read == 0 {
		return !p.characters[at-1].fixed
	}
	last := at + read - 1
	if last >= len(p.characters) || p.characters[last].fixed || p.characters[last].word != p.characters[at].word {
		return false
	}
	word := p.characters[at].word
	return p.characters[at-1].word == word || p.characters[last+1].word == word
}

func (p *passage) text(at, read int) string {
	var text [longest]rune
	for i := range read {
		text[i] = p.characters[at+i].rune
	}
	return string(text[:read])
}

// weigh has the model look at all symbols.
func (p *passage) weigh() {
	m := khmerModel()
	p.likelihoods = slices.Grow(p.likelihoods[:0], len(p.symbols))[:len(p.symbols)]
	p.likelihoods[0] = 0
	for i := 1; i < len(p.symbols); i++ {
		p.likelihoods[i] = m.after(p.symbols[:i+1])
	}
}

// likelihood of the symbols from a place to another, and of those behind that see them.
func (p *passage) likelihood(from, to int) float64 {
	sum := 0.0
	for _, l := range p.likelihoods[from:min(to+order-1, len(p.likelihoods))] {
		sum += l
	}
	return sum
}

// gain by what may have been written, over the likelihood of what was read. It gives up, with less than the truth, where it
// cannot be more than enough any more.
func (p *passage) gain(at, read int, c confusion, now, enough float64) float64 {
	var symbols [3 * order]symbol
	before := p.symbols[max(0, at-order+1):at]
	window := append(symbols[:0], before...)
	window = append(window, p.symbolsFor(at, c.written)...)
	window = append(window, p.symbols[at+read:min(at+read+order-1, len(p.symbols))]...)
	m, gain := khmerModel(), c.share+perCharacter*float64(len(c.written)-read)-now
	for i := len(before); i < len(window) && gain > enough; i++ {
		gain += m.after(window[:i+1])
	}
	return gain
}

func (p *passage) symbolsFor(at int, written []rune) []symbol {
	symbols := make([]symbol, len(written))
	before := p.characters[at-1].rune
	for i, r := range written {
		symbols[i] = symbolOf(before, r)
		before = r
	}
	return symbols
}
