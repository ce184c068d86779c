package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
)

// paper is a kind of document that is handed in while things go wrong.
type paper struct {
	// file of test/testdata; pages of our own where it is empty.
	file string
	// times that the file is repeated, if more than once, or pages of our own.
	times int
	// legacy pages of our own are in a font from before Unicode.
	legacy   bool
	password string
	// resource: it comes as an OcrJob with the file's address, by kubectl.
	resource bool
}

func (p paper) String() string {
	name := p.file
	switch {
	case p.legacy:
		name = fmt.Sprintf("legacy, %d pages", p.times)
	case p.file == "":
		name = fmt.Sprintf("native, %d pages", p.times)
	case p.times > 1:
		name = fmt.Sprintf("%s, %d times", p.file, p.times)
	}
	if p.password != "" {
		name += " with its password"
	}
	if p.resource {
		name += " by kubectl"
	}
	return name
}

// likeness is the paper that an undisturbed platform reads to know what this one says.
func (p paper) likeness() paper { return paper{file: p.file, password: p.password} }

// form of the paper under a title of its own, so that no other one says the same, as far as it is of our making.
func (p paper) form(t *testing.T, title string) form {
	t.Helper()
	f := form{fileName: p.file, fields: map[string]string{}}
	if p.password != "" {
		f.fields["password"] = p.password
	}
	switch {
	case p.legacy:
		f.fileName, f.content = title+".pdf", legacyPDF(p.times)
	case p.file == "":
		f.fileName, f.content = title+".pdf", nativePDF(title, p.times)
	case p.times > 1:
		f.content = repeated(t, p.file, p.times)
	default:
		f.content = testdata(t, p.file)
	}
	return f
}

// want is what must become of the paper, from what is known of those that nothing disturbed.
func (p paper) want(title string, undisturbed map[paper]reading) reading {
	if p.file == "" {
		lines := nativeLines(title, p.times)
		r := reading{status: "COMPLETED"}
		for i, line := range lines {
			if p.legacy {
				line = legacyLine
			}
			r.pages = append(r.pages, pageReading{number: i + 1, text: line})
		}
		return r
	}
	once := undisturbed[p.likeness()]
	all := reading{status: once.status, code: once.code}
	for range max(1, p.times) {
		for _, page := range once.pages {
			page.number = len(all.pages) + 1
			all.pages = append(all.pages, page)
		}
	}
	return all
}

// samples are the files that are read undisturbed first, with what must come of them: how many pages, and which of them fail.
var samples = map[paper]struct {
	status, code string
	pages        int
	failed       map[int]string
}{
	{file: "native.pdf"}:                     {status: "COMPLETED", pages: 1},
	{file: "sample.pdf"}:                     {status: "COMPLETED", pages: 1},
	{file: "mixed.pdf"}:                      {status: "COMPLETED", pages: 2},
	{file: "pages20.pdf"}:                    {status: "COMPLETED", pages: 20},
	{file: "pages3.tiff"}:                    {status: "COMPLETED", pages: 3},
	{file: "photo.jpg"}:                      {status: "COMPLETED", pages: 1},
	{file: "image.png"}:                      {status: "COMPLETED", pages: 1},
	{file: "crash.pdf"}:                      {status: "COMPLETED", pages: 3, failed: map[int]string{2: document.PageErrorCrashed}},
	{file: "password.pdf", password: "user"}: {status: "COMPLETED", pages: 1},
	{file: "password.pdf"}:                   {status: "FAILED", code: "password_protected"},
	{file: "truncated.pdf"}:                  {status: "FAILED", code: "invalid_document"},
}

// checkUndisturbed says what is wrong with how a sample was read, or nothing.
func checkUndisturbed(p paper, got reading) string {
	want := samples[p]
	if got.status != want.status || got.code != want.code || len(got.pages) != want.pages {
		return fmt.Sprintf("it is %s with %d pages, must be %s %s with %d", ending(got), len(got.pages), want.status, want.code, want.pages)
	}
	for _, page := range got.pages {
		if page.code != want.failed[page.number] || (page.text == "") != (page.code != "") {
			return fmt.Sprintf("page %d has the error %q, must have %q, and reads %q", page.number, page.code, want.failed[page.number], page.text)
		}
	}
	return ""
}

// shelf has the papers that clients take, some more often than others. The local platform cuts documents of more than 20
// pages.
var shelf = []struct {
	weight int
	paper  paper
}{
	{6, paper{times: 1}}, {6, paper{times: 7}}, {2, paper{times: 200}},
	{2, paper{times: 3, legacy: true}},
	{4, paper{file: "sample.pdf"}}, {4, paper{file: "mixed.pdf"}}, {3, paper{file: "pages20.pdf"}},
	{2, paper{file: "pages3.tiff"}}, {1, paper{file: "photo.jpg"}}, {1, paper{file: "image.png"}},
	{2, paper{file: "crash.pdf"}}, {1, paper{file: "truncated.pdf"}},
	{1, paper{file: "password.pdf"}}, {1, paper{file: "password.pdf", password: "user"}},
	{2, paper{file: "sample.pdf", resource: true}}, {2, paper{file: "mixed.pdf", resource: true}}, {2, paper{file: "native.pdf", resource: true}},
}

// tome is a paper for those who have an hour.
var tome = paper{file: "pages20.pdf", times: 10}

// drawPaper takes a paper from the shelf.
func drawPaper(random *rand.Rand) paper {
	sum := 0
	for _, lot := range shelf {
		sum += lot.weight
	}
	at := random.IntN(sum)
	for _, lot := range shelf {
		if at -= lot.weight; at < 0 {
			return lot.paper
		}
	}
	panic("no paper on the shelf")
}

// order is what a client wants.
type order struct {
	paper paper
	// title of the document, or its name where it is made by kubectl.
	title    string
	priority v1alpha1.Priority
	// again: it is submitted once more after it was accepted, as by a client that did not hear of it.
	again bool
}

// drawOrder draws what a client wants, of low or normal priority.
func drawOrder(random *rand.Rand, title string) order {
	o := order{paper: drawPaper(random), title: title, priority: v1alpha1.PriorityLow, again: random.IntN(4) == 0}
	if random.IntN(3) == 0 {
		o.priority = v1alpha1.PriorityNormal
	}
	return o
}

func TestPapersSayWhatTheyMust(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	seen, titles := map[paper]bool{}, map[string]bool{}
	for i := range 1000 {
		title := fmt.Sprintf("title %d", i)
		p := drawOrder(random, title).paper
		if seen[p] {
			continue
		}
		seen[p] = true
		if content := p.form(t, title).content; len(content) == 0 {
			t.Errorf("%s is empty", p)
		}
		if titles[p.String()] {
			t.Errorf("two papers are called %s", p)
		}
		titles[p.String()] = true
		_, sampled := samples[p.likeness()]
		if p.file != "" && !sampled {
			t.Errorf("%s is never read undisturbed", p)
		}
	}
	if len(seen) != len(shelf) {
		t.Errorf("%d of %d papers are ever taken", len(seen), len(shelf))
	}

	undisturbed := map[paper]reading{
		{file: "pages20.pdf"}:   {status: "COMPLETED", pages: []pageReading{{number: 1, text: "a"}, {number: 2, text: "b"}}},
		{file: "truncated.pdf"}: {status: "FAILED", code: "invalid_document"},
	}
	for _, test := range []struct {
		paper paper
		want  string
	}{
		{paper{times: 2}, "COMPLETED: 1 T, page 1 of 2. 2 T, page 2 of 2."},
		{paper{times: 1, legacy: true}, "COMPLETED: 1 " + legacyLine},
		{paper{file: "pages20.pdf"}, "COMPLETED: 1 a 2 b"},
		{paper{file: "pages20.pdf", resource: true}, "COMPLETED: 1 a 2 b"},
		{paper{file: "pages20.pdf", times: 2}, "COMPLETED: 1 a 2 b 3 a 4 b"},
		{paper{file: "truncated.pdf"}, "FAILED invalid_document:"},
	} {
		r := test.paper.want("T", undisturbed)
		var got strings.Builder
		got.WriteString(ending(r) + ":")
		for _, page := range r.pages {
			fmt.Fprintf(&got, " %d %s%s", page.number, page.text, page.code)
		}
		if got.String() != test.want {
			t.Errorf("%s is %q, want %q", test.paper, got.String(), test.want)
		}
	}
}

func TestASampleThatIsReadWronglyIsNoMeasure(t *testing.T) {
	page := func(number int, text, code string) pageReading { return pageReading{number, text, code} }
	for name, test := range map[string]struct {
		paper paper
		got   reading
		wrong bool
	}{
		"well":                {paper{file: "mixed.pdf"}, reading{"COMPLETED", "", []pageReading{page(1, "a", ""), page(2, "b", "")}}, false},
		"a page short":        {paper{file: "mixed.pdf"}, reading{"COMPLETED", "", []pageReading{page(1, "a", "")}}, true},
		"a page without text": {paper{file: "mixed.pdf"}, reading{"COMPLETED", "", []pageReading{page(1, "a", ""), page(2, "", "")}}, true},
		"a crash": {paper{file: "crash.pdf"},
			reading{"COMPLETED", "", []pageReading{page(1, "a", ""), page(2, "", document.PageErrorCrashed), page(3, "c", "")}}, false},
		"no crash":             {paper{file: "crash.pdf"}, reading{"COMPLETED", "", []pageReading{page(1, "a", ""), page(2, "b", ""), page(3, "c", "")}}, true},
		"damaged":              {paper{file: "truncated.pdf"}, reading{status: "FAILED", code: "invalid_document"}, false},
		"damaged and not said": {paper{file: "truncated.pdf"}, reading{status: "COMPLETED"}, true},
	} {
		if fault := checkUndisturbed(test.paper, test.got); (fault != "") != test.wrong {
			t.Errorf("%s: %q", name, fault)
		}
	}
}
