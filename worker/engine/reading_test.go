package engine

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"image/jpeg"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker"
)

// question is what came to an AI model: a page, and the images of it by their names.
type question struct {
	page   document.Page
	images map[string][]byte
}

// modelPort is an internal port whose AI model reads every page as the recogniser did.
type modelPort struct {
	document []byte
	ticket   workerport.Ticket

	mutex     sync.Mutex
	questions []question
	stored    []int
}

func (m *modelPort) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	switch {
	case r.URL.Path == workerport.PathTicket:
		_ = json.NewEncoder(w).Encode(m.ticket)
	case r.URL.Path == workerport.PathDocument:
		_, _ = w.Write(m.document)
	case strings.HasSuffix(r.URL.Path, "/reading"):
		asked, err := readQuestion(r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m.questions = append(m.questions, asked)
		_ = json.NewEncoder(w).Encode(asked.page)
	case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/internal/v1/pages/") && !strings.HasSuffix(r.URL.Path, "/preview"):
		number, _ := strconv.Atoi(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
		m.stored = append(m.stored, number)
	}
}

func readQuestion(r *http.Request) (question, error) {
	asked := question{images: map[string][]byte{}}
	parts, err := r.MultipartReader()
	if err != nil {
		return asked, err
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return asked, nil
		}
		if err != nil {
			return asked, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return asked, err
		}
		if part.FormName() != workerport.PartPage {
			asked.images[part.FormName()] = content
		} else if err := json.Unmarshal(content, &asked.page); err != nil {
			return asked, err
		}
	}
}

// runWithModel has a worker with the real engine do a document of the test data.
func runWithModel(t *testing.T, name string, task workerport.AITask) *modelPort {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	port := &modelPort{document: content, ticket: workerport.Ticket{
		Namespace: "khocr-school", Job: "a1b2c3d4e5f6", Mode: "auto", Model: "khocr", TrainedData: "khocr", MaxPages: 100, PageTimeoutSeconds: 300, AI: &task,
	}}
	gateway := httptest.NewTLSServer(port)
	defer gateway.Close()
	cluster := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, r.Body)
	}))
	defer cluster.Close()
	authority := func(server *httptest.Server) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	beside := t.TempDir()
	token, engine := filepath.Join(beside, "token"), filepath.Join(beside, engineName)
	if err := errors.Join(os.WriteFile(token, []byte("token"), 0o600), os.Symlink(program, engine)); err != nil {
		t.Fatal(err)
	}
	config := worker.Config{
		GatewayURL: gateway.URL, GatewayName: "example.com", GatewayCA: string(authority(gateway)), GatewayTokenFile: token,
		Cluster:  &rest.Config{Host: cluster.URL, TLSClientConfig: rest.TLSClientConfig{CAData: authority(cluster)}},
		CPULimit: 1, MemoryLimit: 1 << 30, WorkDir: work, TerminationFile: filepath.Join(beside, "termination"),
		Engine: engine, TessdataPrefix: os.Getenv("TESSDATA_PREFIX"),
	}
	if code := worker.Run(t.Context(), config, slog.New(slog.NewTextHandler(t.Output(), nil))); code != workerport.ExitDone {
		t.Fatalf("exit code = %d", code)
	}
	return port
}

// The worker is the real one, in which the engine confines itself before it draws.
func TestAModelThatReadsSeesThePages(t *testing.T) {
	port := runWithModel(t, "pages3.tiff", workerport.AITask{Role: document.RoleReader, MaxSide: 1024, MediaType: "image/jpeg", TimeoutSeconds: 60, AtOnce: 4})
	if len(port.questions) != 3 || len(port.stored) != 0 {
		t.Fatalf("the model was asked about %d pages, and %v were stored without it", len(port.questions), port.stored)
	}
	for _, asked := range port.questions {
		shown, err := jpeg.Decode(bytes.NewReader(asked.images[workerport.PartImage]))
		if err != nil || len(asked.images) != 1 {
			t.Fatalf("page %d came with %d images: %v", asked.page.Number, len(asked.images), err)
		}
		if size := shown.Bounds().Size(); max(size.X, size.Y) != 1024 || asked.page.Text == "" {
			t.Errorf("page %d came with %v pixels and the text %q", asked.page.Number, size, asked.page.Text)
		}
	}
}

func TestAModelThatCorrectsSeesTheUnsureLines(t *testing.T) {
	port := runWithModel(t, "photo.jpg", workerport.AITask{
		Role: document.RoleCorrector, MaxSide: 2048, MediaType: "image/jpeg", TimeoutSeconds: 60, AtOnce: 4, UnsureBelow: 100, MaxLines: 2,
	})
	if len(port.questions) != 1 || len(port.questions[0].images) != 2 {
		t.Fatalf("the model was asked %d questions", len(port.questions))
	}
	asked := port.questions[0]
	for i := range asked.page.Lines {
		content, ok := asked.images[workerport.LinePart(i)]
		if !ok {
			continue
		}
		shown, err := jpeg.DecodeConfig(bytes.NewReader(content))
		if err != nil || shown.Width < 2*shown.Height || shown.Height < lineHeight {
			t.Errorf("line %d is %d by %d pixels: %v", i, shown.Width, shown.Height, err)
		}
		delete(asked.images, workerport.LinePart(i))
	}
	if len(asked.images) > 0 {
		t.Errorf("there are images of no line: %v", asked.images)
	}
}

// Text that the page carries itself is nobody's to read.
func TestAModelSeesNoPageWithATextOfItsOwn(t *testing.T) {
	port := runWithModel(t, "native.pdf", workerport.AITask{Role: document.RoleReader, MaxSide: 1024, MediaType: "image/jpeg", TimeoutSeconds: 60, AtOnce: 4})
	if len(port.questions) != 0 || len(port.stored) != 1 {
		t.Errorf("the model was asked %d questions, and %v were stored", len(port.questions), port.stored)
	}
}
