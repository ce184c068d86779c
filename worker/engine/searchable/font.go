package searchable

import (
	_ "embed"
)

// glyphless is the font of Tesseract's own PDFs: one glyph without an outline, half as wide as it is high. A font that is
// missing would be replaced by the viewer, with other widths.
//
//go:embed glyphless.ttf
var glyphless []byte

// toUnicode says that every code is the number of its character.
const toUnicode = `/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
1 beginbfrange
<0000> <FFFF> <0000>
endbfrange
endcmap
CMapName currentdict /CMap defineresource pop
end
end
`

// writeFont adds the font of the layers, and returns the reference to it.
func (w *writer) writeFont() ref {
	// Every code has the font's second glyph; the first one is for what is missing.
	glyphs := make([]byte, 2<<16)
	for i := 1; i < len(glyphs); i += 2 {
		glyphs[i] = 1
	}
	glyphOf := w.compressed(dict{}, glyphs)
	program := w.compressed(dict{"Length1": integer(int64(len(glyphless)))}, glyphless)
	unicode := w.compressed(dict{}, []byte(toUnicode))
	descriptor := w.add(dict{
		"Type": name("FontDescriptor"), "FontName": name("GlyphLessFont"), "Flags": number("5"), "ItalicAngle": number("0"),
		"Ascent": number("1000"), "Descent": number("-1"), "CapHeight": number("1000"), "StemV": number("80"),
		"FontBBox": array{number("0"), number("0"), number("500"), number("1000")}, "FontFile2": program,
	})
	descendant := w.add(dict{
		"Type": name("Font"), "Subtype": name("CIDFontType2"), "BaseFont": name("GlyphLessFont"), "CIDToGIDMap": glyphOf,
		"CIDSystemInfo":  dict{"Registry": text("Adobe"), "Ordering": text("Identity"), "Supplement": number("0")},
		"FontDescriptor": descriptor, "DW": number("500"),
	})
	return w.add(dict{
		"Type": name("Font"), "Subtype": name("Type0"), "BaseFont": name("GlyphLessFont"), "Encoding": name("Identity-H"),
		"DescendantFonts": array{descendant}, "ToUnicode": unicode,
	})
}
