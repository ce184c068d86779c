package apigateway

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
)

func TestMatches(t *testing.T) {
	for name, c := range map[string]struct {
		conditions []string
		want       bool
	}{
		"no condition":                {nil, false},
		"the same":                    {[]string{`"abc"`}, true},
		"another":                     {[]string{`"abd"`}, false},
		"any":                         {[]string{"*"}, true},
		"one of several":              {[]string{`"x", "abc"`}, true},
		"in another line":             {[]string{`"x"`, ` W/"abc"`}, true},
		"compressed":                  {[]string{`"abc-gzip"`}, true},
		"a weak one":                  {[]string{`W/"abc"`}, true},
		"the beginning is not it":     {[]string{`"ab"`}, false},
		"without its quotation marks": {[]string{"abc"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := matches(c.conditions, `"abc"`); got != c.want {
				t.Errorf("matches %v, want %v", got, c.want)
			}
		})
	}
}

func TestRanges(t *testing.T) {
	const size = 100
	for header, want := range map[string]string{
		"": "whole", "bytes=0-9": "0+10", "bytes=90-": "90+10", "bytes=-5": "95+5", "bytes=-500": "0+100", "bytes=5-5": "5+1",
		"bytes=90-500": "90+10", "BYTES=1-2": "1+2", "bytes= 1-2": "1+2", "bytes=99-": "99+1",
		"bytes=100-": "none", "bytes=100-200": "none", "bytes=-0": "none",
		// Not understood, and then all of it.
		"bytes=9-5": "whole", "bytes=-": "whole", "bytes=a-b": "whole", "bytes=0-1,5-6": "whole", "lines=1-2": "whole", "bytes=--5": "whole",
		"bytes=1": "whole", "bytes=99999999999999999999-": "whole", "bytes=+1-2": "whole",
	} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header.Set("Range", header)
		got := "whole"
		if asked := rangeAsked(request, `"abc"`); asked != nil {
			got = "none"
			if asked.within(size) {
				offset, length := asked.of(size)
				got = fmt.Sprintf("%d+%d", offset, length)
			}
			if asked.within(0) {
				t.Errorf("%s: an empty result has a part", header)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
	for condition, ranged := range map[string]bool{`"abc"`: true, `"abd"`: false, `W/"abc"`: false, `"abc-gzip"`: false, "Sat, 01 Aug 2026 08:00:00 GMT": false} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header.Set("Range", "bytes=0-1")
		request.Header.Set("If-Range", condition)
		if got := rangeAsked(request, `"abc"`) != nil; got != ranged {
			t.Errorf("If-Range %s: a part %v, want %v", condition, got, ranged)
		}
	}
}

func TestWindow(t *testing.T) {
	const text = "0123456789"
	for offset := range int64(len(text) + 2) {
		for length := int64(-1); length <= int64(len(text))+2; length++ {
			for _, piece := range []int{1, 3, len(text)} {
				out := new(bytes.Buffer)
				w := &window{w: out, offset: offset, length: length}
				for at := 0; at < len(text); at += piece {
					if _, err := w.Write([]byte(text[at:min(at+piece, len(text))])); err != nil {
						break
					}
				}
				from := min(offset, int64(len(text)))
				to := int64(len(text))
				if length >= 0 {
					to = min(from+length, to)
				}
				if out.String() != text[from:to] {
					t.Errorf("%d+%d by %d: %q, want %q", offset, length, piece, out, text[from:to])
				}
			}
		}
	}
}

func TestEtagsDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, c := range []struct {
		job     types.UID
		format  document.Format
		numbers []int
	}{{"a", "json", []int{1, 2}}, {"b", "json", []int{1, 2}}, {"a", "text", []int{1, 2}}, {"a", "json", []int{1}}, {"a", "json", []int{12}}} {
		etag, what := etagOf(c.job, c.format, c.numbers, nil), fmt.Sprint(c)
		if before, twice := seen[etag]; twice {
			t.Errorf("%s and %s have one tag", before, what)
		}
		seen[etag] = what
		if etag != etagOf(c.job, c.format, c.numbers, nil) {
			t.Errorf("%s has two tags", what)
		}
	}
}

// resultOf makes a completed job of so many pages.
func resultOf(t *testing.T, a *api, namespace, key string, pages int) *v1alpha1.OcrJob {
	t.Helper()
	job := jobOf(t, a, namespace, a.convert(t, key, pdf("a.pdf", 99)))
	for number := 1; number <= pages; number++ {
		storePage(t, a.Gateway, job, number)
	}
	job.Status.Pages = &v1alpha1.PageCounts{Total: int32(pages), Done: int32(pages), Recognized: int32(pages)}
	a.UpdateStatus(t, job)
	at(t, a.Gateway, job, v1alpha1.PhaseCompleted, 100)
	return job
}

func testConditions(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "caching", nil)
	a, b := serve(t, g, nil), serve(t, g.Replica(t), nil)
	job := resultOf(t, a, "khocr-caching", key, 40)
	path := "/api/v1/jobs/" + job.Name + "/result"
	// asked sends headers, and takes answers as they come over the wire.
	asked := func(t *testing.T, gateway *api, method, path string, headers map[string]string) answer {
		t.Helper()
		request := gateway.request(t, method, path, key, nil)
		request.Header.Set("Accept-Encoding", "identity")
		for name, value := range headers {
			request.Header.Set(name, value)
		}
		return gateway.do(t, request)
	}
	gatewaytest.Eventually(t, "the other gateway knows the result", func() bool { return b.get(t, path, key).StatusCode == http.StatusOK })

	for _, format := range []string{"json", "text", "docx"} {
		path := path + "?format=" + format
		whole := asked(t, a, http.MethodGet, path, nil)
		etag := whole.Header.Get("ETag")
		if !strings.HasPrefix(etag, `"`) || whole.Header.Get("Accept-Ranges") != "bytes" {
			t.Fatalf("%s: ETag %q, Accept-Ranges %q", format, etag, whole.Header.Get("Accept-Ranges"))
		}

		t.Run(format+" is not sent to who has it", func(t *testing.T) {
			for _, gateway := range []*api{a, b} {
				for condition, status := range map[string]int{etag: 304, `"other", ` + etag: 304, "*": 304, `"other"`: 200} {
					got := asked(t, gateway, http.MethodGet, path, map[string]string{"If-None-Match": condition})
					if got.StatusCode != status || got.Header.Get("ETag") != etag || (status == 304) != (len(got.body) == 0) {
						t.Errorf("%s: status %d, ETag %q, %d bytes", condition, got.StatusCode, got.Header.Get("ETag"), len(got.body))
					}
				}
			}
		})

		t.Run(format+" in parts", func(t *testing.T) {
			size := len(whole.body)
			for header, part := range map[string][2]int{
				"bytes=0-0": {0, 1}, "bytes=0-99": {0, 100}, "bytes=100-": {100, size}, "bytes=-100": {size - 100, size},
				fmt.Sprintf("bytes=%d-%d", size/2, size*2): {size / 2, size},
			} {
				for _, gateway := range []*api{a, b} {
					got := asked(t, gateway, http.MethodGet, path, map[string]string{"Range": header, "If-Range": etag})
					contentRange := fmt.Sprintf("bytes %d-%d/%d", part[0], part[1]-1, size)
					if got.StatusCode != http.StatusPartialContent || got.Header.Get("Content-Range") != contentRange || got.Header.Get("ETag") != etag ||
						got.ContentLength != int64(part[1]-part[0]) || !bytes.Equal(got.body, whole.body[part[0]:part[1]]) {
						t.Errorf("%s: status %d, Content-Range %q, want %q; %d bytes", header, got.StatusCode, got.Header.Get("Content-Range"), contentRange, len(got.body))
					}
				}
			}
			if got := asked(t, a, http.MethodGet, path, map[string]string{"Range": "bytes=0-9", "If-Range": `"other"`}); got.StatusCode != 200 || !bytes.Equal(got.body, whole.body) {
				t.Errorf("of another result: status %d, %d bytes", got.StatusCode, len(got.body))
			}
			got := asked(t, a, http.MethodGet, path, map[string]string{"Range": fmt.Sprintf("bytes=%d-", size)})
			got.wantProblem(t, 416, "range_not_satisfiable")
			if want := fmt.Sprintf("bytes */%d", size); got.Header.Get("Content-Range") != want || got.Header.Get("ETag") != "" {
				t.Errorf("Content-Range %q, want %q; ETag %q", got.Header.Get("Content-Range"), want, got.Header.Get("ETag"))
			}
		})

		t.Run(format+" by HEAD", func(t *testing.T) {
			got := asked(t, a, http.MethodHead, path, nil)
			for _, header := range []string{"ETag", "Content-Type", "Content-Disposition", "Accept-Ranges", "Cache-Control"} {
				if got.Header.Get(header) != whole.Header.Get(header) {
					t.Errorf("%s %q, want %q", header, got.Header.Get(header), whole.Header.Get(header))
				}
			}
			part := asked(t, a, http.MethodHead, path, map[string]string{"Range": "bytes=0-9"})
			if part.StatusCode != 200 || part.Header.Get("Content-Range") != "" || len(part.body) != 0 {
				t.Errorf("a part: status %d, Content-Range %q", part.StatusCode, part.Header.Get("Content-Range"))
			}
		})

		t.Run(format+" compressed", func(t *testing.T) {
			got := asked(t, a, http.MethodGet, path, map[string]string{"Accept-Encoding": "gzip"})
			if format == "docx" {
				if got.Header.Get("Content-Encoding") != "" || !bytes.Equal(got.body, whole.body) {
					t.Errorf("Content-Encoding %q", got.Header.Get("Content-Encoding"))
				}
				return
			}
			if got.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(strings.Join(got.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Fatalf("Content-Encoding %q, Vary %q", got.Header.Get("Content-Encoding"), got.Header.Values("Vary"))
			}
			if !bytes.Equal(gunzip(t, got.body), whole.body) || len(got.body) >= len(whole.body) {
				t.Errorf("%d bytes are not the result", len(got.body))
			}
			own := got.Header.Get("ETag")
			if own == etag || own == "" {
				t.Errorf("ETag %q is that of other bytes", own)
			}
			if again := asked(t, a, http.MethodGet, path, map[string]string{"Accept-Encoding": "gzip", "If-None-Match": own}); again.StatusCode != 304 {
				t.Errorf("status %d to who has it", again.StatusCode)
			}
			part := asked(t, a, http.MethodGet, path, map[string]string{"Accept-Encoding": "gzip", "Range": "bytes=0-999", "If-Range": etag})
			if part.StatusCode != 206 || part.Header.Get("Content-Encoding") != "" || !bytes.Equal(part.body, whole.body[:1000]) {
				t.Errorf("a part: status %d, Content-Encoding %q, %d bytes", part.StatusCode, part.Header.Get("Content-Encoding"), len(part.body))
			}
			if got := asked(t, a, http.MethodGet, path, map[string]string{"Accept-Encoding": "gzip", "Range": "bytes=0-999", "If-Range": own}); got.StatusCode != 200 {
				t.Errorf("a part of the compressed bytes: status %d", got.StatusCode)
			}
		})
	}

	t.Run("a format that there is not lists those that there are", func(t *testing.T) {
		problem := asked(t, a, http.MethodGet, path+"?format=xml", nil).wantProblem(t, 400, "invalid_parameter")
		for _, format := range []string{"xml", "json", "text", "docx", "pdf"} {
			if !strings.Contains(problem.Detail, format) {
				t.Errorf("%s lacks %s", problem.Detail, format)
			}
		}
		long := asked(t, a, http.MethodGet, path+"?format="+strings.Repeat("x", 10_000), nil).wantProblem(t, 400, "invalid_parameter")
		if len(long.Detail) > 300 {
			t.Errorf("the answer repeats %d bytes", len(long.Detail))
		}
	})

	t.Run("a compressed result that breaks off does not look like a whole one", func(t *testing.T) {
		broken := resultOf(t, a, "khocr-caching", key, 1)
		const pages = 200
		for number := 2; number < pages; number++ {
			storePage(t, g, broken, number)
		}
		if _, err := g.Store.Put(t.Context(), storage.PageKey(broken.Namespace, broken.UID, pages), strings.NewReader("{")); err != nil {
			t.Fatal(err)
		}
		broken.Status.Pages = &v1alpha1.PageCounts{Total: pages, Done: pages}
		g.UpdateStatus(t, broken)
		// Go's client asks for gzip by itself.
		response, err := http.DefaultClient.Do(a.request(t, http.MethodGet, "/api/v1/jobs/"+broken.Name+"/result", key, nil))
		if err != nil {
			return
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("the result ended like a whole one, with status %d", response.StatusCode)
		}
	})
}

func gunzip(t *testing.T, compressed []byte) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func testSearchable(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "searching", nil)
	a := serve(t, g, nil)
	put := func(t *testing.T, key, content string) {
		t.Helper()
		if _, err := g.Store.Put(t.Context(), key, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	appended := resultOf(t, a, "khocr-searching", key, 1)
	put(t, storage.AppendixKey(appended.Namespace, appended.UID), strings.Repeat("appendix ", 50))
	whole := resultOf(t, a, "khocr-searching", key, 1)
	put(t, storage.WholeKey(whole.Namespace, whole.UID), strings.Repeat("whole ", 50))
	fetched := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-searching", Name: "fetched"},
		Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "https://example.org/a.pdf"}, OutputFormat: v1alpha1.FormatPDF}}
	if err := g.Client.Create(t.Context(), fetched); err != nil {
		t.Fatal(err)
	}
	put(t, storage.DocumentKey(fetched.Namespace, fetched.UID), "%PDF-1.7 fetched ")
	put(t, storage.AppendixKey(fetched.Namespace, fetched.UID), "more")
	storePage(t, g, fetched, 1)
	fetched.Status.Pages = &v1alpha1.PageCounts{Total: 1, Done: 1, Recognized: 1}
	g.UpdateStatus(t, fetched)
	at(t, g, fetched, v1alpha1.PhaseCompleted, 100)

	for name, c := range map[string]struct{ query, want string }{
		appended.Name: {"?format=pdf", pdf("a.pdf", 99).content + strings.Repeat("appendix ", 50)},
		whole.Name:    {"?format=pdf", strings.Repeat("whole ", 50)},
		"fetched":     {"", "%PDF-1.7 fetched more"},
	} {
		t.Run(name, func(t *testing.T) {
			path := "/api/v1/jobs/" + name + "/result" + c.query
			got := a.get(t, path, key)
			if got.StatusCode != http.StatusOK || string(got.body) != c.want || got.ContentLength != int64(len(c.want)) ||
				got.Header.Get("Content-Type") != "application/pdf" || got.Header.Get("Content-Encoding") != "" {
				t.Fatalf("status %d, %v: %q", got.StatusCode, got.Header, got.body)
			}
			for from := 0; from < len(c.want); from += 7 {
				to := min(len(c.want), from+100)
				request := a.request(t, http.MethodGet, path, key, nil)
				request.Header.Set("Range", "bytes="+strconv.Itoa(from)+"-"+strconv.Itoa(to-1))
				if part := a.do(t, request); part.StatusCode != 206 || string(part.body) != c.want[from:to] {
					t.Errorf("%d-%d: status %d, %q", from, to, part.StatusCode, part.body)
				}
			}
			head := a.do(t, a.request(t, http.MethodHead, path, key, nil))
			if head.ContentLength != int64(len(c.want)) || head.Header.Get("ETag") != got.Header.Get("ETag") {
				t.Errorf("HEAD: %v", head.Header)
			}
		})
	}

	t.Run("a job that has none", func(t *testing.T) {
		job := resultOf(t, a, "khocr-searching", key, 1)
		got := a.get(t, "/api/v1/jobs/"+job.Name+"/result?format=pdf", key)
		got.wantProblem(t, 409, "format_unavailable")
		if got.Header.Get("ETag") != "" {
			t.Error("the problem has the result's tag")
		}
	})
}

func testPages(t *testing.T, g *gatewaytest.Gateway) {
	key, other := g.Organization(t, "leafing", nil), g.Organization(t, "peeking", nil)
	a := serve(t, g, nil)
	job := jobOf(t, a, "khocr-leafing", a.convert(t, key, pdf("a.pdf", 99)))
	path := "/api/v1/jobs/" + job.Name + "/pages/"
	storePage(t, g, job, 1)
	storePage(t, g, job, 2)
	a.get(t, path+"1", key).wantProblem(t, 409, "page_not_ready")

	ledger := func(state v1alpha1.LedgerState, pages int64) {
		t.Helper()
		organization := new(v1alpha1.Organization)
		if err := g.Live.Get(t.Context(), client.ObjectKey{Name: "leafing"}, organization); err != nil {
			t.Fatal(err)
		}
		organization.Status.Ledger = []v1alpha1.LedgerEntry{{UID: job.UID, Job: job.Name, Month: "2026-08", Pages: pages, State: state}}
		g.UpdateStatus(t, organization)
	}
	reported := func(pages int32) {
		t.Helper()
		job.Status.Workers = []v1alpha1.WorkerStatus{{PodName: "a", Progress: &v1alpha1.PageCounts{Total: 4, Done: pages}}}
		g.UpdateStatus(t, job)
	}
	job.Status.Pages = &v1alpha1.PageCounts{Total: 4}
	reported(3)
	at(t, g, job, v1alpha1.PhaseRunning, 10)
	ledger(v1alpha1.LedgerRefused, 4)
	a.get(t, path+"1", key).wantProblem(t, 409, "page_not_ready")
	ledger(v1alpha1.LedgerReserved, 1)
	a.get(t, path+"2", key).wantProblem(t, 409, "page_not_ready")
	ledger(v1alpha1.LedgerReserved, 4)
	reported(1)
	a.get(t, path+"2", key).wantProblem(t, 409, "page_not_ready")
	reported(3)
	t.Run("as soon as it is there", func(t *testing.T) {
		got := a.get(t, path+"1", key)
		var page document.Page
		if err := json.Unmarshal(got.body, &page); err != nil || got.StatusCode != 200 || page.Number != 1 || page.Text != "ទំព័រទី 1" {
			t.Errorf("status %d, %v: %s", got.StatusCode, err, got.body)
		}
		a.get(t, path+"3", key).wantProblem(t, 409, "page_not_ready")
		storePage(t, g, job, 3)
		if got := a.get(t, path+"3", key); got.StatusCode != 200 {
			t.Errorf("status %d", got.StatusCode)
		}
	})

	t.Run("what is no page", func(t *testing.T) {
		for _, n := range []string{"5", "0", "-1", "01", "1.0", "a", "99999999999999999999", "%2e%2e", "1e1"} {
			a.get(t, path+n, key).wantProblem(t, 404, "page_not_found")
		}
		a.get(t, path+"1", other).wantProblem(t, 404, "job_not_found")
		a.get(t, path+"1?x=1", key).wantProblem(t, 400, "unknown_parameter")
	})

	t.Run("of a cancelled job those that were counted", func(t *testing.T) {
		job.Status.Pages = &v1alpha1.PageCounts{Total: 4, Done: 2, Recognized: 2}
		job.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionQuotaReserved, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPagesReserved, LastTransitionTime: metav1.Now(),
		}}
		g.UpdateStatus(t, job)
		at(t, g, job, v1alpha1.PhaseCancelled, 50)
		if got := a.get(t, path+"2", key); got.StatusCode != 200 {
			t.Errorf("status %d", got.StatusCode)
		}
		a.get(t, path+"3", key).wantProblem(t, 404, "page_not_found")
		a.get(t, path+"4", key).wantProblem(t, 404, "page_not_found")
	})

	t.Run("the same as in the result", func(t *testing.T) {
		whole := resultOf(t, a, "khocr-leafing", key, 2)
		result := a.get(t, "/api/v1/jobs/"+whole.Name+"/result?format=json", key)
		one := a.get(t, "/api/v1/jobs/"+whole.Name+"/pages/2", key)
		if !bytes.Contains(result.body, bytes.TrimSpace(one.body)) {
			t.Errorf("%s is not in %s", one.body, result.body)
		}
	})

	t.Run("of a failed job none", func(t *testing.T) {
		failed := jobOf(t, a, "khocr-leafing", a.convert(t, key, pdf("a.pdf", 99)))
		storePage(t, g, failed, 1)
		at(t, g, failed, v1alpha1.PhaseFailed, 50)
		a.get(t, "/api/v1/jobs/"+failed.Name+"/pages/1", key).wantProblem(t, 409, "job_failed")
	})
}
