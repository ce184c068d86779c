package corpus

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/image/font/gofont/goregular"

	"github.com/openplp/khocr/test/pdftest"
)

// good documents, which are broken.
type good struct {
	// files of test/testdata and images of worker/engine/testdata, by name.
	files, images map[string][]byte
	// pdfs are small, so that a change is likely to matter, and quickly read.
	pdfs []pdf
}

// pdf is a document with its objects one by one.
type pdf struct {
	content []byte
	objects []object
	// trailer entries that are not made anew.
	trailer string
}

type object struct {
	number int
	body   []byte
}

func readGood(root string) (good, error) {
	g := good{files: map[string][]byte{}, images: map[string][]byte{}}
	for folder, files := range map[string]map[string][]byte{"test/testdata": g.files, "worker/engine/testdata": g.images} {
		entries, err := os.ReadDir(filepath.Join(root, folder))
		if err != nil {
			return g, fmt.Errorf("reading the documents that are broken: %w", err)
		}
		for _, entry := range entries {
			if files[entry.Name()], err = os.ReadFile(filepath.Join(root, folder, entry.Name())); err != nil {
				return g, fmt.Errorf("reading the documents that are broken: %w", err)
			}
		}
	}
	for _, content := range [][]byte{
		pdftest.ThreePages(sized("0 0 595 842", "/Contents 6 0 R/Resources<</Font<</F 8 0 R>>>>")), decorated(), embedded("TrueType", "FontFile2", "", string(goregular.TTF)),
		composite("/Encoding/Identity-H/ToUnicode 15 0 R", "", pdftest.Packed(strings.NewReader(codes("1 beginbfrange <0000> <00ff> <1780> endbfrange")), 1, "")),
		illustrated(g), compact(), g.files["native.pdf"], g.files["password.pdf"],
	} {
		g.pdfs = append(g.pdfs, parse(content))
	}
	return g, nil
}

var (
	objectStart = regexp.MustCompile(`(?m)^([0-9]+) 0 obj\n`)
	// kept are the entries of a trailer that hold wherever objects are.
	kept = regexp.MustCompile(`/(Root|Encrypt) [0-9]+ 0 R|/ID ?\[[^\]]*\]`)
)

// parse finds the objects of a PDF that is laid out as those here.
func parse(content []byte) pdf {
	p := pdf{content: content, trailer: string(bytes.Join(kept.FindAll(content, 3), nil))}
	for _, place := range objectStart.FindAllSubmatchIndex(content, -1) {
		number, _ := strconv.Atoi(string(content[place[2]:place[3]]))
		if body, _, ended := bytes.Cut(content[place[1]:], []byte("\nendobj")); ended {
			p.objects = append(p.objects, object{number, body})
		}
	}
	return p
}

// assemble the objects into a PDF with a table that is right.
func assemble(objects []object, trailer string) []byte {
	out := bytes.NewBufferString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	last := 0
	places := map[int]int{}
	for _, object := range objects {
		last = max(last, object.number)
		places[object.number] = out.Len()
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", object.number, object.body)
	}
	start := out.Len()
	fmt.Fprintf(out, "xref\n0 %d\n0000000000 65535 f \n", last+1)
	for number := 1; number <= last; number++ {
		if place, ok := places[number]; ok {
			fmt.Fprintf(out, "%010d 00000 n \n", place)
		} else {
			out.WriteString("0000000000 65535 f \n")
		}
	}
	fmt.Fprintf(out, "trailer\n<</Size %d%s>>\nstartxref\n%d\n%%%%EOF\n", last+1, trailer, start)
	return out.Bytes()
}

// decorated has what makes pages: forms, patterns, shadings, masks, annotations, fields, layers and outlines.
func decorated() []byte {
	objects := pdftest.ThreeObjects(sized("0 0 595 842", "/Contents 10 0 R/Annots[15 0 R 16 0 R]/Group<</S/Transparency/CS/DeviceRGB>>/Resources<</Font<</F 8 0 R>>/XObject<</X 11 0 R>>"+
		"/Pattern<</P 12 0 R>>/Shading<</S 13 0 R>>/ExtGState<</G 14 0 R>>/Properties<</L 17 0 R>>/ColorSpace<</C[/Separation/Red/DeviceRGB 18 0 R]>>>>"),
		pdftest.Stream("", "q /G gs /X Do Q /Pattern cs /P scn 50 50 200 200 re f /S sh /C cs .5 scn 9 9 50 50 re f /OC /L BDC BT /F 14 Tf 72 700 Td (The second page of three.) Tj ET EMC"),
		pdftest.Stream(form+"/Group<</S/Transparency>>/Resources<</Font<</F 8 0 R>>>>", "BT /F 20 Tf 72 500 Td (In a form.) Tj ET"),
		pdftest.Stream("/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 20 20]/XStep 20/YStep 20/Resources<<>>", "1 0 0 rg 0 0 9 9 re f"),
		"<</ShadingType 3/ColorSpace/DeviceGray/Coords[300 300 10 300 300 90]/Function<</FunctionType 2/Domain[0 1]/C0[.5]/C1[1]/N 1>>>>",
		"<</Type/ExtGState/ca .8/BM/Multiply/SMask<</S/Luminosity/G 11 0 R>>>>",
		"<</Type/Annot/Subtype/Stamp/Rect[300 600 500 700]/F 4/AP<</N 11 0 R>>>>",
		"<</Type/Annot/Subtype/Widget/FT/Tx/T(field)/V(value)/DA(/F 12 Tf)/Rect[300 500 500 520]/AP<</N 11 0 R>>>>",
		"<</Type/OCG/Name(layer)>>", "<</FunctionType 4/Domain[0 1]/Range[0 1 0 1 0 1]/Length 16>>\nstream\n{dup .5 mul 0.3}\nendstream",
		"<</Type/Outlines/First 20 0 R/Last 20 0 R/Count 1>>", "<</Title(One)/Parent 19 0 R/Dest[3 0 R/Fit]>>")
	objects[0] = "<</Type/Catalog/Pages 2 0 R/Outlines 19 0 R/AcroForm<</Fields[16 0 R]/DR<</Font<</F 8 0 R>>>>>>/OCProperties<</OCGs[17 0 R]/D<</ON[17 0 R]>>>>/PageLabels<</Nums[0<</S/r>>]>>>>"
	return pdftest.Of(objects...)
}

// illustrated has an image of each coding.
func illustrated(g good) []byte {
	grey := func(filter string) string {
		return "/Type/XObject/Subtype/Image/Width 64/Height 64/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/" + filter
	}
	var content strings.Builder
	for i := range 5 {
		fmt.Fprintf(&content, "q 90 0 0 90 %d 600 cm /X%d Do Q BI /W 2 /H 2 /CS /G /BPC 8 ID abcd EI\n", 20+100*i, i)
	}
	return drawing("/XObject<</X0 11 0 R/X1 12 0 R/X2 13 0 R/X3 14 0 R/X4 15 0 R>>", content.String(),
		pdftest.Stream(grey("FlateDecode")+"/DecodeParms<</Predictor 15/Columns 64>>/SMask 12 0 R", pdftest.Deflate(pdftest.Repeated("\x02"+strings.Repeat("\x01\x03", 32), 64*65))),
		pdftest.Stream("/Type/XObject/Subtype/Image"+bits(64, 64, "JBIG2Decode"), jbig2Page(64, 64)+jbig2Segment(1, 38, string(words(64, 64, 0, 0))+"\x00\x00\x03\xff\xfd\xff\x02\xfe\xfe\xfe"+strings.Repeat("abc", 40))),
		pdftest.Stream("/Type/XObject/Subtype/Image/Width 64/Height 64/Filter/JPXDecode", jpx(64, 64, 64, 64, 1, 2, strings.Repeat("Noise", 40))),
		pdftest.Stream("/Type/XObject/Subtype/Image"+bits(64, 64, "CCITTFaxDecode")+"/DecodeParms<</K -1/Columns 64/Rows 64>>", strings.Repeat("\x26\xa1\x55", 40)),
		pdftest.Stream("/Type/XObject/Subtype/Image/Width 800/Height 200/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode", string(g.images["progressive.jpg"])))
}

// compact keeps its objects in a stream and their places in another.
func compact() []byte {
	out := bytes.NewBufferString("%PDF-1.7\n")
	content := out.Len()
	fmt.Fprintf(out, "5 0 obj\n%s\nendobj\n", pdftest.Packed(strings.NewReader("BT /F 14 Tf 72 700 Td (The only page.) Tj ET"), 1, ""))
	inside := []string{catalogue, "<</Type/Pages/Kids[3 0 R]/Count 1>>", sized("0 0 595 842", "/Contents 5 0 R/Resources<</Font<</F 4 0 R>>>>"), "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
	var places, bodies strings.Builder
	for i, body := range inside {
		fmt.Fprintf(&places, "%d %d ", i+1, bodies.Len())
		bodies.WriteString(body + " ")
	}
	objects := out.Len()
	fmt.Fprintf(out, "6 0 obj\n%s\nendobj\n", pdftest.Packed(strings.NewReader(places.String()+bodies.String()), 1, fmt.Sprintf("/Type/ObjStm/N 4/First %d", places.Len())))
	table := out.Len()
	rows := []byte("\x00\x00\x00\xff\x02\x00\x06\x00\x02\x00\x06\x01\x02\x00\x06\x02\x02\x00\x06\x03")
	for _, place := range []int{content, objects, table} {
		rows = append(rows, 1, byte(place>>8), byte(place), 0)
	}
	fmt.Fprintf(out, "7 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", pdftest.Packed(bytes.NewReader(rows), 1, "/Type/XRef/Root 1 0 R/Size 8/W[1 2 1]"), table)
	return out.Bytes()
}

func cutAttacks(g good) []attack {
	attacks := []attack{{name: "native.pdf after 2,000 bytes", content: func() []byte { return g.files["truncated.pdf"] }}}
	for _, name := range []string{"mixed.pdf", "pages3.tiff", "photo.jpg", "image.png", "sample.pdf", "password.pdf"} {
		for _, tenths := range []int{5, 9} {
			attacks = append(attacks, attack{name: fmt.Sprintf("%s after %d tenths", name, tenths), content: func() []byte {
				return g.files[name][:len(g.files[name])*tenths/10]
			}})
		}
	}
	return attacks
}

// any of the documents that are quickly read.
func (g good) any(random *rand.Rand) pdf { return g.pdfs[random.IntN(len(g.pdfs))] }

func (g good) randomCut(random *rand.Rand) []byte {
	content := g.any(random).content
	if random.IntN(3) == 0 {
		content = g.images[pick(random, "bilevel.png", "progressive.jpg", "g4.tiff", "lzw.tiff", "jpeg.tiff", "interlaced.png", "tiles.tiff")]
	}
	return content[:random.IntN(len(content))]
}

func (g good) randomBytes(random *rand.Rand) []byte { return spoil(random, g.any(random).content) }

var (
	reference = regexp.MustCompile(`[0-9]+ 0 R`)
	name      = regexp.MustCompile(`/[A-Za-z0-9]+`)
)

// names that stand in for others.
var names = strings.Fields("/Length /Filter /FlateDecode /DCTDecode /ASCII85Decode /LZWDecode /JBIG2Decode /Type /Page /Pages /Kids /Parent /Count /Contents /Resources /Font " +
	"/XObject /Form /Image /Subtype /Type0 /Type1 /Type3 /TrueType /DeviceRGB /DeviceN /Indexed /Pattern /SMask /Width /Height /W /Encoding /ToUnicode /Widths /MediaBox /Rotate " +
	"/ObjStm /XRef /Crypt /Annots /AP /N /D /Group /FontFile2 /FontFile3 /Identity-H")

// randomStructure has objects of a PDF changed, which are then put together properly, so that readers come to see the change.
func (g good) randomStructure(random *rand.Rand) []byte {
	source := g.any(random)
	objects := slices.Clone(source.objects)
	for range 1 + random.IntN(4) {
		i := random.IntN(len(objects))
		victim := &objects[i]
		dictionary, data, streamed := bytes.Cut(victim.body, []byte("stream\n"))
		dictionary = bytes.Clone(dictionary)
		data = bytes.TrimSuffix(data, []byte("\nendstream"))
		change := random.IntN(9)
		switch {
		case change == 0:
			// Two objects change places.
			j := random.IntN(len(objects))
			victim.body, objects[j].body = objects[j].body, victim.body
			continue
		case change == 1:
			victim.body = g.any(random).objects[0].body
			continue
		case change == 2:
			dictionary = replaceOne(random, reference, dictionary, strconv.Itoa(objects[random.IntN(len(objects))].number)+" 0 R")
		case change == 3:
			dictionary = renumber(random, dictionary)
		case change == 4:
			dictionary = replaceOne(random, name, dictionary, pick(random, names...))
		case change == 5 && !streamed:
			dictionary = spoil(random, dictionary)
		case streamed:
			data = g.respoil(random, data)
			dictionary = regexp.MustCompile(`/Length [0-9]+`).ReplaceAll(dictionary, fmt.Appendf(nil, "/Length %d", len(data)))
		}
		if streamed {
			dictionary = slices.Concat(dictionary, []byte("stream\n"), data, []byte("\nendstream"))
		}
		victim.body = dictionary
	}
	return assemble(objects, source.trailer)
}

// respoil a stream: what is packed in it where it is, else itself; or cut it.
func (g good) respoil(random *rand.Rand, data []byte) []byte {
	if random.IntN(4) == 0 && len(data) > 0 {
		return data[:random.IntN(len(data))]
	}
	if plain := inflate(data); plain != nil {
		return []byte(pdftest.Deflate(bytes.NewReader(spoil(random, plain))))
	}
	return spoil(random, data)
}

func replaceOne(random *rand.Rand, what *regexp.Regexp, text []byte, with string) []byte {
	places := what.FindAllIndex(text, -1)
	if len(places) == 0 {
		return text
	}
	place := places[random.IntN(len(places))]
	return slices.Concat(text[:place[0]], []byte(with), text[place[1]:])
}
