package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestTruthsFindTheirDocuments(t *testing.T) {
	for name, test := range map[string]struct {
		files     []string
		documents []string
		truths    map[string]place
		stray     []string
	}{
		"that of an image":                        {[]string{"law-1.png", "law-1.txt"}, []string{"law-1"}, map[string]place{"law-1.txt": {0, 0}}, nil},
		"in any case of the extension":            {[]string{"a.PNG", "a.txt"}, []string{"a"}, map[string]place{"a.txt": {0, 0}}, nil},
		"that of a PDF and those of its pages":    {[]string{"a.pdf", "a.txt", "a-p002.txt", "a-p12.txt"}, []string{"a"}, map[string]place{"a.txt": {0, 0}, "a-p002.txt": {0, 2}, "a-p12.txt": {0, 12}}, nil},
		"a document whose name looks like a page": {[]string{"a-p002.png", "a-p002.txt"}, []string{"a-p002"}, map[string]place{"a-p002.txt": {0, 0}}, nil},
		"images have no pages":                    {[]string{"a.tif", "a-p002.txt"}, []string{"a"}, map[string]place{}, []string{"a-p002.txt"}},
		"pages count from 1":                      {[]string{"a.pdf", "a-p000.txt"}, []string{"a"}, map[string]place{}, []string{"a-p000.txt"}},
		"dots belong to the name":                 {[]string{"a.b.pdf", "a.b.txt", "a.txt"}, []string{"a.b"}, map[string]place{"a.b.txt": {0, 0}}, []string{"a.txt"}},
		"other files are none of its business":    {[]string{"README.md", "a.bin"}, nil, map[string]place{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			samples, truths, stray, err := pair(test.files)
			if err != nil {
				t.Fatal(err)
			}
			var documents []string
			for _, sample := range samples {
				documents = append(documents, sample.name)
			}
			if !reflect.DeepEqual(documents, test.documents) || !reflect.DeepEqual(truths, test.truths) || !reflect.DeepEqual(stray, test.stray) {
				t.Errorf("documents %v, truths %v, stray %v", documents, truths, stray)
			}
		})
	}
}

func TestASetIsNamedByWhatStandsBeforeTheDash(t *testing.T) {
	for name, want := range map[string]string{"civil-p065": "civil", "a-b-c": "a", "udhr_Khmr.Sans_12": "udhr_Khmr.Sans_12"} {
		if got := (sample{name: name}).set(); got != want {
			t.Errorf("set of %s = %s, want %s", name, got, want)
		}
	}
}

func TestEveryNthIsKept(t *testing.T) {
	text := "x"
	image := func(name string) sample { return sample{name: name, path: name + ".png", truth: &text} }
	whole := sample{name: "whole", path: "whole.pdf", truth: &text}
	paged := sample{name: "paged", path: "paged.pdf", truth: &text, pages: map[int]string{2: "", 3: "", 5: "", 9: ""}}
	unknown := sample{name: "unknown", path: "unknown.pdf"}
	all := []sample{image("a"), paged, image("b"), whole, unknown, image("c")}

	if got := thin(all, 1); !reflect.DeepEqual(got, all) {
		t.Errorf("every sample = %v", got)
	}
	got := thin(all, 3)
	var names []string
	for _, sample := range got {
		names = append(names, sample.name)
	}
	if want := []string{"a", "paged", "unknown", "c"}; !reflect.DeepEqual(names, want) {
		t.Fatalf("every third = %v, want %v", names, want)
	}
	if pages := got[1].only; !reflect.DeepEqual(pages, []int{2, 9}) || got[1].truth != nil {
		t.Errorf("pages with truths = %v, truth of the whole %v", pages, got[1].truth)
	}
	if pages := got[2].only; pages[0] != 1 || pages[1] != 4 || pages[len(pages)-1] > maxPages {
		t.Errorf("pages without truths = %v", pages)
	}
}

func TestAFolderThatCannotBeMeasuredIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		make func(folder string) error
		want string
	}{
		"it is missing":              {os.Remove, "no such file or directory"},
		"it is empty":                {func(string) error { return nil }, "has no documents"},
		"two documents of one name":  {files("a.png", "", "a.pdf", ""), "a.pdf and a.png have one name"},
		"a truth in another writing": {files("a.png", "", "a.txt", "\xff\xfe"), "a.txt is not UTF-8"},
		"a folder of that name":      {func(folder string) error { return os.Mkdir(filepath.Join(folder, "a.pdf"), 0o755) }, "is no regular file"},
		"a link to nothing":          {func(folder string) error { return os.Symlink("nothing", filepath.Join(folder, "a.pdf")) }, "opening a document"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := test.make(folder); err != nil {
				t.Fatal(err)
			}
			if _, _, err := loadSamples(folder); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestOddFilesAreNamed(t *testing.T) {
	folder := t.TempDir()
	if err := files("a.png", "", "b.txt", "text", "c.pdf", "", "c-p002.txt", "page")(folder); err != nil {
		t.Fatal(err)
	}
	samples, warnings, err := loadSamples(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != 2 || samples[1].pages[2] != "page" {
		t.Errorf("samples = %+v", samples)
	}
	if want := []string{"b.txt is the truth of no document", "a.png has no truth: it is read but not scored"}; !reflect.DeepEqual(warnings, want) {
		t.Errorf("warnings = %q, want %q", warnings, want)
	}
}

// files makes what writes files, by name and content in turn.
func files(namesAndContents ...string) func(folder string) error {
	return func(folder string) error {
		for i := 0; i < len(namesAndContents); i += 2 {
			if err := os.WriteFile(filepath.Join(folder, namesAndContents[i]), []byte(namesAndContents[i+1]), 0o600); err != nil {
				return err
			}
		}
		return nil
	}
}
