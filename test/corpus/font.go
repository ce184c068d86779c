package corpus

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"golang.org/x/image/font/gofont/goregular"

	"github.com/openplp/khocr/test/pdftest"
)

const showText = "BT /F 24 Tf 72 700 Td (The quick brown fox) Tj 0 -40 Td <004300440045> Tj ET"

// withFont is a document that is set in a font, object 11, with more objects from 12 on.
func withFont(objects ...string) []byte {
	return drawing("/Font<</F 11 0 R>>", showText, objects...)
}

// embedded is a document that is set in the program of a font, which is kept under a key of its descriptor.
func embedded(subtype, key, entries, program string) []byte {
	return withFont("<</Type/Font/Subtype/"+subtype+"/BaseFont/A/FirstChar 32/LastChar 126/Widths 13 0 R/Encoding/WinAnsiEncoding/FontDescriptor 12 0 R>>",
		"<</Type/FontDescriptor/FontName/A/Flags 32/FontBBox[0 -200 1000 900]/Ascent 900/Descent -200/"+key+" 14 0 R>>",
		"["+strings.Repeat("500 ", 95)+"]", pdftest.Packed(strings.NewReader(program), 1, entries))
}

// composite is a document that is set in glyphs by number, by the entries of its font and of what the font is made from.
func composite(font, descendant string, more ...string) []byte {
	return withFont(append([]string{
		"<</Type/Font/Subtype/Type0/BaseFont/A/DescendantFonts[12 0 R]" + font + ">>",
		"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor 13 0 R" + descendant + ">>",
		"<</Type/FontDescriptor/FontName/A/Flags 4/FontBBox[0 -200 1000 900]/FontFile2 14 0 R>>",
		pdftest.Packed(strings.NewReader(string(goregular.TTF)), 1, ""),
	}, more...)...)
}

func type3(entries string, glyph ...string) []byte {
	return withFont(append([]string{"<</Type/Font/Subtype/Type3/FirstChar 84/LastChar 104/Widths[" + strings.Repeat("500 ", 21) +
		"]/Encoding<</Differences[84/a 101/a/b/c/a]>>/CharProcs<</a 12 0 R/b 13 0 R>>" + entries + ">>"}, glyph...)...)
}

func fontAttacks() []attack {
	const plain = "/FontBBox[0 0 1000 1000]/FontMatrix[.001 0 0 .001 0 0]"
	truetype := string(goregular.TTF)
	tableOf := func(name string, edit func(table []byte)) func() []byte {
		return func() []byte {
			font := []byte(truetype)
			at, length := trueTypeTable(font, name)
			edit(font[at : at+length])
			return embedded("TrueType", "FontFile2", "", string(font))
		}
	}
	fill := func(value byte) func([]byte) {
		return func(table []byte) {
			for i := range table {
				table[i] = value
			}
		}
	}
	attacks := []attack{
		{name: "glyphs that draw text in their font", content: func() []byte {
			return type3(plain+"/Resources<</Font<</F 11 0 R>>>>", pdftest.Stream("", "500 0 d0 BT /F 1 Tf (The) Tj ET"), pdftest.Stream("", "500 0 d0 BT /F 1 Tf (eee) Tj ET"))
		}},
		{name: "two fonts that draw each other", content: func() []byte {
			return type3(plain+"/Resources<</Font<</F 14 0 R>>>>", pdftest.Stream("", "500 0 d0 BT /F 1 Tf (The) Tj ET"), "null",
				"<</Type/Font/Subtype/Type3/FirstChar 84/LastChar 84/Widths[500]"+plain+"/Encoding<</Differences[84/a]>>/CharProcs<</a 12 0 R>>/Resources<</Font<</F 11 0 R>>>>>>")
		}},
		{name: "glyphs that never end", content: func() []byte {
			return type3(plain, pdftest.Packed(pdftest.Repeated("0 0 1000 1000 re f\n", 64<<20), 3, ""), "null")
		}},
		{name: "glyphs of nothing", content: func() []byte { return type3(plain, "null", "7 0 R") }},
		{name: "glyphs that are as large as can be", content: func() []byte {
			return type3("/FontBBox[0 0 99999999 99999999]/FontMatrix[99999 0 0 99999 0 0]", pdftest.Stream("", "9 0 0 0 99999999 99999999 d1 0 0 99999999 99999999 re f"), "null")
		}},
		{name: "a matrix of nothing", content: func() []byte {
			return type3("/FontBBox[0 0 0 0]/FontMatrix[0 0 0 0 0 0]", pdftest.Stream("", "0 0 d0 0 0 9 9 re f"), "null")
		}},
		{name: "TrueType of nothing", content: func() []byte { return embedded("TrueType", "FontFile2", "", "") }},
		{name: "TrueType that is cut off", content: func() []byte { return embedded("TrueType", "FontFile2", "", truetype[:2000]) }},
		{name: "TrueType whose tables are all the same", content: func() []byte {
			font := []byte(truetype)
			for at := 12; at < 12+16*int(binary.BigEndian.Uint16(font[4:])); at += 16 {
				copy(font[at+8:at+16], font[20:28])
			}
			return embedded("TrueType", "FontFile2", "", string(font))
		}},
		{name: "TrueType with 65,535 tables", content: func() []byte {
			return embedded("TrueType", "FontFile2", "", truetype[:4]+"\xff\xff"+truetype[6:])
		}},
		{name: "TrueType of parts that are made from themselves", content: tableOf("glyf", func(table []byte) {
			// A composite of glyph 0 and more to follow, wherever one begins.
			for i := 0; i+16 <= len(table); i += 16 {
				copy(table[i:], "\xff\xff\x00\x00\x00\x00\x00\xff\x00\xff\x00\x22\x00\x00\x00\x00")
			}
		})},
		{name: "TrueType of glyphs beyond all", content: tableOf("maxp", fill(0xff))},
		{name: "TrueType of no units", content: tableOf("head", func(table []byte) { copy(table[18:], "\x00\x00") })},
		{name: "TrueType of places beyond all", content: tableOf("loca", fill(0xff))},
		{name: "TrueType of a code beyond all", content: tableOf("cmap", fill(0xff))},
		{name: "TrueType whose instructions never end", content: func() []byte {
			font := []byte(truetype)
			for _, name := range []string{"fpgm", "prep"} {
				at, length := trueTypeTable(font, name)
				for i := range length / 4 * 4 {
					// PUSHW -3, JMPR.
					font[at+i] = "\xb8\xff\xfd\x1c"[i%4]
				}
			}
			return embedded("TrueType", "FontFile2", "", string(font))
		}},
		{name: "CFF whose routines call themselves", content: func() []byte {
			return embedded("Type1", "FontFile3", "/Subtype/Type1C", compactFont("\x20\x1d\x20\x1d\x0b", "\x20\x1d\x0e"))
		}},
		{name: "CFF of numbers without end", content: func() []byte {
			return embedded("Type1", "FontFile3", "/Subtype/Type1C", compactFont("\x0b", strings.Repeat("\x8b", 60_000)+"\x0e"))
		}},
		{name: "CFF of operators without numbers", content: func() []byte {
			return embedded("Type1", "FontFile3", "/Subtype/Type1C", compactFont("\x0b", strings.Repeat("\x0c\x22\x0c\x17\x18\x1b\x08", 9000)+"\x0e"))
		}},
		{name: "CFF of nothing", content: func() []byte { return embedded("Type1", "FontFile3", "/Subtype/Type1C", "\x01\x00\x04\x01") }},
		{name: "OpenType that is none", content: func() []byte { return embedded("Type1", "FontFile3", "/Subtype/OpenType", "OTTO\xff\xff") }},
		{name: "Type 1 whose routines call themselves", content: func() []byte { return embeddedType1("0 callsubr", "0 callsubr endchar") }},
		{name: "Type 1 of a text that never ends", content: func() []byte {
			return embedded("Type1", "FontFile", "", "%!PS-AdobeFont-1.0\n/Private "+strings.Repeat("(", 100_000))
		}},
		{name: "Type 1 of two billion routines", content: func() []byte {
			return embedded("Type1", "FontFile", "", "%!PS-AdobeFont-1.0: A\n/FontMatrix[.001 0 0 .001 0 0]readonly def\n/Encoding StandardEncoding def\ncurrentfile eexec\n"+
				encrypt("aaaa/Private 9 dict dup begin /lenIV 4 def /Subrs 2147483647 array dup 2147483646 5 RD aaaaa NP end /CharStrings 2147483647 dict dup begin", 55665))
		}},
		{name: "widths beyond all", content: func() []byte {
			return withFont("<</Type/Font/Subtype/TrueType/BaseFont/Arial/FirstChar -5/LastChar 2147483647/Widths[99999999999 -1 null (a)]>>")
		}},
		{name: "names for glyphs without end", content: func() []byte {
			return withFont("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[250" + strings.Repeat("/a", 100_000) + " -9/b 99999999999/c]>>>>")
		}},
		{name: "a font without a kind", content: func() []byte { return withFont("<</Type/Font>>") }},
		{name: "no descendants", content: func() []byte { return composite("/Encoding/Identity-H/DescendantFonts[]", "") }},
		{name: "an encoding that nobody knows", content: func() []byte { return composite("/Encoding/Nobodys-H", "") }},
		{name: "an encoding of a path", content: func() []byte { return composite("/Encoding/..#2f..#2f..#2fetc#2fpasswd", "") }},
		{name: "glyphs from a map that is too short", content: func() []byte {
			return composite("/Encoding/Identity-H", "/CIDToGIDMap 15 0 R", pdftest.Stream("", "a"))
		}},
		{name: "a list of widths that is broken", content: func() []byte {
			return composite("/Encoding/Identity-H", "/W[0 2147483647 500 -5[1 2 3] 9 (a) null 7]/DW 99999999999/W2[0 65535 1 2 3]/DW2[0 0]")
		}},
	}
	for name, code := range ordered(
		"a range of everything", "1 beginbfrange <0000> <ffff> <0041> endbfrange",
		"a range of four bytes", "1 begincodespacerange <00000000> <ffffffff> endcodespacerange 1 beginbfrange <00000000> <ffffffff> <0041> endbfrange",
		"a range that runs backwards", "1 beginbfrange <ffff> <0000> <0041> endbfrange",
		"ranges without end", strings.Repeat("1 begincidrange <0000> <ffff> 0 endcidrange 1 begincidrange <0001> <fffe> 9 endcidrange ", 3000),
		"ranges that lie within each other", strings.Repeat("2 beginbfrange <0010> <00ff> <0041> <0020> <0080> <00410042004300440045> endbfrange ", 5000),
		"a text for each glyph that is a page long", "1 beginbfchar <0043> <"+strings.Repeat("0041", 50_000)+"> endbfchar",
		"halves of letters", "3 beginbfchar <0043> <d800> <0044> <dc00dc00> <0045> <> endbfchar",
		"controls for letters", "3 beginbfchar <0043> <0000> <0044> <001b000c> <0045> <fffeffff> endbfchar",
		"the code of itself", "/Identity-H usecmap /A usecmap /CMapName /A def",
		"a list that never ends", "1 beginbfrange <0000> <00ff> ["+strings.Repeat("<0041>", 9999),
		"a name that never ends", "/"+strings.Repeat("A", 1<<20),
	) {
		attacks = append(attacks,
			attack{name: "for reading: " + name, content: func() []byte {
				return composite("/Encoding/Identity-H/ToUnicode 15 0 R", "", pdftest.Stream("", codes(code)))
			}},
			attack{name: "for drawing: " + name, content: func() []byte {
				return composite("/Encoding 15 0 R", "", pdftest.Stream("/Type/CMap/CMapName/A/UseCMap 15 0 R", codes(code)))
			}},
		)
	}
	return attacks
}

// codes is a CMap around some of its operators.
func codes(operators string) string {
	return "/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange " +
		operators + " endcmap end end"
}

// trueTypeTable finds a table: where it begins and how long it is.
func trueTypeTable(font []byte, name string) (at, length int) {
	for entry := 12; entry < 12+16*int(binary.BigEndian.Uint16(font[4:])); entry += 16 {
		if string(font[entry:entry+4]) == name {
			return int(binary.BigEndian.Uint32(font[entry+8:])), int(binary.BigEndian.Uint32(font[entry+12:]))
		}
	}
	panic("the font has no table " + name)
}

// compactFont is a CFF font of a routine for all and of a program for the one glyph beside the missing one.
func compactFont(routine, glyph string) string {
	index := func(items ...string) string {
		if len(items) == 0 {
			return "\x00\x00"
		}
		out := binary.BigEndian.AppendUint16(nil, uint16(len(items)))
		out = append(out, 4)
		at := uint32(1)
		out = binary.BigEndian.AppendUint32(out, at)
		for _, item := range items {
			at += uint32(len(item))
			out = binary.BigEndian.AppendUint32(out, at)
		}
		return string(out) + strings.Join(items, "")
	}
	integer := func(value int) string { return "\x1d" + string(binary.BigEndian.AppendUint32(nil, uint32(value))) }
	head := "\x01\x00\x04\x04" + index("A")
	glyphs := index("\x0e", glyph)
	after := index() + index(routine)
	// The dictionary has one length whatever the places in it.
	top := func(at int) string {
		return index(integer(at) + "\x11" + integer(0) + integer(at+len(glyphs)) + "\x12")
	}
	at := len(head) + len(top(0)) + len(after)
	return head + top(at) + after + glyphs
}

// encrypt as Type 1 fonts do.
func encrypt(plain string, key uint16) string {
	out := make([]byte, len(plain))
	for i := range plain {
		out[i] = plain[i] ^ byte(key>>8)
		key = (uint16(out[i])+key)*52845 + 22719
	}
	return string(out)
}

// embeddedType1 is set in a font whose routine 0 and letters have the programs, written in their operators.
func embeddedType1(routine, glyph string) []byte {
	code := func(words string) string {
		var out strings.Builder
		for _, word := range strings.Fields(words) {
			switch word {
			case "callsubr":
				out.WriteByte(10)
			case "return":
				out.WriteByte(11)
			case "endchar":
				out.WriteByte(14)
			case "hsbw":
				out.WriteByte(13)
			default:
				out.WriteByte(139)
			}
		}
		return encrypt("aaaa"+out.String(), 4330)
	}
	entry := func(words string) string { return fmt.Sprintf("%d RD %s", len(code(words)), code(words)) }
	private := "aaaadup /Private 9 dict dup begin /RD{string currentfile exch readstring pop}executeonly def /ND{noaccess def}executeonly def /NP{noaccess put}executeonly def" +
		" /lenIV 4 def /MinFeature{16 16} def /password 5839 def /BlueValues[] def /Subrs 1 array dup 0 " + entry(routine) + " NP ND 2 index /CharStrings 3 dict dup begin /.notdef " +
		entry("0 0 hsbw endchar") + " ND /T " + entry("0 0 hsbw "+glyph) + " ND /e " + entry("0 0 hsbw "+glyph) + " ND end end readonly put noaccess put dup/FontName get exch definefont pop mark currentfile closefile\n"
	head := "%!PS-AdobeFont-1.0: A\n11 dict begin /FontInfo 1 dict dup begin end readonly def /FontName /A def /PaintType 0 def /FontType 1 def" +
		" /FontMatrix[0.001 0 0 0.001 0 0]readonly def /Encoding StandardEncoding def /FontBBox{0 0 1000 1000}readonly def currentdict end currentfile eexec\n"
	secret := encrypt(private, 55665)
	return embedded("Type1", "FontFile", fmt.Sprintf("/Length1 %d/Length2 %d/Length3 0", len(head), len(secret)), head+secret)
}

// randomFont has a font of some kind with parts of it spoiled.
func randomFont(random *rand.Rand) []byte {
	switch random.IntN(6) {
	case 0, 1, 2:
		font := bytes.Clone(goregular.TTF)
		name := pick(random, "glyf", "glyf", "loca", "cmap", "head", "hhea", "hmtx", "maxp", "fpgm", "prep", "cvt ", "name", "post")
		at, length := trueTypeTable(font, name)
		copy(font[at:at+length], spoil(random, font[at:at+length]))
		if random.IntN(4) == 0 {
			copy(font[:12+16*12], spoil(random, font[:12+16*12]))
		}
		if random.IntN(2) == 0 {
			return embedded("TrueType", "FontFile2", "", string(font))
		}
		return withFont("<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[12 0 R]>>",
			"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor 13 0 R>>",
			"<</Type/FontDescriptor/FontName/A/Flags 4/FontFile2 14 0 R>>", pdftest.Packed(strings.NewReader(string(font)), 1, ""))
	case 3:
		routine, glyph := make([]byte, 1+random.IntN(40)), make([]byte, 1+random.IntN(400))
		for i := range routine {
			routine[i] = byte(random.Uint32())
		}
		for i := range glyph {
			glyph[i] = byte(random.Uint32())
		}
		font := []byte(compactFont(string(routine), string(glyph)))
		if random.IntN(2) == 0 {
			font = spoil(random, font)
		}
		return embedded("Type1", "FontFile3", "/Subtype/Type1C", string(font))
	case 4:
		operators := "2 beginbfrange <0000> <00ff> <0041> <0100> <01ff> [<0041> <0042>] endbfrange 1 beginbfchar <0043> <1780> endbfchar 1 begincidrange <0000> <ffff> 0 endcidrange"
		return composite("/Encoding/Identity-H/ToUnicode 15 0 R", "", pdftest.Packed(strings.NewReader(string(spoil(random, renumber(random, []byte(codes(operators)))))), 1, ""))
	default:
		return spoil(random, embeddedType1("0 return", "0 callsubr endchar"))
	}
}
