package corpus

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/openplp/khocr/test/pdftest"
)

const form = "/Type/XObject/Subtype/Form/BBox[0 0 600 900]"

// recursionAttacks are objects that need themselves.
func recursionAttacks(good good) []attack {
	attacks := []attack{
		{name: "a page that is its own parent", content: func() []byte { return good.files["crash.pdf"] }},
		{name: "a page that is its own parent and has no content", content: func() []byte {
			return pdftest.ThreePages("<</Type/Page/Parent 4 0 R>>")
		}},
		{name: "two pages that are their parents", content: func() []byte {
			return pdftest.ThreePages("<</Type/Page/Parent 10 0 R>>", "<</Type/Page/Parent 4 0 R>>")
		}},
		{name: "a page that is drawn within itself", content: func() []byte {
			return pdftest.ThreePages(sized("0 0 595 842", "/Contents 4 0 R/Resources 4 0 R"))
		}},
		{name: "content in lists within lists", content: func() []byte {
			return pdftest.ThreePages(sized("0 0 595 842", "/Contents 10 0 R"), "["+strings.Repeat("[", 10000)+"6 0 R"+strings.Repeat("]", 10001))
		}},
		{name: "content that lists itself", content: func() []byte {
			return pdftest.ThreePages(sized("0 0 595 842", "/Contents 10 0 R"), "[10 0 R 6 0 R 10 0 R]")
		}},
		{name: "an object that is a reference to itself", content: func() []byte {
			return pdftest.ThreePages(sized("0 0 595 842", "/Contents 10 0 R"), "10 0 R")
		}},
		{name: "a chain of 30,000 references", content: func() []byte {
			var chain []string
			for i := range 30_000 {
				chain = append(chain, fmt.Sprintf("%d 0 R", first+1+i))
			}
			return pdftest.ThreePages(sized("0 0 595 842", "/Contents 10 0 R"), append(chain, "null")...)
		}},
		{name: "a stream whose length is the stream", content: func() []byte {
			return pdftest.ThreePages(sized("0 0 595 842", "/Contents 10 0 R"), "<</Length 10 0 R>>\nstream\n0 0 9 9 re f\nendstream")
		}},
		{name: "a stream whose filter is the stream", content: func() []byte {
			return pdftest.ThreePages(sized("0 0 595 842", "/Contents 10 0 R"), pdftest.Stream("/Filter 10 0 R/DecodeParms 10 0 R", "0 0 9 9 re f"))
		}},
		{name: "a key of a JBIG2 image that is the image", content: func() []byte {
			return drawing("/XObject<</X 11 0 R>>", "595 0 0 842 0 0 cm /X Do", pdftest.Stream("/Subtype/Image/Width 9/Height 9"+
				"/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/JBIG2Decode/DecodeParms<</JBIG2Globals 11 0 R>>", "abc"))
		}},
	}
	for _, loop := range []struct{ name, resources, content, object string }{
		{"a form that draws itself", "/XObject<</X 11 0 R>>", "/X Do", pdftest.Stream(form+"/Resources<</XObject<</X 11 0 R>>>>", "/X Do /X Do")},
		{"a group that draws itself", "/XObject<</X 11 0 R>>", "/X Do", pdftest.Stream(form+"/Group<</S/Transparency/I true/K true/CS 11 0 R>>/Resources<</XObject<</X 11 0 R>>>>", "/X Do")},
		{"a pattern of itself", "/Pattern<</P 11 0 R>>", "/Pattern cs /P scn 0 0 595 842 re f",
			pdftest.Stream("/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 10 10]/XStep 10/YStep 10/Resources<</Pattern<</P 11 0 R>>>>", "/Pattern cs /P scn 0 0 10 10 re f")},
		{"a mask of itself", "/ExtGState<</G 11 0 R>>", "/G gs 0 0 595 842 re f",
			pdftest.Stream(form+"/Type/ExtGState/SMask<</S/Luminosity/G 11 0 R>>/Group<</S/Transparency>>/Resources<</ExtGState<</G 11 0 R>>>>", "/G gs 0 0 595 842 re f")},
		{"a font of itself", "/Font<</F 11 0 R>>", "BT /F 12 Tf 72 700 Td (aaa) Tj ET",
			"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 97/LastChar 97/Widths[9]/Encoding<</Differences[97/a]>>/CharProcs<</a 12 0 R>>/Resources<</Font<</F 11 0 R>>>>>>"},
		{"a descendant font of itself", "/Font<</F 11 0 R>>", "BT /F 12 Tf 72 700 Td (aaa) Tj ET",
			"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[11 0 R]>>"},
		{"a code of itself", "/Font<</F 11 0 R>>", "BT /F 12 Tf 72 700 Td (aaa) Tj ET",
			pdftest.Stream("/Type/Font/Subtype/Type0/BaseFont/A/Encoding 11 0 R/UseCMap 11 0 R/ToUnicode 11 0 R/DescendantFonts[8 0 R]", "11 0 R usecmap")},
		{"a colour of itself", "/ColorSpace<</C 11 0 R>>", "/C cs .5 scn 0 0 595 842 re f", "[/Separation/A 11 0 R 13 0 R]"},
		{"a palette of itself", "/ColorSpace<</C 11 0 R>>", "/C cs 1 scn 0 0 595 842 re f", "[/Indexed 11 0 R 255 (abc)]"},
		{"a profile of itself", "/ColorSpace<</C[/ICCBased 11 0 R]>>", "/C cs 1 scn 0 0 595 842 re f", pdftest.Stream("/N 3/Alternate[/ICCBased 11 0 R]", "abc")},
		{"a pattern of colours of itself", "/ColorSpace<</C 11 0 R>>", "/C cs /P scn 0 0 595 842 re f", "[/Pattern 11 0 R]"},
		{"a function of itself", "/ColorSpace<</C[/Separation/A/DeviceGray 11 0 R]>>", "/C cs .5 scn 0 0 595 842 re f",
			"<</FunctionType 3/Domain[0 1]/Functions[11 0 R 11 0 R]/Bounds[.5]/Encode[0 1 0 1]>>"},
		{"a shading of itself", "/Shading<</S 11 0 R>>", "/S sh", "<</ShadingType 2/ColorSpace 11 0 R/Coords[0 0 1 1]/Function 11 0 R>>"},
		{"an image that masks itself", "/XObject<</X 11 0 R>>", "595 0 0 842 0 0 cm /X Do", pdftest.Stream("/Subtype/Image/Width 9/Height 9/BitsPerComponent 8/ColorSpace/DeviceGray/SMask 11 0 R/Mask 11 0 R", strings.Repeat("a", 81))},
		{"layers within themselves", "/Properties<</L 11 0 R>>", "/OC /L BDC 0 0 9 9 re f EMC", "<</Type/OCMD/OCGs[11 0 R]/VE[/And 11 0 R 11 0 R]>>"},
	} {
		attacks = append(attacks, attack{name: loop.name, content: func() []byte {
			return drawing(loop.resources, loop.content, loop.object, pdftest.Stream("", "9 0 d0 BT /F 9 Tf (a) Tj ET"),
				"<</FunctionType 2/Domain[0 1]/N 1>>")
		}})
	}
	for name, catalog := range ordered(
		"outlines", "/Outlines<</First 10 0 R/Last 10 0 R/Count 2000000000>>", "fields of a form", "/AcroForm<</Fields[10 0 R]/XFA 10 0 R>>",
		"names", "/Names<</Dests 10 0 R/EmbeddedFiles 10 0 R/JavaScript 10 0 R>>", "labels of pages", "/PageLabels 10 0 R",
		"tags", "/StructTreeRoot 10 0 R/MarkInfo<</Marked true>>", "actions", "/OpenAction 10 0 R", "lists of layers", "/OCProperties<</OCGs[10 0 R]/D 10 0 R>>",
	) {
		attacks = append(attacks, attack{name: name + " within themselves", content: func() []byte {
			objects := pdftest.ThreeObjects(sized("0 0 595 842", "/Annots[10 0 R]"), "<</Type/Annot/Subtype/Widget/Rect[0 0 9 9]/FT/Tx/T(a)/Title(a)/First 10 0 R/Next 10 0 R/Prev 10 0 R"+
				"/Parent 10 0 R/Kids[10 0 R 10 0 R]/K[10 0 R]/P 10 0 R/A 10 0 R/S/GoTo/D 10 0 R/Order[10 0 R]/AP<</N 11 0 R>>>>",
				pdftest.Stream(form+"/Resources<</XObject<</X 11 0 R>>>>", "/X Do"))
			objects[0] = "<</Type/Catalog/Pages 2 0 R" + catalog + ">>"
			return pdftest.Of(objects...)
		}})
	}
	return attacks
}

// bombAttacks are small until they are unpacked.
func bombAttacks() []attack {
	return []attack{
		{name: "64 MB of operators", content: func() []byte {
			return drawingOf("", pdftest.Packed(pdftest.Repeated("0 0 595 842 re f\n", 64<<20), 3, ""))
		}},
		{name: "512 MB of spaces", content: func() []byte { return drawingOf("", pdftest.Packed(pdftest.Repeated(" ", 512<<20), 3, "")) }},
		{name: "64 MB of brackets", content: func() []byte { return drawingOf("", pdftest.Packed(pdftest.Repeated("[", 64<<20), 3, "")) }},
		{name: "64 MB of one text", content: func() []byte {
			return drawingOf("/Font<</F 8 0 R>>", pdftest.Packed(io.MultiReader(strings.NewReader("BT /F 12 Tf ("), pdftest.Repeated("a", 64<<20), strings.NewReader(") Tj ET")), 3, ""))
		}},
		{name: "128 MB of one number", content: func() []byte { return drawingOf("", pdftest.Packed(pdftest.Repeated("9", 128<<20), 3, "")) }},
		{name: "a thousand filters", content: func() []byte {
			return drawingOf("", pdftest.Stream("/Filter["+strings.Repeat("/ASCIIHexDecode ", 1000)+"]", "3030"))
		}},
		{name: "100,000 filters", content: func() []byte {
			return drawingOf("", pdftest.Stream("/Filter["+strings.Repeat("/RunLengthDecode ", 100_000)+"]", "\x80"))
		}},
		{name: "128 MB of objects", content: func() []byte {
			return pdftest.ThreePages(sized("0 0 595 842", "/Contents 11 0 R"), pdftest.Packed(pdftest.Repeated("1 ", 128<<20), 3, "/Type/ObjStm/N 9/First 99"))
		}},
		{name: "objects of 128 MB in the table", content: func() []byte {
			out := string(pdftest.ThreePages(written))
			out = out[:strings.LastIndex(out, "xref\n0 ")]
			table := pdftest.Packed(pdftest.Repeated("\x01\x00\x10\x00", 128<<20), 3, "/Type/XRef/Root 1 0 R/Size 67108864/W[1 2 1]")
			return fmt.Appendf(nil, "%s99 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", out, table, len(out))
		}},
		{name: "a code of 128 MB", content: func() []byte {
			return drawing("/Font<</F 11 0 R>>", "BT /F 12 Tf 72 700 Td (aaa) Tj ET", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 12 0 R>>",
				pdftest.Packed(pdftest.Repeated("100 beginbfchar <00> <0041> endbfchar\n", 128<<20), 3, ""))
		}},
		{name: "a font of 128 MB", content: func() []byte {
			return drawing("/Font<</F 11 0 R>>", "BT /F 12 Tf 72 700 Td (aaa) Tj ET",
				"<</Type/Font/Subtype/TrueType/BaseFont/A/FontDescriptor<</Type/FontDescriptor/FontName/A/Flags 32/FontFile2 12 0 R>>>>",
				pdftest.Packed(pdftest.Repeated("\x00\x01\x00\x00", 128<<20), 3, ""))
		}},
		{name: "a profile of 128 MB", content: func() []byte {
			return drawing("/ColorSpace<</C[/ICCBased 11 0 R]>>", "/C cs 1 0 0 scn 0 0 595 842 re f", pdftest.Packed(pdftest.Repeated("\x00", 128<<20), 3, "/N 3"))
		}},
		{name: "a palette of 128 MB", content: func() []byte {
			return drawing("/ColorSpace<</C[/Indexed/DeviceRGB 255 11 0 R]>>", "/C cs 1 scn 0 0 595 842 re f", pdftest.Packed(pdftest.Repeated("\x00", 128<<20), 3, ""))
		}},
		{name: "a function of 128 MB", content: func() []byte {
			return drawing("/ColorSpace<</C[/Separation/A/DeviceRGB 11 0 R]>>", "/C cs 1 scn 0 0 595 842 re f",
				pdftest.Packed(pdftest.Repeated("{", 128<<20), 3, "/FunctionType 4/Domain[0 1]/Range[0 1 0 1 0 1]"))
		}},
		{name: "samples of a function beyond all", content: func() []byte {
			return drawing("/ColorSpace<</C[/DeviceN[/A/B/C/D]/DeviceRGB 11 0 R]>>", "/C cs 1 1 1 1 scn 0 0 595 842 re f",
				pdftest.Stream("/FunctionType 0/Domain[0 1 0 1 0 1 0 1]/Range[0 1 0 1 0 1]/Size[65535 65535 65535 65535]/BitsPerSample 32", "a"))
		}},
		{name: "metadata of 128 MB", content: func() []byte {
			objects := pdftest.ThreeObjects(written, pdftest.Packed(pdftest.Repeated("<a>", 128<<20), 3, "/Type/Metadata/Subtype/XML"))
			objects[0] = "<</Type/Catalog/Pages 2 0 R/Metadata 10 0 R>>"
			return pdftest.Of(objects...)
		}},
		{name: "LZW of nothing but ones", content: func() []byte {
			return drawingOf("", pdftest.Stream("/Filter/LZWDecode", strings.Repeat("\xff", 1<<20)))
		}},
		{name: "a predictor of two billion columns", content: func() []byte {
			return drawingOf("", pdftest.Stream("/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 2147483647/Colors 32/BitsPerComponent 16>>", pdftest.Deflate(pdftest.Repeated("a", 1000))))
		}},
		{name: "a predictor of negative columns", content: func() []byte {
			return drawingOf("", pdftest.Stream("/Filter/FlateDecode/DecodeParms<</Predictor 2/Columns -1/Colors -1/BitsPerComponent -8>>", pdftest.Deflate(pdftest.Repeated("a", 1000))))
		}},
	}
}

// contentAttacks are pages that take long to draw, or never end.
func contentAttacks(good good) []attack {
	attacks := []attack{
		{name: "forms that draw forms", content: func() []byte { return good.files["hang.pdf"] }},
		{name: "five million letters", content: func() []byte {
			return drawingOf("/Font<</F 8 0 R>>", pdftest.Packed(io.MultiReader(strings.NewReader("BT /F 1 Tf 72 700 Td "),
				pdftest.Repeated("(abcdefghij) Tj\n", 5e6*16/10), strings.NewReader(" ET")), 2, ""))
		}},
		{name: "ten pages of forms that draw forms", content: func() []byte {
			var objects []string
			objects = append(objects, catalogue, "<</Type/Pages/Kids["+references(3, 10)+"]/Count 10>>")
			for range 10 {
				objects = append(objects, sized("0 0 595 842", "/Contents 13 0 R/Resources<</XObject<</X 14 0 R>>>>"))
			}
			objects = append(objects, pdftest.Stream("", "/X Do"))
			for number := 14; number < 26; number++ {
				objects = append(objects, pdftest.Stream(form+fmt.Sprintf("/Resources<</XObject<</X %d 0 R>>>>", number+1), strings.Repeat("/X Do ", 10)))
			}
			return pdftest.Of(append(objects, pdftest.Stream(form, "0 0 9 9 re f"))...)
		}},
	}
	step := func(x, y string) string {
		return pdftest.Stream("/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 100 100]/XStep "+x+"/YStep "+y+"/Resources<<>>", "0 0 1 1 re f")
	}
	for _, shape := range []struct{ name, resources, content, object string }{
		{"a pattern of a thousandth of a point", "/Pattern<</P 11 0 R>>", "/Pattern cs /P scn 0 0 595 842 re f", step(".001", ".001")},
		{"a pattern of no step", "/Pattern<</P 11 0 R>>", "/Pattern cs /P scn 0 0 595 842 re f", step("0", "0")},
		{"a pattern of negative steps", "/Pattern<</P 11 0 R>>", "/Pattern cs /P scn 0 0 595 842 re f", step("-.01", "-.01")},
		{"dashes of a thousandth of a point", "", "[.001 .001] 0 d 5 w 0 0 m 595 842 l S", ""},
		{"dashes on a curve of a million points", "", "[.001] 0 d 0 0 m 1000000 0 0 1000000 595 842 c S", ""},
		{"dashes of no length", "", "[0 0] 0 d 0 0 m 595 842 l S", ""},
		{"a line as wide as can be", "", "99999999999999 w 1 J 1 j 0 0 m 595 842 l S", ""},
		{"a line of no width, a million times", "", strings.Repeat("0 w 0 0 m 9 9 l S\n", 100_000), ""},
		{"numbers beyond all", "", "1e38 0 0 1e38 0 0 cm 99999999999999999999999999999999999999999 0 m 0 99999999999999999999999999999 l S", ""},
		{"a matrix of nothing", "", "0 0 0 0 0 0 cm 0 0 595 842 re f 1 w 0 0 m 9 9 l S", ""},
		{"a matrix that grows", "", strings.Repeat("1000 0 0 1000 1000 1000 cm ", 100) + "0 0 9 9 re f", ""},
		{"a million states", "", strings.Repeat("q ", 1_000_000) + "0 0 9 9 re f", ""},
		{"a million ends of states", "", strings.Repeat("Q ", 1_000_000) + "0 0 9 9 re f", ""},
		{"100,000 clips", "", strings.Repeat("q 0 0 m 300 400 l 5 9 l W n ", 100_000) + "0 0 9 9 re f", ""},
		{"100,000 groups", "/XObject<</X 11 0 R>>", strings.Repeat("/X Do ", 100_000), pdftest.Stream(form+"/Group<</S/Transparency/I true>>", "0 0 595 842 re f")},
		{"a path of a million points", "", "0 0 m " + strings.Repeat("1 842 l 595 0 l ", 500_000) + "f*", ""},
		{"marks within marks", "", strings.Repeat("/A BMC ", 200_000) + "0 0 9 9 re f", ""},
		{"text of a size beyond all", "/Font<</F 8 0 R>>", "BT /F 99999999 Tf 1000000 Tz 99999 Tc (a b c) Tj ET", ""},
		{"text of no size", "/Font<</F 8 0 R>>", "BT /F 0 Tf (a b c) Tj 0 0 0 0 0 0 Tm (d) Tj ET", ""},
		{"text of a negative size, turned", "/Font<</F 8 0 R>>", "BT /F -12 Tf 0 1 -1 0 300 400 Tm -100 Tz (a b c) Tj ET", ""},
		{"text as a clip, 10,000 times", "/Font<</F 8 0 R>>", strings.Repeat("BT 7 Tr /F 400 Tf 10 300 Td (abc) Tj ET ", 10_000) + "0 0 595 842 re f", ""},
		{"an image in the text that never ends", "", "BI /W 2000000000 /H 2000000000 /CS /RGB /BPC 8 ID " + strings.Repeat("a", 1000), ""},
		{"an image in the text of no size", "", "BI /W 0 /H -1 /CS /G /BPC 8 ID EI 0 0 9 9 re f", ""},
		{"10,000 images in the text", "", strings.Repeat("q 595 0 0 842 0 0 cm BI /W 2 /H 2 /CS /G /BPC 8 ID abcd EI Q\n", 10_000), ""},
		{"operators that nobody knows", "", strings.Repeat("foo bar 1 2 3 baz\n", 100_000), ""},
		{"operands without operators", "", strings.Repeat("1 ", 3_000_000), ""},
		{"letters that are no text", "", strings.Repeat("\x00\xff\xfe\x80", 100_000), ""},
		{"a shading of 60,000 patches", "/Shading<</S 11 0 R>>", "/S sh", pdftest.Packed(pdftest.Repeated("\x00abcdefghijklmnopqrstuvwxyz0123456789ABCD\x01\x02", 64<<18), 1,
			"/ShadingType 7/ColorSpace/DeviceRGB/BitsPerCoordinate 8/BitsPerComponent 8/BitsPerFlag 8/Decode[0 595 0 842 0 1 0 1 0 1]")},
		{"a shading of no bits", "/Shading<</S 11 0 R>>", "/S sh", pdftest.Stream("/ShadingType 4/ColorSpace/DeviceRGB/BitsPerCoordinate 0/BitsPerComponent 0/BitsPerFlag 0/Decode[0 0]", "abc")},
		{"a shading by a function of a page of code", "/Shading<</S<</ShadingType 1/ColorSpace/DeviceRGB/Domain[0 595 0 842]/Function 11 0 R>>>>", "/S sh",
			pdftest.Stream("/FunctionType 4/Domain[0 595 0 842]/Range[0 1 0 1 0 1]", "{"+strings.Repeat("dup mul sqrt ", 100_000)+" dup dup}")},
		{"a circle of radii beyond all", "/Shading<</S<</ShadingType 3/ColorSpace/DeviceGray/Coords[0 0 0 99999999 99999999 99999999]/Extend[true true]/Function 11 0 R>>>>", "/S sh",
			"<</FunctionType 2/Domain[0 1]/N 99999>>"},
		{"a function of too many bounds", "/Shading<</S<</ShadingType 2/ColorSpace/DeviceGray/Coords[0 0 595 842]/Function 11 0 R>>>>", "/S sh",
			"<</FunctionType 3/Domain[0 1]/Functions[]/Bounds[" + strings.Repeat(".5 ", 1000) + "]/Encode[]>>"},
		{"100,000 annotations", "", "0 0 9 9 re f", ""},
	} {
		attacks = append(attacks, attack{name: shape.name, content: func() []byte {
			return drawing(shape.resources, shape.content, shape.object)
		}})
	}
	attacks[len(attacks)-1].content = func() []byte {
		return pdftest.ThreePages(sized("0 0 595 842", "/Annots["+strings.Repeat("10 0 R ", 100_000)+"]"),
			"<</Type/Annot/Subtype/Stamp/Rect[0 0 595 842]/AP<</N 11 0 R>>>>", pdftest.Stream(form, "0 0 595 842 re f"))
	}
	return attacks
}

// operators of a content stream with how many numbers each takes.
var operators = strings.Fields("1w 1J 1j 1M 1i 2m 2l 6c 4v 4y 0h 4re 0S 0s 0f 0f* 0B 0B* 0b 0n 0W 0W* 0q 0Q 6cm 0BT 0ET 2Td 2TD 6Tm 0T* " +
	"1Tc 1Tw 1Tz 1TL 1Ts 1Tr 1g 1G 3rg 3RG 4k 4K 2d0 6d1")

// randomContent is a page of operators in no order.
func randomContent(random *rand.Rand) []byte {
	content := new(strings.Builder)
	for range 20 + random.IntN(400) {
		switch random.IntN(8) {
		case 0:
			fmt.Fprintf(content, "/F %s Tf (%s) Tj\n", number(random), text(random))
		case 1:
			fmt.Fprintf(content, "[(%s) %s <%x>] TJ\n", text(random), number(random), text(random))
		case 2:
			fmt.Fprintf(content, "/%s %s\n", pick(random, "X", "F", "P", "G", "S", "C"), pick(random, "Do", "gs", "sh", "cs", "scn", "BMC", "BDC", "MP"))
		case 3:
			fmt.Fprintf(content, "[%s %s] %s d\n", number(random), number(random), number(random))
		default:
			operator := operators[random.IntN(len(operators))]
			for range operator[0] - '0' {
				content.WriteString(number(random) + " ")
			}
			content.WriteString(operator[1:] + "\n")
		}
	}
	return drawing("/Font<</F 8 0 R>>/XObject<</X 11 0 R>>/Pattern<</P 12 0 R>>/ExtGState<</G<</ca .5/BM/Multiply/LW 3>>>>/Shading<</S 13 0 R>>/ColorSpace<</C/Pattern>>",
		content.String(), pdftest.Stream(form, "0 0 300 300 re f"),
		pdftest.Stream("/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 20 20]/XStep 20/YStep 20/Resources<<>>", "0 0 9 9 re f"),
		"<</ShadingType 2/ColorSpace/DeviceGray/Coords[0 0 595 842]/Function<</FunctionType 2/Domain[0 1]/N 1>>>>")
}

func text(random *rand.Rand) string {
	out := make([]byte, random.IntN(30))
	for i := range out {
		out[i] = "abcdefghijklmnopqrstuvwxyz ABC01\xff\x80"[random.IntN(34)]
	}
	return string(out)
}
