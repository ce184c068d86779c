// Package legacy decodes text in the fonts that Khmer was set in before Unicode had it. Such a font draws parts of syllables
// for the codes of Latin letters (Windows code page 1252): a document says "Rsþ" and shows ស្រ្ត. The name of the font tells
// the code. Decoding is exact: what a code draws is known, and what is not known is not guessed.
//
// It works on codes and names alone: it opens no document, and does not know where on a page a glyph stands.
package legacy

import (
	"regexp"
	"strings"
)

// Family of fonts that share a code.
type Family struct {
	// Name of the family, such as "Limon".
	Name string
	// Ornament is true for fonts that draw dividers and flowers for letters. Their text is empty.
	Ornament bool
	// code is nil where it is not known.
	code *code
}

// Decodes tells whether the family's code is known.
func (f *Family) Decodes() bool { return f.code != nil || f.Ornament }

// families by the names of their fonts, as plainName leaves them. The first that matches is it. Faces that are not known to
// share the code of their family are in a family of the name that has none.
var families = []struct {
	names  *regexp.Regexp
	family *Family
}{
	{regexp.MustCompile(`^limon`), &Family{Name: "Limon", code: &limon}},
	{regexp.MustCompile(`^abc(text|fancy|head)\d\d?a`), &Family{Name: "ABC-ZWSP", code: &abcZWSP}},
	{regexp.MustCompile(`^abctext(06|11)`), &Family{Name: "ABC", code: &abcSplitLA}},
	{regexp.MustCompile(`^abctext24`), &Family{Name: "ABC", code: &abcLate}},
	{regexp.MustCompile(`^abc(text|fancy|head)\d`), &Family{Name: "ABC", code: &abc}},
	{regexp.MustCompile(`^abc(text|fancy|head|zwsp)`), &Family{Name: "ABC"}},
	{regexp.MustCompile(`^truth11`), &Family{Name: "Truth", code: &truth}},
	{regexp.MustCompile(`^truth\d`), &Family{Name: "Truth"}},
	{regexp.MustCompile(`^baidok3[acd]`), &Family{Name: "Baidok", code: &baidok}},
	{regexp.MustCompile(`^baidok`), &Family{Name: "Baidok"}},
	{regexp.MustCompile(`^khek|^(anlongvill|battambang|mool|riel|sambot|samreth)khek`), &Family{Name: "Khek", code: &khek}},
	{regexp.MustCompile(`^fk1($|\D)`), &Family{Name: "FK", code: &fk}},
	{regexp.MustCompile(`^fk\d`), &Family{Name: "FK"}},
	{regexp.MustCompile(`^(ksw)?kaohkong`), &Family{Name: "Kaoh Kong", code: &kaohKong}},
	{regexp.MustCompile(`^a?rasmeikampuchea|^khmerchantha|^khmerkep`), &Family{Name: "Rasmei Kampuchea", code: &rasmei}},
	{regexp.MustCompile(`^tact(e|ei)ng`), &Family{Name: "Tacteing", Ornament: true}},
}

var (
	// subset is the mark before the name of a font of which a PDF has only some glyphs (ISO 32000-1, 9.6.4).
	subset = regexp.MustCompile(`^[A-Z]{6}\+`)
	// filler is what writers of PDFs put between the words of a name, or leave out.
	filler = strings.NewReplacer(" ", "", "-", "", "_", "", "@", "", "#20", "")
)

// Find the family of a font by the name that a document has for it, with or without the mark of a subset. It is nil for all
// others: fonts for Unicode, and those for other scripts.
func Find(font string) *Family {
	name := strings.ToLower(filler.Replace(subset.ReplaceAllString(font, "")))
	for _, known := range families {
		if known.names.MatchString(name) {
			return known.family
		}
	}
	return nil
}
