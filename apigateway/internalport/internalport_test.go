package internalport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/fetch"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/seal"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

// port is a running internal port, over a real API server.
type port struct {
	*gatewaytest.Gateway
	url, namespace string
	seal           *seal.Key
}

func TestInternalPort(t *testing.T) {
	g := gatewaytest.Start(t)
	g.Organization(t, "acme", nil)
	namespace := "khocr-acme"
	for _, object := range []string{workerport.ServiceAccount, "other"} {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: object, Namespace: namespace}}
		if err := g.Client.Create(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	model := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "khmer"}, Spec: v1alpha1.OcrModelSpec{
		DisplayName: v1alpha1.LocalizedText{En: "Khmer"}, Engine: v1alpha1.EngineTesseract, Languages: []string{"km"},
		Tesseract: &v1alpha1.TesseractModel{TrainedData: "script/Khmer"},
	}}
	if err := g.Client.Create(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	allowed := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	served := New(g.Cached, g.Live, g.Store, fetch.New(allowed), slog.New(slog.DiscardHandler))
	var err error
	if served.Seal, err = seal.NewKey(seal.Random()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(served.Handler())
	t.Cleanup(server.Close)
	p := &port{g, server.URL, namespace, served.Seal}
	// Another one, whose bounds are met soon, by a clock that stands still.
	bounded := New(g.Cached, g.Live, g.Store, fetch.New(allowed), slog.New(slog.DiscardHandler))
	bounded.asked = ratelimit.NewMemory(still{}.Now)
	bounded.reviews.recent = cache.NewLRUExpireCacheWithClock(maxReviews, still{})
	bounded.kept.most = 3 * bytesOfAPage
	second := httptest.NewServer(bounded.Handler())
	t.Cleanup(second.Close)
	b := &port{g, second.URL, namespace, nil}

	t.Run("Authentication", p.testAuthentication)
	t.Run("Ticket", p.testTicket)
	t.Run("Parts", p.testParts)
	t.Run("Upload", p.testUpload)
	t.Run("URL", p.testURL)
	t.Run("Pages", p.testPages)
	t.Run("Previews", p.testPreviews)
	t.Run("Password", p.testPassword)
	t.Run("Searchable", p.testSearchable)
	t.Run("UnderWay", p.testUnderWay)
	t.Run("Sum", b.testSum)
	t.Run("Rates", b.testRates) // nobody at this address is known to it afterwards
}

// still is a clock that stands still.
type still struct{}

func (still) Now() time.Time { return time.Time{} }

// job makes an OcrJob that is running with the pod of its first part recorded, and returns the pod's token.
func (p *port) job(t *testing.T, name string, source v1alpha1.DocumentSource) (*v1alpha1.OcrJob, string) {
	t.Helper()
	job := &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: p.namespace},
		Spec:       v1alpha1.OcrJobSpec{Source: source},
	}
	if err := p.Client.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	worker := p.pod(t, name+"-0-1")
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning, Model: "khmer",
		Workers: []v1alpha1.WorkerStatus{{Part: 0, Attempt: 1, PodName: worker.Name, PodUID: worker.UID}}}
	p.UpdateStatus(t, job)
	return job, p.token(t, workerport.ServiceAccount, worker, workerport.Audience)
}

func uploaded(id string) v1alpha1.DocumentSource {
	return v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{ID: id}}
}

func (p *port) pod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	worker := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: p.namespace},
		Spec: corev1.PodSpec{
			ServiceAccountName: workerport.ServiceAccount,
			Containers:         []corev1.Container{{Name: "worker", Image: "worker"}},
		},
	}
	if err := p.Client.Create(t.Context(), worker); err != nil {
		t.Fatal(err)
	}
	return worker
}

// token asks the API server for a token, bound to the pod if one is given.
func (p *port) token(t *testing.T, account string, worker *corev1.Pod, audience string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}}}
	if worker != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{
			APIVersion: "v1", Kind: "Pod", Name: worker.Name, UID: worker.UID,
		}
	}
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account, Namespace: p.namespace}}
	if err := p.Client.SubResource("token").Create(t.Context(), owner, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

func (p *port) do(t *testing.T, method, path, token, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func (p *port) wantRefusal(t *testing.T, token, path string, status int, reason string) {
	t.Helper()
	got, body := p.do(t, http.MethodGet, path, token, "")
	var refusal workerport.Refusal
	if err := json.Unmarshal([]byte(body), &refusal); err != nil || got != status || refusal.Reason != reason || refusal.Message == "" {
		t.Errorf("status %d, %s (%v); want %d and %s", got, body, err, status, reason)
	}
}

func (p *port) testAuthentication(t *testing.T) {
	job, token := p.job(t, "my-job-7", uploaded("0123456789ab"))
	worker := &corev1.Pod{}
	if err := p.Live.Get(t.Context(), types.NamespacedName{Namespace: p.namespace, Name: "my-job-7-0-1"}, worker); err != nil {
		t.Fatal(err)
	}
	if status, body := p.do(t, http.MethodGet, workerport.PathTicket, token, ""); status != http.StatusOK {
		t.Fatalf("the recorded pod: status %d: %s", status, body)
	}

	stranger := p.pod(t, "my-job-7-0-2")
	unnamed := p.pod(t, "database")
	orphan := p.pod(t, "no-such-job-0-1")
	for name, c := range map[string]struct {
		token  string
		status int
		reason string
	}{
		"no token":                            {"", 401, "Unauthorized"},
		"no token of the API server's":        {"eyJhbGciOiJub25lIn0.e30.", 401, "Unauthorized"},
		"a token for the API server":          {p.token(t, workerport.ServiceAccount, worker, "https://kubernetes.default.svc.cluster.local"), 401, "Unauthorized"},
		"a token that is bound to no pod":     {p.token(t, workerport.ServiceAccount, nil, workerport.Audience), 401, "Unauthorized"},
		"a pod that the job has not recorded": {p.token(t, workerport.ServiceAccount, stranger, workerport.Audience), 401, "Unauthorized"},
		"a pod that is named after no job":    {p.token(t, workerport.ServiceAccount, unnamed, workerport.Audience), 401, "Unauthorized"},
		"a pod whose job is gone":             {p.token(t, workerport.ServiceAccount, orphan, workerport.Audience), 410, "Gone"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{workerport.PathTicket, workerport.PathDocument} {
				p.wantRefusal(t, c.token, path, c.status, c.reason)
			}
		})
	}

	t.Run("a pod that is recorded later is served as soon as it is", func(t *testing.T) {
		job.Status.Workers[0].PodUID, job.Status.Workers[0].PodName = stranger.UID, stranger.Name
		p.UpdateStatus(t, job)
		late := p.token(t, workerport.ServiceAccount, stranger, workerport.Audience)
		if status, body := p.do(t, http.MethodGet, workerport.PathTicket, late, ""); status != http.StatusOK {
			t.Errorf("status %d: %s", status, body)
		}
		p.wantRefusal(t, token, workerport.PathTicket, 401, "Unauthorized")
	})

	t.Run("an ended job sends its worker away", func(t *testing.T) {
		job, token := p.job(t, "ending", uploaded("0123456789ab"))
		job.Status.Phase = v1alpha1.PhaseCancelled
		p.UpdateStatus(t, job)
		p.wantRefusal(t, token, workerport.PathTicket, 410, "Gone")
	})

	t.Run("what there is not", func(t *testing.T) {
		p.wantRefusal(t, token, "/internal/v1/jobs", 404, "NotFound")
		if status, _ := p.do(t, http.MethodDelete, workerport.PathTicket, token, ""); status != http.StatusMethodNotAllowed {
			t.Errorf("DELETE: status %d", status)
		}
	})
}

func (p *port) testTicket(t *testing.T) {
	job, token := p.job(t, "ticketed", uploaded("0123456789ab"))
	for _, page := range []document.Page{
		{Number: 2, Source: document.SourceOCR},
		{Number: 1, Source: document.SourceNative},
		{Number: 4, Source: document.SourceMixed},
		{Number: 3, Source: document.SourceLegacy},
		{Number: 7, Source: document.SourceNone, Error: &document.PageError{Code: document.PageErrorCrashed}},
	} {
		if status, body := p.put(t, token, page.Number, page); status != http.StatusCreated {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	_, body := p.do(t, http.MethodGet, workerport.PathTicket, token, "")
	var got workerport.Ticket
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := workerport.Ticket{
		Namespace: p.namespace, Job: "ticketed", UID: string(job.UID), Mode: "auto", Correct: true, Model: "khmer", TrainedData: "script/Khmer",
		MaxPages: 5000, PageTimeoutSeconds: 300,
		Stored: []workerport.StoredPage{
			{Number: 1, Outcome: "native"}, {Number: 2, Outcome: "recognized"},
			{Number: 3, Outcome: "native"}, {Number: 4, Outcome: "recognized"}, {Number: 7, Outcome: "failed"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ticket %+v, want %+v", got, want)
	}
}

func (p *port) testParts(t *testing.T) {
	job, first := p.job(t, "cut", uploaded("0123456789ab"))
	worker := p.pod(t, "cut-1-1")
	second := p.token(t, workerport.ServiceAccount, worker, workerport.Audience)
	p.wantRefusal(t, second, workerport.PathTicket, 401, "Unauthorized")
	job.Status.Partition = &v1alpha1.Partition{PagesPerWorker: 3, MaxWorkers: 2}
	job.Status.Pages = &v1alpha1.PageCounts{Total: 7}
	job.Status.Workers = append(job.Status.Workers, v1alpha1.WorkerStatus{Part: 1, Attempt: 1, PodName: worker.Name, PodUID: worker.UID})
	p.UpdateStatus(t, job)

	for _, number := range []int{2, 3, 4, 7} {
		if status, body := p.put(t, second, number, document.Page{Number: number, Source: document.SourceOCR}); status != http.StatusCreated {
			t.Fatalf("page %d: status %d: %s", number, status, body)
		}
	}
	for part, want := range map[int32][]int{0: {2, 3}, 1: {4, 7}} {
		var got workerport.Ticket
		testenv.Await(t, "the ticket shows that the document is cut", func() bool {
			_, body := p.do(t, http.MethodGet, workerport.PathTicket, map[int32]string{0: first, 1: second}[part], "")
			got = workerport.Ticket{}
			return json.Unmarshal([]byte(body), &got) == nil && got.Partition != nil
		})
		var stored []int
		for _, page := range got.Stored {
			stored = append(stored, page.Number)
		}
		if got.Part != part || *got.Partition != *job.Status.Partition || !slices.Equal(stored, want) {
			t.Errorf("ticket of part %d: %+v, stored are %v, want %v", part, got, stored, want)
		}
	}
	if status, body := p.do(t, http.MethodGet, workerport.PathPages, first, ""); status != http.StatusOK || strings.TrimSpace(body) != "[2,3,4,7]" {
		t.Errorf("stored pages of all parts: status %d: %s", status, body)
	}
}

func (p *port) testUpload(t *testing.T) {
	const id = "aabbccddeeff"
	content := "%PDF-1.7\n" + strings.Repeat("x", 1<<20)
	if _, err := p.Store.Put(t.Context(), storage.UploadKey(p.namespace, id), strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	_, token := p.job(t, "uploaded", uploaded(id))
	for _, path := range []string{workerport.PathDocument, workerport.PathDocumentDirect} {
		if status, body := p.do(t, http.MethodGet, path, token, ""); status != http.StatusOK || body != content {
			t.Errorf("%s: status %d, %d bytes, want the %d of the upload", path, status, len(body), len(content))
		}
	}
	_, token = p.job(t, "lost", uploaded("ffffffffffff"))
	p.wantRefusal(t, token, workerport.PathDocument, 422, v1alpha1.ReasonSourceUnavailable)
}

func (p *port) testURL(t *testing.T) {
	var calls atomic.Int32
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/changing.pdf":
			fmt.Fprintf(w, "%%PDF-1.7\nversion %d", calls.Add(1))
		case "/large.pdf":
			_, _ = io.WriteString(w, "%PDF-1.7\n"+strings.Repeat("x", gatewaytest.MaxFileBytes))
		case "/page.html":
			_, _ = io.WriteString(w, "<!DOCTYPE html>")
		case "/failing.pdf":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer source.Close()
	from := func(address string) v1alpha1.DocumentSource { return v1alpha1.DocumentSource{URL: address} }

	t.Run("a document is fetched once, and all parts see the same", func(t *testing.T) {
		job, first := p.job(t, "fetched", from(source.URL+"/changing.pdf"))
		tokens := []string{first}
		for part := int32(1); part < 8; part++ {
			worker := p.pod(t, fmt.Sprintf("fetched-%d-1", part))
			job.Status.Workers = append(job.Status.Workers, v1alpha1.WorkerStatus{Part: part, Attempt: 1, PodName: worker.Name, PodUID: worker.UID})
			tokens = append(tokens, p.token(t, workerport.ServiceAccount, worker, workerport.Audience))
		}
		p.UpdateStatus(t, job)
		var all sync.WaitGroup
		for _, token := range tokens {
			all.Go(func() {
				if status, body := p.do(t, http.MethodGet, workerport.PathDocument, token, ""); status != http.StatusOK || body != "%PDF-1.7\nversion 1" {
					t.Errorf("status %d: %s", status, body)
				}
			})
		}
		all.Wait()
		if exists, err := p.Store.Exists(t.Context(), storage.DocumentKey(p.namespace, job.UID)); !exists || err != nil {
			t.Errorf("the document is not kept (%v)", err)
		}
	})

	for name, c := range map[string]struct {
		address string
		status  int
		reason  string
	}{
		"metadata":    {"http://169.254.169.254/latest/meta-data", 422, v1alpha1.ReasonSourceRefused},
		"large":       {source.URL + "/large.pdf", 422, v1alpha1.ReasonSourceTooLarge},
		"unsupported": {source.URL + "/page.html", 422, v1alpha1.ReasonUnsupportedDocument},
		"missing":     {source.URL + "/missing.pdf", 422, v1alpha1.ReasonSourceUnavailable},
		"failing":     {source.URL + "/failing.pdf", 502, v1alpha1.ReasonSourceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			job, token := p.job(t, "url-"+name, from(c.address))
			p.wantRefusal(t, token, workerport.PathDocument, c.status, c.reason)
			if exists, err := p.Store.Exists(t.Context(), storage.DocumentKey(p.namespace, job.UID)); exists || err != nil {
				t.Errorf("something of it is kept (%v)", err)
			}
		})
	}
}

func (p *port) put(t *testing.T, token string, number int, page document.Page) (int, string) {
	t.Helper()
	body, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	return p.do(t, http.MethodPut, fmt.Sprintf("/internal/v1/pages/%d", number), token, string(body))
}

func (p *port) testPages(t *testing.T) {
	job, token := p.job(t, "paged", uploaded("0123456789ab"))
	page := func(number int, text string) document.Page {
		return document.Page{Number: number, Source: document.SourceOCR, Text: text}
	}

	t.Run("the first result of a page stands", func(t *testing.T) {
		for i, want := range []int{http.StatusCreated, http.StatusOK, http.StatusOK} {
			if status, body := p.put(t, token, 1, page(1, fmt.Sprint("attempt ", i))); status != want {
				t.Errorf("attempt %d: status %d, want %d: %s", i, status, want, body)
			}
		}
		for stored, err := range p.Store.Pages(t.Context(), p.namespace, job.UID, []int{1}) {
			if err != nil || stored.Text != "attempt 0" {
				t.Errorf("stored is %+v, %v", stored, err)
			}
		}
	})

	t.Run("a stored page is answered as it was stored", func(t *testing.T) {
		var stored document.Page
		status, body := p.do(t, http.MethodGet, workerport.PagePath(1), token, "")
		if err := json.Unmarshal([]byte(body), &stored); err != nil || status != http.StatusOK || stored.Text != "attempt 0" {
			t.Errorf("status %d: %s", status, body)
		}
		p.wantRefusal(t, token, workerport.PagePath(2), 404, "PageNotStored")
		p.wantRefusal(t, token, workerport.PagePath(0), 400, "InvalidPage")
		_, other := p.job(t, "another", uploaded("0123456789ab"))
		p.wantRefusal(t, other, workerport.PagePath(1), 404, "PageNotStored")
	})

	t.Run("what is not the page's result is not stored", func(t *testing.T) {
		for name, c := range map[string]struct{ path, body string }{
			"another page's":     {"/internal/v1/pages/2", `{"page":3,"source":"ocr"}`},
			"no page at all":     {"/internal/v1/pages/2", `hello`},
			"cut off":            {"/internal/v1/pages/2", `{"page":2,"source":"ocr"`},
			"two pages":          {"/internal/v1/pages/2", `{"page":2,"source":"ocr"}{"page":2,"source":"ocr"}`},
			"of no known source": {"/internal/v1/pages/2", `{"page":2,"source":"magic"}`},
			"page 0":             {"/internal/v1/pages/0", `{"page":0,"source":"ocr"}`},
			"beyond all pages":   {"/internal/v1/pages/5001", `{"page":5001,"source":"ocr"}`},
			"beyond all numbers": {"/internal/v1/pages/99999999999999999999", `{"page":1,"source":"ocr"}`},
		} {
			if status, body := p.do(t, http.MethodPut, c.path, token, c.body); status != http.StatusBadRequest {
				t.Errorf("%s: status %d: %s", name, status, body)
			}
		}
		numbers, err := p.Store.PageNumbers(t.Context(), p.namespace, job.UID)
		if err != nil || !reflect.DeepEqual(numbers, []int{1}) {
			t.Errorf("stored pages %v, %v", numbers, err)
		}
	})

	t.Run("a page without end is refused", func(t *testing.T) {
		body := `{"page":2,"source":"ocr","text":"` + strings.Repeat("x", workerport.MaxPageBytes) + `"}`
		if status, _ := p.do(t, http.MethodPut, "/internal/v1/pages/2", token, body); status != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", status)
		}
	})

	t.Run("an ended job takes no page", func(t *testing.T) {
		job.Status.Phase = v1alpha1.PhaseFailed
		p.UpdateStatus(t, job)
		if status, _ := p.put(t, token, 2, page(2, "late")); status != http.StatusGone {
			t.Errorf("status %d", status)
		}
	})
}

// testUnderWay has a worker hold on to as many requests as it may.
func (p *port) testUnderWay(t *testing.T) {
	_, own := p.job(t, "clinging", uploaded("0123456789ab"))
	_, other := p.job(t, "beside", uploaded("0123456789ab"))
	for _, kind := range []struct {
		holds, asks string
		atOnce      int
		freely      int // how asks is answered
	}{
		{workerport.SearchablePath(workerport.Whole), workerport.PathTicket, wholes.atOnce, http.StatusOK},
		{workerport.PagePath(1), workerport.PagePath(2), pages.atOnce, http.StatusNotFound},
	} {
		held, let := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range kind.atOnce {
			all.Go(func() {
				// One that comes while the room is taken by who asks below is refused, and comes again.
				for held.Err() == nil {
					body, nothing := io.Pipe()
					release := context.AfterFunc(held, func() { _ = nothing.CloseWithError(held.Err()) })
					request, err := http.NewRequestWithContext(held, http.MethodPut, p.url+kind.holds, body)
					if err != nil {
						t.Error(err)
						return
					}
					request.Header.Set("Authorization", "Bearer "+own)
					if response, err := http.DefaultClient.Do(request); err == nil {
						_ = response.Body.Close()
					}
					release()
					select {
					case <-held.Done():
					case <-time.After(20 * time.Millisecond): // what is refused counts, too
					}
				}
			})
		}
		gatewaytest.Eventually(t, "one more is refused", func() bool {
			status, body := p.do(t, http.MethodGet, kind.asks, own, "")
			return status == http.StatusServiceUnavailable && strings.Contains(body, "Busy")
		})
		if status, body := p.do(t, http.MethodGet, kind.asks, other, ""); status != kind.freely {
			t.Errorf("%s: another worker is answered %d %s", kind.asks, status, body)
		}
		let()
		all.Wait()
		gatewaytest.Eventually(t, "those that end make room", func() bool {
			status, _ := p.do(t, http.MethodGet, kind.asks, own, "")
			return status == kind.freely
		})
	}
}

func (p *port) testRates(t *testing.T) {
	ask := func(t *testing.T, path, token string) (status int, after string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode, response.Header.Get("Retry-After")
	}

	_, own := p.job(t, "restless", uploaded("0123456789ab"))
	_, other := p.job(t, "calm", uploaded("0123456789ab"))
	for number := range wholes.aMinute {
		if status, _ := ask(t, workerport.PathPages, own); status != http.StatusOK {
			t.Fatalf("request %d: status %d", number, status)
		}
	}
	for _, path := range []string{workerport.PathPages, workerport.PathTicket, workerport.PathDocument} {
		if status, after := ask(t, path, own); status != http.StatusTooManyRequests || after != "1" {
			t.Errorf("%s: status %d, Retry-After %q; want a refusal for a second", path, status, after)
		}
	}
	p.wantRefusal(t, own, workerport.PathTicket, 429, "TooManyRequests")
	if status, _ := ask(t, workerport.PagePath(1), own); status != http.StatusNotFound {
		t.Errorf("a page is answered with status %d: they have a bound of their own", status)
	}
	if status, _ := ask(t, workerport.PathTicket, other); status != http.StatusOK {
		t.Errorf("another worker is answered with status %d", status)
	}

	t.Run("a pod that no job has recorded has bounds, too", func(t *testing.T) {
		stranger := p.token(t, workerport.ServiceAccount, p.pod(t, "restless-0-2"), workerport.Audience)
		for range wholes.aMinute {
			p.wantRefusal(t, stranger, workerport.PathTicket, 401, "Unauthorized")
		}
		p.wantRefusal(t, stranger, workerport.PathTicket, 429, "TooManyRequests")
	})

	t.Run("tokens that are made up are not looked at for ever", func(t *testing.T) {
		status := 0
		for number := 0; number <= strangers.aMinute && status != http.StatusTooManyRequests; number++ {
			status, _ = ask(t, workerport.PathTicket, fmt.Sprintf("made-up-%d", number))
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("status %d after %d tokens", status, strangers.aMinute)
		}
		if status, _ := ask(t, workerport.PathTicket, other); status != http.StatusOK {
			t.Errorf("a worker that is known is answered with status %d", status)
		}
	})
}

// bytesOfAPage is what a page of testSum takes, about.
const bytesOfAPage = unseen / 16

func (p *port) testSum(t *testing.T) {
	job, token := p.job(t, "endless", uploaded("0123456789ab"))
	text := strings.Repeat("x", bytesOfAPage-500)
	statuses := map[int]int{}
	for number := 1; number <= 5; number++ {
		status, _ := p.put(t, token, number, document.Page{Number: number, Source: document.SourceOCR, Text: text})
		statuses[status]++
	}
	if statuses[http.StatusCreated] != 3 || statuses[http.StatusRequestEntityTooLarge] != 2 {
		t.Errorf("the answers are %v, want three pages and two refusals", statuses)
	}
	failed := document.Page{Number: 4, Source: document.SourceNone, Error: &document.PageError{Code: document.PageErrorUnreadable}}
	if status, body := p.put(t, token, 4, failed); status != http.StatusCreated {
		t.Errorf("a page without a result: status %d: %s", status, body)
	}
	numbers, err := p.Store.PageNumbers(t.Context(), p.namespace, job.UID)
	if err != nil || !slices.Equal(numbers, []int{1, 2, 3, 4}) {
		t.Errorf("stored pages %v, %v", numbers, err)
	}
	_, other := p.job(t, "modest", uploaded("0123456789ab"))
	if status, body := p.put(t, other, 1, document.Page{Number: 1, Source: document.SourceOCR, Text: text}); status != http.StatusCreated {
		t.Errorf("a page of another job: status %d: %s", status, body)
	}
}

func (p *port) testPassword(t *testing.T) {
	store := func(id, place, password string) {
		t.Helper()
		sealed := p.seal.Seal(place, []byte(password))
		if _, err := p.Store.Put(t.Context(), storage.PasswordKey(p.namespace, id), bytes.NewReader(sealed)); err != nil {
			t.Fatal(err)
		}
	}
	passwordOf := func(token string) (int, string) {
		t.Helper()
		status, body := p.do(t, http.MethodGet, workerport.PathTicket, token, "")
		var ticket workerport.Ticket
		if err := json.Unmarshal([]byte(body), &ticket); err != nil {
			t.Fatal(err)
		}
		return status, ticket.Password
	}
	const mine, moved, none = "111111111111", "222222222222", "333333333333"
	store(mine, storage.PasswordKey(p.namespace, mine), "សូមបើក")
	store(moved, storage.PasswordKey(p.namespace, mine), "moved here")
	_, token := p.job(t, "locked", uploaded(mine))
	if status, password := passwordOf(token); status != http.StatusOK || password != "សូមបើក" {
		t.Errorf("status %d, password %q", status, password)
	}
	_, token = p.job(t, "open", uploaded(none))
	if status, password := passwordOf(token); status != http.StatusOK || password != "" {
		t.Errorf("without one: status %d, password %q", status, password)
	}
	_, token = p.job(t, "moved", uploaded(moved))
	p.wantRefusal(t, token, workerport.PathTicket, 503, "Unavailable")
}

func (p *port) testSearchable(t *testing.T) {
	job, token := p.job(t, "searchable", uploaded("0123456789ab"))
	for part, key := range map[string]string{
		workerport.Appendix: storage.AppendixKey(p.namespace, job.UID),
		workerport.Whole:    storage.WholeKey(p.namespace, job.UID),
	} {
		for i, want := range []int{http.StatusCreated, http.StatusOK} {
			if status, body := p.do(t, http.MethodPut, workerport.SearchablePath(part), token, fmt.Sprint(part, i)); status != want {
				t.Errorf("%s, attempt %d: status %d, want %d: %s", part, i, status, want, body)
			}
		}
		content, err := p.Store.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if stored, err := io.ReadAll(content); err != nil || string(stored) != part+"0" {
			t.Errorf("stored %q, %v", stored, err)
		}
		content.Close()
	}
	if status, _ := p.do(t, http.MethodPut, workerport.SearchablePath("cover"), token, "x"); status != http.StatusNotFound {
		t.Errorf("another part: status %d", status)
	}
	_, empty := p.job(t, "native", uploaded("0123456789ab"))
	if status, body := p.do(t, http.MethodPut, workerport.SearchablePath(workerport.Appendix), empty, ""); status != http.StatusCreated {
		t.Errorf("an empty appendix: status %d: %s", status, body)
	}
	job.Status.Phase = v1alpha1.PhaseCancelled
	p.UpdateStatus(t, job)
	if status, _ := p.do(t, http.MethodPut, workerport.SearchablePath(workerport.Whole), token, "late"); status != http.StatusGone {
		t.Errorf("of an ended job: status %d", status)
	}
}
