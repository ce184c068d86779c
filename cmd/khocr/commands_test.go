package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/creack/pty"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
)

func testStatuses(t *testing.T, platform *platform) {
	p := platform.person(t, "statuses", 1)
	p.write("a.pdf")
	suspended := platform.Organization(t, "suspended", func(o *v1alpha1.Organization) { o.Spec.Suspended = new(true) })
	reader := platform.Organization(t, "reader", func(o *v1alpha1.Organization) { o.Spec.APIKeys[0].Scopes = []v1alpha1.Scope{v1alpha1.ScopeRead} })
	nobody := "khocr_" + strings.Repeat("a", 32)
	for name, test := range map[string]struct {
		environment []string
		arguments   []string
		status      int
		says        string
	}{
		"a flag that there is not":      {nil, []string{"convert", "a.pdf", "--colour"}, exitMisuse, "--help tells what there is"},
		"the same in Khmer":             {[]string{"LC_ALL=km_KH.UTF-8"}, []string{"convert", "a.pdf", "--colour"}, exitMisuse, "ពាក្យបញ្ជាមិនត្រឹមត្រូវ"},
		"a format that there is not":    {nil, []string{"convert", "a.pdf", "--format", "tiff"}, exitMisuse, `unknown format "tiff"`},
		"a document that is not there":  {nil, []string{"convert", "b.pdf"}, exitMisuse, "b.pdf"},
		"a model that there is not":     {nil, []string{"convert", "a.pdf", "--model", "none"}, exitFailed, "khocr models lists them"},
		"no platform":                   {[]string{envURL + "="}, []string{"jobs"}, exitMisuse, "set KHOCR_URL"},
		"an address that is none":       {[]string{envURL + "=localhost:80"}, []string{"jobs"}, exitMisuse, "https://ocr.example.com"},
		"no key":                        {[]string{envKey + "="}, []string{"jobs"}, exitKey, "set KHOCR_API_KEY"},
		"something else than a key":     {[]string{envKey + "=secret"}, []string{"jobs"}, exitKey, "no API key"},
		"a key that nobody has":         {[]string{envKey + "=" + nobody}, []string{"convert", "a.pdf"}, exitKey, "Look whether KHOCR_API_KEY"},
		"the same in Khmer by the flag": {[]string{envKey + "=" + nobody}, []string{"convert", "a.pdf", "--lang", "km"}, exitKey, "មិនស្គាល់កូដ API នេះទេ។"},
		"an organization that is suspended": {[]string{envKey + "=" + suspended}, []string{"convert", "a.pdf"}, exitKey,
			"suspended"},
		"a key that may only read":     {[]string{envKey + "=" + reader}, []string{"convert", "a.pdf"}, exitKey, "Use a key that may do this"},
		"a job that there is not":      {nil, []string{"watch", "000000000000"}, exitFailed, "khocr jobs lists those"},
		"a platform that is not there": {[]string{envURL + "=http://127.0.0.1:1"}, []string{"usage"}, exitUnreachable, "cannot be reached"},
		"something else than khocr":    {[]string{envURL + "=http://" + p.address + "/docs"}, []string{"usage"}, exitFailed, "There is nothing at this address"},
		"no cluster":                   {nil, []string{"orgs", "--kubeconfig", "none"}, exitUnreachable, "--kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			here := *p
			here.T = t
			here.environment = append(append([]string{}, p.environment...), test.environment...)
			status, run := here.run(test.arguments...)
			if said := run.errs.String(); status != test.status || !strings.Contains(said, test.says) {
				t.Errorf("status %d, want %d, and %q in\n%s", status, test.status, test.says, said)
			}
			if strings.Contains(run.errs.String(), nobody) {
				t.Errorf("it showed the key: %s", &run.errs)
			}
		})
	}
	if jobs := p.Jobs(t, p.namespace()); len(jobs) != 0 {
		t.Errorf("%d jobs were made", len(jobs))
	}
}

func testJobCommands(t *testing.T, platform *platform) {
	p := platform.person(t, "jobs", 5)
	p.write("good.pdf", "bad.pdf", "slow.pdf")
	if status, run := p.run("convert", ".", "--wait=false"); status != 0 || !strings.Contains(run.errs.String(), "3 handed in") {
		t.Fatalf("status %d: %s", status, &run.errs)
	}
	ids := map[string]string{}
	for _, job := range p.awaitJobs(3) {
		ids[job.Spec.Source.Upload.FileName] = job.Name
		switch job.Spec.Source.Upload.FileName {
		case "good.pdf":
			p.complete(&job)
		case "bad.pdf":
			p.fail(&job, v1alpha1.ReasonInvalidDocument)
		}
	}
	expect := func(status int, says string, arguments ...string) string {
		t.Helper()
		got, run := p.run(arguments...)
		if said := run.out.String() + run.errs.String(); got != status || !strings.Contains(said, says) {
			t.Errorf("khocr %q: status %d, want %d, and %q in\n%s", arguments, got, status, says, said)
		}
		return run.out.String()
	}
	if listed := expect(0, "DOCUMENT", "jobs"); strings.Count(listed, "\n") != 4 {
		t.Errorf("listed\n%s", listed)
	}
	if listed := expect(0, "bad.pdf", "jobs", "--status", "failed", "--lang", "km"); strings.Count(listed, "\n") != 2 || !strings.Contains(listed, "បានបរាជ័យ") {
		t.Errorf("listed\n%s", listed)
	}
	var job struct{ ID string }
	if err := json.Unmarshal([]byte(expect(0, "", "jobs", "--status", "completed", "--json")), &job); err != nil || job.ID != ids["good.pdf"] {
		t.Errorf("%v: job %+v", err, job)
	}
	expect(exitMisuse, `no status "lost"`, "jobs", "--status", "lost")
	expect(0, "COMPLETED", "watch", ids["good.pdf"])
	expect(exitFailed, "The document is damaged", "watch", ids["bad.pdf"])
	expect(0, "អត្ថបទនៃ good.pdf", "result", ids["good.pdf"])
	expect(0, "អត្ថបទនៃ good.pdf", "result", ids["good.pdf"], "--page", "1")
	expect(0, "", "result", ids["good.pdf"], "--format", "docx", "--out", "good.docx")
	if content, err := os.ReadFile(filepath.Join(p.folder, "good.docx")); err != nil || !strings.HasPrefix(string(content), "PK") {
		t.Errorf("the docx: %v", err)
	}
	expect(exitFailed, "is there already", "result", ids["good.pdf"], "--out", "good.docx")
	expect(exitFailed, "khocr watch waits", "result", ids["slow.pdf"])
	expect(exitFailed, "has ended already, as COMPLETED", "cancel", ids["good.pdf"])
	expect(0, "is being cancelled", "cancel", ids["slow.pdf"])
	retried := strings.TrimSpace(expect(0, "", "retry", ids["bad.pdf"]))
	if again := strings.TrimSpace(expect(0, "", "retry", ids["bad.pdf"])); retried == ids["bad.pdf"] || again != retried {
		t.Errorf("retried as %q and %q", retried, again)
	}
	expect(0, "is deleted", "delete", ids["good.pdf"])
	expect(0, "is deleted", "delete", ids["good.pdf"])
	expect(exitFailed, "Convert the document again", "result", ids["good.pdf"])
	expect(0, "LARGEST FILE", "usage")
	expect(0, "ឯកសារធំបំផុត", "usage", "--lang", "km")
	expect(0, `"max_concurrent_jobs":5`, "usage", "--json")
	expect(0, "khocr", "models")
	expect(0, `"engine":"tesseract"`, "models", "--json")
	expect(0, "jobs", "orgs", "--kubeconfig", p.Kubeconfig)
	expect(0, `"plan":"tested"`, "orgs", "--kubeconfig", p.Kubeconfig, "--json")
	expect(0, "dev", "version")
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		expect(0, "khocr", "completion", shell)
	}
}

// testKeys: a key comes from a file or a Secret as well.
func testKeys(t *testing.T, platform *platform) {
	p := platform.person(t, "keys", 1)
	key := ""
	for _, variable := range p.environment {
		if value, is := strings.CutPrefix(variable, envKey+"="); is {
			key = value
		}
	}
	p.environment = append(p.environment, envKey+"=")
	if err := os.WriteFile(filepath.Join(p.folder, "key"), []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace(), Name: "api"}, StringData: map[string]string{"key": key}}
	if err := p.Client.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		flag, value string
		status      int
	}{
		{"--key-file", "key", 0}, {"--key-file", "missing", exitFailed},
		{"--key-secret", p.namespace() + "/api", 0}, {"--key-secret", p.namespace() + "/api:key", 0},
		{"--key-secret", p.namespace() + "/api:other", exitMisuse}, {"--key-secret", "api", exitMisuse},
		{"--key-secret", p.namespace() + "/missing", exitKey},
	} {
		if status, run := p.run("usage", test.flag, test.value, "--kubeconfig", p.Kubeconfig); status != test.status {
			t.Errorf("%s %s: status %d: %s", test.flag, test.value, status, &run.errs)
		}
	}
}

// testLost: the gateway goes and comes again while a document is at work.
func testLost(t *testing.T, platform *platform) {
	p := platform.person(t, "lost", 1)
	p.write("a.pdf")
	run := p.start("convert", "a.pdf", "--format", "text")
	job := p.awaitJobs(1)[0]
	gatewaytest.Eventually(t, "it is told that the document was handed in", func() bool { return strings.Contains(run.errs.String(), job.Name) })
	platform.stop()
	gatewaytest.Eventually(t, "it says that it tries again", func() bool { return strings.Contains(run.errs.String(), "trying again in") })
	platform.serve()
	p.complete(&job)
	if status := p.end(run); status != 0 {
		t.Errorf("status %d: %s", status, &run.errs)
	}
	p.has("a.txt", "a.pdf")
}

var controls = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// testTerminal: bars on a terminal, on which a name of a file does nothing.
func testTerminal(t *testing.T, platform *platform) {
	p := platform.person(t, "terminal", 2)
	hostile := "a\x1b]0;taken\x07\u202e.pdf"
	p.write(hostile, "ឯកសារ.pdf")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self, "convert", ".", "--format", "text", "--lang", "km")
	command.Dir, command.Env = p.folder, append(p.environment, "TERM=xterm")
	terminal, err := pty.StartWithSize(command, &pty.Winsize{Rows: 24, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	run := &process{Cmd: command, done: make(chan struct{})}
	go func() {
		_, _ = io.Copy(&run.out, terminal) // ends in an error when the other side is closed
		_ = command.Wait()
		close(run.done)
	}()
	jobs := p.awaitJobs(2)
	gatewaytest.Eventually(t, "there are bars", func() bool {
		shown := run.out.String()
		return strings.Contains(shown, "ឯកសារ.pdf") && strings.Contains(shown, "0 / 2") && strings.Contains(shown, "កំពុងរង់ចាំ")
	})
	for i := range jobs {
		p.complete(&jobs[i])
	}
	if status := p.end(run); status != 0 {
		t.Errorf("status %d", status)
	}
	shown := run.out.String()
	if rest := controls.ReplaceAllString(shown, ""); strings.Contains(rest, "\x1b") || strings.Contains(rest, "\x07") || strings.Contains(rest, "\u202e") {
		t.Errorf("a name reached the terminal: %q", rest)
	}
	for _, want := range []string{"2 / 2", `a\u001b]0;taken\u0007\u202e.pdf: រួចរាល់៖`, "រួចរាល់ 2, រួចរាល់តាំងពីមុន 0, បរាជ័យ 0, នៅសល់ 0"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in %q", want, shown)
		}
	}
}

// testOutside: a link in the folder of the results leads nowhere.
func testOutside(t *testing.T, platform *platform) {
	p := platform.person(t, "outside", 1)
	p.write("in/sub/a.pdf")
	elsewhere := t.TempDir()
	if err := os.Mkdir(filepath.Join(p.folder, "out"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(p.folder, "out", "sub")); err != nil {
		t.Fatal(err)
	}
	run := p.start("convert", "in", "--format", "text", "--out", "out")
	if status := p.finish(run); status != exitFailed || len(gatewaytest.Files(t, elsewhere)) != 0 {
		t.Errorf("status %d, outside lies %q: %s", status, gatewaytest.Files(t, elsewhere), &run.errs)
	}
}

// testPlugin: under the names by which kubectl calls it.
func testPlugin(t *testing.T, platform *platform) {
	p := platform.person(t, "plugin", 1)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pluginName, completionName} {
		if err := os.Symlink(self, filepath.Join(p.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if run := p.startAs(filepath.Join(p.folder, pluginName), "convert", "--help"); p.end(run) != 0 || !strings.Contains(run.out.String(), "kubectl ocr convert") {
		t.Errorf("its help is\n%s%s", &run.out, &run.errs)
	}
	run := p.startAs(filepath.Join(p.folder, completionName), "conv")
	if p.end(run) != 0 || !strings.Contains(run.out.String(), "convert\t") {
		t.Errorf("it completes\n%s%s", &run.out, &run.errs)
	}
	// There is no gateway in this cluster, and no namespace of that name.
	run = p.startAs(filepath.Join(p.folder, pluginName), "jobs", "--kubeconfig", p.Kubeconfig, "--namespace", "nowhere")
	if status := p.end(run); status != exitUnreachable || !strings.Contains(run.errs.String(), "nowhere") && !strings.Contains(run.errs.String(), "khocr-gateway") {
		t.Errorf("status %d: %s", status, &run.errs)
	}
}

func TestShellWords(t *testing.T) {
	for word, want := range map[string]string{
		"a.pdf": "a.pdf", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "*.pdf": "'*.pdf'", "ឯកសារ.pdf": "ឯកសារ.pdf", "$HOME": "'$HOME'",
		"a\x1bb'\\": `$'a\u001bb\'\\'`,
	} {
		got := shellWord(word)
		if got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
		shell := exec.Command("bash", "-c", "printf %s "+got)
		shell.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if out, err := shell.Output(); err != nil || string(out) != word {
			t.Errorf("bash takes %s for %q: %v", got, out, err)
		}
	}
}

func TestEveryTextIsInBothLanguages(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "words.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	verbs := regexp.MustCompile(`%(\[\d+\])?[sdq]`)
	checked := 0
	ast.Inspect(file, func(node ast.Node) bool {
		literal, is := node.(*ast.CompositeLit)
		if !is || len(literal.Elts) != 2 {
			return true
		}
		var both [2]string
		for i, element := range literal.Elts {
			word, is := element.(*ast.BasicLit)
			if !is {
				return true
			}
			both[i], _ = strconv.Unquote(word.Value)
		}
		checked++
		isKhmer := func(r rune) bool { return unicode.Is(unicode.Khmer, r) }
		if both[0] == "" || strings.ContainsFunc(both[0], isKhmer) || !strings.ContainsFunc(both[1], isKhmer) {
			t.Errorf("it is not in English and Khmer: %q", both)
		}
		if en, km := verbs.FindAllString(both[0], -1), verbs.FindAllString(both[1], -1); !slices.Equal(en, km) {
			t.Errorf("%q takes %q in English and %q in Khmer", both[0], en, km)
		}
		return true
	})
	if checked < 50 {
		t.Errorf("only %d texts were found", checked)
	}
}
