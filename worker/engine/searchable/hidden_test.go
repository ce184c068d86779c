package searchable

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/document"
)

func TestInvisibleTextIsTakenOff(t *testing.T) {
	for name, test := range map[string]struct{ content, want string }{
		"visible text stays":                 {"BT /F 1 Tf (a) Tj ET", "BT /F 1 Tf (a) Tj ET"},
		"shown by each of the operators":     {"BT 3 Tr (a) Tj [(b) 1 (c)] TJ (d) ' 1 2 (e) \" ET", "BT 3 Tr T* T* ET"},
		"up to another mode":                 {"BT 3 Tr (a) Tj 0 Tr (b) Tj ET", "BT 3 Tr 0 Tr (b) Tj ET"},
		"up to the end of the state":         {"q 3 Tr BT (a) Tj ET Q BT (b) Tj ET", "q 3 Tr BT ET Q BT (b) Tj ET"},
		"in the state that was saved":        {"3 Tr q 0 Tr Q BT (a) Tj ET", "3 Tr q 0 Tr Q BT ET"},
		"with places that are kept":          {"BT 3 Tr 1 0 0 1 5 5 Tm (a) Tj 0 Tr (b) Tj ET", "BT 3 Tr 1 0 0 1 5 5 Tm 0 Tr (b) Tj ET"},
		"strings that look like operators":   {"BT (3 Tr) Tj (\\) 3 Tr) Tj (a) Tj ET", "BT (3 Tr) Tj (\\) 3 Tr) Tj (a) Tj ET"},
		"behind an image in the content":     {"BI /W 1 ID \x00EI\xff EI Q 3 Tr (a) Tj", "BI /W 1 ID \x00EI\xff EI Q 3 Tr"},
		"comments":                           {"% 3 Tr\n(a) Tj", "% 3 Tr\n(a) Tj"},
		"what another text says it reads as": {"/Span <</ActualText (b)>> BDC (a) Tj EMC", " /Span BMC (a) Tj EMC"},
		"other marks stay":                   {"/P <</MCID 1>> BDC (a) Tj EMC", "/P <</MCID 1>> BDC (a) Tj EMC"},
		"up to where it is broken":           {"3 Tr (a) Tj > (b) Tj", "3 Tr > (b) Tj"},
		"nothing":                            {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, changed, _ := withoutHidden([]byte(test.content))
			if string(got) != test.want || changed != (test.content != test.want) {
				t.Errorf("content = %q (%v), want %q", got, changed, test.want)
			}
		})
	}
}

func TestFormsOfAContentAreFound(t *testing.T) {
	_, _, forms := withoutHidden([]byte("q /A Do Q /B Do /A Do /C gs"))
	if want := []name{"A", "B"}; !slices.Equal(forms, want) {
		t.Errorf("forms = %v, want %v", forms, want)
	}
}

func TestAHiddenLayerGivesWayToTheNewOne(t *testing.T) {
	const font = "/F 10 Tf"
	resources := func(forms dict) dict {
		helvetica := dict{"Type": name("Font"), "Subtype": name("Type1"), "BaseFont": name("Helvetica")}
		return dict{"Font": dict{"F": helvetica}, "XObject": forms}
	}
	for name, entries := range map[string]dict{
		"in the page": {"Contents": text("BT " + font + " 3 Tr 20 60 Td (wrong) Tj ET"), "Resources": resources(dict{})},
		"visible":     {"Contents": text("BT " + font + " 20 60 Td (broken) Tj ET"), "Resources": resources(dict{})},
		"none":        {},
	} {
		t.Run(name, func(t *testing.T) {
			made := continued(t, simple(t, false, entries), 1, results(page(1, 200, 100, 0, "right", document.Box{20, 30, 60, 40})))
			tool(t, made, "qpdf", "--check", "DOCUMENT")
			if got := tool(t, made, "pdftotext", "-raw", "DOCUMENT", "-"); got != "right\n\f" {
				t.Errorf("text = %q", got)
			}
		})
	}
}

func TestAHiddenLayerInAFormGivesWay(t *testing.T) {
	helvetica := dict{"Type": name("Font"), "Subtype": name("Type1"), "BaseFont": name("Helvetica")}
	original := withForm(t, "BT /F 10 Tf 3 Tr 20 60 Td (wrong) Tj ET", dict{"Font": dict{"F": helvetica}})
	made := continued(t, original, 1, results(page(1, 200, 100, 0, "right", document.Box{20, 30, 60, 40})))
	tool(t, made, "qpdf", "--check", "DOCUMENT")
	unpacked := tool(t, made, "qpdf", "--qdf", "--object-streams=disable", "DOCUMENT", "-")
	if got := tool(t, made, "pdftotext", "-raw", "DOCUMENT", "-"); got != "right\n\f" || strings.Contains(unpacked, "(wrong)") {
		t.Errorf("text = %q", got)
	}
}

// withForm is a PDF whose only page paints a form.
func withForm(t *testing.T, content string, resources dict) []byte {
	t.Helper()
	var to bytes.Buffer
	w := newWriter(&to, 0, 1)
	_, _ = w.Write([]byte("%PDF-1.6\n"))
	form := w.compressed(dict{"Type": name("XObject"), "Subtype": name("Form"), "BBox": numbers(0, 0, 200, 100), "Resources": resources}, []byte(content))
	shown := w.compressed(dict{}, []byte("q /Fm Do Q"))
	tree := w.reserve()
	kid := w.add(dict{"Type": name("Page"), "Parent": tree, "MediaBox": numbers(0, 0, 200, 100), "Contents": shown, "Resources": dict{"XObject": dict{"Fm": form}}})
	w.put(tree, dict{"Type": name("Pages"), "Kids": array{kid}, "Count": number("1")})
	if err := w.finish(dict{"Root": w.add(dict{"Type": name("Catalog"), "Pages": tree})}, false); err != nil {
		t.Fatal(err)
	}
	return to.Bytes()
}

func TestWordsWithoutAPlaceAreLeftOut(t *testing.T) {
	place := document.Box{20, 30, 60, 40}
	read := page(1, 200, 100, 0, "placed", place)
	line := &read.Lines[0]
	line.Words = []document.Word{{Text: "before"}, {Text: "placed", Box: place}, {Text: "behind"}}
	read.Lines = append(read.Lines, document.Line{Text: "nowhere", Words: []document.Word{{Text: "nowhere"}}})
	made := continued(t, simple(t, false, dict{}), 1, results(read))
	tool(t, made, "qpdf", "--check", "DOCUMENT")
	if got := strings.TrimSpace(tool(t, made, "pdftotext", "-raw", "DOCUMENT", "-")); got != "placed" {
		t.Errorf("text = %q", got)
	}
	if line.Words[0].Text != "before" || len(line.Words) != 3 {
		t.Errorf("the page was changed: %+v", line.Words)
	}
}
