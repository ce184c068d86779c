package apigateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/apikey"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
)

func testCorrections(t *testing.T, g *gatewaytest.Gateway) {
	reader := apikey.Generate()
	key := g.Organization(t, "correcting", func(o *v1alpha1.Organization) {
		o.Spec.APIKeys = append(o.Spec.APIKeys, v1alpha1.APIKey{Name: "reader", SHA256: apikey.Hash(reader), Scopes: []v1alpha1.Scope{v1alpha1.ScopeRead}})
	})
	other := g.Organization(t, "meddling", nil)
	a := serve(t, g, nil)
	path := func(job *v1alpha1.OcrJob, page int) string {
		return fmt.Sprintf("/api/v1/jobs/%s/pages/%d/corrections", job.Name, page)
	}
	put := func(t *testing.T, a *api, key, path, condition, body string) answer {
		t.Helper()
		request := a.request(t, http.MethodPut, path, key, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		if condition != "" {
			request.Header.Set("If-Match", condition)
		}
		return a.do(t, request)
	}
	word := func(text string) string {
		encoded, err := json.Marshal(correctionsBody{Words: []document.Correction{{Line: 1, Word: 1, Text: text}}})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Replace(string(encoded), `"page":0,`, "", 1)
	}

	t.Run("what is corrected is in every result", func(t *testing.T) {
		job := resultOf(t, a, "khocr-correcting", key, 2)
		none := a.get(t, path(job, 2), key)
		if got := strings.TrimSpace(string(none.body)); none.StatusCode != 200 || got != `{"page":2,"words":[]}` {
			t.Fatalf("status %d: %s", none.StatusCode, got)
		}
		result := "/api/v1/jobs/" + job.Name + "/result?format="
		before := a.get(t, result+"text", key)
		const text = "<b>ភ្នំពេញ</b> & ខេត្ត"
		made := put(t, a, key, path(job, 2), none.Header.Get("ETag"), word(text))
		var body correctionsBody
		if err := json.Unmarshal(made.body, &body); err != nil || made.StatusCode != 200 || body.Page != 2 || body.Words[0].Text != text {
			t.Fatalf("status %d, %v: %s", made.StatusCode, err, made.body)
		}
		again := a.get(t, path(job, 2), reader)
		if !bytes.Equal(again.body, made.body) || again.Header.Get("ETag") != made.Header.Get("ETag") || again.Header.Get("ETag") == none.Header.Get("ETag") {
			t.Errorf("it is read as %s, %s", again.Header.Get("ETag"), again.body)
		}
		after := a.get(t, result+"text", key)
		if want := "ទំព័រទី 1\n\f" + text + "\n"; string(after.body) != want || after.Header.Get("ETag") == before.Header.Get("ETag") {
			t.Errorf("text %q, want %q; ETag %s after %s", after.body, want, after.Header.Get("ETag"), before.Header.Get("ETag"))
		}
		if read := a.get(t, result+"text&corrections=false", key); !bytes.Equal(read.body, before.body) || read.Header.Get("ETag") != before.Header.Get("ETag") {
			t.Errorf("what was read is %q", read.body)
		}
		var page document.Page
		one := a.get(t, "/api/v1/jobs/"+job.Name+"/pages/2", key)
		if err := json.Unmarshal(one.body, &page); err != nil || page.CorrectedWords != 1 || page.Text != text || page.Lines[0].Words[0].Recognized != "ទំព័រទី 2" || page.Confidence != 100 {
			t.Errorf("%v: %s", err, one.body)
		}
		whole := a.get(t, result+"json", key)
		if !bytes.Contains(whole.body, bytes.TrimSpace(one.body)) {
			t.Errorf("the page is not in the result: %s", whole.body)
		}
		if one = a.get(t, "/api/v1/jobs/"+job.Name+"/pages/2?corrections=false", key); bytes.Contains(one.body, []byte("corrected_words")) {
			t.Errorf("what was read is %s", one.body)
		}
		for _, format := range []string{"hocr", "alto"} {
			if got := a.get(t, result+format, key); !bytes.Contains(got.body, []byte("&lt;b&gt;")) || bytes.Contains(got.body, []byte("<b>")) {
				t.Errorf("%s: %s", format, got.body)
			}
		}
		if got := a.get(t, result+"docx", key); got.StatusCode != 200 {
			t.Errorf("docx: status %d", got.StatusCode)
		}
		a.get(t, result+"text&corrections=maybe", key).wantProblem(t, 400, "invalid_parameter")
		if log := a.log.String(); strings.Contains(log, "ភ្នំពេញ") {
			t.Error("the log holds the text")
		}
		kept, err := g.Store.LastCorrections(t.Context(), job.Namespace, job.UID, 2)
		if err != nil || kept.Key != "main" || kept.Time.IsZero() {
			t.Errorf("kept is %+v, %v", kept, err)
		}
		if got := put(t, a, key, path(job, 2), "", `{"words":[]}`); got.StatusCode != 200 {
			t.Fatalf("status %d: %s", got.StatusCode, got.body)
		}
		if got := a.get(t, result+"text", key); !bytes.Equal(got.body, before.body) {
			t.Errorf("taken back the text is %q", got.body)
		}
	})

	t.Run("of two who correct the same, one is told", func(t *testing.T) {
		job := resultOf(t, a, "khocr-correcting", key, 1)
		beside := serve(t, g.Replica(t), nil)
		seen := a.get(t, path(job, 1), key).Header.Get("ETag")
		var done, told atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				switch got := put(t, []*api{a, beside}[i%2], key, path(job, 1), seen, word(fmt.Sprint("try ", i))); got.StatusCode {
				case http.StatusOK:
					done.Add(1)
				case http.StatusPreconditionFailed:
					told.Add(1)
				default:
					t.Errorf("status %d: %s", got.StatusCode, got.body)
				}
			})
		}
		all.Wait()
		if done.Load() != 1 || told.Load() != 7 {
			t.Errorf("%d corrected it and %d were told", done.Load(), told.Load())
		}
		put(t, a, key, path(job, 1), seen, word("late")).wantProblem(t, 412, "corrections_changed")
		put(t, a, key, path(job, 1), `"17"`, word("early")).wantProblem(t, 412, "corrections_changed")
		if got := put(t, a, key, path(job, 1), "*", word("any")); got.StatusCode != 200 {
			t.Errorf("status %d: %s", got.StatusCode, got.body)
		}
	})

	t.Run("who hears no answer asks again", func(t *testing.T) {
		job := resultOf(t, a, "khocr-correcting", key, 1)
		seen := a.get(t, path(job, 1), key).Header.Get("ETag")
		first := put(t, a, key, path(job, 1), seen, word("once"))
		again := put(t, a, key, path(job, 1), seen, word("once"))
		if again.StatusCode != 200 || again.Header.Get("ETag") != first.Header.Get("ETag") || !bytes.Equal(again.body, first.body) {
			t.Errorf("status %d, %s after %s: %s", again.StatusCode, again.Header.Get("ETag"), first.Header.Get("ETag"), again.body)
		}
	})

	t.Run("what cannot be corrected", func(t *testing.T) {
		job := resultOf(t, a, "khocr-correcting", key, 1)
		for name, body := range map[string]string{
			"no JSON": `words`, "no words": `{}`, "a list": `[]`, "null": `{"words":null}`, "another page": `{"page":2,"words":[]}`,
			"something else": `{"words":[],"x":1}`, "two": `{"words":[]}{"words":[]}`, "no such line": `{"words":[{"line":2,"word":1,"text":"x"}]}`,
			"no such word": `{"words":[{"line":1,"word":9,"text":"x"}]}`, "two lines": `{"words":[{"line":1,"word":1,"text":"x\ny"}]}`,
			"too long": word(strings.Repeat("ក", document.MaxCorrectionLength+1)), "too large": `{"words":[]}` + strings.Repeat(" ", maxCorrectionBytes),
		} {
			t.Run(name, func(t *testing.T) {
				if problem := put(t, a, key, path(job, 1), "", body).wantProblem(t, 400, "invalid_parameter"); problem.DetailKm == invalidParameter.Khmer {
					t.Errorf("the detail is not in Khmer: %s", problem.DetailKm)
				}
			})
		}
		plain := a.request(t, http.MethodPut, path(job, 1), key, strings.NewReader(word("x")))
		plain.Header.Set("Content-Type", "text/plain")
		a.do(t, plain).wantProblem(t, 400, "unsupported_content_type")
		put(t, a, key, path(job, 2), "", word("x")).wantProblem(t, 404, "page_not_found")
		put(t, a, other, path(job, 1), "", word("x")).wantProblem(t, 404, "job_not_found")
		put(t, a, reader, path(job, 1), "", word("x")).wantProblem(t, 403, "insufficient_scope")
		if kept, err := g.Store.LastCorrections(t.Context(), job.Namespace, job.UID, 1); err != nil || kept.Revision != 0 {
			t.Errorf("kept is %+v, %v", kept, err)
		}
		if err := g.Store.Correct(t.Context(), job.Namespace, job.UID, 1, storage.Corrections{Revision: maxRevisions}); err != nil {
			t.Fatal(err)
		}
		put(t, a, key, path(job, 1), "", word("x")).wantProblem(t, 400, "invalid_parameter")
	})

	t.Run("they go with the result", func(t *testing.T) {
		job := resultOf(t, a, "khocr-correcting", key, 1)
		if got := put(t, a, key, path(job, 1), "", word("x")); got.StatusCode != 200 {
			t.Fatalf("status %d: %s", got.StatusCode, got.body)
		}
		late := serve(t, g, func(s *Server) { s.Now = func() time.Time { return time.Now().Add(time.Hour) } })
		put(t, late, key, path(job, 1), "", word("y")).wantProblem(t, 410, "result_expired")
		if got := a.do(t, a.request(t, http.MethodDelete, "/api/v1/jobs/"+job.Name, key, nil)); got.StatusCode >= 300 {
			t.Fatalf("status %d: %s", got.StatusCode, got.body)
		}
		put(t, a, key, path(job, 1), "", word("y")).wantProblem(t, 410, "job_deleted")
		if left := gatewaytest.Files(t, g.Folder+"/"+job.Namespace+"/jobs/"+string(job.UID)); len(left) > 0 {
			t.Errorf("what is left is %v", left)
		}
	})

	t.Run("nothing is left of a job that is deleted meanwhile", func(t *testing.T) {
		job := resultOf(t, a, "khocr-correcting", key, 1)
		// The time of corrections is told when nothing but their writing is left to do.
		var deletes atomic.Bool
		slow := serve(t, g, func(s *Server) {
			s.Now = func() time.Time {
				if deletes.CompareAndSwap(true, false) {
					if got := a.do(t, a.request(t, http.MethodDelete, "/api/v1/jobs/"+job.Name, key, nil)); got.StatusCode != http.StatusOK {
						t.Errorf("status %d: %s", got.StatusCode, got.body)
					}
				}
				return time.Now()
			}
		})
		request := slow.request(t, http.MethodPut, path(job, 1), key, beginning(strings.NewReader(word("x")), func() { deletes.Store(true) }))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Expect", "100-continue")
		slow.do(t, request).wantProblem(t, 410, "job_deleted")
		if deletes.Load() {
			t.Fatal("the job was not deleted meanwhile")
		}
		if left := gatewaytest.Files(t, g.Folder+"/"+job.Namespace+"/jobs/"+string(job.UID)); len(left) > 0 {
			t.Errorf("what is left is %v", left)
		}
	})

	t.Run("a job at work is not corrected", func(t *testing.T) {
		job := jobOf(t, a, "khocr-correcting", a.convert(t, key, pdf("a.pdf", 99)))
		put(t, a, key, path(job, 1), "", word("x")).wantProblem(t, 409, "page_not_ready")
	})
}

// beginning is a body that tells when the other side begins to take it.
func beginning(body io.Reader, tell func()) io.Reader {
	once := sync.OnceFunc(tell)
	return readerFunc(func(into []byte) (int, error) {
		once()
		return body.Read(into)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(into []byte) (int, error) { return f(into) }
