package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/apikey"
)

// khocr runs the program and returns its exit status and what it wrote.
func khocr(in string, arguments ...string) (status int, out, errs string) {
	var outBuffer, errBuffer bytes.Buffer
	p := &program{getenv: func(string) string { return "" }, in: strings.NewReader(in), out: &outBuffer, errs: &errBuffer}
	status = p.run(context.Background(), "khocr", arguments)
	return status, outBuffer.String(), errBuffer.String()
}

var keyLine = regexp.MustCompile(`(?m)^khocr_[a-z2-7]{32}$`)

func TestANewKeyIsShownAndItsEntryIsPrinted(t *testing.T) {
	for name, test := range map[string]struct {
		arguments []string
		want      v1alpha1.APIKey
		expires   bool
	}{
		"with what is required": {[]string{"--org", "moj", "--name", "ci"}, v1alpha1.APIKey{Name: "ci"}, false},
		"with everything": {[]string{"--org", "moj", "--name", "ci", "--scopes", "convert,read", "--expires", "90d"},
			v1alpha1.APIKey{Name: "ci", Scopes: []v1alpha1.Scope{"convert", "read"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			for range 2 {
				status, out, errs := khocr("", append([]string{"keys", "new"}, test.arguments...)...)
				if status != 0 {
					t.Fatalf("status %d: %s", status, errs)
				}
				keys := keyLine.FindAllString(errs, -1)
				if len(keys) != 1 || seen[keys[0]] {
					t.Fatalf("want one line with a key that was not there before, got\n%s", errs)
				}
				seen[keys[0]] = true
				if strings.Contains(out, keys[0]) {
					t.Errorf("the key is in what will be committed:\n%s", out)
				}
				got := entryOf(t, out)
				if got.SHA256 != apikey.Hash(keys[0]) {
					t.Errorf("sha256 is not the key's:\n%s\n%s", errs, out)
				}
				if got.Name != test.want.Name || len(got.Scopes) != len(test.want.Scopes) || (got.ExpiresAt != nil) != test.expires {
					t.Errorf("got %+v from\n%s", got, out)
				}
			}
		})
	}
}

// entryOf reads what was printed where it will stand: at the end of a manifest.
func entryOf(t *testing.T, printed string) v1alpha1.APIKey {
	t.Helper()
	manifest := `apiVersion: ocr.openplp.com/v1alpha1
kind: Organization
metadata:
  name: moj
spec:
  planRef: free
  displayName: {en: Ministry of Justice}
  apiKeys:
` + printed
	var organization v1alpha1.Organization
	if err := yaml.UnmarshalStrict([]byte(manifest), &organization); err != nil {
		t.Fatalf("reading\n%s: %v", manifest, err)
	}
	if len(organization.Spec.APIKeys) != 1 {
		t.Fatalf("%d entries in\n%s", len(organization.Spec.APIKeys), manifest)
	}
	return organization.Spec.APIKeys[0]
}

func TestTheDigestOfAKeyIsThatOfItsEntry(t *testing.T) {
	_, out, errs := khocr("", "keys", "new", "--org", "moj", "--name", "ci")
	status, digest, complaint := khocr(keyLine.FindString(errs)+"\r\n", "keys", "hash")
	if status != 0 || !strings.Contains(out, `"`+strings.TrimSuffix(digest, "\n")+`"`) {
		t.Errorf("status %d, digest %s of the key with the entry\n%s%s", status, digest, out, complaint)
	}
}

func TestWhatIsNotUnderstoodIsSaid(t *testing.T) {
	asked := []string{"keys", "new", "--org", "moj", "--name", "ci"}
	for name, test := range map[string]struct {
		arguments []string
		in        string
		status    int
		says      string
	}{
		"an unknown command":              {arguments: []string{"key"}, status: exitMisuse, says: `unknown command "key"`},
		"an unknown command of a group":   {arguments: []string{"keys", "old"}, status: exitMisuse, says: `unknown command "old"`},
		"an unknown flag":                 {arguments: append(asked, "--color"), status: exitMisuse, says: "--color"},
		"more than flags":                 {arguments: append(asked, "now"), status: exitMisuse, says: `"now"`},
		"no name":                         {arguments: asked[:4], status: exitMisuse, says: `"name" not set`},
		"no organization":                 {arguments: []string{"keys", "new", "--name", "ci"}, status: exitMisuse, says: `"org" not set`},
		"a name that no key can have":     {arguments: append(asked, "--name=CI"), status: exitMisuse, says: "lowercase"},
		"a name that no organization has": {arguments: append(asked, "--org=moj.gov"), status: exitMisuse, says: "an organization's name"},
		"a scope that there is not":       {arguments: append(asked, "--scopes=convert,write"), status: exitMisuse, says: `no scope "write"`},
		"a time that is no time":          {arguments: append(asked, "--expires=soon"), status: exitMisuse, says: "90d"},
		"a date that is gone":             {arguments: append(asked, "--expires=2020-01-01"), status: exitMisuse, says: "after today"},
		"a digest of nothing":             {arguments: []string{"keys", "hash"}, status: exitFailed, says: "khocr_"},
		"a digest of something else":      {arguments: []string{"keys", "hash"}, in: "password", status: exitFailed, says: "khocr_"},
		"a digest of more than one key":   {arguments: []string{"keys", "hash"}, in: "khocr_a\nkhocr_b\n", status: exitFailed, says: "khocr_"},
		"a key among the arguments":       {arguments: []string{"keys", "hash", "khocr_a"}, status: exitMisuse, says: "khocr_a"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, errs := khocr(test.in, test.arguments...)
			if status != test.status || !strings.Contains(errs, test.says) {
				t.Errorf("status %d, want %d and %s in\n%s", status, test.status, test.says, errs)
			}
			if out != "" || keyLine.MatchString(errs) {
				t.Errorf("something was made all the same:\n%s%s", out, errs)
			}
		})
	}
}

func TestWordIsNotWrittenToATerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	environment := map[string]string{envURL: "http://127.0.0.1:1", envKey: apikey.Generate()}
	for _, arguments := range [][]string{{"convert", "a.pdf", "--out", "-"}, {"result", "a1b2c3d4e5f6"}} {
		var errs strings.Builder
		p := &program{getenv: func(name string) string { return environment[name] }, in: strings.NewReader(""), out: terminal, errs: &errs}
		status := p.run(t.Context(), "khocr", append(arguments, "--format", "docx"))
		if status != exitMisuse || !strings.Contains(errs.String(), "docx is not for a terminal") {
			t.Errorf("%q: status %d: %s", arguments, status, &errs)
		}
	}
}

func TestFormatsAreCompleted(t *testing.T) {
	for _, command := range []string{"convert", "result"} {
		if _, out, _ := khocr("", "__complete", command, "--format", ""); !strings.Contains(out, "docx\n") {
			t.Errorf("%s: %s", command, out)
		}
	}
}

func TestAnEntryThatCannotBeWrittenIsAFailure(t *testing.T) {
	var errs bytes.Buffer
	p := &program{getenv: func(string) string { return "" }, out: full{}, errs: &errs}
	if status := p.run(t.Context(), "khocr", []string{"keys", "new", "--org", "moj", "--name", "ci"}); status != exitFailed {
		t.Errorf("status %d: %s", status, &errs)
	}
	if !strings.Contains(errs.String(), "writing the entry: "+errFull.Error()) {
		t.Errorf("got %s", &errs)
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTheCostOfAIModelsIsShown(t *testing.T) {
	var out bytes.Buffer
	p := &program{language: english, out: &out}
	usage := new(client.Usage)
	answer := `{"ai":{"currency":"USD","cost":0.0423,"limit":50,"left":49.9577,"pages":12,"fallbacks":1,"input_tokens":21580,"output_tokens":9120,"seconds":61.4,
		"models":[{"model":"gemma","pages":12,"fallbacks":1,"input_tokens":21580,"output_tokens":9120,"seconds":61.4,"cost":0.0423}]}}`
	if err := json.Unmarshal([]byte(answer), usage); err != nil {
		t.Fatal(err)
	}
	if err := p.showUsage(usage); err != nil {
		t.Fatal(err)
	}
	rows := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"COST OF AI 0.0423 of 50 USD", "gemma 12 1 21580 9120 61.4 0.0423 USD"} {
		if !strings.Contains(rows, want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}

// What a platform says is shown, whatever it is.
func TestAbsurdUsageIsShown(t *testing.T) {
	var out bytes.Buffer
	p := &program{language: english, out: &out}
	usage := new(client.Usage)
	answer := `{"by_day":[{"date":"2026-08-01","pages":-5},{"date":"2026-08-02","pages":9223372036854775807}]}`
	if err := json.Unmarshal([]byte(answer), usage); err != nil {
		t.Fatal(err)
	}
	if err := p.showUsage(usage); err != nil || !strings.Contains(out.String(), strings.Repeat("#", dayBar)+"\n") {
		t.Errorf("%v: %s", err, &out)
	}
}
