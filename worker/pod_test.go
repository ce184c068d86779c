package worker

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/testlog"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

// pod is the surroundings of a worker: a gateway and an API server that listen with TLS, and files.
type pod struct {
	config  Config
	gateway *gateway
	cluster *cluster
	log     *testlog.Buffer
}

// newPod makes a pod with two cores and two gigabytes for a document of the test engine.
func newPod(t *testing.T, document script) *pod {
	t.Helper()
	content, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{
		gateway: newGateway(t, content),
		cluster: newCluster(t),
		log:     new(testlog.Buffer),
		config: Config{
			GatewayName:      "example.com", // in every certificate of httptest
			GatewayTokenFile: filepath.Join(folder, "gateway-token"),
			PodName:          "job-0-1",
			Organization:     "school",
			CPULimit:         2,
			MemoryLimit:      2 << 30,
			WorkDir:          folder,
			TerminationFile:  filepath.Join(folder, "termination"),
			Engine:           filepath.Join(folder, "engine"),
			TessdataPrefix:   "/models",
		},
	}
	p.config.GatewayURL = p.gateway.server.URL
	p.config.GatewayCA = string(certificateOf(p.gateway.server))
	p.config.Cluster = &rest.Config{
		Host:            p.cluster.server.URL,
		BearerTokenFile: filepath.Join(folder, "cluster-token"),
		TLSClientConfig: rest.TLSClientConfig{CAData: certificateOf(p.cluster.server)},
	}
	for path, content := range map[string]string{
		p.config.GatewayTokenFile:        "secret-for-gateway\n",
		p.config.Cluster.BearerTokenFile: "secret-for-cluster",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(binary, p.config.Engine); err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs a worker to its end and returns its exit code.
func (p *pod) run(ctx context.Context) int {
	return Run(ctx, p.config, slog.New(slog.NewJSONHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

// expect runs a worker and fails the test on another exit code.
func (p *pod) expect(t *testing.T, exitCode int) {
	t.Helper()
	if got := p.run(t.Context()); got != exitCode {
		t.Fatalf("exit code = %d, want %d; log:\n%s", got, exitCode, p.log)
	}
}

// termination reads what the worker left for the kubelet.
func (p *pod) termination(t *testing.T) workerport.Termination {
	t.Helper()
	var termination workerport.Termination
	content, err := os.ReadFile(p.config.TerminationFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &termination); err != nil {
		t.Fatal(err)
	}
	return termination
}

// asked counts how often the engine was given a page.
func (p *pod) asked(page int) int {
	count := 0
	for _, line := range readDiary(p.config.WorkDir) {
		if line == "page "+strconv.Itoa(page) {
			count++
		}
	}
	return count
}

// await waits until condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// gateway serves the internal port.
type gateway struct {
	server *httptest.Server
	ticket workerport.Ticket
	// serveDocument answers the request for the document; try counts from 1.
	serveDocument func(w http.ResponseWriter, try int)
	// refuse may answer a request instead of the gateway by a status other than 0; try counts the path's tries from 1.
	refuse func(r *http.Request, try int) (status int, reason string)

	mutex  sync.Mutex
	tries  map[string]int
	tokens map[string]bool
	// log is the server's own.
	log   *testlog.Buffer
	pages map[int]document.Page
	order []int
	// searchable are the parts of the searchable PDF that were stored.
	searchable map[string]string
	// previews by the number of their page.
	previews map[int]string
	// readings that the AI model was asked for, in order.
	readings []reading
	// model is the AI model: it says what becomes of a page, or nothing once the caller has gone. While it does, the reading is in
	// readings already.
	model func(ctx context.Context, asked reading) *document.Page
}

// reading is what came to workerport.PathReading.
type reading struct {
	page   document.Page
	images map[string]wire.Image
}

func newGateway(t *testing.T, content []byte) *gateway {
	g := &gateway{
		ticket: workerport.Ticket{
			Namespace: "khocr-school", Job: "a1b2c3d4e5f6", UID: "0a1b", Part: 0, Mode: "auto", Model: "khmer",
			TrainedData: "script/Khmer", MaxPages: 1000, PageTimeoutSeconds: 60,
		},
		serveDocument: func(w http.ResponseWriter, _ int) { _, _ = w.Write(content) },
		refuse:        func(*http.Request, int) (int, string) { return 0, "" },
		tries:         map[string]int{},
		tokens:        map[string]bool{},
		log:           new(testlog.Buffer),
		pages:         map[int]document.Page{},
		searchable:    map[string]string{},
		previews:      map[int]string{},
		model:         readByModel,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+workerport.PathTicket, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(g.ticket)
	})
	mux.HandleFunc("GET "+workerport.PathDocument, func(w http.ResponseWriter, _ *http.Request) {
		g.mutex.Lock()
		try := g.tries["GET "+workerport.PathDocument]
		g.mutex.Unlock()
		g.serveDocument(w, try)
	})
	mux.HandleFunc("GET "+workerport.PathPages, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(pagesOf(g.outcomes()))
	})
	mux.HandleFunc("PUT /internal/v1/pages/{page}", g.put)
	mux.HandleFunc("GET /internal/v1/pages/{page}", g.get)
	mux.HandleFunc("PUT /internal/v1/pages/{page}/preview", g.putPreview)
	mux.HandleFunc("POST /internal/v1/pages/{page}/reading", g.read)
	mux.HandleFunc("PUT /internal/v1/searchable/{part}", func(_ http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		g.mutex.Lock()
		defer g.mutex.Unlock()
		g.searchable[r.PathValue("part")] = string(content)
	})
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mutex.Lock()
		g.tries[r.Method+" "+r.URL.Path]++
		try := g.tries[r.Method+" "+r.URL.Path]
		g.tokens[r.Header.Get("Authorization")] = true
		g.mutex.Unlock()
		if status, reason := g.refuse(r, try); status != 0 {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(workerport.Refusal{Reason: reason, Message: "Refused."})
			return
		}
		mux.ServeHTTP(w, r)
	}))
	g.server.Config.ErrorLog = log.New(g.log, "", 0)
	g.server.StartTLS()
	t.Cleanup(g.server.Close)
	return g
}

func (g *gateway) put(w http.ResponseWriter, r *http.Request) {
	var page document.Page
	if err := json.NewDecoder(r.Body).Decode(&page); err != nil || r.PathValue("page") != strconv.Itoa(page.Number) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if _, ok := g.pages[page.Number]; ok {
		return
	}
	g.pages[page.Number] = page
	g.order = append(g.order, page.Number)
	w.WriteHeader(http.StatusCreated)
}

func (g *gateway) putPreview(w http.ResponseWriter, r *http.Request) {
	number, _ := strconv.Atoi(r.PathValue("page"))
	content, _ := io.ReadAll(r.Body)
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if _, done := g.pages[number]; done || r.Header.Get("Content-Type") != "image/jpeg" {
		// Whoever sees the page expects its preview.
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	g.previews[number] = string(content)
	w.WriteHeader(http.StatusCreated)
}

// readByModel is an AI model that reads a page, or corrects it.
func readByModel(_ context.Context, asked reading) *document.Page {
	page := asked.page
	page.AI = &document.AI{Model: "gemma", Role: document.RoleReader, Used: len(asked.images) > 0, Attempts: 1}
	if !page.AI.Used {
		page.AI.Reason = document.AINoImage
		return &page
	}
	for name := range asked.images {
		if name != workerport.PartImage {
			page.AI.Role = document.RoleCorrector
		}
	}
	page.Text = "the model's text"
	return &page
}

func (g *gateway) read(w http.ResponseWriter, r *http.Request) {
	asked := reading{images: map[string]wire.Image{}}
	parts, err := r.MultipartReader()
	for part := (*multipart.Part)(nil); err == nil; {
		if part, err = parts.NextPart(); err != nil {
			break
		}
		var content []byte
		if content, err = io.ReadAll(part); err != nil {
			break
		}
		if part.FormName() != workerport.PartPage {
			asked.images[part.FormName()] = wire.Image{MediaType: part.Header.Get("Content-Type"), Content: content}
		} else if err = json.Unmarshal(content, &asked.page); err == nil {
			err = asked.page.Check()
		}
	}
	if !errors.Is(err, io.EOF) || r.PathValue("page") != strconv.Itoa(asked.page.Number) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	number := asked.page.Number
	g.mutex.Lock()
	g.readings = append(g.readings, asked)
	g.mutex.Unlock()
	page := g.model(r.Context(), asked)
	if page == nil {
		return
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if stored, ok := g.pages[number]; ok {
		_ = json.NewEncoder(w).Encode(stored)
		return
	}
	g.pages[number] = *page
	g.order = append(g.order, number)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(page)
}

// asked lists the readings so far.
func (g *gateway) asked() []reading {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return slices.Clone(g.readings)
}

func (g *gateway) get(w http.ResponseWriter, r *http.Request) {
	number, _ := strconv.Atoi(r.PathValue("page"))
	g.mutex.Lock()
	page, ok := g.pages[number]
	g.mutex.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(page)
}

// outcomes of the stored pages by number.
func (g *gateway) outcomes() map[int]document.Outcome {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	outcomes := map[int]document.Outcome{}
	for number, page := range g.pages {
		outcomes[number] = page.Outcome()
	}
	return outcomes
}

// errorCode of a stored page.
func (g *gateway) errorCode(t *testing.T, number int) string {
	t.Helper()
	page, ok := g.pages[number]
	if !ok || page.Error == nil {
		t.Fatalf("page %d is not stored with an error: %+v", number, page)
	}
	return page.Error.Code
}

// cluster records the patches that the API server gets.
type cluster struct {
	server *httptest.Server
	// deny is the number of requests that are denied first.
	deny int

	mutex   sync.Mutex
	tries   int
	patches []patch
}

// patch is a request to the API server.
type patch struct {
	method, path, query, contentType, authorization string
	body                                            map[string]any
	progress                                        v1alpha1.PageCounts
}

func newCluster(t *testing.T) *cluster {
	c := new(cluster)
	c.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if c.tries++; c.tries <= c.deny {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`)
			return
		}
		content, _ := io.ReadAll(r.Body)
		p := patch{
			method: r.Method, path: r.URL.Path, query: r.URL.RawQuery,
			contentType: r.Header.Get("Content-Type"), authorization: r.Header.Get("Authorization"),
		}
		var job v1alpha1.OcrJob
		if json.Unmarshal(content, &p.body) != nil || json.Unmarshal(content, &job) != nil || len(job.Status.Workers) != 1 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		p.progress = *job.Status.Workers[0].Progress
		c.patches = append(c.patches, p)
		_, _ = w.Write(content)
	}))
	t.Cleanup(c.server.Close)
	return c
}

// progress that was reported, one entry a patch.
func (c *cluster) progress() []v1alpha1.PageCounts {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var all []v1alpha1.PageCounts
	for _, p := range c.patches {
		all = append(all, p.progress)
	}
	return all
}

func certificateOf(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// pagesOf lists the keys of stored pages in order.
func pagesOf(outcomes map[int]document.Outcome) []int { return slices.Sorted(maps.Keys(outcomes)) }
