package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/wire"
)

// The test program serves as the engine's child when the variable is set, or when it is run under the name, since a worker hands
// no variables on: what MuPDF does to a process must happen to another one.
const (
	envChild   = "KHOCR_TEST_ENGINE_CHILD"
	engineName = "engine-of-a-worker"
	// takenOverName is that of an engine which has been taken over when it opens the document.
	takenOverName = "engine-taken-over"
)

func TestMain(m *testing.M) {
	name, enter := filepath.Base(os.Args[0]), confine.Enter
	switch {
	case name == takenOverName:
		enter = enterAndAttack
	case name != engineName && os.Getenv(envChild) == "":
		os.Exit(runTests(m))
	}
	if err := Main(enter); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runTests with the trained data that the engine is shipped with.
func runTests(m *testing.M) int {
	folder, err := os.MkdirTemp("", "tessdata-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if output, err := exec.Command("../../hack/tessdata.sh", folder).CombinedOutput(); err != nil {
		panic(fmt.Sprintf("laying out trained data: %v\n%s", err, output))
	}
	if err := os.Setenv("TESSDATA_PREFIX", folder); err != nil {
		panic(err)
	}
	return m.Run()
}

const testdata = "../../test/testdata"

// child is a running engine.
type child struct {
	t *testing.T
	// results is a folder that it reads from, work one that it writes in.
	results   string
	work      string
	command   *exec.Cmd
	requests  *os.File
	responses *bufio.Reader
}

func startChild(t *testing.T, environment ...string) *child {
	t.Helper()
	requestRead, requestWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	responseRead, responseWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), envChild+"=1", "OMP_THREAD_LIMIT=1")
	command.Env = append(command.Env, environment...)
	command.ExtraFiles = []*os.File{requestRead, responseWrite}
	if testing.Verbose() {
		command.Stderr = os.Stderr
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	requestRead.Close()
	responseWrite.Close()
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		requestWrite.Close()
		responseRead.Close()
	})
	return &child{
		t: t, results: t.TempDir(), work: t.TempDir(),
		command: command, requests: requestWrite, responses: bufio.NewReader(responseRead),
	}
}

// opening is a request to open a document.
func (c *child) opening(path, password string) wire.Request {
	return wire.Request{Open: &wire.Open{Path: path, Password: password, Results: c.results, Work: c.work, MaxFileBytes: 1 << 30}}
}

// ask the child; the error is io.EOF if it died.
func (c *child) ask(request wire.Request) (wire.Response, error) {
	message, err := json.Marshal(request)
	if err != nil {
		return wire.Response{}, err
	}
	if _, err := c.requests.Write(append(message, '\n')); err != nil {
		return wire.Response{}, err
	}
	line, err := c.responses.ReadBytes('\n')
	if err != nil {
		return wire.Response{}, err
	}
	var response wire.Response
	return response, json.Unmarshal(line, &response)
}

func (c *child) open(name string) wire.Response {
	c.t.Helper()
	response, err := c.ask(c.opening(name, ""))
	if err != nil {
		c.t.Fatalf("open %s: %v", name, err)
	}
	return response
}

func (c *child) page(number int, mode string) *document.Page {
	c.t.Helper()
	response, err := c.ask(pageRequest(number, mode))
	if err != nil {
		c.t.Fatalf("page %d: %v", number, err)
	}
	if response.Page == nil {
		c.t.Fatalf("page %d: response is %+v", number, response)
	}
	return response.Page
}

func pageRequest(number int, mode string) wire.Request {
	return wire.Request{Page: &wire.Page{Number: number, Mode: mode, TrainedData: "khocr", Model: "khocr"}}
}

func openSample(t *testing.T, name string) *child {
	t.Helper()
	engine := startChild(t)
	if opened := engine.open(filepath.Join(testdata, name)); opened.Opened == nil {
		t.Fatalf("%s was not opened: %+v", name, opened.Error)
	}
	return engine
}

func readLines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func TestOpen(t *testing.T) {
	tests := []struct {
		file   string
		pages  int
		reason string
	}{
		{file: "sample.pdf", pages: 1},
		{file: "pages20.pdf", pages: 20},
		{file: "image.png", pages: 1},
		{file: "photo.jpg", pages: 1},
		{file: "pages3.tiff", pages: 3},
		{file: "image-named.pdf", pages: 1},
		{file: "password.pdf", reason: reasonPasswordProtected},
		{file: "truncated.pdf", reason: reasonInvalidDocument},
		{file: "empty.bin", reason: reasonEmptyDocument},
		{file: "not-a-pdf.txt", reason: reasonUnsupportedDocument},
		{file: "no-such-file", reason: reasonInvalidDocument},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			response := startChild(t).open(filepath.Join(testdata, test.file))
			switch {
			case test.reason != "":
				if response.Error == nil || response.Error.Reason != test.reason {
					t.Errorf("response is %+v, want an error with the reason %s", response, test.reason)
				}
			case response.Opened == nil || response.Opened.Pages != test.pages:
				t.Errorf("response is %+v, want %d pages", response, test.pages)
			}
		})
	}
}

func TestOpenGoesByContentAndNotByName(t *testing.T) {
	for name, pages := range map[string]int{"native.pdf": 1, "photo.jpg": 1, "image.png": 1, "pages3.tiff": 3} {
		content, err := os.ReadFile(filepath.Join(testdata, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "document")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		response := startChild(t).open(path)
		if response.Opened == nil || response.Opened.Pages != pages {
			t.Errorf("%s without a name: response is %+v, want %d pages", name, response, pages)
		}
	}
}

func TestServeEndsWithItsRequests(t *testing.T) {
	engine := openSample(t, "native.pdf")
	engine.requests.Close()
	if _, err := engine.responses.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the engine said something more: %v", err)
	}
	if err := engine.command.Wait(); err != nil {
		t.Errorf("the engine ended with %v", err)
	}
}

func TestNoPageIsToBlameForAModelThatCannotBeLoaded(t *testing.T) {
	broken := t.TempDir()
	for name, bytes := range map[string]int64{"empty": 0, "short": 1000} {
		content, err := os.ReadFile("../tessdata/khocr.traineddata")
		if err == nil {
			err = os.WriteFile(filepath.Join(broken, name+".traineddata"), content[:bytes], 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, model := range []string{"nosuchmodel", "empty", "short"} {
		engine := startChild(t, "TESSDATA_PREFIX="+broken)
		engine.open(filepath.Join(testdata, "sample.pdf"))
		request := pageRequest(1, "auto")
		request.Page.TrainedData = model
		response, err := engine.ask(request)
		if err != nil || response.Error == nil || response.Error.Reason != wire.ReasonTrainedDataMissing {
			t.Errorf("%s: response is %+v, %v", model, response, err)
		}
	}
}

func TestAddressSpaceIsLimited(t *testing.T) {
	const additional = 512 << 20
	engine := startChild(t, wire.EnvAddressSpace+"="+strconv.Itoa(additional))
	engine.open(filepath.Join(testdata, "native.pdf"))
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", engine.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(limits), "Max address space")
	fields := strings.Fields(after)
	for _, field := range fields[:2] {
		if limit, err := strconv.ParseInt(field, 10, 64); err != nil || limit <= additional || limit > additional+4<<30 {
			t.Errorf("limit of address space is %s", field)
		}
	}
}

func TestReasonsAreTheAPIs(t *testing.T) {
	for ours, theirs := range map[string]string{
		reasonPasswordProtected:   v1alpha1.ReasonPasswordProtected,
		reasonInvalidDocument:     v1alpha1.ReasonInvalidDocument,
		reasonEmptyDocument:       v1alpha1.ReasonEmptyDocument,
		reasonUnsupportedDocument: v1alpha1.ReasonUnsupportedDocument,
	} {
		if ours != theirs {
			t.Errorf("reason %q is %q in the API", ours, theirs)
		}
	}
}
