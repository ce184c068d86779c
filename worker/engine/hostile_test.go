package engine

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/test/pdftest"
	"github.com/openplp/khocr/worker"
)

// readAsAWorker reads a document as a worker pod of the usual limits does, but gives up on a page after ten seconds. It tells what
// each page says, or the code of its error, and for a document that cannot be read why.
func readAsAWorker(t *testing.T, path string) (pages []string, refused error) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := worker.Config{
		CPULimit: 2, MemoryLimit: 2 << 30, WorkDir: t.TempDir(),
		Engine: filepath.Join(t.TempDir(), engineName), TessdataPrefix: os.Getenv("TESSDATA_PREFIX"),
	}
	if err := os.Symlink(program, config.Engine); err != nil {
		t.Fatal(err)
	}
	ticket := workerport.Ticket{
		Mode: "auto", Model: "khocr", TrainedData: "khocr", MaxPages: 5000, PageTimeoutSeconds: 10,
	}
	start, peak := time.Now(), int64(0)
	refused = worker.ReadLocal(t.Context(), config, ticket, path, slog.New(slog.DiscardHandler), func(page *document.Page, cost worker.Cost) error {
		said := page.Text
		if page.Error != nil {
			said = page.Error.Code
			if page.Error.Message == "" {
				t.Errorf("page %d fails without a message", page.Number)
			}
		}
		pages = append(pages, said)
		peak = max(peak, cost.PeakMemory)
		return nil
	}, nil)
	t.Logf("%.1f s, %d MB; %d pages, %v", time.Since(start).Seconds(), peak/1e6, len(pages), refused)
	return pages, refused
}

// threePages is the path of a PDF of three pages, the second of which is the given one, with more objects from number 10 on.
func threePages(t *testing.T, second string, more ...string) string {
	t.Helper()
	return writePDF(t, pdftest.ThreeObjects(second, more...))
}

func TestAHostilePageFailsAloneAndSaysWhy(t *testing.T) {
	const empty = ""
	page := func(entries string) string {
		return "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 10 0 R/Resources<<" + entries + ">>>>"
	}
	image := func(t *testing.T, object string) string {
		return threePages(t, page("/XObject<</X 11 0 R>>"), pdftest.Packed(strings.NewReader("595 0 0 842 0 0 cm /X Do"), 1, ""), object)
	}
	file := func(name string) func(*testing.T) string {
		return func(*testing.T) string { return filepath.Join(testdata, name) }
	}
	for name, test := range map[string]struct {
		path func(*testing.T) string
		// want are the codes of errors of which the page has one, empty where it may have none. What only takes long may be done
		// in time on a fast machine.
		want []string
	}{
		"forms that draw forms": {file("hang.pdf"), []string{document.PageErrorTimeout}},
		"its own parent":        {file("crash.pdf"), []string{document.PageErrorCrashed}},
		"of 200 inches": {func(t *testing.T) string {
			return threePages(t, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 14400 14400]>>")
		}, []string{document.PageErrorTooLarge}},
		"of a large unit": {func(t *testing.T) string {
			return threePages(t, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/UserUnit 1000>>")
		}, []string{document.PageErrorTooLarge}},
		"of no size": {func(t *testing.T) string {
			return threePages(t, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 0 0]>>")
		}, []string{empty}},
		"64 MB of operators in some hundred bytes": {func(t *testing.T) string {
			return threePages(t, page(""), pdftest.Packed(pdftest.Repeated("0 0 595 842 re f\n", 64<<20), 3, ""))
		}, []string{empty, document.PageErrorTimeout}},
		"256 MB of spaces": {func(t *testing.T) string {
			return threePages(t, page(""), pdftest.Packed(pdftest.Repeated(" ", 256<<20), 3, ""))
		}, []string{empty, document.PageErrorTimeout}},
		"five million letters": {func(t *testing.T) string {
			return threePages(t, page("/Font<</F 8 0 R>>"),
				pdftest.Packed(io.MultiReader(strings.NewReader("BT /F 1 Tf 72 700 Td "), pdftest.Repeated("(abcdefghij) Tj\n", 5e6*16/10), strings.NewReader(" ET")), 2, ""))
		}, []string{document.PageErrorTooLarge, document.PageErrorTimeout, document.PageErrorCrashed}},
		"a pattern of a thousandth of a point": {func(t *testing.T) string {
			return threePages(t, page("/Pattern<</P 11 0 R>>"), pdftest.Packed(strings.NewReader("/Pattern cs /P scn 0 0 595 842 re f"), 1, ""),
				pdftest.Packed(strings.NewReader("0 0 1 1 re f"), 1, "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 100 100]/XStep .001/YStep .001/Resources<<>>"))
		}, []string{empty, document.PageErrorTimeout}},
		"an image of 400 megapixels": {func(t *testing.T) string {
			return image(t, pdftest.Packed(pdftest.Repeated("\x00", 20000*20000), 2, "/Type/XObject/Subtype/Image/Width 20000/Height 20000/BitsPerComponent 8/ColorSpace/DeviceGray"))
		}, []string{empty, document.PageErrorTimeout}},
		"an image of two billion columns": {func(t *testing.T) string {
			return image(t, pdftest.Packed(pdftest.Repeated("\x00", 1000), 1, "/Type/XObject/Subtype/Image/Width 2147483647/Height 2147483647/BitsPerComponent 8/ColorSpace/DeviceRGB"))
		}, []string{document.PageErrorUnreadable}},
		"a JBIG2 image of two billion columns": {func(t *testing.T) string {
			segment := "\x00\x00\x00\x00\x30\x00\x01\x00\x00\x00\x13\x7f\xff\xff\xff\x7f\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			return image(t, fmt.Sprintf("<</Type/XObject/Subtype/Image/Width 2147483647/Height 2147483647/BitsPerComponent 1"+
				"/ColorSpace/DeviceGray/Filter/JBIG2Decode/Length %d>>\nstream\n%s\nendstream", len(segment), segment))
		}, []string{document.PageErrorUnreadable}},
	} {
		t.Run(name, func(t *testing.T) {
			pages, refused := readAsAWorker(t, test.path(t))
			if refused != nil || len(pages) != 3 {
				t.Fatalf("pages are %q, %v", pages, refused)
			}
			if pages[0] != "The first page of three." || pages[2] != "The last page of three." {
				t.Errorf("the other pages are %q and %q", pages[0], pages[2])
			}
			if !slices.Contains(test.want, pages[1]) {
				t.Errorf("the page says %.60q, want one of %q", pages[1], test.want)
			}
		})
	}
}

func TestAHostileDocumentSaysWhatIsWrong(t *testing.T) {
	write := func(t *testing.T, content string) string {
		path := filepath.Join(t.TempDir(), "document")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	read := func(t *testing.T, path string) string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	counting := func(count string) func(*testing.T) string {
		return func(t *testing.T) string {
			whole := read(t, threePages(t, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"))
			return write(t, strings.Replace(whole, "/Count 3", "/Count "+count, 1))
		}
	}
	book := func(pages int) func(*testing.T) string {
		return func(t *testing.T) string {
			objects := []string{"<</Type/Catalog/Pages 2 0 R>>", "", "<</Length 44>>\nstream\nBT /F 14 Tf 72 700 Td (A page of a book.) Tj ET\nendstream",
				"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
			var kids strings.Builder
			for range pages {
				objects = append(objects, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>>>")
				fmt.Fprintf(&kids, "%d 0 R ", len(objects))
			}
			objects[1] = "<</Type/Pages/Kids[" + kids.String() + "]/Count " + strconv.Itoa(pages) + ">>"
			return writePDF(t, objects)
		}
	}
	file := func(name string) func(*testing.T) string {
		return func(*testing.T) string { return filepath.Join(testdata, name) }
	}
	for name, test := range map[string]struct {
		path func(*testing.T) string
		// refused is the reason for which the document is; pages how many it has where it is not, and failed how many have an error.
		refused       string
		pages, failed int
	}{
		"a password":              {path: file("password.pdf"), refused: reasonPasswordProtected},
		"cut off":                 {path: file("truncated.pdf"), refused: reasonInvalidDocument},
		"no content":              {path: file("empty.bin"), refused: reasonEmptyDocument},
		"no document":             {path: file("not-a-pdf.txt"), refused: reasonUnsupportedDocument},
		"5,000 pages":             {path: book(5000), pages: 5000},
		"5,001 pages":             {path: book(5001), refused: "TooManyPages"},
		"no page":                 {path: book(0), refused: reasonInvalidDocument},
		"two billion pages":       {path: counting("2000000000"), refused: "TooManyPages"},
		"fewer pages than it has": {path: counting("1"), pages: 1},
		"less than no pages":      {path: counting("-3"), refused: reasonInvalidDocument},
		"no table of objects": {path: func(t *testing.T) string {
			whole := read(t, threePages(t, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"))
			return write(t, whole[:strings.LastIndex(whole, "xref\n0 ")])
		}, pages: 3},
		"a table of objects that is wrong": {path: func(t *testing.T) string {
			whole := read(t, threePages(t, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"))
			return write(t, strings.ReplaceAll(whole, " 00000 n", "7 00000 n"))
		}, pages: 3},
		"pages that hold themselves": {path: func(t *testing.T) string {
			return writePDF(t, []string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Parent 2 0 R/Count 4>>"})
		}, pages: 4, failed: 4},
		"four million brackets": {path: func(t *testing.T) string {
			return write(t, "%PDF-1.7\n1 0 obj "+strings.Repeat("[", 4<<20)+" endobj\ntrailer <</Root 1 0 R>>\n")
		}, refused: reasonInvalidDocument},
		"a PNG of 10 gigapixels":  {path: func(t *testing.T) string { return write(t, pngOf(100_000, 100_000)) }, pages: 1, failed: 1},
		"a PNG of 900 megapixels": {path: func(t *testing.T) string { return write(t, pngOf(30_000, 30_000)) }, pages: 1, failed: 1},
		"a JPEG that says to be large": {path: func(t *testing.T) string {
			return write(t, strings.Replace(read(t, filepath.Join(testdata, "photo.jpg")), frameSize(t), "\xff\xff\xff\xff", 1))
		}, pages: 1, failed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			pages, refused := readAsAWorker(t, test.path(t))
			if test.refused != "" {
				if refused == nil || !strings.HasPrefix(refused.Error(), test.refused+": ") {
					t.Errorf("refused for %v, want %s", refused, test.refused)
				}
				return
			}
			failed := 0
			for _, page := range pages {
				if strings.HasPrefix(page, "page_") {
					failed++
				}
			}
			if refused != nil || len(pages) != test.pages || failed != test.failed {
				t.Errorf("%d pages, of which %d failed, %v; want %d and %d", len(pages), failed, refused, test.pages, test.failed)
			}
		})
	}
}

// pngOf a size is black, packed as well as a PNG can be, and cut off after 128 MB.
func pngOf(width, height uint32) string {
	out := bytes.NewBufferString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		_ = binary.Write(out, binary.BigEndian, uint32(len(data)))
		body := append([]byte(kind), data...)
		out.Write(body)
		_ = binary.Write(out, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	chunk("IHDR", append(header, 1, 0, 0, 0, 0)) // a bit a pixel, grey
	var data bytes.Buffer
	writer := zlib.NewWriter(&data)
	_, _ = io.Copy(writer, pdftest.Repeated("\x00", min(int64(height)*(1+int64(width+7)/8), 128<<20)))
	_ = writer.Close()
	chunk("IDAT", data.Bytes())
	chunk("IEND", nil)
	return out.String()
}

// frameSize is the height and width of photo.jpg as its start of frame has them.
func frameSize(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(testdata, "photo.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(content, []byte("\xff\xc0"))
	if at < 0 {
		t.Fatal("photo.jpg has no baseline frame")
	}
	return string(content[at+5 : at+9])
}
