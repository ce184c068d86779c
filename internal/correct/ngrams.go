package correct

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"math/bits"
	"slices"
	"sync"
	"unicode"
)

// packedNgrams are counts over the Civil and the Criminal Code of Cambodia, which are free of copyright as laws are, and over
// the words of ICU's dictionary. The command in hack/correction makes them.
//
//go:embed ngrams.bin.gz
var packedNgrams []byte

const (
	// order is the length of the longest n-grams: with 4 the gain is a seventh less, 6 adds nothing.
	order = 5
	// Longer n-grams than rareOrder are kept from rareCount on: of those that were seen once there are as many as of all others.
	rareOrder, rareCount = 3, 2
	// unseen is the share of a symbol that the counts do not have.
	unseen = 1.0 / 200
)

// symbol is what n-grams are made of: a Khmer character, or one of these.
type symbol byte

const (
	edge  symbol = iota + 1 // of a line or of a word of the dictionary
	digit                   // any
	other                   // any character of no Khmer
	khmerSymbols
)

// symbolOf a character. The one before it is needed because subscript ដ and ត look the same and are counted as one.
func symbolOf(before, r rune) symbol {
	switch {
	case r == 'ដ' && before == coeng:
		r = 'ត'
	case unicode.IsDigit(r):
		return digit
	}
	if r < '\u1780' || r > '\u17FF' {
		return other
	}
	return khmerSymbols + symbol(r-'\u1780')
}

const coeng = '\u17D2'

// visible yields the symbols of a text that print shows, without spaces.
func visible(text string) iter.Seq2[rune, symbol] {
	return func(yield func(rune, symbol) bool) {
		var before rune
		for _, r := range text {
			if unicode.IsSpace(r) || isInvisible(r) {
				continue
			}
			if !yield(r, symbolOf(before, r)) {
				return
			}
			before = r
		}
	}
}

// ngram is a sequence of up to order symbols, the last one lowest.
type ngram uint64

func (g ngram) with(s symbol) ngram { return g<<8 | ngram(s) }

// suffix are the last n symbols.
func (g ngram) suffix(n int) ngram { return g & (1<<(8*n) - 1) }

// Counts of n-grams by their length.
type Counts [order + 1]map[ngram]int

// Add a line of text, or a word; it counts that it begins and ends.
func (c *Counts) Add(text string) {
	history := ngram(edge)
	add := func(s symbol) {
		history = history.with(s)
		for n := 1; n <= order && history>>(8*(n-1)) != 0; n++ {
			if c[n] == nil {
				c[n] = map[ngram]int{}
			}
			c[n][history.suffix(n)]++
		}
	}
	empty := true
	for _, s := range visible(text) {
		add(s)
		empty = false
	}
	if !empty {
		add(edge)
	}
}

// Write the counts as the package embeds them. Counts are rounded to powers of the square root of two.
func (c *Counts) Write(w io.Writer) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	for n := 1; n <= order; n++ {
		grams := slices.Sorted(maps.Keys(c[n]))
		if n > rareOrder {
			grams = slices.DeleteFunc(grams, func(g ngram) bool { return c[n][g] < rareCount })
		}
		data := binary.AppendUvarint(nil, uint64(len(grams)))
		last := ngram(0)
		for _, g := range grams {
			data = binary.AppendUvarint(data, uint64(g-last))
			last = g
		}
		for _, g := range grams {
			data = append(data, byte(math.Round(2*math.Log2(float64(c[n][g])))))
		}
		if _, err := packed.Write(data); err != nil {
			return fmt.Errorf("write n-grams: %w", err)
		}
	}
	return packed.Close()
}

// model tells how likely a symbol is after others, by interpolated Witten-Bell smoothing (Chen and Goodman 1998, 2.5). It is a
// hash table with linear probing, because a map takes twice as long to fill, and there are documents of one page.
type model struct {
	entries []entry
	// shift leaves as many bits of a hash as there are of a place.
	shift int
	// none is the likelihood after nothing.
	none likelihood
}

type entry struct {
	gram ngram // 0 where there is none
	likelihood
}

type likelihood struct {
	// seen is that of the n-gram's last symbol after the others.
	seen float32
	// unseen is what remains after this n-gram for symbols that never followed it; 0 where the n-gram was never followed.
	unseen float32
}

var khmerModel = sync.OnceValue(func() *model {
	m, err := readModel(bytes.NewReader(packedNgrams))
	if err != nil {
		panic("the embedded n-grams: " + err.Error())
	}
	return m
})

func readModel(r io.Reader) (*model, error) {
	unpacked, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, err
	}
	var grams [order + 1][]ngram
	var counts [order + 1][]byte
	total := 0
	for n := 1; n <= order; n++ {
		if grams[n], counts[n], data, err = readCounts(data); err != nil {
			return nil, fmt.Errorf("n-grams of length %d: %w", n, err)
		}
		total += len(grams[n])
	}
	places := bits.Len(uint(total + total/2))
	m := &model{entries: make([]entry, 1<<places), shift: 64 - places}
	for n := 1; n <= order; n++ {
		m.add(n, grams[n], counts[n])
	}
	return m, nil
}

// readCounts reads the n-grams of one length with their counts, as they were rounded, and returns what follows them.
func readCounts(data []byte) (grams []ngram, counts, rest []byte, err error) {
	count, size := binary.Uvarint(data)
	if size <= 0 || count > uint64(len(data)) {
		return nil, nil, nil, io.ErrUnexpectedEOF
	}
	data = data[size:]
	grams = make([]ngram, count)
	last := ngram(0)
	for i := range grams {
		step, size := binary.Uvarint(data)
		if size <= 0 {
			return nil, nil, nil, io.ErrUnexpectedEOF
		}
		data = data[size:]
		last += ngram(step)
		grams[i] = last
	}
	if len(data) < len(grams) {
		return nil, nil, nil, io.ErrUnexpectedEOF
	}
	return grams, data[:count], data[count:], nil
}

// add the sorted n-grams of one length, once those that are shorter are there.
func (m *model) add(n int, grams []ngram, rounded []byte) {
	var counts [256]float64
	for i := range counts {
		counts[i] = math.Exp2(float64(i) / 2)
	}
	for from := 0; from < len(grams); {
		history, to, sum := grams[from]>>8, from, 0.0
		for ; to < len(grams) && grams[to]>>8 == history; to++ {
			sum += counts[rounded[to]]
		}
		kinds := float64(to - from)
		for i := from; i < to; i++ {
			shorter := unseen
			if n > 1 {
				shorter = float64(m.find(grams[i].suffix(n - 1)).seen)
			}
			found := m.find(grams[i])
			found.gram, found.seen = grams[i], float32((counts[rounded[i]]+kinds*shorter)/(sum+kinds))
		}
		left := float32(kinds / (sum + kinds))
		if n == 1 {
			m.none.unseen = left
		} else if known := m.find(history); known.gram != 0 {
			known.unseen = left
		}
		from = to
	}
}

// find the entry of an n-gram, or the empty one that would be its own.
func (m *model) find(g ngram) *entry {
	// The multiplier is 2^64 over the golden ratio (Knuth, The Art of Computer Programming, 6.4).
	for at := uint64(g) * 0x9E3779B97F4A7C15 >> m.shift; ; at = (at + 1) & uint64(len(m.entries)-1) {
		if e := &m.entries[at]; e.gram == g || e.gram == 0 {
			return e
		}
	}
}

// after is the natural logarithm of the likelihood of the last of the symbols after those before it, of which order-1 count.
func (m *model) after(symbols []symbol) float64 {
	symbols = symbols[max(0, len(symbols)-order):]
	var gram ngram
	for _, s := range symbols {
		gram = gram.with(s)
	}
	left := 1.0
	for n := len(symbols); n > 0; n-- {
		if found := m.find(gram.suffix(n)); found.gram != 0 {
			return math.Log(left * float64(found.seen))
		}
		history := m.none
		if n > 1 {
			history = m.find(gram.suffix(n) >> 8).likelihood
		}
		if history.unseen > 0 {
			left *= float64(history.unseen)
		}
	}
	return math.Log(left * unseen)
}
