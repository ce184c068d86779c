package corpus

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/openplp/khocr/test/pdftest"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

func pngChunk(kind, data string) string {
	body := kind + data
	return string(words(uint32(len(data)))) + body + string(words(crc32.ChecksumIEEE([]byte(body))))
}

// pngOf has a header, data that are packed, and chunks between them.
func pngOf(width, height uint32, depth, colour, interlace byte, data io.Reader, between ...string) []byte {
	header := string(words(width, height)) + string([]byte{depth, colour, 0, 0, interlace})
	return []byte(pngMagic + pngChunk("IHDR", header) + strings.Join(between, "") + pngChunk("IDAT", pdftest.Deflate(data)) + pngChunk("IEND", ""))
}

func pngAttacks(good good) []attack {
	black := func(length int64) io.Reader { return pdftest.Repeated("\x00", length) }
	return []attack{
		{name: "two billion columns", content: func() []byte { return pngOf(0x7fffffff, 0x7fffffff, 16, 6, 1, black(1000)) }},
		{name: "10 gigapixels", content: func() []byte { return pngOf(100_000, 100_000, 1, 0, 0, black(128<<20)) }},
		{name: "900 megapixels", content: func() []byte { return pngOf(30_000, 30_000, 1, 0, 0, black(30_000*3751)) }},
		{name: "just small enough to be drawn", content: func() []byte { return pngOf(12_000, 12_000, 8, 0, 0, black(12_000*12_001)) }},
		{name: "a strip", content: func() []byte { return pngOf(1, 1_000_000, 8, 0, 0, black(2_000_000)) }},
		{name: "one pixel", content: func() []byte { return pngOf(1, 1, 8, 0, 0, black(2)) }},
		{name: "no pixel", content: func() []byte { return pngOf(0, 0, 8, 0, 0, black(2)) }},
		{name: "a depth that is none", content: func() []byte { return pngOf(100, 100, 7, 9, 5, black(20_000)) }},
		{name: "a palette that is missing", content: func() []byte { return pngOf(100, 100, 8, 3, 0, black(20_000)) }},
		{name: "more data than pixels", content: func() []byte { return pngOf(100, 100, 8, 0, 0, black(256<<20)) }},
		{name: "a text of 256 MB", content: func() []byte {
			return pngOf(100, 100, 8, 0, 0, black(20_000), pngChunk("zTXt", "Comment\x00\x00"+pdftest.Deflate(black(256<<20))))
		}},
		{name: "a profile of 256 MB", content: func() []byte {
			return pngOf(100, 100, 8, 2, 0, black(40_000), pngChunk("iCCP", "a\x00\x00"+pdftest.Deflate(black(256<<20))))
		}},
		{name: "100,000 chunks", content: func() []byte {
			return pngOf(100, 100, 8, 0, 0, black(20_000), strings.Repeat(pngChunk("tEXt", "a\x00b"), 100_000))
		}},
		{name: "a chunk beyond all", content: func() []byte { return []byte(pngMagic + "\xff\xff\xff\xffIHDR") }},
		{name: "a resolution of nothing", content: func() []byte {
			return pngOf(100, 100, 8, 0, 0, black(20_000), pngChunk("pHYs", string(words(0, 0))+"\x01"))
		}},
		{name: "a resolution beyond all", content: func() []byte {
			return pngOf(100, 100, 8, 0, 0, black(20_000), pngChunk("pHYs", string(words(0xffffffff, 1))+"\x01"))
		}},
		{name: "its first bytes alone", content: func() []byte { return []byte(pngMagic) }},
		{name: "a header alone", content: func() []byte { return good.images["bilevel.png"][:33] }},
	}
}

// randomPNG has a part of an image changed where decoders look: behind the checksums and the packing.
func (g good) randomPNG(random *rand.Rand) []byte {
	image := g.images[pick(random, "alpha.png", "bilevel.png", "grey16.png", "interlaced.png", "palette.png")]
	var out strings.Builder
	out.WriteString(pngMagic)
	at := len(pngMagic)
	victim := random.IntN(4)
	for n := 0; at+12 <= len(image); n++ {
		length := int(binary.BigEndian.Uint32(image[at:]))
		if length < 0 || at+12+length > len(image) {
			break
		}
		kind, data := string(image[at+4:at+8]), image[at+8:at+8+length]
		switch {
		case n != victim && random.IntN(6) > 0:
		case kind == "IDAT" && random.IntN(2) == 0:
			if plain := inflate(data); plain != nil {
				data = []byte(pdftest.Deflate(bytes.NewReader(spoil(random, plain))))
			}
		default:
			data = spoil(random, data)
		}
		out.WriteString(pngChunk(kind, string(data)))
		at += 12 + length
	}
	return []byte(out.String())
}

func jpegAttacks(good good) []attack {
	base := good.images["progressive.jpg"]
	at := bytes.Index(base, []byte("\xff\xda"))
	scans := base[at : len(base)-2]
	return []attack{
		{name: "4 gigapixels", content: func() []byte { return []byte(resizedJPEG(base, 65535, 65535)) }},
		{name: "no pixels", content: func() []byte { return []byte(resizedJPEG(base, 0, 0)) }},
		{name: "no height", content: func() []byte { return []byte(resizedJPEG(base, 800, 0)) }},
		{name: "a hundred megapixels", content: func() []byte { return []byte(resizedJPEG(base, 10_000, 10_000)) }},
		{name: "a hundred megapixels of 1,000 scans", content: func() []byte {
			return []byte(resizedJPEG(slices.Concat(base[:at], bytes.Repeat(scans, 100), base[len(base)-2:]), 10_000, 10_000))
		}},
		{name: "scans without end", content: func() []byte { return slices.Concat(base[:at], bytes.Repeat(scans, 200), base[len(base)-2:]) }},
		{name: "segments without end", content: func() []byte {
			return slices.Concat(base[:2], bytes.Repeat([]byte("\xff\xfe\x00\x04ab"), 500_000), base[2:])
		}},
		{name: "a segment of no length", content: func() []byte { return slices.Concat(base[:2], []byte("\xff\xe1\x00\x00"), base[2:]) }},
		{name: "Exif within itself", content: func() []byte {
			exif := "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x87\x69\x00\x04\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08"
			return slices.Concat(base[:2], []byte("\xff\xe1\x00"+string(rune(len(exif)+2))+exif), base[2:])
		}},
		{name: "nothing but filling", content: func() []byte { return append(bytes.Clone(base[:2]), bytes.Repeat([]byte("\xff"), 1<<20)...) }},
		{name: "its first bytes alone", content: func() []byte { return []byte("\xff\xd8\xff") }},
		{name: "no tables", content: func() []byte { return slices.Concat(base[:2], base[at:]) }},
		{name: "a resolution of nothing", content: func() []byte {
			return slices.Concat(base[:2], []byte("\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00\x00\x00\x00\x00\x00"), base[2:])
		}},
	}
}

// resizedJPEG says another size.
func resizedJPEG(image []byte, width, height uint16) string {
	image = bytes.Clone(image)
	for _, frame := range []string{"\xff\xc0\x00\x11", "\xff\xc2\x00\x11", "\xff\xc0\x00\x0b", "\xff\xc2\x00\x0b"} {
		if at := bytes.Index(image, []byte(frame)); at >= 0 {
			binary.BigEndian.PutUint16(image[at+5:], height)
			binary.BigEndian.PutUint16(image[at+7:], width)
		}
	}
	return string(image)
}

// randomJPEG has a segment, or what follows the last one, changed.
func (g good) randomJPEG(random *rand.Rand) []byte {
	image := g.images[pick(random, "progressive.jpg", "cmyk.jpg", "orientation3.jpg", "orientation6.jpg")]
	var starts []int
	for at := 2; at+4 <= len(image) && image[at] == 0xff; at += 2 + int(binary.BigEndian.Uint16(image[at+2:])) {
		starts = append(starts, at)
	}
	at := starts[random.IntN(len(starts))]
	end := min(len(image), at+2+int(binary.BigEndian.Uint16(image[at+2:])))
	if image[at+1] == 0xda {
		end = len(image)
	}
	return slices.Concat(image[:at+2], spoil(random, image[at+2:end]), image[end:])
}

// tiffOf is a TIFF of big endian with the entries, each a tag, a type, a count and a value, and data at 8.
func tiffOf(data string, next uint32, entries ...[4]uint32) []byte {
	out := append([]byte("MM\x00*"), words(uint32(8+len(data)))...)
	out = append(out, data...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(entries)))
	for _, e := range entries {
		out = binary.BigEndian.AppendUint16(out, uint16(e[0]))
		out = binary.BigEndian.AppendUint16(out, uint16(e[1]))
		out = append(out, words(e[2])...)
		if e[1] == 3 && e[2] == 1 {
			e[3] <<= 16
		}
		out = append(out, words(e[3])...)
	}
	return append(out, words(next)...)
}

func tiffAttacks(good good) []attack {
	const short, long = 3, 4
	plain := func(width, height, compression, strips, length uint32) [][4]uint32 {
		return [][4]uint32{{256, long, 1, width}, {257, long, 1, height}, {258, short, 1, 8}, {259, short, 1, compression}, {262, short, 1, 1},
			{273, long, 1, strips}, {277, short, 1, 1}, {278, long, 1, height}, {279, long, 1, length}}
	}
	return []attack{
		{name: "10,000 pages", content: func() []byte {
			out := append([]byte("MM\x00*"), words(12)...)
			out = append(out, "abcd"...)
			for range 10_000 {
				page := tiffOf("", 0, plain(2, 2, 1, 8, 4)...)[8:]
				binary.BigEndian.PutUint32(page[len(page)-4:], uint32(len(out)+len(page)))
				out = append(out, page...)
			}
			return append(out[:len(out)-4], words(0)...)
		}},
		{name: "a page that comes after itself", content: func() []byte { return tiffOf("abcd", 12, plain(2, 2, 1, 8, 4)...) }},
		{name: "4 gigapixels", content: func() []byte { return tiffOf("abcd", 0, plain(65535, 65535, 1, 8, 4)...) }},
		{name: "more than fits into 32 bits", content: func() []byte { return tiffOf("abcd", 0, plain(0xffffffff, 0xffffffff, 1, 8, 4)...) }},
		{name: "no pixels", content: func() []byte { return tiffOf("abcd", 0, plain(0, 0, 1, 8, 4)...) }},
		{name: "a strip elsewhere", content: func() []byte { return tiffOf("abcd", 0, plain(100, 100, 1, 0xfffffff0, 0x7fffffff)...) }},
		{name: "fax beyond all", content: func() []byte { return tiffOf("abcd", 0, plain(60_000, 60_000, 4, 8, 4)...) }},
		{name: "LZW beyond all", content: func() []byte { return tiffOf("abcd", 0, plain(30_000, 30_000, 5, 8, 4)...) }},
		{name: "deflate beyond all", content: func() []byte {
			data := pdftest.Deflate(pdftest.Repeated("\x00", 900_000_000))
			return tiffOf(data, 0, plain(30_000, 30_000, 8, 8, uint32(len(data)))...)
		}},
		{name: "a method that nobody knows", content: func() []byte { return tiffOf("abcd", 0, plain(100, 100, 34999, 8, 4)...) }},
		{name: "two billion strips", content: func() []byte {
			return tiffOf("abcd", 0, append(plain(100, 100, 1, 8, 4), [4]uint32{273, long, 0x7fffffff, 8}, [4]uint32{279, long, 0x7fffffff, 8})...)
		}},
		{name: "65,535 samples of 65,535 bits", content: func() []byte {
			return tiffOf("abcd", 0, append(plain(100, 100, 1, 8, 4), [4]uint32{258, short, 1, 65535}, [4]uint32{277, short, 1, 65535})...)
		}},
		{name: "tiles of no size", content: func() []byte {
			return tiffOf("abcd", 0, append(plain(100, 100, 1, 8, 4), [4]uint32{322, long, 1, 0}, [4]uint32{323, long, 1, 0}, [4]uint32{324, long, 1, 8}, [4]uint32{325, long, 1, 4})...)
		}},
		{name: "tiles beyond all", content: func() []byte {
			return tiffOf("abcd", 0, append(plain(100, 100, 1, 8, 4), [4]uint32{322, long, 1, 0x7fffffff}, [4]uint32{323, long, 1, 0x7fffffff}, [4]uint32{324, long, 1, 8}, [4]uint32{325, long, 1, 4})...)
		}},
		{name: "a resolution of nothing", content: func() []byte {
			return tiffOf("abcd", 0, append(plain(2, 2, 1, 8, 4), [4]uint32{282, 5, 1, 0}, [4]uint32{283, 5, 1, 0})...)
		}},
		{name: "a list beyond the file", content: func() []byte { return []byte("II*\x00\xff\xff\xff\x7f") }},
		{name: "its first bytes alone", content: func() []byte { return []byte("II*\x00") }},
		{name: "64 bits", content: func() []byte { return []byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00") }},
		{name: "a fax that is cut off", content: func() []byte { return good.images["g4.tiff"][:4000] }},
	}
}

// randomTIFF has entries of its list, or other bytes, changed.
func (g good) randomTIFF(random *rand.Rand) []byte {
	name := pick(random, slices.DeleteFunc(slices.Sorted(maps.Keys(g.images)), func(name string) bool { return !strings.HasSuffix(name, ".tiff") })...)
	image := bytes.Clone(g.images[name])
	var order binary.ByteOrder = binary.LittleEndian
	if image[0] == 'M' {
		order = binary.BigEndian
	}
	list := int(order.Uint32(image[4:]))
	if random.IntN(4) == 0 || list+2 > len(image) {
		return spoil(random, image)
	}
	for range 1 + random.IntN(2) {
		at := list + 2 + 12*random.IntN(int(order.Uint16(image[list:])))
		switch random.IntN(4) {
		case 0:
			order.PutUint16(image[at+2:], uint16(random.IntN(20)))
		case 1:
			order.PutUint32(image[at+4:], pick[uint32](random, 0, 1, 2, 3, 1000, 0x7fffffff, 0xffffffff))
		default:
			order.PutUint32(image[at+8:], pick(random, 0, 1, 3, 16, 255, 1000, 65535, 0x7fffffff, 0xffffffff, random.Uint32()))
		}
	}
	return image
}

// formatAttacks are no documents that the platform takes, or several in one file.
func formatAttacks(good good) []attack {
	pdf := func() string { return string(pdftest.ThreePages(written)) }
	markup := func(before, after string) func() []byte {
		return func() []byte { return []byte(before + "\n<!-- %PDF-1.7 -->\n" + after) }
	}
	zipped := func(files map[string]string, comment string) []byte {
		var out bytes.Buffer
		writer := zip.NewWriter(&out)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			entry, err := writer.Create(name)
			if err != nil {
				panic(err)
			}
			_, _ = io.WriteString(entry, files[name])
		}
		_ = writer.SetComment(comment)
		_ = writer.Close()
		return out.Bytes()
	}
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="99" height="99">`
	return []attack{
		{name: "empty", content: func() []byte { return nil }},
		{name: "a byte", content: func() []byte { return []byte("%") }},
		{name: "a text", content: func() []byte { return good.files["not-a-pdf.txt"] }},
		{name: "nothing but zeros", content: func() []byte { return make([]byte, 1<<20) }},
		{name: "the first bytes of a PDF", content: func() []byte { return []byte("%PDF-1.7") }},
		{name: "the first and the last bytes of a PDF", content: func() []byte { return []byte("%PDF-1.7\nstartxref\n0\n%%EOF") }},
		{name: "a PDF of a version beyond all", content: func() []byte { return []byte("%PDF-99999999999999999999.9" + pdf()[8:]) }},
		{name: "a PDF after 1,000 bytes", content: func() []byte { return []byte(strings.Repeat("a", 1000) + pdf()) }},
		{name: "a PDF after 2,000 bytes", content: func() []byte { return []byte(strings.Repeat("a", 2000) + pdf()) }},
		{name: "two PDFs", content: func() []byte { return []byte(pdf() + pdf()) }},
		{name: "a PDF and 16 MB of zeros", content: func() []byte { return append([]byte(pdf()), make([]byte, 16<<20)...) }},
		{name: "a PDF in UTF-16", content: func() []byte { return []byte("\xfe\xff\x00" + strings.Join(strings.Split(pdf(), ""), "\x00")) }},
		{name: "a PNG that is named PDF", content: func() []byte { return good.files["image-named.pdf"] }},
		{name: "a PNG and a PDF", content: func() []byte { return []byte(string(good.images["bilevel.png"]) + pdf()) }},
		{name: "a JPEG and a PDF", content: func() []byte { return []byte(string(good.images["progressive.jpg"][:600]) + pdf()) }},
		{name: "a TIFF and a PDF", content: func() []byte { return []byte("II*\x00" + pdf()) }},
		{name: "a PDF and a ZIP", content: func() []byte { return append([]byte(pdf()), zipped(map[string]string{"a.txt": "a"}, "")...) }},
		{name: "a ZIP that says to be a PDF", content: func() []byte { return zipped(map[string]string{"%PDF-1.7": "a"}, "") }},
		{name: "comics in a ZIP", content: func() []byte {
			return zipped(map[string]string{"%PDF-1.7": "", "1.png": string(good.images["bilevel.png"]), "2.png": string(good.images["bilevel.png"])}, "")
		}},
		{name: "a book in a ZIP", content: func() []byte {
			return zipped(map[string]string{"%PDF-1.7": "", "mimetype": "application/epub+zip", "META-INF/container.xml": `<container><rootfiles><rootfile full-path="a.opf"/></rootfiles></container>`,
				"a.opf": `<package><manifest><item id="a" href="a.html"/></manifest><spine><itemref idref="a"/></spine></package>`, "a.html": "<html><body>Not a PDF.</body></html>"}, "")
		}},
		{name: "pages of XPS in a ZIP", content: func() []byte {
			return zipped(map[string]string{"%PDF-1.7": "", "_rels/.rels": `<Relationships><Relationship Type="http://schemas.microsoft.com/xps/2005/06/fixedrepresentation" Target="/a.fdseq"/></Relationships>`,
				"a.fdseq": "<FixedDocumentSequence/>"}, "")
		}},
		{name: "Word in a ZIP", content: func() []byte {
			return zipped(map[string]string{"%PDF-1.7": "", "[Content_Types].xml": "<Types/>", "word/document.xml": "<w:document><w:body><w:p><w:r><w:t>Not a PDF.</w:t></w:r></w:p></w:body></w:document>"}, "")
		}},
		{name: "256 MB of zeros in a ZIP", content: func() []byte { return zipped(map[string]string{"%PDF-1.7": strings.Repeat("\x00", 1<<28)}, "") }},
		{name: "a PDF in GZIP", content: func() []byte {
			var out bytes.Buffer
			writer := gzip.NewWriter(&out)
			writer.Comment = "%PDF-1.7"
			_, _ = io.WriteString(writer, pdf())
			_ = writer.Close()
			return out.Bytes()
		}},
		{name: "HTML that says to be a PDF", content: markup("<!DOCTYPE html><html><body>", "<p>Not a PDF.</p></body></html>")},
		{name: "HTML with files from elsewhere", content: markup("<!DOCTYPE html><html><head><link rel=stylesheet href=/etc/passwd></head><body>", `<img src="/etc/passwd"><img src="../../../../etc/passwd"></body></html>`)},
		{name: "HTML of tables within tables", content: markup("<!DOCTYPE html><html><body>", strings.Repeat("<table><tr><td>", 20_000))},
		{name: "SVG that says to be a PDF", content: markup(svg, `<text x="9" y="9">Not a PDF.</text></svg>`)},
		{name: "SVG that uses itself", content: markup(svg, `<g id="a"><use xlink:href="#a"/><use xlink:href="#a"/></g></svg>`)},
		{name: "SVG with files from elsewhere", content: markup(svg, `<image xlink:href="/etc/passwd" width="9" height="9"/></svg>`)},
		{name: "XML of a billion laughs", content: markup(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>`, svg+"<text>&c;&c;</text></svg>")},
		{name: "a book of XML", content: markup(`<?xml version="1.0"?><FictionBook>`, "<body><section><p>Not a PDF.</p></section></body></FictionBook>")},
		{name: "PostScript that says to be a PDF", content: func() []byte { return []byte("%!PS-Adobe-3.0\n%PDF-1.7\n{} loop\n") }},
		{name: "WebP", content: func() []byte {
			return []byte("RIFF\x24\x00\x00\x00WEBPVP8L\x18\x00\x00\x00\x2f\xff\xff\xff\x0f" + strings.Repeat("a", 20))
		}},
		{name: "WebP that says to be a PDF", content: func() []byte {
			return []byte("RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00%PDF-1.7" + strings.Repeat("a", 20))
		}},
		{name: "GIF that says to be a PDF", content: func() []byte { return []byte("GIF89a\xff\xff\xff\xff\x80\x00\x00%PDF-1.7,") }},
		{name: "BMP that says to be a PDF", content: func() []byte {
			return []byte("BM\xff\xff\xff\x7f%PDF-1.7\x28\x00\x00\x00\xff\xff\xff\x7f\xff\xff\xff\x7f\x01\x00\x18\x00")
		}},
		{name: "a map of bits that says to be a PDF", content: func() []byte { return []byte("P5\n# %PDF-1.7\n65535 65535\n255\n") }},
		{name: "JPEG 2000 that says to be a PDF", content: func() []byte {
			return []byte("\x00\x00\x00\x0cjP  \r\n\x87\n%PDF-1.7" + jpx(64, 64, 64, 64, 1, 1, "abc"))
		}},
		{name: "Photoshop that says to be a PDF", content: func() []byte {
			return []byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\xff\xff\x00\x00\xff\xff\x00\x08\x00\x03%PDF-1.7")
		}},
		{name: "a program that says to be a PDF", content: func() []byte { return []byte("\x7fELF\x02\x01\x01%PDF-1.7\n" + pdf()) }},
		{name: "a script that says to be a PDF", content: func() []byte { return []byte("#!/bin/sh\ntouch /tmp/here\n#%PDF-1.7\n") }},
		{name: "Forms of XML in a PDF", content: func() []byte {
			objects := pdftest.ThreeObjects(written, pdftest.Stream("", "<xdp:xdp><template>"+strings.Repeat("<subform>", 50_000)))
			objects[0] = "<</Type/Catalog/Pages 2 0 R/NeedsRendering true/AcroForm<</XFA 10 0 R/Fields[]>>>>"
			return pdftest.Of(objects...)
		}},
		{name: "scripts in a PDF", content: func() []byte {
			objects := pdftest.ThreeObjects(sized("0 0 595 842", "/AA<</O 10 0 R>>"), "<</S/JavaScript/JS(while(true){})/Next 10 0 R>>")
			objects[0] = "<</Type/Catalog/Pages 2 0 R/OpenAction 10 0 R/Names<</JavaScript<</Names[(a)10 0 R]>>>>>>"
			return pdftest.Of(objects...)
		}},
		{name: "programs to be started by a PDF", content: func() []byte {
			objects := pdftest.ThreeObjects(written, "<</S/Launch/F(/bin/sh)/Win<</F(cmd.exe)>>>>")
			objects[0] = "<</Type/Catalog/Pages 2 0 R/OpenAction 10 0 R>>"
			return pdftest.Of(objects...)
		}},
		{name: "a PDF within a PDF within a PDF", content: func() []byte {
			inner := pdf()
			for range 50 {
				objects := pdftest.ThreeObjects(written, pdftest.Stream("/Type/EmbeddedFile", inner), "<</Type/Filespec/F(a.pdf)/EF<</F 10 0 R>>>>")
				objects[0] = "<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a)11 0 R]>>>>/Collection<<>>>>"
				inner = string(pdftest.Of(objects...))
			}
			return []byte(inner)
		}},
		{name: "100,000 layers", content: func() []byte {
			objects := pdftest.ThreeObjects(written, "<</Type/OCG/Name(a)>>")
			objects[0] = "<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[" + strings.Repeat("10 0 R ", 100_000) + "]/D<</Order[10 0 R]/ON[10 0 R]>>>>>>"
			return pdftest.Of(objects...)
		}},
		{name: "a Base64 of a PDF", content: func() []byte { return fmt.Appendf(nil, "%%PDF-1.7 %x", pdf()) }},
	}
}
