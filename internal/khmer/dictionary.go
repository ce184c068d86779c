package khmer

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"sort"
	"strings"
	"sync"
)

// packedWords are the Khmer words of ICU 72 (brkitr/khmerdict), one a line and sorted by their bytes. Their licence lies
// beside them.
//
//go:embed dictionary/words.txt.gz
var packedWords []byte

// dictionary is a sorted list of words, kept as one text because 81,000 strings would take twice the memory.
type dictionary struct {
	text string
	// starts has the offset of each word, and at its end that of a word that would follow the last one.
	starts []uint32
}

// words unpacks the dictionary when it is first asked for: 2.4 MB and some milliseconds that most programs can do without.
var words = sync.OnceValue(func() dictionary {
	unpacked, err := gzip.NewReader(bytes.NewReader(packedWords))
	if err != nil {
		panic("the embedded dictionary: " + err.Error())
	}
	var text strings.Builder
	if _, err := io.Copy(&text, unpacked); err != nil {
		panic("the embedded dictionary: " + err.Error())
	}
	return newDictionary(text.String())
})

// newDictionary of lines that are sorted by their bytes, each with its newline.
func newDictionary(lines string) dictionary {
	d := dictionary{text: lines, starts: make([]uint32, 1, strings.Count(lines, "\n")+1)}
	for i, b := range []byte(lines) {
		if b == '\n' {
			d.starts = append(d.starts, uint32(i+1))
		}
	}
	return d
}

func (d dictionary) word(i int) string { return d.text[d.starts[i] : d.starts[i+1]-1] }

// span is a range of the dictionary's words.
type span struct{ from, to int }

func (d dictionary) all() span { return span{0, len(d.starts) - 1} }

// narrow finds the words of the span that begin with a prefix, which is an extension of what all of them begin with.
func (d dictionary) narrow(s span, prefix string) span {
	count := s.to - s.from
	first := s.from + sort.Search(count, func(i int) bool { return d.word(s.from+i) >= prefix })
	last := first + sort.Search(s.to-first, func(i int) bool { return !strings.HasPrefix(d.word(first+i), prefix) })
	return span{first, last}
}

// has tells whether the word is the first of the span, where it would stand.
func (d dictionary) has(s span, word string) bool { return s.from < s.to && d.word(s.from) == word }
