package apigateway

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/changes"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/archive"
)

// event is a server-sent event.
type event struct {
	id, name string
	data     struct {
		Status   string
		Progress float64
	}
}

func (e event) String() string {
	return fmt.Sprintf("%s %s %.0f", e.name, e.data.Status, e.data.Progress)
}

// streamed is an event stream being read.
type streamed struct {
	*http.Response
	lines *bufio.Scanner
}

// stream opens an event stream, which lasts no longer than the test or two minutes.
func (a *api) stream(t testing.TB, path, key, lastID string) streamed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	request := a.request(t, http.MethodGet, path, key, nil).WithContext(ctx)
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return streamed{response, bufio.NewScanner(response.Body)}
}

// next reads the next event; one without a name when the stream has ended.
func (s streamed) next(t testing.TB) event {
	t.Helper()
	var e event
	for s.lines.Scan() {
		field, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				t.Fatalf("decode %s: %v", value, err)
			}
		case "":
			if e.name != "" {
				return e
			}
		}
	}
	if err := s.lines.Err(); err != nil {
		t.Fatalf("the stream broke off: %v", err)
	}
	return event{}
}

func (s streamed) want(t testing.TB, what string) event {
	t.Helper()
	got := s.next(t)
	if got.String() != what {
		t.Fatalf("event %q, want %q", got, what)
	}
	return got
}

func (s streamed) wantEnd(t testing.TB) {
	t.Helper()
	if got := s.next(t); got.name != "" {
		t.Fatalf("event %q after the end", got)
	}
}

// at sets how a job stands.
func at(t testing.TB, g *gatewaytest.Gateway, job *v1alpha1.OcrJob, phase v1alpha1.JobPhase, progress int32) {
	t.Helper()
	if err := g.Client.Get(t.Context(), client.ObjectKeyFromObject(job), job); err != nil {
		t.Fatal(err)
	}
	job.Status.Phase, job.Status.Progress = phase, progress
	if phase.Ended() {
		job.Status.CompletionTime = &metav1.Time{Time: time.Now()}
	}
	g.UpdateStatus(t, job)
}

func testEvents(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "following", nil)
	a, b := serve(t, g, nil), serve(t, g.Replica(t), nil)
	submit := func(t *testing.T) (*v1alpha1.OcrJob, string) {
		job := jobOf(t, a, "khocr-following", a.convert(t, key, pdf("a.pdf", 99)))
		at(t, g, job, v1alpha1.PhasePending, 0)
		gatewaytest.Eventually(t, "the other gateway knows the job", func() bool {
			return strings.Contains(string(b.get(t, "/api/v1/jobs/"+job.Name, key).body), `"QUEUED"`)
		})
		return job, "/api/v1/jobs/" + job.Name + "/events"
	}

	t.Run("a stream of a job that stands still says that it is alive", func(t *testing.T) {
		_, path := submit(t)
		stream := a.stream(t, path, key, "")
		stream.want(t, "progress QUEUED 0")
		if !stream.lines.Scan() || stream.lines.Text() != ":" {
			t.Errorf("after the state comes %q, want a comment", stream.lines.Text())
		}
	})
	t.Run("a job from its beginning to its end", func(t *testing.T) {
		job, path := submit(t)
		stream := a.stream(t, path, key, "")
		for header, want := range map[string]string{
			"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "Content-Encoding": "",
		} {
			if got := stream.Header.Get(header); got != want {
				t.Errorf("%s %q, want %q", header, got, want)
			}
		}
		if stream.lines.Scan(); stream.lines.Text() != "retry: 3000" {
			t.Errorf("the stream begins with %q", stream.lines.Text())
		}
		stream.want(t, "progress QUEUED 0")
		at(t, g, job, v1alpha1.PhaseRunning, 10)
		stream.want(t, "progress PROCESSING 10")
		at(t, g, job, v1alpha1.PhaseRunning, 60)
		stream.want(t, "progress PROCESSING 60")
		at(t, g, job, v1alpha1.PhaseCompleted, 100)
		last := stream.want(t, "end COMPLETED 100")
		stream.wantEnd(t)

		if got := b.stream(t, path, key, last.id); got.StatusCode != http.StatusNoContent {
			t.Errorf("after the end: status %d, want 204", got.StatusCode)
		}
		again := b.stream(t, path, key, "nothing that was told")
		again.want(t, "end COMPLETED 100")
		again.wantEnd(t)
	})

	t.Run("another gateway goes on where one broke off", func(t *testing.T) {
		job, path := submit(t)
		first := a.stream(t, path, key, "")
		first.want(t, "progress QUEUED 0")
		at(t, g, job, v1alpha1.PhaseRunning, 20)
		told := first.want(t, "progress PROCESSING 20")
		_ = first.Body.Close()

		gatewaytest.Eventually(t, "the other gateway knows as much", func() bool {
			return strings.Contains(string(b.get(t, "/api/v1/jobs/"+job.Name, key).body), `"progress":20.0`)
		})
		second := b.stream(t, path, key, told.id)
		at(t, g, job, v1alpha1.PhaseRunning, 30)
		second.want(t, "progress PROCESSING 30")
		// What happens while nobody listens is one event.
		_ = second.Body.Close()
		at(t, g, job, v1alpha1.PhaseRunning, 40)
		at(t, g, job, v1alpha1.PhaseRunning, 50)
		third := a.stream(t, path, key, told.id)
		third.want(t, "progress PROCESSING 50")
	})

	t.Run("a gateway that is behind tells nothing that is older", func(t *testing.T) {
		job, path := submit(t)
		old := job.DeepCopy()
		at(t, g, job, v1alpha1.PhaseRunning, 20)
		told := a.stream(t, path, key, "").want(t, "progress PROCESSING 20")
		behind := serve(t, g, func(s *Server) { s.Client = lagging{s.Client, old} })
		stream := behind.stream(t, path, key, told.id)
		behind.stop()
		stream.wantEnd(t)
	})

	t.Run("of an archived job the end", func(t *testing.T) {
		job, path := submit(t)
		at(t, g, job, v1alpha1.PhaseCompleted, 100)
		archiveJob(t, g, job, "")
		stream := a.stream(t, path, key, "")
		stream.want(t, "end COMPLETED 100")
		stream.wantEnd(t)
	})

	t.Run("a job that is deleted", func(t *testing.T) {
		job, path := submit(t)
		stream := a.stream(t, path, key, "")
		stream.want(t, "progress QUEUED 0")
		g.Delete(t, job)
		for e := stream.next(t); e.name != ""; e = stream.next(t) {
			if e.String() != "progress QUEUED 0" { // without its finalizer
				t.Errorf("event %q", e)
			}
		}
		a.get(t, path, key).wantProblem(t, 404, "job_not_found")
	})

	t.Run("a server that stops", func(t *testing.T) {
		_, path := submit(t)
		stopping := serve(t, g, nil)
		stream := stopping.stream(t, path, key, "")
		stream.want(t, "progress QUEUED 0")
		stopping.stop()
		stream.wantEnd(t)
	})

	t.Run("a key that is taken away", func(t *testing.T) {
		leaving := g.Organization(t, "unfollowing", nil)
		job := jobOf(t, a, "khocr-unfollowing", a.convert(t, leaving, pdf("a.pdf", 99)))
		stream := a.stream(t, "/api/v1/jobs/"+job.Name+"/events", leaving, "")
		stream.want(t, "progress QUEUED 0")
		o := &v1alpha1.Organization{}
		if err := g.Client.Get(t.Context(), keyOf("unfollowing"), o); err != nil {
			t.Fatal(err)
		}
		o.Spec.APIKeys = nil
		if err := g.Client.Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		stream.wantEnd(t)
	})

	t.Run("an organization has so many streams and no more", func(t *testing.T) {
		crowded := g.Organization(t, "crowded", nil)
		job := jobOf(t, a, "khocr-crowded", a.convert(t, crowded, pdf("a.pdf", 99)))
		path := "/api/v1/jobs/" + job.Name
		var streams []streamed
		for range changes.PerNamespace {
			stream := a.stream(t, path+"/events", crowded, "")
			stream.want(t, "progress QUEUED 0")
			streams = append(streams, stream)
		}
		got := a.get(t, path+"/events", crowded)
		got.wantProblem(t, 429, "too_many_streams")
		if got.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		a.get(t, path+"?wait=1s", crowded).wantProblem(t, 429, "too_many_streams")
		_, others := submit(t)
		a.stream(t, others, key, "").want(t, "progress QUEUED 0")
		_ = streams[0].Body.Close()
		gatewaytest.Eventually(t, "one that ends makes room", func() bool {
			return a.get(t, path+"?wait=1s", crowded).StatusCode == http.StatusOK
		})
	})

	t.Run("a HEAD request has the headers alone", func(t *testing.T) {
		_, path := submit(t)
		got := a.do(t, a.request(t, http.MethodHead, path, key, nil))
		if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "text/event-stream" || len(got.body) > 0 {
			t.Errorf("status %d, %q", got.StatusCode, got.Header)
		}
	})
}

func TestEventIDsAreReadBack(t *testing.T) {
	for _, id := range []eventID{{version: 1}, {version: 1 << 60}, {ended: "5a1f"}} {
		if got := parseEventID(id.String()); got != id {
			t.Errorf("%+v is read back as %+v", id, got)
		}
	}
	for _, other := range []string{"", "-1", "abc", "1.5", "end-"} {
		if got := parseEventID(other); got != (eventID{}) {
			t.Errorf("%q is read as %+v", other, got)
		}
	}
}

// archiveJob writes the record of a job, as one that lies a week, or of its deletion, and then deletes the job.
func archiveJob(t testing.TB, g *gatewaytest.Gateway, job *v1alpha1.OcrJob, deleted archive.Deletion) {
	t.Helper()
	record := &archive.Record{Job: *job.DeepCopy(), ExpiresAt: archivedUntil, Deleted: deleted}
	if deleted != "" {
		record.DeletedAt = time.Now()
		record.Job.Spec, record.Job.Status = v1alpha1.OcrJobSpec{}, v1alpha1.OcrJobStatus{}
	}
	if err := archive.Write(t.Context(), g.Store, record); err != nil {
		t.Fatal(err)
	}
	g.Delete(t, job)
}

// archivedUntil is when what archiveJob archives expires.
var archivedUntil = time.Date(2036, 8, 8, 8, 0, 0, 0, time.UTC)

func testEventToken(t *testing.T, g *gatewaytest.Gateway) {
	clock := newClock(time.Now())
	turning := func(s *Server) { s.Now = clock.now }
	key, other := g.Organization(t, "embedding", nil), g.Organization(t, "spying", nil)
	a, b := serve(t, g, turning), serve(t, g.Replica(t), turning)
	job := jobOf(t, a, "khocr-embedding", a.convert(t, key, pdf("a.pdf", 99)))
	second := jobOf(t, a, "khocr-embedding", a.convert(t, key, pdf("a.pdf", 99)))
	token := func(t *testing.T) string {
		t.Helper()
		got := a.do(t, a.request(t, http.MethodPost, "/api/v1/jobs/"+job.Name+"/events", key, nil))
		var address eventAddress
		if err := json.Unmarshal(got.body, &address); err != nil || got.StatusCode != http.StatusCreated {
			t.Fatalf("status %d, %v: %s", got.StatusCode, err, got.body)
		}
		if left := address.ExpiresAt.Sub(clock.now()); left > time.Hour || left < time.Hour-time.Second {
			t.Errorf("the token is good for %v", left)
		}
		path, found := strings.CutPrefix(address.URL, "/api/v1/jobs/"+job.Name+"/events?token=")
		if !found {
			t.Fatalf("url %q", address.URL)
		}
		return path
	}
	events := func(name, token string) string { return "/api/v1/jobs/" + name + "/events?token=" + token }

	t.Run("it opens the events of its job at any gateway", func(t *testing.T) {
		for _, gateway := range []*api{a, b} {
			gateway.stream(t, events(job.Name, token(t)), "", "").want(t, "progress QUEUED 0")
		}
		if strings.Contains(a.log.String(), "token=") {
			t.Error("the log holds a token")
		}
	})

	t.Run("and nothing else", func(t *testing.T) {
		good := token(t)
		a.get(t, events(second.Name, good), "").wantProblem(t, 401, "invalid_event_token")
		a.get(t, "/api/v1/jobs/"+job.Name+"?token="+good, "").wantProblem(t, 401, "missing_api_key")
		a.get(t, events(job.Name, good[:len(good)-4]+"AAAA"), "").wantProblem(t, 401, "invalid_event_token")
		parts := strings.Split(good, ".")
		later := strings.Join([]string{"9999999999", parts[1], parts[2], parts[3]}, ".")
		for _, forged := range []string{later, "", "a.b.c.d", good + ".", parts[0] + ".." + parts[2] + "." + parts[3]} {
			a.get(t, events(job.Name, forged), "").wantProblem(t, 401, "invalid_event_token")
		}
		a.do(t, a.request(t, http.MethodPost, events(job.Name, good), "", nil)).wantProblem(t, 401, "missing_api_key")
		a.do(t, a.request(t, http.MethodPost, "/api/v1/jobs/"+job.Name+"/events", other, nil)).wantProblem(t, 404, "job_not_found")
	})

	t.Run("it is for a job and not for its name", func(t *testing.T) {
		named := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-embedding", Name: "mine"},
			Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "https://example.org/a.pdf"}}}
		again := named.DeepCopy()
		if err := g.Client.Create(t.Context(), named); err != nil {
			t.Fatal(err)
		}
		got := a.do(t, a.request(t, http.MethodPost, "/api/v1/jobs/mine/events", key, nil))
		var address eventAddress
		if err := json.Unmarshal(got.body, &address); err != nil {
			t.Fatal(err)
		}
		g.Delete(t, named)
		if err := g.Client.Create(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		a.get(t, address.URL, "").wantProblem(t, 401, "invalid_event_token")
	})

	t.Run("it ends with its hour, and so does a stream", func(t *testing.T) {
		old := token(t)
		stream := a.stream(t, events(job.Name, old), "", "")
		stream.want(t, "progress QUEUED 0")
		clock.advance(time.Hour)
		stream.wantEnd(t)
		a.get(t, events(job.Name, old), "").wantProblem(t, 401, "invalid_event_token")
	})

	t.Run("it ends with its key", func(t *testing.T) {
		good := token(t)
		o := &v1alpha1.Organization{}
		if err := g.Client.Get(t.Context(), keyOf("embedding"), o); err != nil {
			t.Fatal(err)
		}
		o.Spec.APIKeys = nil
		if err := g.Client.Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		everywhere(t, "the token is refused", []*api{a, b}, func(gateway *api) bool {
			response := gateway.stream(t, events(job.Name, good), "", "")
			defer response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return false
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			answer{response.Response, body}.wantProblem(t, 401, "invalid_event_token")
			return true
		})
	})
}

func testWait(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "patient", nil)
	a := serve(t, g, nil)
	job := jobOf(t, a, "khocr-patient", a.convert(t, key, pdf("a.pdf", 99)))
	path := "/api/v1/jobs/" + job.Name
	// waiting asks in the background and lets the test go on when the question is being waited with.
	waiting := func(t *testing.T, gateway *api, path string) <-chan answer {
		t.Helper()
		answered := make(chan answer, 1)
		go func() { answered <- gateway.get(t, path, key) }()
		return answered
	}

	t.Run("until the job has ended", func(t *testing.T) {
		answered := waiting(t, a, path+"?wait=60")
		at(t, g, job, v1alpha1.PhaseRunning, 50)
		at(t, g, job, v1alpha1.PhaseCompleted, 100)
		if got := <-answered; !strings.Contains(string(got.body), `"COMPLETED"`) {
			t.Errorf("answer %s", got.body)
		}
		// There is nothing to wait for any more.
		if got := a.get(t, path+"?wait=1m", key); !strings.Contains(string(got.body), `"COMPLETED"`) {
			t.Errorf("answer %s", got.body)
		}
	})

	t.Run("until the time is over", func(t *testing.T) {
		unfinished := jobOf(t, a, "khocr-patient", a.convert(t, key, pdf("a.pdf", 99)))
		if got := a.get(t, "/api/v1/jobs/"+unfinished.Name+"?wait=1s", key); !strings.Contains(string(got.body), `"QUEUED"`) {
			t.Errorf("answer %s", got.body)
		}
	})

	t.Run("until the server stops", func(t *testing.T) {
		looked := make(chan struct{}, 100)
		stopping := serve(t, g, func(s *Server) { s.Client = noticed{s.Client, looked} })
		unfinished := jobOf(t, a, "khocr-patient", a.convert(t, key, pdf("a.pdf", 99)))
		answered := waiting(t, stopping, "/api/v1/jobs/"+unfinished.Name+"?wait=60s")
		// It looks once, begins to watch, and looks again.
		<-looked
		<-looked
		stopping.stop()
		if got := <-answered; !strings.Contains(string(got.body), `"QUEUED"`) {
			t.Errorf("answer %s", got.body)
		}
	})

	t.Run("not for ever, and not for a word", func(t *testing.T) {
		for _, wait := range []string{"", "0", "0.5s", "61", "61s", "-1s", "soon", "1e9", "99999999999999999999"} {
			a.get(t, path+"?wait="+wait, key).wantProblem(t, 400, "invalid_parameter")
		}
	})
}

// noticed tells when somebody looks for a job.
type noticed struct {
	client.Client
	looked chan<- struct{}
}

func (n noticed) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := n.Client.Get(ctx, key, object, options...)
	if _, isJob := object.(*v1alpha1.OcrJob); isJob {
		n.looked <- struct{}{}
	}
	return err
}
