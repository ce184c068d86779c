package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/storage"
)

// entry of an archive.
type entry struct{ name, content string }

// packed makes a backup without resources, whose content can be found in it byte by byte.
func packed(t *testing.T, level int, stored ...entry) []byte {
	t.Helper()
	var file bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&file, level)
	if err != nil {
		t.Fatal(err)
	}
	out := tar.NewWriter(compressed)
	for _, e := range append(append([]entry{{entryResources, "{}"}}, stored...), entry{entryWhole, ""}) {
		if err := add(out, e.name, int64(len(e.content)), strings.NewReader(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestABackupIsRestoredIntoAnEmptyStore(t *testing.T) {
	const key, content = "khocr-acme/uploads/0123456789ab", "%PDF-1.7 of a ministry"
	good := packed(t, gzip.NoCompression, entry{entryStored + key, content})
	damaged := bytes.Replace(good, []byte("ministry"), []byte("minister"), 1)
	for name, test := range map[string]struct {
		file []byte
		// there is what the store holds under the key before.
		there, refusal string
	}{
		"an empty one":                        {file: good},
		"one that an earlier try has filled":  {file: good, there: content},
		"one that holds something else":       {good, "%PDF-1.7 of somebody else", "an empty store"},
		"one that holds the beginning":        {good, content[:9], "an empty store"},
		"one that holds more":                 {good, content + "!", "an empty store"},
		"a damaged backup":                    {damaged, "", "damaged"},
		"one whose checksum is missing":       {good[:len(good)-4], "", "damaged"},
		"a backup of half a document":         {good[:bytes.Index(good, []byte("ministry"))], "", "unexpected EOF"},
		"a key that leads out of the store":   {packed(t, gzip.BestSpeed, entry{entryStored + "khocr-acme/../../outside", "x"}), "", "no key"},
		"a key from the root":                 {packed(t, gzip.BestSpeed, entry{entryStored + "/outside", "x"}), "", "no key"},
		"a record that would fill the memory": {packed(t, gzip.BestSpeed, entry{entryStored + "khocr-acme/records/a.json", strings.Repeat(" ", maxRecord+1)}), "", "no record has"},
		"an entry of another kind":            {packed(t, gzip.BestSpeed, entry{"secrets/key", "x"}), "", "does not know"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "store")
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			store, err := storage.Open(t.Context(), "file://"+folder)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			if test.there != "" {
				if _, err := store.Put(t.Context(), key, strings.NewReader(test.there)); err != nil {
					t.Fatal(err)
				}
			}
			_, err = Restore(t.Context(), nil, store, bytes.NewReader(test.file))
			if test.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), test.refusal) {
					t.Errorf("the answer is %v, want a refusal: %s", err, test.refusal)
				}
			} else if err != nil {
				t.Error(err)
			}
			if beside, err := os.ReadDir(filepath.Dir(folder)); err != nil || len(beside) != 1 {
				t.Errorf("beside the store are %v (%v)", beside, err)
			}
			if test.refusal == "" {
				stored, err := store.Get(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				defer stored.Close()
				if got, err := io.ReadAll(stored); err != nil || string(got) != content {
					t.Errorf("stored is %q (%v)", got, err)
				}
			}
		})
	}
}
