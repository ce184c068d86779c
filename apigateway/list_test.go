package apigateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/storage"
)

func TestMerged(t *testing.T) {
	second := func(n int) time.Time { return time.Date(2026, 8, 1, 8, 0, n, 0, time.UTC) }
	live := func(n int, name string) *v1alpha1.OcrJob {
		return &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("u-" + name), CreationTimestamp: metav1.NewTime(second(n))}}
	}
	entry := func(n int, name string) archive.Entry {
		return archive.Entry{Created: second(n), Name: name, UID: types.UID("u-" + name)}
	}
	again := func(e archive.Entry) archive.Entry { e.Upload = "a1b2c3d4e5f6"; return e }
	earlier := entry(5, "a")
	earlier.UID = "another"
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		live    []*v1alpha1.OcrJob
		entries []archive.Entry
		err     error
		want    string
	}{
		"nothing":           {want: ""},
		"live ones":         {live: []*v1alpha1.OcrJob{live(9, "a"), live(8, "b")}, want: "a b"},
		"archived ones":     {entries: []archive.Entry{entry(9, "a"), entry(8, "b")}, want: "a+ b+"},
		"by turns":          {live: []*v1alpha1.OcrJob{live(9, "a"), live(5, "c")}, entries: []archive.Entry{entry(7, "b"), entry(3, "d")}, want: "a b+ c d+"},
		"one that is both":  {live: []*v1alpha1.OcrJob{live(9, "a"), live(5, "b")}, entries: []archive.Entry{entry(9, "a"), entry(1, "c")}, want: "a* b c+"},
		"of one second":     {live: []*v1alpha1.OcrJob{live(5, "b"), live(5, "d")}, entries: []archive.Entry{entry(5, "a"), entry(5, "c")}, want: "a+ b c+ d"},
		"an entry twice":    {live: []*v1alpha1.OcrJob{live(9, "a")}, entries: []archive.Entry{entry(9, "a"), again(entry(9, "a")), entry(8, "b"), again(entry(8, "b"))}, want: "a* b+"},
		"a name used again": {live: []*v1alpha1.OcrJob{live(9, "a")}, entries: []archive.Entry{earlier}, want: "a a+"},
		"what breaks off":   {live: []*v1alpha1.OcrJob{live(1, "z")}, entries: []archive.Entry{entry(9, "a")}, err: broken, want: "a+ broken"},
	} {
		t.Run(name, func(t *testing.T) {
			entries := func(yield func(archive.Entry, error) bool) {
				for _, one := range c.entries {
					if !yield(one, nil) {
						return
					}
				}
				if c.err != nil {
					yield(archive.Entry{}, c.err)
				}
			}
			var got []string
			for one, err := range merged(c.live, iter.Seq2[archive.Entry, error](entries)) {
				switch {
				case err != nil:
					got = append(got, err.Error())
				case one.job != nil && one.archived:
					got = append(got, one.name+"*")
				case one.archived:
					got = append(got, one.name+"+")
				default:
					got = append(got, one.name)
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

func TestCursorsAreReadBack(t *testing.T) {
	at := position{time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC), "a1b2c3d4e5f6"}
	if got, err := parseCursor(at.cursor()); err != nil || got != at {
		t.Errorf("%+v is read back as %+v, %v", at, got, err)
	}
	for _, other := range []string{"", "!", "MTc", "eC5h", "MTcuQQ", "MTcuLi4"} {
		if got, err := parseCursor(other); err == nil {
			t.Errorf("%q is read as %+v", other, got)
		}
	}
}

func TestParseListQueryRefuses(t *testing.T) {
	for query, code := range map[string]string{
		"limit=0": "invalid_parameter", "limit=101": "invalid_parameter", "limit=": "invalid_parameter", "limit=ten": "invalid_parameter",
		"cursor=": "invalid_parameter", "cursor=abc": "invalid_parameter",
		"status=": "invalid_parameter", "status=queued": "invalid_parameter", "status=QUEUED,": "invalid_parameter",
		"priority=": "invalid_parameter", "priority=urgent": "invalid_parameter",
		"retry_of=": "invalid_parameter", "retry_of=A%20B": "invalid_parameter",
		"created_after=yesterday": "invalid_parameter", "created_before=2026-08-01": "invalid_parameter",
		"sort=name": "unknown_parameter", "metadata=a": "unknown_parameter",
		"status=FAILED;limit=1": "malformed_query", "limit=%zz": "malformed_query",
		"metadata.a=1&metadata.a=2": "duplicate_parameter", "limit=1&limit=2": "duplicate_parameter",
	} {
		_, err := parseListQuery(httptest.NewRequest(http.MethodGet, "/api/v1/jobs?"+query, nil))
		var problem *problemError
		if !errors.As(err, &problem) || problem.Code != code {
			t.Errorf("%s: %v, want %s", query, err, code)
		}
	}
}

func TestListQueryMatches(t *testing.T) {
	job := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{
		Priority: v1alpha1.PriorityLow, RetryOf: "000000000000",
		Metadata: []v1alpha1.MetadataEntry{{Name: "case", Value: "12"}, {Name: "empty"}},
	}, Status: v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseFailed}}
	for query, want := range map[string]bool{
		"": true, "status=FAILED": true, "status=QUEUED,FAILED": true, "status=QUEUED": false, "priority=low": true, "priority=normal": false,
		"retry_of=000000000000": true, "retry_of=a": false, "metadata.case=12": true, "metadata.case=1": false, "metadata.empty=": true,
		"metadata.none=": false, "metadata.case=12&status=COMPLETED": false, "metadata.case=12&status=FAILED&priority=low": true,
	} {
		parsed, err := parseListQuery(httptest.NewRequest(http.MethodGet, "/api/v1/jobs?"+query, nil))
		if err != nil || parsed.matches(job) != want {
			t.Errorf("%s: matches %v (%v), want %v", query, !want, err, want)
		}
	}
}

func testList(t *testing.T, g *gatewaytest.Gateway) {
	key, other := g.Organization(t, "listing", nil), g.Organization(t, "listless", nil)
	a := serve(t, g, nil)
	type page struct {
		Jobs []struct {
			ID        string
			CreatedAt time.Time `json:"created_at"`
			ExpiresAt time.Time `json:"expires_at"`
		}
		NextCursor *string `json:"next_cursor"`
	}
	list := func(t *testing.T, query, key string) page {
		t.Helper()
		got := a.get(t, "/api/v1/jobs?"+query, key)
		var p page
		if err := json.Unmarshal(got.body, &p); err != nil || got.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d, %v: %s", query, got.StatusCode, err, got.body)
		}
		return p
	}
	// all follows the cursors.
	all := func(t *testing.T, query string) (names []string) {
		t.Helper()
		cursor := ""
		for {
			p := list(t, query+cursor, key)
			for _, job := range p.Jobs {
				names = append(names, job.ID)
			}
			if p.NextCursor == nil {
				return names
			}
			cursor = "&cursor=" + url.QueryEscape(*p.NextCursor)
		}
	}
	if got := a.get(t, "/api/v1/jobs", other); strings.TrimSpace(string(got.body)) != `{"jobs":[],"next_cursor":null}` {
		t.Errorf("an empty list: %s", got.body)
	}

	// Old ones are in the archive alone, in two days; of the others some are in both.
	old := func(n int, name string, edit func(*archive.Record)) {
		record := &archive.Record{ExpiresAt: archivedUntil}
		record.Job.Namespace, record.Job.Name, record.Job.UID = "khocr-listing", name, types.UID("old-"+name)
		record.Job.CreationTimestamp = metav1.NewTime(time.Date(2026, 8, 1+n%2, 8, 0, n, 0, time.UTC))
		record.Job.Status.Phase = v1alpha1.PhaseCompleted
		if edit != nil {
			edit(record)
		}
		if err := archive.Write(t.Context(), g.Store, record); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for _, n := range []int{7, 5, 3, 1, 6, 4, 2, 0} {
		name := fmt.Sprintf("old-%d", n)
		want = append(want, name)
		old(n, name, func(r *archive.Record) {
			if n == 4 {
				r.Job.Status.Phase = v1alpha1.PhaseFailed
			}
			r.Job.Spec.Metadata = []v1alpha1.MetadataEntry{{Name: "n", Value: fmt.Sprint(n)}}
		})
	}
	old(8, "purged", func(r *archive.Record) { r.Deleted = archive.Purged })
	old(9, "expired", func(r *archive.Record) { r.Deleted = archive.Expired })
	var live []string
	for i := range 5 {
		job := jobOf(t, a, "khocr-listing", a.convert(t, key, pdf("a.pdf", 99)))
		live = append(live, job.Name)
		if i == 2 {
			at(t, g, job, v1alpha1.PhaseCompleted, 100)
			record := &archive.Record{Job: *job, ExpiresAt: archivedUntil}
			if err := archive.Write(t.Context(), g.Store, record); err != nil {
				t.Fatal(err)
			}
			// As a record that is written again by somebody who knows less of the job.
			record.Job.Spec.Source.Upload = nil
			if err := archive.Write(t.Context(), g.Store, record); err != nil {
				t.Fatal(err)
			}
		}
		if i == 3 {
			// As while it is being archived: the entry comes before the record.
			record := &archive.Record{Job: *job, ExpiresAt: archivedUntil}
			err := errors.Join(
				archive.Write(t.Context(), g.Store, record),
				g.Store.Delete(t.Context(), storage.RecordKey("khocr-listing", job.Name)),
			)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	gatewaytest.Eventually(t, "the informers know all jobs", func() bool { return len(list(t, "limit=100", key).Jobs) == len(want)+len(live) })

	t.Run("each once, whatever the pages", func(t *testing.T) {
		whole := all(t, "limit=100")
		if got := slices.Sorted(slices.Values(whole[:len(live)])); !slices.Equal(got, slices.Sorted(slices.Values(live))) {
			t.Errorf("the live ones are %v, want %v", got, live)
		}
		if !slices.Equal(whole[len(live):], want) {
			t.Errorf("the old ones are %v, want %v", whole[len(live):], want)
		}
		for _, limit := range []int{1, 2, 3, 5, 12, 13} {
			if got := all(t, fmt.Sprintf("limit=%d", limit)); !slices.Equal(got, whole) {
				t.Errorf("by %d: %v, want %v", limit, got, whole)
			}
		}
		p := list(t, "limit=100", key)
		if !slices.IsSortedFunc(p.Jobs, func(a, b struct {
			ID        string
			CreatedAt time.Time `json:"created_at"`
			ExpiresAt time.Time `json:"expires_at"`
		}) int {
			return b.CreatedAt.Compare(a.CreatedAt)
		}) {
			t.Error("the newest do not come first")
		}
		if last := p.Jobs[len(p.Jobs)-1]; !last.ExpiresAt.Equal(archivedUntil) {
			t.Errorf("the last one expires at %v", last.ExpiresAt)
		}
	})

	t.Run("a page goes on where the last one ended although jobs come and go", func(t *testing.T) {
		first := list(t, "limit=7", key)
		added := jobOf(t, a, "khocr-listing", a.convert(t, key, pdf("a.pdf", 99)))
		gone := first.Jobs[len(first.Jobs)-1].ID
		if err := archive.Remove(t.Context(), g.Store, "khocr-listing", archive.Entry{
			Created: first.Jobs[len(first.Jobs)-1].CreatedAt, Name: gone, UID: types.UID("old-" + gone)}); err != nil {
			t.Fatal(err)
		}
		rest := list(t, "limit=100&cursor="+url.QueryEscape(*first.NextCursor), key)
		var got []string
		for _, job := range rest.Jobs {
			got = append(got, job.ID)
		}
		if !slices.Equal(got, want[2:]) {
			t.Errorf("then come %v, want %v", got, want[2:])
		}
		g.Delete(t, added)
		old(5, "old-5", nil)
	})

	t.Run("filters", func(t *testing.T) {
		for query, names := range map[string][]string{
			"status=FAILED":                        {"old-4"},
			"status=FAILED,COMPLETED&metadata.n=4": {"old-4"},
			"metadata.n=3":                         {"old-3"},
			"created_before=2026-08-02T00:00:00Z":  want[4:],
			"created_before=2026-08-01T08:00:04Z":  {"old-2", "old-0"},
			"created_before=2026-08-02T08:00:05Z&created_after=2026-08-01T08:00:02Z": {"old-3", "old-1", "old-6", "old-4"},
			"created_after=2036-08-01T00:00:00%2B07:00":                              nil,
			"created_before=2000-01-01T00:00:00Z":                                    nil,
			"priority=high":                                                          nil,
		} {
			for _, limit := range []string{"&limit=1", "&limit=100"} {
				if got := all(t, query+limit); !slices.Equal(got, names) {
					t.Errorf("%s: %v, want %v", query+limit, got, names)
				}
			}
		}
	})

	t.Run("a page reads so many records and no more", func(t *testing.T) {
		many := g.Organization(t, "lasting-long", nil)
		for n := range maxScanned + 5 {
			record := &archive.Record{ExpiresAt: archivedUntil}
			record.Job.Namespace, record.Job.Name = "khocr-lasting-long", fmt.Sprintf("j%05d", n)
			record.Job.UID = types.UID(record.Job.Name)
			record.Job.CreationTimestamp = metav1.NewTime(time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC))
			record.Job.Status.Phase = v1alpha1.PhaseCompleted
			if n == maxScanned+2 {
				record.Job.Status.Phase = v1alpha1.PhaseFailed
			}
			if err := archive.Write(t.Context(), g.Store, record); err != nil {
				t.Fatal(err)
			}
		}
		p := list(t, "status=FAILED", many)
		if len(p.Jobs) != 0 || p.NextCursor == nil {
			t.Fatalf("the first page has %v", p)
		}
		p = list(t, "status=FAILED&cursor="+url.QueryEscape(*p.NextCursor), many)
		if len(p.Jobs) != 1 || p.NextCursor != nil {
			t.Errorf("the second page has %v", p)
		}
	})
}

func testArchive(t *testing.T, g *gatewaytest.Gateway) {
	key, other := g.Organization(t, "remembered", nil), g.Organization(t, "nosy", nil)
	a := serve(t, g, nil)
	make := func(t *testing.T) *v1alpha1.OcrJob {
		job := jobOf(t, a, "khocr-remembered", a.convert(t, key, pdf("a.pdf", 99)))
		for number := 1; number <= 2; number++ {
			storePage(t, g, job, number)
			storePreview(t, g, job, number)
		}
		job.Status.Pages = &v1alpha1.PageCounts{Total: 2, Done: 2, Recognized: 2}
		g.UpdateStatus(t, job)
		at(t, g, job, v1alpha1.PhaseCompleted, 100)
		return job
	}
	// everything that can be read of a job.
	everything := func(job *v1alpha1.OcrJob) map[string]string {
		path := "/api/v1/jobs/" + job.Name
		return map[string]string{path: http.MethodGet, path + "?wait=1s": http.MethodGet, path + "/result": http.MethodGet,
			path + "/pages/1": http.MethodGet, path + "/pages/1/preview": http.MethodGet, path + "/events": http.MethodGet}
	}

	t.Run("a job that has ended expires by the plan", func(t *testing.T) {
		job := make(t)
		var view struct {
			ExpiresAt time.Time `json:"expires_at"`
		}
		got := a.get(t, "/api/v1/jobs/"+job.Name, key)
		if err := json.Unmarshal(got.body, &view); err != nil || !view.ExpiresAt.Equal(job.Status.CompletionTime.Add(time.Hour)) {
			t.Errorf("%v: %s", err, got.body)
		}
	})

	t.Run("a job whose OcrJob is gone is as it was", func(t *testing.T) {
		job := make(t)
		reads := map[string]answer{}
		for path, method := range everything(job) {
			reads[path] = a.do(t, a.request(t, method, path, key, nil))
		}
		archiveJob(t, g, job, "")
		for path, method := range everything(job) {
			got := a.do(t, a.request(t, method, path, key, nil))
			if got.StatusCode != http.StatusOK {
				t.Errorf("%s: status %d: %s", path, got.StatusCode, got.body)
			}
			if strings.HasSuffix(path, "/result") || strings.HasSuffix(path, "/1") {
				if string(got.body) != string(reads[path].body) || got.Header.Get("ETag") != reads[path].Header.Get("ETag") {
					t.Errorf("%s: %s, was %s", path, got.body, reads[path].body)
				}
			}
			a.do(t, a.request(t, method, path, other, nil)).wantProblem(t, 404, "job_not_found")
		}
		if got := a.get(t, "/api/v1/jobs/"+job.Name, key); !strings.Contains(string(got.body), archivedUntil.Format(time.RFC3339)) {
			t.Errorf("the view does not tell when the result goes: %s", got.body)
		}
	})

	t.Run("the API server is not asked for it", func(t *testing.T) {
		job := make(t)
		archiveJob(t, g, job, "")
		alone := serve(t, g, func(s *Server) { s.Live = lost{} })
		if got := alone.get(t, "/api/v1/jobs/"+job.Name, key); got.StatusCode != http.StatusOK {
			t.Errorf("status %d: %s", got.StatusCode, got.body)
		}
		alone.get(t, "/api/v1/jobs/000000000000", key).wantProblem(t, 503, "service_unavailable")
	})

	for _, c := range []struct {
		deleted archive.Deletion
		code    string
	}{{archive.Purged, "job_deleted"}, {archive.Expired, "result_expired"}} {
		t.Run("a tombstone: "+c.code, func(t *testing.T) {
			job := make(t)
			archiveJob(t, g, job, c.deleted)
			behind := serve(t, g, func(s *Server) { s.Client = lagging{s.Client, job} })
			gateways := []*api{a}
			if c.deleted == archive.Purged {
				// Of one that has only expired the OcrJob may still be there, and then tells what it can.
				gateways = append(gateways, behind)
			}
			for _, gateway := range gateways {
				for path, method := range everything(job) {
					gateway.do(t, gateway.request(t, method, path, key, nil)).wantProblem(t, 410, c.code)
				}
				path := "/api/v1/jobs/" + job.Name + "/events"
				gateway.do(t, gateway.request(t, http.MethodPost, path, key, nil)).wantProblem(t, 410, c.code)
			}
			for path, method := range everything(job) {
				a.do(t, a.request(t, method, path, other, nil)).wantProblem(t, 404, "job_not_found")
			}
		})
	}

	t.Run("a record of an earlier job of that name says nothing of this one", func(t *testing.T) {
		job := make(t)
		record := &archive.Record{Job: *job.DeepCopy(), Deleted: archive.Purged}
		record.Job.UID = "earlier"
		if err := archive.Write(t.Context(), g.Store, record); err != nil {
			t.Fatal(err)
		}
		if got := a.get(t, "/api/v1/jobs/"+job.Name, key); got.StatusCode != http.StatusOK {
			t.Errorf("status %d: %s", got.StatusCode, got.body)
		}
	})

	t.Run("who asks all the time for jobs that are nowhere is slowed down", func(t *testing.T) {
		idle := g.Organization(t, "fishing", nil)
		still := newClock(time.Now())
		a := serve(t, g, func(s *Server) { s.Limiter = ratelimit.NewMemory(still.now) })
		for range liveReads {
			a.get(t, "/api/v1/jobs/000000000000", idle).wantProblem(t, 404, "job_not_found")
		}
		refused := a.get(t, "/api/v1/jobs/000000000000", idle)
		refused.wantProblem(t, 429, "rate_limited")
		if refused.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		a.get(t, "/api/v1/jobs/000000000000", key).wantProblem(t, 404, "job_not_found")
	})
}
