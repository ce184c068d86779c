package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

const (
	clients    = 50
	pageLimit  = 100
	leastPause = time.Second
	mostPause  = 8 * time.Second
	// endurance bounds a round. Waiting jobs wait for others here.
	endurance = 20 * time.Minute
)

// TestQuotaUnderFire lets clients ask for more pages than the month has, in as many rounds as KHOCR_E2E_ROUNDS says, while
// managers and gateways are killed. No version of the ledger may be past the limit, and what is charged in the end must be
// what was delivered.
func TestQuotaUnderFire(t *testing.T) {
	p := connect(t)
	first, rounds := seedOf(t), numberFrom(t, "KHOCR_E2E_ROUNDS", 1)
	var outcomes []outcome
	for seed := first; seed < first+uint64(rounds); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			f := p.at(t).kindle(seed, "", pageLimit)
			killed := f.killPlatform(seed, leastPause, mostPause)
			f.sendOut(errands(seed, clients, 1, 30*time.Second), func(int) error { return nil })
			f.fillUp()
			o := f.settle(fmt.Sprint(seed), killed())
			if len(o.used) == 1 && o.delivered != pageLimit {
				t.Errorf("%d pages were delivered: the month cannot be used to its last page", o.delivered)
			}
			outcomes = append(outcomes, o)
		})
	}
	report(t, "fire", tableOf(outcomes))
}

// fire is an organization whose clients submit documents all at once.
type fire struct {
	*tenant
	book *book
	roll *roll

	lock     sync.Mutex
	accepted map[string]bool // answered with 202, or made by the client itself
	touched  map[string]bool // cancelled or deleted by a client
	readable map[string]bool // had its result delivered, at any moment
	asked    int             // pages
	refused  int             // submissions, because no page was left
	lost     int             // answers
}

// kindle makes an organization whose month has so many pages and begins in the zone, the default one where that is empty.
func (p *platform) kindle(seed uint64, zone string, limit int64) *fire {
	p.Helper()
	plan := p.newPlan(func(plan *v1alpha1.PlanSpec) {
		plan.TimeZone = zone
		plan.Limits.PagesPerMonth = &limit
	})
	f := &fire{tenant: p.newTenant(plan), accepted: map[string]bool{}, touched: map[string]bool{}, readable: map[string]bool{}}
	f.book, f.roll = f.keepBook(limit), f.callRoll()
	p.Logf("round with KHOCR_E2E_SEED=%d, organization %s", seed, f.name)
	return f
}

// sendOut sends the clients out, each wave when begin returns for it, and returns when all of them are back.
func (f *fire) sendOut(list []errand, begin func(wave int) error) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), endurance)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	waves := map[int][]errand{}
	for _, e := range list {
		waves[e.wave] = append(waves[e.wave], e)
	}
	for wave := range len(waves) {
		if err := begin(wave); err != nil {
			f.Errorf("waiting for wave %d: %v", wave, err)
		}
		for _, e := range waves[wave] {
			group.Go(func() error {
				if err := f.run(ctx, e); err != nil {
					return fmt.Errorf("errand %+v: %w", e, err)
				}
				return nil
			})
		}
	}
	f.must(group.Wait())
}

// fillUp takes the pages that clients have left, one by one, until the door is closed.
func (f *fire) fillUp() {
	f.Helper()
	f.until("every job is settled", f.settled)
	var last []errand
	for i := range max(0, pageLimit-f.book.sum()) {
		last = append(last, errand{name: fmt.Sprintf("last-%d", i), pages: 1})
	}
	f.sendOut(last, func(int) error { return nil })
	refused := f.refused
	f.until("the door is closed", func() bool {
		f.sendOut([]errand{{name: "late", pages: 1}}, func(int) error { return nil })
		return f.refused > refused
	})
}

// run is one client.
func (f *fire) run(ctx context.Context, e errand) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(e.delay):
	}
	f.lock.Lock()
	f.asked += e.pages
	f.lock.Unlock()
	submit := f.submit
	if e.resource {
		submit = f.create
	}
	id, err := submit(ctx, e)
	if err != nil || id == "" {
		return err
	}
	f.note(f.accepted, id)
	return f.attend(ctx, id, e)
}

// create makes an OcrJob without the API.
func (f *fire) create(ctx context.Context, e errand) (string, error) {
	return e.name, f.client.Create(ctx, &v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace(), Name: e.name},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: samplesURL + e.sample}},
	})
}

// submit submits a document by the API. It returns no id where there is no page left, or a hasty client gets no answer.
func (f *fire) submit(ctx context.Context, e errand) (id string, err error) {
	document := form{fileName: e.name + ".pdf", content: nativePDF(f.name+" "+e.name, e.pages)}
	if e.sample != "" {
		document = form{fileName: e.sample, content: testdata(f, e.sample)}
	}
	body, contentType := document.encode()
	err = wait.PollUntilContextCancel(ctx, 500*time.Millisecond, true, func(context.Context) (bool, error) {
		a, err := f.send(http.MethodPost, "/api/v1/convert", bytes.NewReader(body.Bytes()), contentType)
		switch {
		case err != nil, a.status == http.StatusServiceUnavailable:
			f.lock.Lock()
			f.lost++
			f.lock.Unlock()
			return e.hasty, nil
		case a.status == http.StatusAccepted:
			var told accepted
			err := json.Unmarshal(a.body, &told)
			id = told.JobID
			return true, err
		case a.status == http.StatusTooManyRequests && a.problem().Code == "page_quota_exceeded":
			f.lock.Lock()
			f.refused++
			f.lock.Unlock()
			return true, nil
		}
		return false, fmt.Errorf("submission answered with %d: %s", a.status, a.body)
	})
	return id, err
}

// attend follows a job to its end as clients do, and does to it what the errand says.
func (f *fire) attend(ctx context.Context, id string, e errand) error {
	if e.fate == cancelAtOnce {
		if err := f.cancel(ctx, id); err != nil {
			return err
		}
	}
	polls := 0
	return wait.PollUntilContextCancel(ctx, 500*time.Millisecond, true, func(context.Context) (bool, error) {
		a, err := f.send(http.MethodGet, "/api/v1/jobs/"+id, nil, "")
		switch {
		case err != nil, a.status == http.StatusServiceUnavailable:
			return false, nil
		case a.status == http.StatusNotFound && f.has(f.touched, id):
			return true, nil
		case a.status != http.StatusOK:
			return false, fmt.Errorf("job %s answered with %d: %s", id, a.status, a.body)
		}
		var job jobStatus
		if err := json.Unmarshal(a.body, &job); err != nil {
			return false, err
		}
		if polls++; polls%4 == 1 || job.ended() {
			if err := f.peek(id); err != nil {
				return false, err
			}
		}
		switch {
		case job.ended() && e.fate == deleteAtEnd, job.Status == "PROCESSING" && e.fate == deleteAtWork:
			return true, f.remove(ctx, id)
		case job.Status == "PROCESSING" && e.fate == cancelAtWork && !f.has(f.touched, id):
			return false, f.cancel(ctx, id)
		}
		return job.ended(), nil
	})
}

// peek tries to get a job's result, whatever its state.
func (f *fire) peek(id string) error {
	a, err := f.send(http.MethodGet, "/api/v1/jobs/"+id+"/result", nil, "")
	switch {
	case err != nil, a.status == http.StatusConflict, a.status == http.StatusNotFound, a.status == http.StatusServiceUnavailable:
		return nil
	case a.status == http.StatusOK:
		f.note(f.readable, id)
		return nil
	}
	return fmt.Errorf("result of %s answered with %d: %s", id, a.status, a.body)
}

func (f *fire) cancel(ctx context.Context, id string) error {
	f.note(f.touched, id)
	job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace(), Name: id}}
	return f.client.Patch(ctx, job, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"cancel":true}}`)))
}

func (f *fire) remove(ctx context.Context, id string) error {
	f.note(f.touched, id)
	return f.client.Delete(ctx, &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace(), Name: id}})
}

func (f *fire) note(list map[string]bool, id string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	list[id] = true
}

func (f *fire) has(list map[string]bool, id string) bool {
	f.lock.Lock()
	defer f.lock.Unlock()
	return list[id]
}
