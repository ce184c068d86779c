package main

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openplp/khocr/internal/khmer"
	"github.com/openplp/khocr/internal/legacy"
)

// spelling is how a syllable was typed in a legacy code, and how often.
type spelling struct {
	codes string
	count int
}

// speller knows how syllables are typed in the code of a family, of texts that were.
type speller struct {
	family *legacy.Family
	// seen has the syllables, and choices the forms that their pieces took, by the place that they had.
	seen, choices map[string]map[string]int
}

func newSpeller(family *legacy.Family) *speller {
	return &speller{family, map[string]map[string]int{}, map[string]map[string]int{}}
}

const (
	// usual is the share that a form has which is not a slip of the typist.
	usual = 0.1
	// certain is the share of the most frequent form in a place in which no other is to be expected, and evidence how often
	// something must have stood there.
	certain, evidence = 0.8, 3
)

// read what is printed.
func (s *speller) read(codes []rune) {
	for _, syllable := range s.family.Decode(codes) {
		typed := codes[syllable.From:syllable.To]
		if khmer.BeginsInside(syllable.Text) || strings.ContainsRune(syllable.Text, utf8.RuneError) || repeats(typed) {
			continue
		}
		count(s.seen, syllable.Text, string(typed))
		if parts, ok := s.take(syllable.Text, typed); ok {
			parts.learn(s.choices)
		}
	}
}

func count(counts map[string]map[string]int, key, form string) {
	if counts[key] == nil {
		counts[key] = map[string]int{}
	}
	counts[key][form]++
}

// repeats tells whether a glyph was struck twice.
func repeats(codes []rune) bool {
	for i, code := range codes {
		if slices.Contains(codes[:i], code) {
			return true
		}
	}
	return false
}

// place of a piece of a syllable: what else the syllable has.
type place struct {
	base, subscripts, rest string
	ro                     bool
}

// placeOf a syllable that stands in the order of khmer.Order.
func placeOf(text string) (place, bool) {
	_, size := utf8.DecodeRuneInString(text)
	p := place{base: text[:size]}
	for text = text[size:]; strings.HasPrefix(text, subscriptMark); {
		_, size := utf8.DecodeRuneInString(text[len(subscriptMark):])
		size += len(subscriptMark)
		if text[:size] == subscriptRO {
			p.ro = true
		} else {
			p.subscripts += text[:size]
		}
		text = text[size:]
	}
	p.rest = text
	return p, !strings.Contains(text, subscriptMark)
}

const (
	subscriptRO = subscriptMark + "រ"
	letterNYO   = "ញ"
	vowelsAhead = "េែៃ"
	vowelAA     = "ា"
)

// pieces of a syllable as it is typed: vowels before the letter, the subscript ro, the letter with the other subscripts,
// and what follows.
type pieces struct {
	place
	ahead, typedRO, core, behind string
}

// take a typed syllable apart.
func (s *speller) take(text string, codes []rune) (pieces, bool) {
	where, ok := placeOf(text)
	p := pieces{place: where}
	if !ok {
		return p, false
	}
	at := 0
	for ; at < len(codes); at++ {
		drawn := s.draws(codes[at])
		if drawn == subscriptRO {
			p.typedRO += string(codes[at])
		} else if strings.Contains(vowelsAhead, drawn) {
			p.ahead += string(codes[at])
		} else {
			break
		}
	}
	// The letter, and all that draws a subscript. Of ញ some subscripts leave what is typed as ពា.
	end := at + 1
	for i := at + 1; i < len(codes); i++ {
		drawn := s.draws(codes[i])
		if strings.HasPrefix(drawn, subscriptMark) || p.base == letterNYO && p.subscripts != "" && drawn == vowelAA && i == at+1 {
			if i != end {
				return p, false // a mark was typed before a subscript
			}
			end = i + 1
		}
	}
	if at >= len(codes) || p.ro != (p.typedRO != "") {
		return p, false
	}
	p.core, p.behind = string(codes[at:end]), string(codes[end:])
	return p, true
}

func (s *speller) draws(code rune) string {
	var drawn strings.Builder
	for _, syllable := range s.family.Decode([]rune{code}) {
		drawn.WriteString(syllable.Text)
	}
	return drawn.String()
}

// Keys of the places on which a form may depend, those that say most first.

func (p place) ofRest(rest string) []string {
	below := "-"
	if p.subscripts != "" {
		below = "+"
	}
	if p.ro {
		below += "r"
	}
	return []string{
		"rest " + rest + " at " + p.base + p.subscripts + below,
		"rest " + rest + " below " + p.subscripts + below,
		"rest " + rest + " " + below,
	}
}

func (p place) ofRO() []string {
	if p.subscripts == "" {
		return []string{"ro at " + p.base, "ro"}
	}
	return []string{"ro at " + p.base + p.subscripts, "ro below " + p.subscripts, "ro below"}
}

// ofCore depends on what stands to the right: a letter may join it.
func ofCore(letters, behind string) []string {
	first, _ := utf8.DecodeRuneInString(behind)
	return []string{"letter " + letters + " before " + string(first), "letter " + letters}
}

func (p pieces) learn(choices map[string]map[string]int) {
	for _, key := range p.ofRest(p.rest) {
		count(choices, key, p.ahead+gap+p.behind)
	}
	if p.ro {
		for _, key := range p.ofRO() {
			count(choices, key, p.typedRO)
		}
	}
	for _, key := range ofCore(p.base+p.subscripts, p.behind) {
		count(choices, key, p.core)
	}
	if letters := []rune(p.core); p.subscripts != "" && len(letters) == 1+utf8.RuneCountInString(p.subscripts)/2 {
		for _, key := range ofCore(p.base, "") {
			count(choices, "over "+key, string(letters[:1]))
		}
		for i, code := range letters[1:] {
			count(choices, "subscript "+string([]rune(p.subscripts)[2*i:2*i+2]), string(code))
		}
	}
}

// gap stands where the letter will.
const gap = "\x00"

// choose the form that is certain in the first of the places of which enough is known. It may be of the codes alone that can
// be drawn.
func (s *speller) choose(can func(string) bool, places []string) (string, bool) {
	for _, place := range places {
		best, most, total := "", 0, 0
		for form, count := range s.choices[place] {
			total += count
			if count > most || count == most && form < best {
				best, most = form, count
			}
		}
		if total >= evidence {
			return best, float64(most) >= certain*float64(total) && can(strings.ReplaceAll(best, gap, ""))
		}
	}
	return "", false
}

// spell a syllable with codes that can be drawn: as it was typed, or as its pieces were in other syllables (a count of 0).
func (s *speller) spell(text string, can func(string) bool) []spelling {
	total := 0
	for _, count := range s.seen[text] {
		total += count
	}
	var spellings []spelling
	for codes, count := range s.seen[text] {
		if float64(count) >= usual*float64(total) && can(codes) {
			spellings = append(spellings, spelling{codes, count})
		}
	}
	slices.SortFunc(spellings, func(a, b spelling) int {
		if a.count != b.count {
			return b.count - a.count
		}
		return strings.Compare(a.codes, b.codes)
	})
	if len(spellings) > 0 {
		return spellings
	}
	if codes, ok := s.compose(text, can); ok && can(codes) && s.reads(codes, text) {
		return []spelling{{codes, 0}}
	}
	return nil
}

// reads tells whether the codes are read as the syllable, at the beginning of a word or, as some are, inside one.
func (s *speller) reads(codes, text string) bool {
	for _, before := range []string{"", "k"} {
		syllables := s.family.Decode([]rune(before + codes))
		if len(syllables) == len(before)+1 && syllables[len(before)].Text == text {
			return true
		}
	}
	return false
}

func (s *speller) compose(text string, can func(string) bool) (string, bool) {
	first, _ := utf8.DecodeRuneInString(text)
	p, ok := placeOf(text)
	if !ok || !khmer.BeginsInside(text[utf8.RuneLen(first):]) {
		return s.alone(text, can)
	}
	around, ok := s.around(p, can)
	if !ok {
		return "", false
	}
	ahead, behind, _ := strings.Cut(around, gap)
	core, ok := s.core(p, behind, can)
	if !ok {
		return "", false
	}
	ro := ""
	if p.ro {
		if ro, ok = s.choose(can, p.ofRO()); !ok {
			return "", false
		}
	}
	return ahead + ro + core + behind, true
}

// around is what is typed before and behind the letter and its subscripts.
func (s *speller) around(p place, can func(string) bool) (string, bool) {
	if p.rest == "" {
		return gap, true
	}
	if form, ok := s.choose(can, p.ofRest(p.rest)); ok {
		return form, true
	}
	// A vowel and a sign. A shifter may take the place of another mark, so that it is known with its vowel alone.
	_, size := utf8.DecodeRuneInString(p.rest)
	if strings.ContainsAny(p.rest, "\u17c9\u17ca") || size == len(p.rest) {
		return "", false
	}
	form, ok := s.choose(can, p.ofRest(p.rest[:size]))
	for rest := p.rest[size:]; rest != "" && ok; {
		_, size := utf8.DecodeRuneInString(rest)
		var sign string
		sign, ok = s.choose(can, p.ofRest(rest[:size]))
		ok = ok && strings.HasPrefix(sign, gap)
		form += strings.TrimPrefix(sign, gap)
		rest = rest[size:]
	}
	return form, ok
}

// core is how the letter is typed with its subscripts, but ro.
func (s *speller) core(p place, behind string, can func(string) bool) (string, bool) {
	if form, ok := s.choose(can, ofCore(p.base+p.subscripts, behind)); ok {
		return form, true
	}
	if p.subscripts == "" {
		return s.alone(p.base, can)
	}
	form, ok := s.choose(can, []string{"over " + ofCore(p.base, "")[1]})
	if !ok && p.base != letterNYO {
		form, ok = s.choose(can, ofCore(p.base, behind))
	}
	for subscripts := []rune(p.subscripts); len(subscripts) > 0 && ok; subscripts = subscripts[2:] {
		var below string
		if below, ok = s.choose(can, []string{"subscript " + string(subscripts[:2])}); !ok {
			below, ok = s.alone(string(subscripts[:2]), can)
		}
		form += below
	}
	return form, ok
}

// alone is the one way to type a character or a subscript, with a code or, as some letters are, with two.
func (s *speller) alone(text string, can func(string) bool) (string, bool) {
	var found []string
	for code := rune('!'); code <= 0xff; code++ {
		if can(string(code)) && s.draws(code) == text {
			found = append(found, string(code))
		}
	}
	for first := rune('!'); first <= 0xff && len(found) == 0; first++ {
		for second := rune('!'); second <= 0xff; second++ {
			if codes := []rune{first, second}; can(string(codes)) && s.reads(string(codes), text) && khmer.BeginsInside(s.draws(second)) {
				found = append(found, string(codes))
			}
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}
