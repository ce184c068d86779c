package corpus

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/openplp/khocr/test/pdftest"
)

// pictured is a page that an image covers.
func pictured(entries, data string, more ...string) []byte {
	return drawing("/XObject<</X 11 0 R>>", "q 400 0 0 100 90 600 cm /X Do Q", append([]string{pdftest.Stream("/Type/XObject/Subtype/Image"+entries, data)}, more...)...)
}

func bits(width, height int, filter string) string {
	return fmt.Sprintf("/Width %d/Height %d/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/%s", width, height, filter)
}

func imageAttacks(good good) []attack {
	samples := func(entries string, data io.Reader) func() []byte {
		return func() []byte {
			return drawing("/XObject<</X 11 0 R>>", "595 0 0 842 0 0 cm /X Do", pdftest.Packed(data, 2, "/Type/XObject/Subtype/Image"+entries))
		}
	}
	attacks := []attack{
		{name: "a JPEG that is cut off", content: func() []byte {
			return pictured("/Width 800/Height 200/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode", string(good.images["progressive.jpg"][:3000]))
		}},
		{name: "400 megapixels", content: func() []byte {
			return samples("/Width 20000/Height 20000/BitsPerComponent 8/ColorSpace/DeviceGray", pdftest.Repeated("\x00", 20000*20000))()
		}},
		{name: "400 megapixels that are masked by as many", content: func() []byte {
			return drawing("/XObject<</X 11 0 R>>", "595 0 0 842 0 0 cm /X Do",
				pdftest.Packed(pdftest.Repeated("\x00", 20000*2500), 2, "/Type/XObject/Subtype/Image/ImageMask true/Width 20000/Height 20000/BitsPerComponent 1/SMask 12 0 R"),
				pdftest.Packed(pdftest.Repeated("\x00", 20000*2500), 2, "/Type/XObject/Subtype/Image/Width 20000/Height 20000/BitsPerComponent 1/ColorSpace/DeviceGray"))
		}},
		{name: "a page of 60,000 images", content: func() []byte {
			return drawing("/XObject<</X 11 0 R>>", strings.Repeat("q 90 0 0 90 9 9 cm /X Do Q\n", 60_000),
				pdftest.Stream("/Type/XObject/Subtype/Image/Width 2/Height 2/BitsPerComponent 8/ColorSpace/DeviceGray", "abcd"))
		}},
		{name: "a JPEG that says to be large", content: func() []byte {
			return pictured("/Width 65535/Height 65535/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/DCTDecode", resizedJPEG(good.images["progressive.jpg"], 65535, 65535))
		}},
	}
	for name, entries := range ordered(
		"two billion columns", "/Width 2147483647/Height 2147483647/BitsPerComponent 8/ColorSpace/DeviceRGB",
		"a strip of two billion", "/Width 2147483647/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray",
		"more than fits into 32 bits", "/Width 65536/Height 65536/BitsPerComponent 16/ColorSpace/DeviceCMYK",
		"no columns", "/Width 0/Height 100/BitsPerComponent 8/ColorSpace/DeviceGray",
		"negative columns", "/Width -100/Height -100/BitsPerComponent 8/ColorSpace/DeviceGray",
		"no bits", "/Width 100/Height 100/BitsPerComponent 0/ColorSpace/DeviceGray",
		"32 bits", "/Width 10/Height 10/BitsPerComponent 32/ColorSpace/DeviceGray",
		"a palette of two billion colours", "/Width 10/Height 10/BitsPerComponent 8/ColorSpace[/Indexed/DeviceRGB 2147483647(abc)]",
		"a palette of less than none", "/Width 10/Height 10/BitsPerComponent 8/ColorSpace[/Indexed/DeviceRGB -1(abc)]",
		"300 inks", "/Width 10/Height 10/BitsPerComponent 8/ColorSpace[/DeviceN["+strings.Repeat("/A", 300)+"]/DeviceGray 8 0 R]",
		"a colour that is none", "/Width 10/Height 10/BitsPerComponent 8/ColorSpace/Nobody",
		"a decoding beyond all", "/Width 10/Height 10/BitsPerComponent 8/ColorSpace/DeviceGray/Decode[-1e38 1e38]",
		"a mask of colours beyond all", "/Width 10/Height 10/BitsPerComponent 8/ColorSpace/DeviceGray/Mask[-2147483648 2147483647 1 2 3]",
		"a filter that is none", "/Width 10/Height 10/BitsPerComponent 8/ColorSpace/DeviceGray/DecodeParms[null<<>>(a)]/F(/etc/passwd)",
		"a file elsewhere", "/Width 10/Height 10/BitsPerComponent 8/ColorSpace/DeviceGray/F<</Type/Filespec/F(/etc/passwd)/UF(http://example.com)>>",
	) {
		attacks = append(attacks, attack{name: name, content: func() []byte {
			return drawing("/XObject<</X 11 0 R>>", "595 0 0 842 0 0 cm /X Do", pdftest.Packed(pdftest.Repeated("\x55", 1000), 1, "/Type/XObject/Subtype/Image"+entries))
		}})
	}
	region := func(width, height uint32, rest string) string {
		return string(words(width, height, 0, 0)) + "\x00" + rest
	}
	const template = "\x00\x03\xff\xfd\xff\x02\xfe\xfe\xfe" // generic, with its adaptive pixels
	jbig2 := func(width, height int, segments ...string) func() []byte {
		return func() []byte {
			return pictured(bits(width, height, "JBIG2Decode"), jbig2Page(uint32(width), uint32(height))+strings.Join(segments, ""))
		}
	}
	attacks = append(attacks,
		attack{name: "JBIG2 of two billion columns", content: jbig2(2147483647, 2147483647)},
		attack{name: "JBIG2 of noise", content: jbig2(400, 100, jbig2Segment(1, 38, region(400, 100, template+strings.Repeat("Noise", 200))))},
		attack{name: "JBIG2 region beyond all", content: jbig2(400, 100, jbig2Segment(1, 38, region(0xffffffff, 0xffffffff, template+"abc")))},
		attack{name: "JBIG2 region that does not fit", content: jbig2(400, 100, jbig2Segment(1, 38, string(words(400, 100, 0x7fffffff, 0x80000000))+"\x00"+template+"abc"))},
		attack{name: "JBIG2 of MMR without end", content: jbig2(400, 100, jbig2Segment(1, 38, region(400, 100, "\x01"+strings.Repeat("\x00", 5000))))},
		attack{name: "JBIG2 of a length beyond all", content: jbig2(400, 100, string(words(1))+"\x26\x00\x01\xff\xff\xff\xff")},
		attack{name: "JBIG2 of two billion symbols", content: jbig2(400, 100, jbig2Segment(1, 0, "\x00\x00\x03\xff\xfd\xff\x02\xfe\xfe\xfe"+string(words(0x7fffffff, 0x7fffffff))+"abc"))},
		attack{name: "JBIG2 of symbols that refer to themselves", content: jbig2(400, 100, string(words(1))+"\x00\x20\x01\x01"+string(words(0)))},
		attack{name: "JBIG2 of two billion letters", content: jbig2(400, 100, jbig2Segment(1, 0, "\x00\x00\x03\xff\xfd\xff\x02\xfe\xfe\xfe"+string(words(1, 1))+"abcdefgh"),
			jbig2Segment(2, 6, region(400, 100, "\x00\x00"+string(words(0x7fffffff))+"abc")))},
		attack{name: "JBIG2 of patterns beyond all", content: jbig2(400, 100, jbig2Segment(1, 16, "\x00\xff\xff\xff\xff\xff\xffabc"))},
		attack{name: "JBIG2 of halftones beyond all", content: jbig2(400, 100, jbig2Segment(1, 16, "\x00\x08\x08\x00\x00\x00\x01abc"),
			jbig2Segment(2, 22, region(400, 100, "\x00"+string(words(0x7fffffff, 0x7fffffff, 0, 0))+"\x00\x01\x00\x01abc")))},
		attack{name: "JBIG2 of a table that never ends", content: jbig2(400, 100, jbig2Segment(1, 53, "\x7e"+string(words(0x80000000, 0x7fffffff))+strings.Repeat("\x00", 100)))},
		attack{name: "JBIG2 that improves what is not there", content: jbig2(400, 100, jbig2Segment(1, 42, region(400, 100, "\x00\xff\xff\xff\xffabc")))},
		attack{name: "JPX of noise", content: func() []byte {
			return pictured("/Width 64/Height 64/Filter/JPXDecode", jpx(64, 64, 64, 64, 3, 5, strings.Repeat("Noise", 400)))
		}},
		attack{name: "JPX beyond all", content: func() []byte {
			return pictured("/Width 64/Height 64/Filter/JPXDecode", jpx(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 3, 5, "abc"))
		}},
		attack{name: "JPX of two billion tiles", content: func() []byte {
			return pictured("/Width 64/Height 64/Filter/JPXDecode", jpx(60000, 60000, 1, 1, 3, 5, "abc"))
		}},
		attack{name: "JPX of tiles of no size", content: func() []byte { return pictured("/Width 64/Height 64/Filter/JPXDecode", jpx(64, 64, 0, 0, 3, 5, "abc")) }},
		attack{name: "JPX of 16,384 colours", content: func() []byte {
			return pictured("/Width 64/Height 64/Filter/JPXDecode", jpx(64, 64, 64, 64, 16384, 5, "abc"))
		}},
		attack{name: "JPX of 33 levels", content: func() []byte {
			return pictured("/Width 64/Height 64/Filter/JPXDecode", jpx(64, 64, 64, 64, 1, 33, "abc"))
		}},
		attack{name: "JPX of a gigapixel of nothing", content: func() []byte {
			return pictured("/Width 64/Height 64/Filter/JPXDecode", jpx(30000, 30000, 30000, 30000, 1, 5, ""))
		}},
	)
	for name, parameters := range ordered(
		"two billion columns", "/K -1/Columns 2147483647/Rows 2147483647", "negative columns", "/K 0/Columns -8/Rows -8", "no columns", "/K 4/Columns 0/Rows 0",
		"no end", "/K -1/Columns 400/EndOfBlock false/Rows 2000000000", "damage allowed without end", "/K 9/Columns 400/DamagedRowsBeforeError 2147483647",
		"a row as wide as can be", "/K -1/Columns 65535/Rows 65535/BlackIs1 true",
	) {
		attacks = append(attacks, attack{name: "CCITT with " + name, content: func() []byte {
			return pictured(bits(400, 100, "CCITTFaxDecode")+"/DecodeParms<<"+parameters+">>", strings.Repeat("\x26\xa1\x55\x00\x10\xff", 500))
		}})
	}
	return attacks
}

func words(values ...uint32) []byte {
	var out []byte
	for _, value := range values {
		out = binary.BigEndian.AppendUint32(out, value)
	}
	return out
}

// jbig2Segment of a kind (ITU-T T.88, 7.2) on page 1 that refers to no others.
func jbig2Segment(number uint32, kind byte, data string) string {
	return string(words(number)) + string([]byte{kind, 0, 1}) + string(words(uint32(len(data)))) + data
}

func jbig2Page(width, height uint32) string {
	return jbig2Segment(0, 48, string(words(width, height, 0, 0))+"\x00\x00\x00")
}

// jpx is a codestream (ITU-T T.800, annex A) of one tile part with the data.
func jpx(width, height, tileWidth, tileHeight uint32, colours, levels int, data string) string {
	size := string(binary.BigEndian.AppendUint16(nil, 0)) + string(words(width, height, 0, 0, tileWidth, tileHeight, 0, 0)) +
		string(binary.BigEndian.AppendUint16(nil, uint16(colours))) + strings.Repeat("\x07\x01\x01", colours)
	marker := func(code, content string) string {
		return code + string(binary.BigEndian.AppendUint16(nil, uint16(len(content)+2))) + content
	}
	coding := "\x00\x00\x00\x01\x00" + string(rune(levels)) + "\x04\x04\x00\x01"
	quantization := "\x40" + strings.Repeat("\x40", 3*levels+1)
	part := "\xff\x90\x00\x0a\x00\x00" + string(words(uint32(len(data)+14))) + "\x00\x01\xff\x93" + data
	return "\xff\x4f" + marker("\xff\x51", size) + marker("\xff\x52", coding) + marker("\xff\x5c", quantization) + part + "\xff\xd9"
}

// randomImage is a page with an image of some coding whose data are noise or spoiled.
func (g good) randomImage(random *rand.Rand) []byte {
	noise := make([]byte, 20+random.IntN(2000))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	width, height := 8*(1+random.IntN(60)), 8*(1+random.IntN(20))
	switch random.IntN(6) {
	case 0, 1:
		var segments string
		for number := range 1 + random.IntN(5) {
			kind := pick[byte](random, 0, 0, 4, 6, 6, 16, 20, 22, 36, 38, 38, 40, 42, 48, 50, 53, 62)
			data := string(words(uint32(width), uint32(height), 0, 0)) + "\x00" + string([]byte{byte(random.IntN(8))}) + "\x03\xff\xfd\xff\x02\xfe\xfe\xfe"
			if kind == 0 || kind == 16 {
				data = string([]byte{0, byte(random.IntN(4))}) + "\x03\xff\xfd\xff\x02\xfe\xfe\xfe" + string(words(uint32(random.IntN(4)), uint32(random.IntN(4))))
			}
			segment := []byte(jbig2Segment(uint32(number+1), kind, data+string(noise[:random.IntN(len(noise))])))
			if random.IntN(3) == 0 {
				segment = spoil(random, segment)
			}
			segments += string(segment)
		}
		return pictured(bits(width, height, "JBIG2Decode"), jbig2Page(uint32(width), uint32(height))+segments)
	case 2, 3:
		data := []byte(jpx(uint32(width), uint32(height), uint32(8+random.IntN(200)), uint32(8+random.IntN(200)), 1+random.IntN(4), random.IntN(6), string(noise)))
		if random.IntN(2) == 0 {
			head := spoil(random, data[:60])
			data = append(head, data[60:]...)
		}
		return pictured(fmt.Sprintf("/Width %d/Height %d/Filter/JPXDecode", width, height), string(data))
	case 4:
		parameters := fmt.Sprintf("/K %d/Columns %d/Rows %d/EncodedByteAlign %v/EndOfLine %v", random.IntN(3)-1, width, height, random.IntN(2) == 0, random.IntN(2) == 0)
		return pictured(bits(width, height, "CCITTFaxDecode")+"/DecodeParms<<"+string(renumber(random, []byte(parameters)))+">>", string(noise))
	default:
		return pictured("/Width 800/Height 200/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode",
			string(spoil(random, pick(random, g.images["progressive.jpg"], g.images["cmyk.jpg"], g.images["orientation3.jpg"]))))
	}
}
