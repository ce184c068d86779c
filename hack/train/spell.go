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
	// drawn is what a code draws by itself.
	drawn [256]string
}

func newSpeller(family *legacy.Family) *speller {
	s := &speller{family: family, seen: map[string]map[string]int{}, choices: map[string]map[string]int{}}
	for code := range s.drawn {
		for _, syllable := range family.Decode([]rune{rune(code)}) {
			s.drawn[code] += syllable.Text
		}
	}
	return s
}

const (
	// usual is the share that a form has which is not a slip of the typist.
	usual = 0.1
	// certain is the share of the most frequent form in a place by which it is the right one there (of others that are as
	// right, typists prefer one), and evidence how often something must have stood there.
	certain, evidence = 0.6, 3
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
	deep        = "ញឡ"                // letters that themselves reach down to where subscripts are
	low         = "ុូួៀឿ\u17c9\u17ca" // marks that stand lower below those, shifters being drawn as ុ at times
	vowelAA     = "ា"
	vowelU      = "ុ"
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

// draws is what a code draws by itself, "" where the family has none such.
func (s *speller) draws(code rune) string {
	if int(code) >= len(s.drawn) {
		return ""
	}
	return s.drawn[code]
}

// Keys of the places on which a form may depend, those that say most first.

func (p place) ofRest(rest string) []string {
	below, reaches := "-", strings.ContainsAny(rest, low)
	if p.subscripts != "" || reaches && strings.Contains(deep, p.base) {
		below = "+"
	}
	if p.ro {
		below += "r"
	}
	keys := []string{
		"rest " + rest + " at " + p.base + p.subscripts + below,
		"rest " + rest + " below " + p.subscripts + below,
		"rest " + rest + " " + below,
	}
	if !reaches {
		keys = append(keys, "rest "+rest)
	}
	return keys
}

func (p place) ofRO() []string {
	if p.subscripts == "" {
		return []string{"ro at " + p.base, "ro"}
	}
	return []string{"ro at " + p.base + p.subscripts, "ro below " + p.subscripts, "ro below"}
}

func (p place) joined() bool { return strings.ContainsAny(p.rest, "ាោៅ") }

// ofCore depends on whether the vowel to the right joins the letter, as those do that are ា or look like it.
func (p place) ofCore(letters string) []string {
	if p.joined() {
		return []string{"joined letter " + letters, "letter " + letters}
	}
	return []string{"letter " + letters}
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
	count(choices, p.ofCore(p.base + p.subscripts)[0], p.core)
	subscripts, core := []rune(p.subscripts), []rune(p.core)
	over := len(core) - len(subscripts)/2
	if over <= 0 || over == len(core) {
		return
	}
	count(choices, p.ofOver()[0], string(core[:over]))
	for i, code := range core[over:] {
		for _, key := range p.ofSubscript(subscripts[2*i+1]) {
			count(choices, key, string(code))
		}
	}
}

// ofOver is for the letter above subscripts.
func (p place) ofOver() []string {
	if p.joined() {
		return []string{"joined over " + p.base, "over " + p.base, "letter " + p.base}
	}
	return []string{"over " + p.base, "letter " + p.base}
}

// ofSubscript: ញ has another for itself than for other letters.
func (p place) ofSubscript(letter rune) []string {
	of := []string{"subscript " + string(letter) + " of " + p.base}
	if string(letter) != p.base {
		of = append(of, "subscript "+string(letter))
	}
	return of
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
		if float64(count) >= usual*float64(total) && can(codes) && s.reads(codes, text) {
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
	core, ok := s.core(p, can)
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
	// By its parts. A shifter gives way to a vowel above the letter, and is drawn as the vowel below.
	form := gap
	for rest := p.rest; rest != ""; {
		_, size := utf8.DecodeRuneInString(rest)
		part := rest[:size]
		rest = rest[size:]
		if isShifter(part) && strings.ContainsAny(rest, "ិីឹឺើ") {
			part = vowelU
		}
		next, ok := s.choose(can, p.ofRest(part))
		if !ok && isShifter(part) {
			next, ok = s.alone(part, can)
			next = gap + next
		}
		if !ok {
			return "", false
		}
		ahead, behind, _ := strings.Cut(next, gap)
		form = ahead + form + behind
	}
	return form, true
}

func isShifter(part string) bool { return part == "\u17c9" || part == "\u17ca" }

// core is how the letter is typed with its subscripts, but ro.
func (s *speller) core(p place, can func(string) bool) (string, bool) {
	places := p.ofCore(p.base + p.subscripts)
	changes := p.joined() && s.changes(p.base)
	if changes {
		places = places[:1]
	}
	if form, ok := s.choose(can, places); ok {
		return form, true
	}
	if p.subscripts == "" {
		return s.unknown(p.base, places, can)
	}
	form, ok := s.choose(can, p.ofOver())
	// Typists differ in what they do about the subscripts of a letter that changes.
	ok = ok && !changes
	for subscripts := []rune(p.subscripts); len(subscripts) > 0 && ok; subscripts = subscripts[2:] {
		var below string
		if below, ok = s.choose(can, p.ofSubscript(subscripts[1])); !ok {
			below, ok = s.unknown(string(subscripts[:2]), p.ofSubscript(subscripts[1]), can)
		}
		form += below
	}
	return form, ok
}

// changes tells whether a letter has another glyph where a vowel joins it.
func (s *speller) changes(letter string) bool {
	all := func(string) bool { return true }
	places := place{base: letter, rest: vowelAA}.ofCore(letter)
	joined, found := s.choose(all, places[:1])
	plain, _ := s.choose(all, places[1:])
	return found && joined != plain
}

// unknown is how to type what was not seen in the places, by the family's code alone.
func (s *speller) unknown(text string, places []string, can func(string) bool) (string, bool) {
	if _, seen := s.choose(func(string) bool { return true }, places); seen {
		return "", false // but with codes that cannot be drawn
	}
	return s.alone(text, can)
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
			if codes := string([]rune{first, second}); khmer.BeginsInside(s.draws(second)) && can(codes) && s.reads(codes, text) {
				found = append(found, codes)
			}
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}
