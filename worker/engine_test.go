package worker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	seccomp "github.com/elastic/go-seccomp-bpf"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/confine"
	"github.com/openplp/khocr/worker/wire"
)

// TestMain makes this binary the engine when it is run under that name: a real child process that speaks the real
// protocol, and misbehaves as the document tells it.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "engine":
		runEngine()
	case "parent":
		runParent()
	case "lacking":
		runLacking()
	default:
		os.Exit(m.Run())
	}
}

// script is a document of the test engine.
type script struct {
	Pages     int
	OpenError *wire.Error
	// OpenCrashes is the number of processes that die when they open the document; OpenHangs likewise.
	OpenCrashes, OpenHangs int
	// Crash kills every child on these pages, CrashOnce only the first.
	Crash, CrashOnce []int
	Hang             []int
	// Eat takes this many bytes on a page, by its number.
	Eat map[int]int64
	// Rambling answers these pages with what is no answer, Huge with one that is too long, Wrong with another page.
	Rambling, Huge, Wrong []int
	PageError             []int
	// Blaming answers these pages with an error of the document.
	Blaming []int
	// NoModel answers these pages as an engine that lacks the model.
	NoModel []int
	Native  []int
	// Password that the document opens with.
	Password string
	// SearchableCrashes is the number of processes that die over the searchable PDF; SearchableError is what is wrong with it.
	SearchableCrashes int
	SearchableError   *wire.Error
	// PreviewCrash kills each child on the previews of these pages, PreviewHuge answers with too much, PreviewWrong with another
	// answer, and PreviewNone with nothing.
	PreviewCrash, PreviewHuge, PreviewWrong, PreviewNone []int
	// PreviewHang never answers.
	PreviewHang []int
	// DrawCrash kills each child on the images of these pages, DrawHang never answers, DrawFlood answers with 100 MB, and DrawAs as it
	// says there.
	DrawCrash, DrawHang, DrawFlood []int
	DrawAs                         map[int]wire.Response
	// Lines of these pages have the confidences.
	Lines map[int][]float64
	// Gate holds a page back until the file of that name exists beside the document; the searchable PDF is page 0.
	Gate map[int]string
}

// diary is where the engine notes what it was asked, one line each, beside the document.
const diary = "diary"

func runEngine() {
	if err := confine.AddressSpace(os.Getenv(wire.EnvAddressSpace)); err != nil {
		panic(err)
	}
	requests := bufio.NewScanner(os.NewFile(wire.RequestFD, "requests"))
	responses := json.NewEncoder(os.NewFile(wire.ResponseFD, "responses"))
	var document script
	var folder string
	for requests.Scan() {
		var request wire.Request
		if err := json.Unmarshal(requests.Bytes(), &request); err != nil {
			panic(err)
		}
		var response wire.Response
		switch {
		case request.Open != nil:
			folder = filepath.Dir(request.Open.Path)
			response = openScript(request.Open, &document)
		case request.Page != nil:
			response = document.answer(folder, request.Page)
		case request.Preview != nil:
			response = document.preview(folder, request.Preview)
		case request.Draw != nil:
			response = document.draw(folder, request.Draw)
		default:
			response = document.searchable(folder, request.Searchable)
		}
		if err := responses.Encode(response); err != nil {
			panic(err)
		}
	}
}

func openScript(request *wire.Open, document *script) wire.Response {
	path, folder := request.Path, filepath.Dir(request.Path)
	environment := slices.Sorted(slices.Values(os.Environ()))
	note(folder, "open "+strings.Join(environment, " "))
	content, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(content, document); err != nil {
		panic(err)
	}
	opened := 0
	for _, line := range readDiary(folder) {
		if strings.HasPrefix(line, "open ") {
			opened++
		}
	}
	switch {
	case opened <= document.OpenCrashes:
		crash()
	case opened <= document.OpenHangs:
		hang()
	case document.OpenError != nil:
		return wire.Response{Error: document.OpenError}
	case document.Password != request.Password:
		return wire.Response{Error: &wire.Error{Reason: "PasswordProtected", Message: "the password is not the document's"}}
	}
	return wire.Response{Opened: &wire.Opened{Pages: document.Pages}}
}

func (s *script) answer(folder string, request *wire.Page) wire.Response {
	n := request.Number
	asked := fmt.Sprintf("page %d", n)
	again := slices.Contains(readDiary(folder), asked)
	note(folder, asked)
	switch {
	case slices.Contains(s.Crash, n), slices.Contains(s.CrashOnce, n) && !again:
		fmt.Fprintln(os.Stderr, "an engine's last words")
		crash()
	case slices.Contains(s.Hang, n):
		hang()
	case slices.Contains(s.Rambling, n):
		_, _ = os.NewFile(wire.ResponseFD, "responses").WriteString("what is this?\n")
		hang()
	case slices.Contains(s.Huge, n):
		_, _ = os.NewFile(wire.ResponseFD, "responses").Write(make([]byte, wire.MaxMessage+1<<20))
		hang()
	case slices.Contains(s.Blaming, n):
		return wire.Response{Error: &wire.Error{Reason: "PasswordProtected", Message: "the document is to blame"}}
	case slices.Contains(s.NoModel, n):
		return wire.Response{Error: &wire.Error{Reason: wire.ReasonTrainedDataMissing, Message: "no such file"}}
	case slices.Contains(s.Wrong, n):
		n++
	}
	s.pass(folder, n)
	if size := s.Eat[n]; size > 0 {
		// As a C library would: from the system, not from Go's heap.
		eaten, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			panic(err)
		}
		defer func() { _ = syscall.Munmap(eaten) }()
		for i := 0; i < len(eaten); i += os.Getpagesize() {
			eaten[i] = 1
		}
	}
	page := &document.Page{
		Number: n, Width: 595, Height: 842, Source: document.SourceOCR, Reason: "no_text_layer", Model: request.Model,
		Text: request.Mode + " " + request.TrainedData, Lines: []document.Line{}, ProcessedAt: time.Now(),
	}
	for i, confidence := range s.Lines[n] {
		text, box := fmt.Sprintf("line %d", i), lineBox(i)
		page.Lines = append(page.Lines, document.Line{Text: text, Box: box, Confidence: confidence, Words: []document.Word{
			{Text: text, Box: box, Confidence: confidence},
		}})
	}
	if slices.Contains(s.Native, n) {
		page.Source = document.SourceNative
	}
	if slices.Contains(s.PageError, n) {
		page.Error = &document.PageError{Code: document.PageErrorTooLarge, Message: "The page is too large."}
	}
	return wire.Response{Page: page}
}

// previewOf is the preview that the test engine makes of a page.
func previewOf(page int) string { return fmt.Sprintf("preview of page %d", page) }

func (s *script) preview(folder string, request *wire.Preview) wire.Response {
	n := request.Number
	note(folder, fmt.Sprintf("preview %d", n))
	picture := &wire.Picture{JPEG: []byte(previewOf(n))}
	switch {
	case slices.Contains(s.PreviewCrash, n):
		crash()
	case slices.Contains(s.PreviewHang, n):
		hang()
	case slices.Contains(s.PreviewHuge, n):
		picture.JPEG = make([]byte, workerport.MaxPreviewBytes+1)
	case slices.Contains(s.PreviewWrong, n):
		return wire.Response{Opened: &wire.Opened{Pages: 1}}
	case slices.Contains(s.PreviewNone, n):
		picture.JPEG = nil
	}
	return wire.Response{Preview: picture}
}

// lineBox is where the test engine has read a line.
func lineBox(line int) document.Box {
	return document.Box{50, float64(100 + 20*line), 500, float64(115 + 20*line)}
}

// drawingOf is the image that the test engine makes of a page, or of what is in a box of it.
func drawingOf(page int, box document.Box) string { return fmt.Sprintf("page %d, box %v", page, box) }

func (s *script) draw(folder string, request *wire.Draw) wire.Response {
	n := request.Number
	note(folder, fmt.Sprintf("draw %d", n))
	switch {
	case slices.Contains(s.DrawCrash, n):
		crash()
	case slices.Contains(s.DrawHang, n):
		hang()
	case slices.Contains(s.DrawFlood, n):
		responses := os.NewFile(wire.ResponseFD, "responses")
		for range 100 {
			_, _ = responses.Write(bytes.Repeat([]byte("A"), 1<<20))
		}
		hang()
	}
	if response, ok := s.DrawAs[n]; ok {
		return response
	}
	boxes := request.Boxes
	if boxes == nil {
		boxes = []document.Box{{}}
	}
	drawn := new(wire.Drawn)
	for _, box := range boxes {
		drawn.Images = append(drawn.Images, wire.Image{MediaType: request.MediaType, Content: []byte(drawingOf(n, box))})
	}
	return wire.Response{Drawn: drawn}
}

// pass waits for the gate of a page.
func (s *script) pass(folder string, page int) {
	gate, ok := s.Gate[page]
	for ok {
		if _, err := os.Stat(filepath.Join(folder, gate)); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// searchable writes the pages that it has results of into the output.
func (s *script) searchable(folder string, request *wire.Searchable) wire.Response {
	crashed := strings.Count(strings.Join(readDiary(folder), "\n"), "searchable")
	note(folder, "searchable")
	if crashed < s.SearchableCrashes {
		crash()
	}
	s.pass(folder, 0)
	if s.SearchableError != nil {
		return wire.Response{Error: s.SearchableError}
	}
	var output strings.Builder
	for number := 1; number <= s.Pages; number++ {
		content, err := os.ReadFile(filepath.Join(request.Results, wire.ResultName(number)))
		if err != nil {
			continue
		}
		var page document.Page
		if err := json.Unmarshal(content, &page); err != nil {
			panic(err)
		}
		fmt.Fprintf(&output, "%d:%s ", page.Number, page.Text)
	}
	if err := os.WriteFile(request.Output, []byte(output.String()), 0o600); err != nil {
		panic(err)
	}
	return wire.Response{Searchable: &wire.Written{Part: workerport.Appendix}}
}

// crash ends the child as the kernel ends one that is out of memory. Other signals the Go runtime may answer with a trace
// that is longer than what the supervisor keeps.
func crash() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	hang()
}

// hang never ends; a plain select{} would be found out by the runtime.
func hang() {
	for {
		time.Sleep(time.Hour)
	}
}

func note(folder, line string) {
	file, err := os.OpenFile(filepath.Join(folder, diary), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := file.WriteString(line + "\n"); err != nil {
		panic(err)
	}
	_ = file.Close()
}

func readDiary(folder string) []string {
	content, err := os.ReadFile(filepath.Join(folder, diary))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

// runLacking is a worker without a gateway, whose kernel has not heard of landlock.
func runLacking() {
	runtime.LockOSThread()
	if err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls: []seccomp.SyscallGroup{{
			Names: []string{"landlock_create_ruleset"}, Action: seccomp.ActionErrno | seccomp.Action(syscall.ENOSYS)}},
	}}); err != nil {
		panic(err)
	}
	os.Exit(Run(context.Background(), Config{TerminationFile: os.DevNull}, slog.New(slog.NewTextHandler(os.Stdout, nil))))
}

// runParent starts a child, tells its process id and has it open a document until somebody is killed.
func runParent() {
	engine, err := startChild(Config{Engine: os.Args[1]}, 1<<30)
	if err != nil {
		panic(err)
	}
	fmt.Println(engine.command.Process.Pid)
	_, err = engine.ask(context.Background(), wire.Request{Open: &wire.Open{Path: os.Args[2]}}, time.Hour)
	panic(err)
}
