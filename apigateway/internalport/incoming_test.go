package internalport

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
)

// named is a part of a form.
type named struct{ name, content string }

// formOf makes a POST workerport.PathReading.
func formOf(t testing.TB, parts ...named) (contentType, body string) {
	t.Helper()
	var encoded bytes.Buffer
	form := multipart.NewWriter(&encoded)
	for _, part := range parts {
		header := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", part.name)}}
		writer, err := form.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte(part.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return form.FormDataContentType(), encoded.String()
}

func TestAReadingIsTakenApart(t *testing.T) {
	page, image := named{"page", `{"page":1}`}, named{"image", jpegOf(t, 300, 400)}
	line := func(number int) named { return named{workerport.LinePart(number), pngOf(t, 300, 20)} }
	var many []named
	for number := range maxLines {
		many = append(many, line(number))
	}
	large := strings.Repeat("x", workerport.MaxImageBytes/2)
	for name, c := range map[string]struct {
		role  document.AIRole
		parts []named
		// want are the parts that are images, or the status of a refusal.
		want   int
		status int
	}{
		"a page":                         {document.RoleReader, []named{page, image}, 1, 0},
		"a page that could not be drawn": {document.RoleReader, []named{page}, 0, 0},
		"images first":                   {document.RoleReader, []named{image, page}, 1, 0},
		"a page as PNG":                  {document.RoleReader, []named{page, {"image", pngOf(t, 300, 400)}}, 1, 0},
		"a little too large":             {document.RoleReader, []named{page, {"image", jpegOf(t, 400+sideTolerance, 10)}}, 1, 0},
		"lines":                          {document.RoleCorrector, []named{page, line(3), line(0), line(17)}, 3, 0},
		"no lines":                       {document.RoleCorrector, []named{page}, 0, 0},
		"as many lines as there may be":  {document.RoleCorrector, append([]named{page}, many...), maxLines, 0},
		"too many lines":                 {document.RoleCorrector, append([]named{page, line(maxLines)}, many...), 0, 400},
		"no page":                        {document.RoleReader, []named{image}, 0, 400},
		"nothing":                        {document.RoleReader, nil, 0, 400},
		"two pages":                      {document.RoleReader, []named{page, page}, 0, 400},
		"two images":                     {document.RoleReader, []named{page, image, image}, 0, 400},
		"a line twice":                   {document.RoleCorrector, []named{page, line(1), line(1)}, 0, 400},
		"a line of a reader":             {document.RoleReader, []named{page, line(1)}, 0, 400},
		"an image of a corrector":        {document.RoleCorrector, []named{page, image}, 0, 400},
		"a line with another number":     {document.RoleCorrector, []named{page, {"line-01", image.content}}, 0, 400},
		"a line before the first":        {document.RoleCorrector, []named{page, {"line--1", image.content}}, 0, 400},
		"something else":                 {document.RoleReader, []named{page, {"prompt", "say yes"}}, 0, 400},
		"no image":                       {document.RoleReader, []named{page, {"image", "<svg/>"}}, 0, 400},
		"the beginning of an image":      {document.RoleReader, []named{page, {"image", image.content[:30]}}, 0, 400},
		"too wide":                       {document.RoleReader, []named{page, {"image", jpegOf(t, 401+sideTolerance, 10)}}, 0, 400},
		"too high":                       {document.RoleReader, []named{page, {"image", pngOf(t, 10, 401+sideTolerance)}}, 0, 400},
		"an image that is too large":     {document.RoleReader, []named{page, {"image", image.content + large + large}}, 0, 413},
		"images that are too large":      {document.RoleCorrector, []named{page, {"line-1", image.content + large}, {"line-2", image.content + large}}, 0, 413},
		"a page that is too large":       {document.RoleReader, []named{{"page", strings.Repeat(" ", workerport.MaxPageBytes+1)}}, 0, 413},
	} {
		t.Run(name, func(t *testing.T) {
			contentType, body := formOf(t, c.parts...)
			got, err := parseReading(contentType, []byte(body), c.role, 400)
			var refused *refusal
			switch {
			case c.status == 0 && (err != nil || len(got.images) != c.want || string(got.page) != page.content):
				t.Errorf("%+v, %v; want %d images", got, err, c.want)
			case c.status != 0 && (!errors.As(err, &refused) || refused.status != c.status):
				t.Errorf("%+v, %v; want status %d", got, err, c.status)
			}
		})
	}
	contentType, body := formOf(t, page, image)
	for name, c := range map[string][2]string{
		"no form":       {"application/json", `{"page":1}`},
		"no boundary":   {"multipart/form-data", body},
		"another one":   {"multipart/form-data; boundary=x", body},
		"no type":       {"", body},
		"its beginning": {contentType, body[:len(body)-60]},
	} {
		var refused *refusal
		if _, err := parseReading(c[0], []byte(c[1]), document.RoleReader, 400); !errors.As(err, &refused) || refused.status != http.StatusBadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAModelMayBeAskedAbout(t *testing.T) {
	page := document.Page{Number: 1, Source: document.SourceOCR, Model: "khmer", Lines: make([]document.Line, 2)}
	for name, c := range map[string]struct {
		change func(*document.Page)
		line   int
		good   bool
	}{
		"a recognised page":         {func(*document.Page) {}, wholePage, true},
		"without a model":           {func(p *document.Page) { p.Model = "" }, 1, true},
		"without lines":             {func(p *document.Page) { p.Lines = nil }, wholePage, true},
		"native":                    {func(p *document.Page) { p.Source = document.SourceNative }, wholePage, false},
		"native in part":            {func(p *document.Page) { p.Source = document.SourceMixed }, wholePage, false},
		"failed":                    {func(p *document.Page) { p.Error = &document.PageError{Code: "x"} }, wholePage, false},
		"of another model":          {func(p *document.Page) { p.Model = "gemma" }, wholePage, false},
		"a line that it has not":    {func(*document.Page) {}, 2, false},
		"a line of no lines at all": {func(p *document.Page) { p.Lines = nil }, 0, false},
	} {
		changed := page
		c.change(&changed)
		if err := checkIncoming(&changed, map[int]picture{c.line: {}}, "khmer"); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParseReading has a hostile worker send a form: what is taken is within the bounds.
func FuzzParseReading(f *testing.F) {
	contentType, body := formOf(f, named{"page", `{"page":1}`}, named{"line-3", "\x89PNG"})
	f.Add(contentType, []byte(body), true)
	contentType, body = formOf(f, named{"image", "\xff\xd8\xff\xc0"}, named{"page", `{}`})
	f.Add(contentType, []byte(body), false)
	f.Fuzz(func(t *testing.T, contentType string, content []byte, corrects bool) {
		role := document.RoleReader
		if corrects {
			role = document.RoleCorrector
		}
		got, err := parseReading(contentType, content, role, 400)
		if err != nil {
			return
		}
		size := 0
		for line, image := range got.images {
			size += len(image.content)
			if (line == wholePage) == corrects || line < wholePage || max(image.width, image.height) > 400+sideTolerance || image.pixels() < 1 {
				t.Errorf("line %d with %d by %d pixels", line, image.width, image.height)
			}
		}
		if got.page == nil || len(got.page) > workerport.MaxPageBytes || size > workerport.MaxImageBytes || len(got.images) > maxLines {
			t.Errorf("a page of %d bytes with %d images of %d", len(got.page), len(got.images), size)
		}
	})
}
