package corpus

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/engine"
)

// The test program is the supervisor too when the variable is set, and the engine when it is run under the name: a worker hands
// no variables on to its engine.
const (
	envSupervisor = "KHOCR_TEST_SUPERVISOR"
	engineName    = "engine-of-a-worker"
)

func TestMain(m *testing.M) {
	var err error
	switch {
	case filepath.Base(os.Args[0]) == engineName:
		err = engine.Main(confine.Enter)
	case os.Getenv(envSupervisor) != "":
		err = Supervise()
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const root = "../.."

func TestBadDocumentsHarmNobody(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	limits := Limits{
		Engine: filepath.Join(folder, engineName), Tessdata: filepath.Join(folder, "tessdata"),
		Cores: 2, Memory: 2 << 30, PageSeconds: 3, MaxPages: 5000,
	}
	if err := os.Symlink(program, limits.Engine); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(filepath.Join(root, "hack/tessdata.sh"), limits.Tessdata).CombinedOutput(); err != nil {
		t.Fatalf("laying out trained data: %v\n%s", err, output)
	}
	documents, err := Make(Options{Root: root, Files: 60, Seed: 7, Short: true})
	if err != nil {
		t.Fatal(err)
	}
	keep := filepath.Join(folder, "keep")
	var report Report
	err = Run(t.Context(), documents, Program{Path: program, Environment: []string{envSupervisor + "=1"}}, limits, 2, keep,
		func(seen Observation, breaches []string) {
			report.Add(seen, breaches)
			for _, breach := range breaches {
				t.Errorf("%s: %s", seen.Document.Name, breach)
			}
		})
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(keep, "supervisors.log"))
		t.Fatalf("%v; log:\n%s", err, log)
	}
	var table strings.Builder
	if err := report.Write(&table); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	if got := report.sum(); got.files != 60 || got.completed == 0 || len(got.failed) == 0 || len(got.pages) == 0 {
		t.Errorf("of %d documents %d were completed, %v failed, and of pages %v: not much was tried", got.files, got.completed, got.failed, got.pages)
	}
}

func TestASeedMakesTheSameDocumentsAgain(t *testing.T) {
	// Of the attacks, some of which take long to be made, the name is enough.
	byChance := regexp.MustCompile(`/[0-9]+-[0-9]+$`)
	type made struct{ name, content string }
	collect := func(seed uint64, only string) (all []made) {
		documents, err := Make(Options{Root: root, Files: 150, Seed: seed, Short: true, Only: only})
		if err != nil {
			t.Fatal(err)
		}
		for document := range documents {
			one := made{name: document.Name}
			if byChance.MatchString(one.name) {
				one.content = string(document.Content())
			}
			all = append(all, one)
		}
		return all
	}
	one, again, other := collect(1, ""), collect(1, ""), collect(2, "")
	if len(one) != 150 || !slices.Equal(one, again) {
		t.Error("the same seed makes other documents, or not as many as asked for")
	}
	if slices.Equal(one, other) {
		t.Error("another seed makes the same documents")
	}
	names := map[string]bool{}
	for _, document := range one {
		names[document.name] = true
	}
	if len(names) != len(one) {
		t.Errorf("%d documents have %d names", len(one), len(names))
	}
	last := one[len(one)-1]
	if alone := collect(1, last.name); len(alone) != 1 || alone[0] != last {
		t.Errorf("%s cannot be made alone", last.name)
	}
}

func TestNoTwoAttacksHaveTheSameName(t *testing.T) {
	good, err := readGood(root)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, kind := range allKinds(good) {
		names := map[string]bool{}
		for _, attack := range kind.attacks {
			if names[attack.name] {
				t.Errorf("%s: there are two of %q", kind.name, attack.name)
			}
			names[attack.name] = true
			count++
		}
	}
	if count < 300 {
		t.Errorf("%d attacks", count)
	}
}

func TestEveryPromiseCanBeBroken(t *testing.T) {
	limits := Limits{Memory: 2 << 30, PageSeconds: 10}
	kept := func() Observation {
		return Observation{
			Answer: Answer{
				Pages: []Page{{Number: 1, Source: "native", Reason: "native_text_ok", Text: true},
					{Number: 2, Source: "none", Reason: "page_crashed", Code: "page_crashed", Message: "The engine failed on the page."}},
				Before: holdings{Goroutines: 3, Files: 9}, After: holdings{Goroutines: 3, Files: 9},
			},
			Elapsed: time.Second, Memory: 1 << 30, Disk: 1 << 20,
		}
	}
	for name, test := range map[string]struct {
		spoil func(*Observation)
		want  string
	}{
		"all is kept":                     {func(*Observation) {}, ""},
		"the supervisor ends":             {func(o *Observation) { o.Lost = "signal: killed" }, "supervisor was lost"},
		"a page is missing":               {func(o *Observation) { o.Answer.Pages = o.Answer.Pages[1:] }, "page 2 comes as number 1"},
		"there are no pages":              {func(o *Observation) { o.Answer.Pages = nil }, "no pages"},
		"a page says not why":             {func(o *Observation) { o.Answer.Pages[0].Reason = "" }, "no reason"},
		"a page comes from nowhere":       {func(o *Observation) { o.Answer.Pages[0].Source = "" }, "the source"},
		"an error that nobody knows":      {func(o *Observation) { o.Answer.Pages[1].Code = "page_odd" }, "page_odd"},
		"an error without a message":      {func(o *Observation) { o.Answer.Pages[1].Message = "" }, "without a message"},
		"a page that failed and has text": {func(o *Observation) { o.Answer.Pages[1].Text = true }, "has text"},
		"a refusal by the contract": {func(o *Observation) {
			o.Answer.Pages, o.Answer.Refused = nil, "InvalidDocument: the document is damaged"
		}, ""},
		"a refusal that another try may mend":   {func(o *Observation) { o.Answer.Refused = "EngineUnavailable: No engine" }, "without a reason"},
		"more time than all pages may take":     {func(o *Observation) { o.Elapsed = time.Hour }, "it took 3600.0 s"},
		"more memory than the pod has":          {func(o *Observation) { o.Memory = 3 << 30 }, "3072 MB together"},
		"more on the disk than there is room":   {func(o *Observation) { o.Disk = 1 << 30 }, "held 1024 MB"},
		"a file is left":                        {func(o *Observation) { o.Answer.Left = []string{"temporary"} }, "temporary"},
		"a goroutine is left":                   {func(o *Observation) { o.Answer.After.Goroutines++ }, "goroutines grew"},
		"a descriptor is left":                  {func(o *Observation) { o.Answer.After.Files++ }, "open files grew"},
		"an engine is left":                     {func(o *Observation) { o.Answer.After.Children++ }, "engines are left"},
		"a result that cannot be handed out":    {func(o *Observation) { o.Answer.Defects = []string{"page 1 has no docx"} }, "no docx"},
		"fewer goroutines than at its outset":   {func(o *Observation) { o.Answer.After.Goroutines = 1 }, ""},
		"a document of pages that all failed":   {func(o *Observation) { o.Answer.Pages[0] = o.Answer.Pages[1]; o.Answer.Pages[0].Number = 1 }, ""},
		"a page that only takes its whole time": {func(o *Observation) { o.Elapsed = 100 * time.Second }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			seen := kept()
			test.spoil(&seen)
			found := breaches(seen, limits)
			if test.want == "" && len(found) > 0 || test.want != "" && !strings.Contains(strings.Join(found, "\n"), test.want) {
				t.Errorf("breaches are %q, want one with %q", found, test.want)
			}
		})
	}
}

func TestOutcomesAreThoseOfAJob(t *testing.T) {
	failed := Page{Code: "page_timeout"}
	for name, test := range map[string]struct {
		seen Observation
		want string
	}{
		"a page has a result":    {Observation{Answer: Answer{Pages: []Page{failed, {}}}}, v1alpha1.ReasonCompleted},
		"no page has":            {Observation{Answer: Answer{Pages: []Page{failed, failed}}}, v1alpha1.ReasonAllPagesFailed},
		"it is refused":          {Observation{Answer: Answer{Refused: "TooManyPages: 5,001"}}, v1alpha1.ReasonTooManyPages},
		"the supervisor is lost": {Observation{Lost: "killed", Answer: Answer{Pages: []Page{{}}}}, "supervisor lost"},
	} {
		if got := test.seen.Outcome(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestTheTableAddsUp(t *testing.T) {
	var report Report
	report.Add(Observation{Document: Document{Kind: "one"}, Answer: Answer{Refused: "EmptyDocument: x"}, Elapsed: 2 * time.Second, Memory: 5e6}, nil)
	report.Add(Observation{Document: Document{Kind: "two"}, Answer: Answer{Pages: []Page{{}, {Code: "page_timeout"}}, Searchable: "whole"}, Elapsed: time.Second, Engine: 7e6}, []string{"a"})
	var table strings.Builder
	if err := report.Write(&table); err != nil {
		t.Fatal(err)
	}
	if want := "| **all** | 2 | 1 | EmptyDocument 1 | page_timeout 1 | 1 | 2.0 | 7 | 5 | 1 |\n"; !strings.HasSuffix(table.String(), want) {
		t.Errorf("the table is\n%s\nwant at its end\n%s", table.String(), want)
	}
	if report.Breaches() != 1 {
		t.Errorf("%d breaches", report.Breaches())
	}
}

func TestARunGoesOnWhereItWasInterrupted(t *testing.T) {
	folder := t.TempDir()
	nothing := func(seen Observation, _ []string) { t.Errorf("a new record has %s", seen.Document.Name) }
	record, err := OpenRecord(folder, false, nothing)
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string) Observation { return Observation{Document: Document{Name: name}, Memory: 7} }
	if err := errors.Join(record.Add(named("one"), []string{"a"}), record.Add(named("two"), nil), record.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "seen.jsonl")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content[:len(content)-9], 0o644); err != nil {
		t.Fatal(err)
	}
	var before []string
	goOn := func() *Record {
		record, err := OpenRecord(folder, true, func(seen Observation, breaches []string) {
			before = append(before, fmt.Sprint(seen.Document.Name, seen.Memory, breaches))
		})
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	record = goOn()
	if !slices.Equal(before, []string{"one7 [a]"}) {
		t.Errorf("the record has %q, want what was written whole", before)
	}
	var missing []string
	for document := range record.Missing(slices.Values([]Document{{Name: "one"}, {Name: "two"}})) {
		missing = append(missing, document.Name)
	}
	if !slices.Equal(missing, []string{"two"}) {
		t.Errorf("missing are %q", missing)
	}
	if err := errors.Join(record.Add(named("two"), nil), record.Close()); err != nil {
		t.Fatal(err)
	}
	before = nil
	if err := goOn().Close(); err != nil || !slices.Equal(before, []string{"one7 [a]", "two7 []"}) {
		t.Errorf("the record has %q, %v", before, err)
	}
}
