package corpus

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/openplp/khocr/test/pdftest"
)

func sizeAttacks() []attack {
	var attacks []attack
	for name, page := range ordered(
		"200 inches", sized("0 0 14400 14400", ""),
		"a unit of 1000", sized("0 0 595 842", "/UserUnit 1000"),
		"a unit of a billion", sized("0 0 595 842", "/UserUnit 1000000000"),
		"a unit of nothing", sized("0 0 595 842", "/UserUnit 0"),
		"a negative unit", sized("0 0 595 842", "/UserUnit -7"),
		"no size", sized("0 0 0 0", ""),
		"inside out", sized("595 842 0 0", ""),
		"a millionth of a point", sized("0 0 .000001 .000001", ""),
		"far away", sized("1000000000 1000000000 1000000595 1000000842", ""),
		"beyond single precision", sized("0 0 99999999999999999999999999999999999999999999 842", ""),
		"the largest integers", sized("-2147483648 -2147483648 2147483647 2147483647", ""),
		"a strip", sized("0 0 1 14400", ""),
		"a strip that is wide", sized("0 0 14400 1", ""),
		"a strip beyond all", sized("0 0 .01 1000000000", ""),
		"three corners", sized("0 0 595", ""),
		"words for corners", sized("/a (b) null true", ""),
		"itself for a size", "<</Type/Page/Parent 2 0 R/MediaBox 4 0 R>>",
		"no box at all", "<</Type/Page/Parent 2 0 R>>",
		"cropped to what is not there", sized("0 0 595 842", "/CropBox[5000 5000 9000 9000]"),
		"cropped to more", sized("0 0 595 842", "/CropBox[-1000000 -1000000 1000000 1000000]"),
		"turned by 45 degrees", sized("0 0 595 842", "/Rotate 45"),
		"turned by a billion degrees", sized("0 0 595 842", "/Rotate 999999990"),
		"turned the other way and large", sized("0 0 14400 7000", "/Rotate -90"),
		"just small enough to be drawn", sized("0 0 4600 4600", ""),
	) {
		attacks = append(attacks, attack{name: name, content: func() []byte { return pdftest.ThreePages(page) }})
	}
	return attacks
}

// ordered goes through pairs of texts.
func ordered(pairs ...string) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	}
}

const catalogue = "<</Type/Catalog/Pages 2 0 R>>"

func treeAttacks() []attack {
	attacks := []attack{{name: "10,000 pages", content: func() []byte { return book(10_000) }}}
	for name, count := range ordered(
		"two billion pages", "2000000000", "more than fits", "99999999999999999999", "less than none", "-3", "fewer than there are", "1",
		"half a page", "2.5", "a text", "(3)", "no number", "null", "itself", "2 0 R", "five", "5", "5,000", "5000",
	) {
		attacks = append(attacks, attack{name: "count is " + name, content: func() []byte {
			objects := pdftest.ThreeObjects(written)
			objects[1] = "<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count " + count + ">>"
			return pdftest.Of(objects...)
		}})
	}
	for name, kids := range ordered(
		"no kids", "[]", "kids that are null", "[null null 99 0 R]", "kids that are numbers", "[1 2 3]", "a text for kids", "(none)",
		"the same page a thousand times", "["+strings.Repeat("3 0 R ", 1000)+"]", "the catalogue among the kids", "[1 0 R 3 0 R]",
		"the tree among its kids", "[3 0 R 2 0 R]", "a font among the kids", "[8 0 R 3 0 R]", "kids in the kids", "[[3 0 R][4 0 R]]",
	) {
		attacks = append(attacks, attack{name: name, content: func() []byte {
			objects := pdftest.ThreeObjects(written)
			objects[1] = "<</Type/Pages/Kids" + kids + "/Count 3>>"
			return pdftest.Of(objects...)
		}})
	}
	return append(attacks,
		attack{name: "pages that hold themselves", content: func() []byte {
			return pdftest.Of(catalogue, "<</Type/Pages/Kids[2 0 R 2 0 R]/Parent 2 0 R/Count 4>>")
		}},
		attack{name: "each level twice in the one above", content: func() []byte {
			objects := []string{catalogue}
			for i := range 30 {
				objects = append(objects, fmt.Sprintf("<</Type/Pages/Kids[%d 0 R %d 0 R]/Count %d>>", i+3, i+3, 1<<(30-i)))
			}
			return pdftest.Of(append(objects, written)...)
		}},
		attack{name: "20,000 levels", content: func() []byte {
			objects := []string{catalogue}
			for i := range 20_000 {
				objects = append(objects, fmt.Sprintf("<</Type/Pages/Kids[%d 0 R]/Parent %d 0 R/Count 1>>", i+3, i+1))
			}
			return pdftest.Of(append(objects, "<</Type/Page/Parent 20001 0 R/MediaBox[0 0 595 842]>>")...)
		}},
		attack{name: "20,000 ancestors to inherit from", content: func() []byte {
			objects := []string{catalogue, "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page/Parent 4 0 R>>"}
			for i := range 20_000 {
				objects = append(objects, fmt.Sprintf("<</Type/Pages/Parent %d 0 R>>", i+5))
			}
			return pdftest.Of(append(objects, "<</Type/Pages/MediaBox[0 0 595 842]>>")...)
		}},
		attack{name: "5,001 pages", content: func() []byte { return book(5001) }},
		attack{name: "100 pages of which each is too large", content: func() []byte {
			objects := []string{catalogue, ""}
			for range 100 {
				objects = append(objects, sized("0 0 14400 14400", ""))
			}
			objects[1] = "<</Type/Pages/Kids[" + references(3, 100) + "]/Count 100>>"
			return pdftest.Of(objects...)
		}},
	)
}

// book has so many pages with a line of text.
func book(pages int) []byte {
	objects := []string{catalogue, "", pdftest.Stream("", "BT /F 14 Tf 72 700 Td (A page of a book.) Tj ET"),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
	for range pages {
		objects = append(objects, sized("0 0 595 842", "/Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>"))
	}
	objects[1] = "<</Type/Pages/Kids[" + references(5, pages) + "]/Count " + strconv.Itoa(pages) + ">>"
	return pdftest.Of(objects...)
}

// references to so many objects from a number on.
func references(from, count int) string {
	var out strings.Builder
	for i := range count {
		fmt.Fprintf(&out, "%d 0 R ", from+i)
	}
	return out.String()
}

func xrefAttacks() []attack {
	whole := func() string { return string(pdftest.ThreePages(written)) }
	edited := func(old, new string) func() []byte {
		return func() []byte { return []byte(strings.ReplaceAll(whole(), old, new)) }
	}
	trailed := func(trailer string) func() []byte {
		return func() []byte { return pdftest.With(trailer, pdftest.ThreeObjects(written)...) }
	}
	table := func(entries, data string) func() []byte {
		return func() []byte {
			out := strings.TrimSuffix(whole()[:strings.LastIndex(whole(), "xref\n0 ")], "\n")
			return fmt.Appendf(nil, "%s\n99 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", out,
				pdftest.Stream("/Type/XRef/Root 1 0 R/Size 10"+entries, data), len(out)+1)
		}
	}
	objectStream := func(entries, data string) func() []byte {
		return func() []byte {
			objects := pdftest.ThreeObjects("10 0 R", pdftest.Stream("/Type/ObjStm"+entries, data))
			return []byte(strings.Replace(string(pdftest.Of(objects...)), "4 0 obj", "4 0 xyz", 1))
		}
	}
	return []attack{
		{name: "it is missing", content: func() []byte { return []byte(whole()[:strings.LastIndex(whole(), "xref\n0 ")]) }},
		{name: "all is elsewhere", content: edited(" 00000 n", "7 00000 n")},
		{name: "all is in one place", content: edited("0000000", "0000001")},
		{name: "all is far away", content: edited("000000", "999999")},
		{name: "nothing is in use", content: edited(" n \n", " f \n")},
		{name: "it begins nowhere", content: edited("startxref\n", "startxref\n99")},
		{name: "it begins before the file", content: edited("startxref\n", "startxref\n-")},
		{name: "two billion objects", content: edited("/Size ", "/Size 200000000")},
		{name: "less than no objects", content: edited("/Size ", "/Size -")},
		{name: "a section of two billion", content: edited("xref\n0 10", "xref\n0 2000000000")},
		{name: "a section from two billion on", content: edited("xref\n0 10", "xref\n2000000000 10")},
		{name: "no root", content: edited("/Root 1 0 R", "")},
		{name: "the root is a number", content: edited("/Root 1 0 R", "/Root 7")},
		{name: "the root is a page", content: edited("/Root 1 0 R", "/Root 3 0 R")},
		{name: "numbers beyond all", content: edited(" 0 obj", "00000000 0 obj")},
		{name: "generations beyond all", content: edited(" 0 R", " 65536 R")},
		{name: "it comes after itself", content: func() []byte {
			at := strings.LastIndex(whole(), "xref\n0 ")
			return []byte(strings.Replace(whole(), "/Root", "/Prev "+strconv.Itoa(at)+"/Root", 1))
		}},
		{name: "two that come after one another", content: func() []byte {
			out := whole()
			for range 2 {
				at := strings.LastIndex(out, "xref\n0 ")
				out += fmt.Sprintf("xref\n0 0\ntrailer\n<</Size 10/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n", at, len(out))
			}
			return []byte(out)
		}},
		{name: "10,000 that come after one another", content: func() []byte {
			out := new(strings.Builder)
			out.WriteString(whole())
			at := strings.LastIndex(whole(), "xref\n0 ")
			for range 10_000 {
				here := out.Len()
				fmt.Fprintf(out, "xref\n0 0\ntrailer\n<</Size 10/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n", at, here)
				at = here
			}
			return []byte(out.String())
		}},
		{name: "before the file", content: trailed("/Prev -1")},
		{name: "a stream beside it that is not there", content: trailed("/XRefStm 7")},
		{name: "the identity is a page", content: trailed("/ID 3 0 R/Info 3 0 R")},
		{name: "a table of wide columns", content: table("/W[8 8 8]", strings.Repeat("\xff", 240))},
		{name: "a table of columns that are too wide", content: table("/W[2147483647 2147483647 2147483647]", "")},
		{name: "a table of no columns", content: table("/W[0 0 0]/Index[0 2147483647]", "")},
		{name: "a table of negative columns", content: table("/W[-1 -2 -3]", "abcdef")},
		{name: "a table from below zero on", content: table("/W[1 2 1]/Index[-5 10]", strings.Repeat("\x01\x00\x10\x00", 10))},
		{name: "a table of sections beyond all", content: table("/W[1 1 1]/Index[2147483640 100]", strings.Repeat("\x01\x10\x00", 100))},
		{name: "a table of objects in objects in it", content: table("/W[1 2 1]", strings.Repeat("\x02\x00\x63\x00", 10))},
		{name: "objects in a stream that is not there", content: table("/W[1 2 1]", strings.Repeat("\x02\xff\xff\x00", 10))},
		{name: "a stream of two billion objects", content: objectStream("/N 2000000000/First 8", "4 0 <<>>")},
		{name: "a stream of objects before it", content: objectStream("/N 1/First -8", "4 0 <<>>")},
		{name: "a stream of objects that extends itself", content: objectStream("/N 1/First 4/Extends 10 0 R", "4 0 <</Type/Page>>")},
		{name: "a stream of itself", content: objectStream("/N 1/First 5", "10 0 <</Length 10 0 R>>")},
		{name: "a stream of less than none", content: objectStream("/N -1/First 4", "4 0 <<>>")},
		{name: "four million brackets", content: func() []byte {
			return []byte("%PDF-1.7\n1 0 obj " + strings.Repeat("[", 4<<20) + " endobj\ntrailer <</Root 1 0 R>>\n")
		}},
		{name: "a million dictionaries", content: func() []byte {
			return []byte("%PDF-1.7\n1 0 obj " + strings.Repeat("<</A", 1<<20) + " endobj\ntrailer <</Root 1 0 R>>\n")
		}},
		{name: "a name of four million letters", content: func() []byte {
			return pdftest.ThreePages(sized("0 0 595 842", "/"+strings.Repeat("A", 4<<20)+" 1"))
		}},
		{name: "a text that never ends", content: func() []byte {
			return []byte(whole()[:200] + strings.Repeat("(", 1<<20))
		}},
		{name: "100,000 objects of one number", content: func() []byte {
			return []byte("%PDF-1.7\n" + strings.Repeat("1 0 obj\n<</Type/Catalog/Pages 1 0 R>>\nendobj\n", 100_000))
		}},
		{name: "300,000 objects without a table", content: func() []byte {
			out := new(strings.Builder)
			out.WriteString("%PDF-1.7\n")
			for i := range 300_000 {
				fmt.Fprintf(out, "%d 0 obj\n<</Kids[%d 0 R]>>\nendobj\n", i+1, i+2)
			}
			return []byte(out.String())
		}},
	}
}

func encryptionAttacks(good good) []attack {
	encrypted := func(dictionary string) func() []byte {
		return func() []byte {
			objects := pdftest.ThreeObjects(written, dictionary)
			return pdftest.With("/Encrypt 10 0 R/ID[(0123456789abcdef)(0123456789abcdef)]", objects...)
		}
	}
	secret := func() []byte { return good.files["password.pdf"] }
	const keys = "/O(01234567890123456789012345678901)/U(01234567890123456789012345678901)/P -4"
	attacks := []attack{
		{name: "no password is given", content: secret},
		{name: "the password is given", content: secret, password: "user"},
		{name: "another password is given", content: secret, password: "wrong"},
		{name: "a password of a megabyte is given", content: secret, password: strings.Repeat("a", 1<<20)},
	}
	for name, dictionary := range ordered(
		"of a method that nobody knows", "<</Filter/Standard/V 99/R 99"+keys+">>",
		"without keys", "<</Filter/Standard/V 2/R 3/Length 128>>",
		"of a key of no length", "<</Filter/Standard/V 2/R 3/Length 0"+keys+">>",
		"of a key of two billion bits", "<</Filter/Standard/V 2/R 3/Length 2147483647"+keys+">>",
		"of a key of less than no bits", "<</Filter/Standard/V 2/R 3/Length -128"+keys+">>",
		"of short keys", "<</Filter/Standard/V 5/R 6/Length 256/O(a)/U(b)/OE(c)/UE(d)/P -4/Perms(e)>>",
		"by a filter that is its own", "<</Filter/Standard/V 4/R 4"+keys+"/CF<</StdCF 10 0 R>>/StmF/StdCF/StrF/StdCF>>",
		"by filters that are missing", "<</Filter/Standard/V 4/R 4"+keys+"/StmF/None/StrF/None>>",
		"by a filter of nobody's", "<</Filter/Nobody/V 1/R 2"+keys+">>",
		"by itself", "10 0 R", "by a number", "42",
	) {
		attacks = append(attacks, attack{name: name, content: encrypted(dictionary)})
	}
	return attacks
}
