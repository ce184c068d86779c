package apigateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/testenv"
)

func TestIdempotencyKeys(t *testing.T) {
	for name, c := range map[string]struct {
		values []string
		taken  bool
	}{
		"one":                   {[]string{"order-17"}, true},
		"every character":       {[]string{"a \"~!"}, true},
		"255 characters":        {[]string{strings.Repeat("k", 255)}, true},
		"256 characters":        {[]string{strings.Repeat("k", 256)}, false},
		"an empty one":          {[]string{""}, false},
		"two":                   {[]string{"a", "a"}, false},
		"letters beyond ASCII":  {[]string{"ក"}, false},
		"a control character":   {[]string{"a\x7f"}, false},
		"a character of 8 bits": {[]string{"a\xff"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := idempotencyKeyOf(http.Header{"Idempotency-Key": c.values}, "ns")
			var problem *problemError
			switch {
			case c.taken && (err != nil || key == nil || key.key != c.values[0]):
				t.Errorf("key %v, %v", key, err)
			case !c.taken && (!errors.As(err, &problem) || problem.Code != "invalid_idempotency_key"):
				t.Errorf("key %v, %v", key, err)
			}
		})
	}
	if key, err := idempotencyKeyOf(http.Header{}, "ns"); key != nil || err != nil {
		t.Errorf("no key at all: %v, %v", key, err)
	}
}

// TestNamesOfKeysNeverChange: a key that was sent before an upgrade is known after it.
func TestNamesOfKeysNeverChange(t *testing.T) {
	key := &idempotencyKey{"khocr-acme", "order-17"}
	if got := key.name(0); got != "2ff6a6fc1b17" {
		t.Errorf("name %s", got)
	}
	if got := key.digest(); got != "72a90ea3da8b5dd01bde2f27314e02e217f935182ea573a7ff9b5f5060ef996b" {
		t.Errorf("digest %s", got)
	}
	names := map[string]bool{
		key.name(0): true, key.name(1): true, (&idempotencyKey{"khocr-acme", "order-18"}).name(0): true,
		(&idempotencyKey{"khocr-other", "order-17"}).name(0): true,
	}
	if len(names) != 4 {
		t.Errorf("names %v", names)
	}
}

func TestPayloads(t *testing.T) {
	payload := func(password string, given ...string) string {
		t.Helper()
		spec, _, err := specOf(given...)
		if err != nil {
			t.Fatal(err)
		}
		spec.Source.Upload = &v1alpha1.Upload{ID: "0123456789ab", FileName: "a.pdf", SHA256: strings.Repeat("0", 64)}
		return payloadOf(spec, []byte(password))
	}
	plain := payload("")
	for name, same := range map[string][]string{
		"what is meant anyway": {"output_format=json", "priority=normal", "ocr_mode=auto", "correct=auto", "fallback=default", "force_ocr=false", "metadata={}"},
	} {
		if payload("", same...) != plain {
			t.Errorf("%s makes a difference", name)
		}
	}
	for name, c := range map[string][2][]string{
		"the order of pages":     {{"pages=1,2,5"}, {"pages=5,1-2"}},
		"the form of a language": {{"languages=khm"}, {"languages=km"}},
		"the order of metadata":  {{`metadata={"a":"b","c":"d"}`}, {`metadata={"c":"d", "a":"b"}`}},
		"the way to ask":         {{"force_ocr=1"}, {"ocr_mode=force"}},
	} {
		if payload("", c[0]...) != payload("", c[1]...) {
			t.Errorf("%s makes a difference", name)
		}
	}
	seen := map[string]string{plain: "nothing"}
	for _, given := range []string{
		"output_format=text", "priority=low", "ocr_mode=skip", "correct=off", "correct=ai", "fallback=none", "languages=km", "languages=en", "pages=1", "model=khm", `metadata={"a":"b"}`,
		`metadata={"a":"c"}`, "callback_url=http://a", "callback_url=http://b",
	} {
		sum := payload("", given)
		if other, ok := seen[sum]; ok {
			t.Errorf("%s is the same as %s", given, other)
		}
		seen[sum] = given
	}
	if payload("code") == plain || payload("code") == payload("other code") {
		t.Error("passwords make no difference")
	}
	other := v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{SHA256: strings.Repeat("1", 64)}}}
	if payloadOf(other, nil) == plain || retryPayload("a") == retryPayload("b") {
		t.Error("another document, or another job, makes no difference")
	}
}

// keyed submits a form under an Idempotency-Key.
func (a *api) keyed(t testing.TB, key, idempotency string, parts ...part) answer {
	t.Helper()
	contentType, body := form(t, parts...)
	request := a.request(t, http.MethodPost, "/api/v1/convert", key, body)
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Idempotency-Key", idempotency)
	return a.do(t, request)
}

func isReplay(got answer) bool { return got.Header.Get("Idempotency-Replayed") == "true" }

func testIdempotency(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "again", nil)
	const namespace = "khocr-again"
	a, b := serve(t, g, nil), serve(t, g.Replica(t), nil)
	file := pdf("a.pdf", 5000)
	low := part{name: "priority", content: "low"}
	secret := part{name: "password", content: "open sesame"}
	uploads := func() int { return len(gatewaytest.Files(t, filepath.Join(g.Folder, namespace, "uploads"))) }

	t.Run("the same again, at another gateway", func(t *testing.T) {
		before := uploads()
		first := a.keyed(t, key, "order-17", file, low)
		job := jobOf(t, a, namespace, first)
		if job.Name != (&idempotencyKey{namespace, "order-17"}).name(0) || isReplay(first) || job.Spec.Source.Upload.ID == job.Name {
			t.Errorf("job %s of document %s, replayed %v", job.Name, job.Spec.Source.Upload.ID, isReplay(first))
		}
		second := b.keyed(t, key, "order-17", low, part{name: "output_format", content: "json"}, file)
		if again := jobOf(t, b, namespace, second); again.UID != job.UID || !isReplay(second) ||
			second.Header.Get("Location") != first.Header.Get("Location") || string(second.body) != string(first.body) {
			t.Errorf("the second answer is %v %s", second.Header, second.body)
		}
		if uploads() != before+1 {
			t.Errorf("%d documents instead of one", uploads()-before)
		}
	})

	t.Run("something else under the same key", func(t *testing.T) {
		jobOf(t, a, namespace, a.keyed(t, key, "order-18", file, secret))
		before := uploads()
		for name, parts := range map[string][]part{
			"another document":   {pdf("a.pdf", 5001), secret},
			"another parameter":  {file, secret, low},
			"another password":   {file, {name: "password", content: "open barley"}},
			"without a password": {file},
		} {
			problem := b.keyed(t, key, "order-18", parts...).wantProblem(t, 422, "idempotency_key_reused")
			if !isKhmer(problem.DetailKm) || !strings.Contains(problem.Detail, (&idempotencyKey{namespace, "order-18"}).name(0)) {
				t.Errorf("%s: %+v", name, problem)
			}
		}
		if got := b.keyed(t, key, "order-18", file, secret); !isReplay(got) || got.StatusCode != http.StatusAccepted {
			t.Errorf("the same with a password: %d %s", got.StatusCode, got.body)
		}
		if uploads() != before {
			t.Errorf("%d files stay", uploads()-before)
		}
	})

	t.Run("no other organization's", func(t *testing.T) {
		theirs := g.Organization(t, "others", nil)
		got := a.keyed(t, theirs, "order-17", file)
		if job := jobOf(t, a, "khocr-others", got); isReplay(got) || job.Name == (&idempotencyKey{namespace, "order-17"}).name(0) {
			t.Errorf("job %s, replayed %v", job.Name, isReplay(got))
		}
	})

	t.Run("a key that is none", func(t *testing.T) {
		a.keyed(t, key, strings.Repeat("k", 256), file).wantProblem(t, 400, "invalid_idempotency_key")
	})

	t.Run("many at once at two gateways make one job", func(t *testing.T) {
		const connections = 8
		before := uploads()
		var begun, all sync.WaitGroup
		begun.Add(connections)
		answers := make([]answer, connections)
		for i := range connections {
			all.Go(func() {
				contentType, body := form(t, secret, file)
				head := body.Next(body.Len() / 2)
				content, sink := io.Pipe()
				request := []*api{a, b}[i%2].request(t, http.MethodPost, "/api/v1/convert", key, content)
				request.Header.Set("Content-Type", contentType)
				request.Header.Set("Idempotency-Key", "at once")
				go func() {
					// Whoever has taken half of a document has looked for the key's job already: nobody found it.
					_, _ = sink.Write(head)
					begun.Done()
					begun.Wait()
					_, err := io.Copy(sink, body)
					sink.CloseWithError(err)
				}()
				answers[i] = a.do(t, request)
			})
		}
		all.Wait()
		names, made := map[string]bool{}, 0
		for _, got := range answers {
			names[jobOf(t, a, namespace, got).Name] = true
			if !isReplay(got) {
				made++
			}
		}
		if len(names) != 1 || made != 1 {
			t.Errorf("jobs %v, made by %d submissions", names, made)
		}
		if got := uploads() - before; got != 2 {
			t.Errorf("%d files are kept, want a document and its password", got)
		}
	})

	t.Run("an upload that is cut off leaves nothing and may come again", func(t *testing.T) {
		before := uploads()
		contentType, body := form(t, secret, pdf("cut.pdf", 500_000))
		connection, err := net.Dial("tcp", strings.TrimPrefix(a.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(connection, "POST /api/v1/convert HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nIdempotency-Key: cut\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			key, contentType, body.Len())
		if _, err := connection.Write(body.Bytes()[:300_000]); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Eventually(t, "the upload has begun to be stored", func() bool { return uploads() > before })
		if err := connection.Close(); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Eventually(t, "nothing of it is left", func() bool { return uploads() == before })
		if got := b.keyed(t, key, "cut", secret, pdf("cut.pdf", 500_000)); got.StatusCode != http.StatusAccepted || isReplay(got) {
			t.Errorf("status %d, replayed %v", got.StatusCode, isReplay(got))
		}
	})

	t.Run("a name that another job has is passed over", func(t *testing.T) {
		name := (&idempotencyKey{namespace, "crowded"}).name
		for n, edit := range []func(*v1alpha1.OcrJob){
			func(*v1alpha1.OcrJob) {},
			func(job *v1alpha1.OcrJob) {
				job.Annotations = map[string]string{v1alpha1.AnnotationIdempotencyKey: strings.Repeat("0", 64)}
			},
		} {
			other := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://example.test/a.pdf"}}}
			other.Namespace, other.Name = namespace, name(n)
			edit(other)
			if err := g.Client.Create(t.Context(), other); err != nil {
				t.Fatal(err)
			}
		}
		for _, replay := range []bool{false, true} {
			got := a.keyed(t, key, "crowded", file)
			if job := jobOf(t, a, namespace, got); job.Name != name(2) || isReplay(got) != replay {
				t.Errorf("job %s, want %s; replayed %v", job.Name, name(2), isReplay(got))
			}
		}
	})

	t.Run("a month that is used up repeats what was taken", func(t *testing.T) {
		clock := func(s *Server) {
			s.Now = func() time.Time { return time.Date(2026, 9, 15, 0, 0, 0, 0, time.UTC) }
		}
		late := serve(t, g, clock)
		spent := g.Organization(t, "spending", nil)
		first := jobOf(t, late, "khocr-spending", late.keyed(t, spent, "last", file))
		organization := &v1alpha1.Organization{}
		if err := g.Client.Get(t.Context(), keyOf("spending"), organization); err != nil {
			t.Fatal(err)
		}
		organization.Status.Usage = []v1alpha1.MonthUsage{{Month: "2026-09", Settled: 100}}
		g.UpdateStatus(t, organization)
		late.keyed(t, spent, "one more", file).wantProblem(t, 429, "page_quota_exceeded")
		got := late.keyed(t, spent, "last", file)
		if again := jobOf(t, late, "khocr-spending", got); again.UID != first.UID || !isReplay(got) {
			t.Errorf("job %s, replayed %v", again.Name, isReplay(got))
		}
	})

	t.Run("a job that is gone", func(t *testing.T) {
		job := jobOf(t, a, namespace, a.keyed(t, key, "archived", file, secret))
		record := archived(t, g, job, v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted})
		before := uploads()
		again := func(step string) {
			t.Helper()
			got := b.keyed(t, key, "archived", file, secret)
			if got.StatusCode != http.StatusAccepted || !isReplay(got) || !strings.Contains(string(got.body), job.Name) {
				t.Errorf("%s: status %d: %s", step, got.StatusCode, got.body)
			}
			b.keyed(t, key, "archived", file).wantProblem(t, 422, "idempotency_key_reused")
		}
		again("while the OcrJob is there beside its record")
		removeJob(t, g, job)
		again("when the record is left")
		record.Job.Spec, record.Job.Status = v1alpha1.OcrJobSpec{}, v1alpha1.OcrJobStatus{}
		for _, deletion := range []archive.Deletion{archive.Purged, archive.Expired} {
			record.Deleted = deletion
			writeRecord(t, g, record)
			if problem := b.keyed(t, key, "archived", file, secret).wantProblem(t, 410, "job_deleted"); !isKhmer(problem.DetailKm) {
				t.Errorf("%s: %+v", deletion, problem)
			}
		}
		if uploads() != before {
			t.Errorf("%d files stay", uploads()-before)
		}
	})

	t.Run("a job that is being deleted", func(t *testing.T) {
		job := jobOf(t, a, namespace, a.keyed(t, key, "purged", file))
		record := archived(t, g, job, v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted})
		record.Deleted = archive.Purged
		writeRecord(t, g, record)
		a.keyed(t, key, "purged", file).wantProblem(t, 410, "job_deleted")
	})

	t.Run("a creation whose answer is lost", func(t *testing.T) {
		watching, err := client.NewWithWatch(g.Admin, client.Options{Scheme: testenv.Scheme()})
		if err != nil {
			t.Fatal(err)
		}
		lost := errors.New("the connection was lost")
		losing := func(create func(ctx context.Context, job *v1alpha1.OcrJob) error) *api {
			lossy := interceptor.NewClient(watching, interceptor.Funcs{
				Create: func(ctx context.Context, _ client.WithWatch, object client.Object, _ ...client.CreateOption) error {
					return create(ctx, object.(*v1alpha1.OcrJob))
				},
			})
			return serve(t, g, func(s *Server) { s.Client = redirected{s.Client, lossy, namespace} })
		}
		before := uploads()
		mine := losing(func(ctx context.Context, job *v1alpha1.OcrJob) error {
			if err := watching.Create(ctx, job); err != nil {
				return err
			}
			return lost
		})
		got := mine.keyed(t, key, "lost mine", file)
		if job := jobOf(t, a, namespace, got); isReplay(got) || uploads() != before+1 {
			t.Errorf("job %s, replayed %v, %d files", job.Name, isReplay(got), uploads()-before)
		}

		// Somebody else was faster, and what became of this one's creation is not told.
		theirs := losing(func(ctx context.Context, job *v1alpha1.OcrJob) error {
			other := job.DeepCopy()
			other.Spec.Source.Upload.ID = "0123456789ab"
			if err := watching.Create(ctx, other); err != nil {
				return err
			}
			return lost
		})
		got = theirs.keyed(t, key, "lost theirs", file)
		if job := jobOf(t, a, namespace, got); !isReplay(got) || job.Spec.Source.Upload.ID != "0123456789ab" || uploads() != before+1 {
			t.Errorf("job %s, replayed %v, %d files", job.Name, isReplay(got), uploads()-before)
		}

		// Nobody knows, so the document stays; the job that comes of it after all is the key's.
		var late *v1alpha1.OcrJob
		unknown := losing(func(_ context.Context, job *v1alpha1.OcrJob) error {
			late = job.DeepCopy()
			return lost
		})
		unknown.keyed(t, key, "lost", file, secret).wantProblem(t, 503, "service_unavailable")
		if uploads() != before+3 {
			t.Errorf("%d files are kept, want a document and its password more", uploads()-before)
		}
		if err := watching.Create(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		if got := a.keyed(t, key, "lost", file, secret); got.StatusCode != http.StatusAccepted || !isReplay(got) || uploads() != before+3 {
			t.Errorf("status %d, replayed %v, %d files", got.StatusCode, isReplay(got), uploads()-before)
		}
	})

	for _, running := range []*api{a, b} {
		if log := running.log.String(); strings.Contains(log, "open sesame") || strings.Contains(log, "order-17") {
			t.Error("the log holds a password or a key")
		}
	}
}

// archived ends a job and writes its record.
func archived(t *testing.T, g *gatewaytest.Gateway, job *v1alpha1.OcrJob, status v1alpha1.OcrJobStatus) *archive.Record {
	t.Helper()
	job.Status = status
	g.UpdateStatus(t, job)
	record := &archive.Record{Job: *job.DeepCopy(), ExpiresAt: time.Now().Add(time.Hour)}
	writeRecord(t, g, record)
	return record
}

func writeRecord(t *testing.T, g *gatewaytest.Gateway, record *archive.Record) {
	t.Helper()
	if err := archive.Write(t.Context(), g.Store, record); err != nil {
		t.Fatal(err)
	}
}

// removeJob deletes an OcrJob and lets it go, as the manager does.
func removeJob(t *testing.T, g *gatewaytest.Gateway, job *v1alpha1.OcrJob) {
	t.Helper()
	manager, err := client.New(g.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.Delete(t.Context(), job.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	if err := manager.Patch(t.Context(), job.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
		t.Fatal(err)
	}
	gatewaytest.Eventually(t, "the informers have forgotten the job", func() bool {
		return client.IgnoreNotFound(g.Cached.Get(t.Context(), client.ObjectKeyFromObject(job), new(v1alpha1.OcrJob))) == nil &&
			g.Live.Get(t.Context(), client.ObjectKeyFromObject(job), new(v1alpha1.OcrJob)) != nil
	})
}
