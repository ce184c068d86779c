package corpus

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker"
)

// Limits of the pod in which documents are read.
type Limits struct {
	// Engine is the engine's program, Tessdata the folder of its models.
	Engine   string `json:"engine"`
	Tessdata string `json:"tessdata"`
	// Cores and Memory in bytes are the pod's.
	Cores  int   `json:"cores"`
	Memory int64 `json:"memory"`
	// PageSeconds bound each page.
	PageSeconds int32 `json:"page_seconds"`
	// MaxPages is the largest number that a page may have.
	MaxPages int32 `json:"max_pages"`
}

// order to a supervisor to read a document, one JSON a line. Folder is where it works.
type order struct {
	Path     string `json:"path"`
	Password string `json:"password"`
	Folder   string `json:"folder"`
	Limits
}

// Answer of a supervisor, one JSON a line.
type Answer struct {
	Pages []Page `json:"pages"`
	// Refused is why the document was not read to its end; empty where it was.
	Refused string `json:"refused"`
	// Searchable is the part of the searchable PDF that was made; empty where there is none.
	Searchable string `json:"searchable"`
	// Engine is the most memory in bytes that one of the engines had, where it is more than any had before.
	Engine int64 `json:"engine"`
	// Before and After are what the supervisor had at its beginning, once it had read a good document, and has now.
	Before  holdings `json:"before"`
	After   holdings `json:"after"`
	Left    []string `json:"left"`
	Defects []string `json:"defects"`
}

// Page is what is of interest of a page's result.
type Page struct {
	Number int             `json:"number"`
	Source document.Source `json:"source"`
	Reason string          `json:"reason"`
	// Code and Message are those of its error.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Text tells whether it has any.
	Text bool `json:"text"`
}

// holdings of a process.
type holdings struct {
	Goroutines int `json:"goroutines"`
	Files      int `json:"files"`
	Children   int `json:"children"`
}

// Supervise reads the documents that are ordered on the standard input, one after the other in this process, as a worker in a
// pod does, and answers on the standard output. The first has to be a good one: what the process holds after it is what it may
// hold after all others.
func Supervise() error {
	orders, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var before holdings
	for n := 0; ; n++ {
		var order order
		if err := orders.Decode(&order); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		answer := read(order)
		if n == 0 {
			before = settle(holdings{})
		}
		answer.Before, answer.After = before, settle(before)
		if err := answers.Encode(answer); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

func read(order order) Answer {
	var answer Answer
	before := enginePeak()
	config := worker.Config{
		CPULimit: order.Cores, MemoryLimit: order.Memory, WorkDir: order.Folder,
		Engine: order.Engine, TessdataPrefix: order.Tessdata,
	}
	ticket := workerport.Ticket{
		Mode: "auto", Correct: true, Model: "khocr", TrainedData: "khocr", Password: order.Password,
		MaxPages: int(order.MaxPages), PageTimeoutSeconds: int(order.PageSeconds),
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	err := worker.ReadLocal(context.Background(), config, ticket, order.Path, log,
		func(page *document.Page, _ worker.Cost) error {
			answer.Pages = append(answer.Pages, pageOf(page))
			answer.Defects = append(answer.Defects, defects(page)...)
			return nil
		},
		func(part, path string) error {
			answer.Searchable = part
			_, err := os.Stat(path)
			return err
		})
	if err != nil {
		answer.Refused = err.Error()
	}
	if peak := enginePeak(); peak > before {
		answer.Engine = peak
	}
	entries, err := os.ReadDir(order.Folder)
	if err != nil {
		answer.Defects = append(answer.Defects, "the work folder cannot be read")
	}
	for _, entry := range entries {
		answer.Left = append(answer.Left, entry.Name())
	}
	return answer
}

// enginePeak is the most memory in bytes that one of the engines so far had, as the kernel tells when it has ended.
func enginePeak() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err != nil {
		return 0
	}
	return usage.Maxrss << 10
}

func pageOf(page *document.Page) Page {
	read := Page{Number: page.Number, Source: page.Source, Reason: page.Reason, Text: page.Text != ""}
	if page.Error != nil {
		read.Code, read.Message = page.Error.Code, page.Error.Message
	}
	return read
}

// defects of a result that the platform could not store or hand out.
func defects(page *document.Page) []string {
	var found []string
	encoded, err := document.EncodePage(page)
	if err != nil {
		found = append(found, fmt.Sprintf("page %d cannot be encoded: %v", page.Number, err))
	}
	if len(encoded) > workerport.MaxPageBytes {
		found = append(found, fmt.Sprintf("page %d has %d bytes", page.Number, len(encoded)))
	}
	if !utf8.ValidString(page.Text) {
		found = append(found, fmt.Sprintf("page %d is no UTF-8", page.Number))
	}
	for _, format := range []document.Format{document.FormatDocx, document.FormatHOCR, document.FormatALTO, document.FormatMarkdown} {
		info := document.Info{ID: "0", Pages: 1}
		pages := func(yield func(*document.Page, error) bool) { yield(page, nil) }
		if err := document.Render(io.Discard, format, info, pages); err != nil {
			found = append(found, fmt.Sprintf("page %d has no %s: %v", page.Number, format, err))
		}
	}
	return found
}

// settle waits until the process holds no more than it may, at most half a minute: what has ended takes a moment to go.
func settle(most holdings) holdings {
	var now holdings
	for range 1500 {
		now = held()
		if now.Goroutines <= most.Goroutines && now.Files <= most.Files && now.Children <= most.Children {
			break
		}
		if most == (holdings{}) && now.Children == 0 && now == held() {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return now
}

func held() holdings {
	files, _ := os.ReadDir("/proc/self/fd")
	return holdings{Goroutines: runtime.NumGoroutine(), Files: len(files), Children: len(childrenOf(os.Getpid()))}
}

// childrenOf a process, those that have ended but were not waited for among them.
func childrenOf(pid int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var children []int
	for _, list := range lists {
		content, _ := os.ReadFile(list)
		for _, word := range bytes.Fields(content) {
			var child int
			if _, err := fmt.Sscan(string(word), &child); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

// reasonOf a refusal is the word before its first colon.
func reasonOf(refused string) string {
	reason, _, _ := strings.Cut(refused, ":")
	return cmp.Or(reason, refused)
}
