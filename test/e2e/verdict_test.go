package e2e

import (
	"encoding/json"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/openplp/khocr/api/v1alpha1"
)

// outcome is what a round was like.
type outcome struct {
	round                          string
	killed                         kills
	jobs, asked, delivered         int
	refused, failed, touched, lost int
	versions                       int
	peak                           int64
	used                           map[string]int64
}

// settle waits until every job has ended and been let go, and holds the ledger against what was delivered.
func (f *fire) settle(round string, killed kills) outcome {
	f.Helper()
	f.until("every job is settled", f.settled)
	versions, peak, faults := f.book.verdict()
	o := outcome{
		round: round, killed: killed, asked: f.asked, refused: f.refused, touched: len(f.touched), lost: f.lost,
		versions: versions, peak: peak, used: f.book.used(),
	}
	known := map[string]bool{}
	f.roll.each(func(job *v1alpha1.OcrJob, gone bool) {
		known[job.Name] = true
		o.jobs++
		if job.Status.Phase == v1alpha1.PhaseFailed {
			o.failed++
		}
		delivered := f.judge(job, gone)
		o.delivered += delivered
		if charged, open := f.book.charged(job.UID); open || charged != int64(delivered) {
			f.Errorf("job %s was charged %d pages (open: %v), %d were delivered; status %+v", job.Name, charged, open, delivered, job.Status)
		}
	})
	for id := range f.accepted {
		if !known[id] {
			f.Errorf("job %s was accepted and never was", id)
		}
	}
	for _, fault := range faults {
		f.Errorf("ledger: %s", fault)
	}
	if charged := f.book.sum(); charged != int64(o.delivered) {
		f.Errorf("%d pages were charged, %d delivered", charged, o.delivered)
	}
	f.awaitUsage(o.used)
	if o.refused+o.failed == 0 {
		f.Error("nobody ran into the limit: the round proves nothing")
	}
	f.Logf("%+v", o)
	return o
}

// settled tells that every job has ended and been let go, and that its last version and the ledger's were seen.
func (f *fire) settled() bool {
	jobs := &v1alpha1.OcrJobList{}
	f.must(f.client.List(f.Context(), jobs, inNamespace(f.tenant)))
	live := map[string]string{}
	for i := range jobs.Items {
		job := &jobs.Items[i]
		if !job.Status.Phase.Ended() || controllerutil.ContainsFinalizer(job, v1alpha1.FinalizerLedger) || job.DeletionTimestamp != nil {
			return false
		}
		live[string(job.UID)] = job.ResourceVersion
	}
	caughtUp := true
	f.roll.each(func(job *v1alpha1.OcrJob, gone bool) {
		version, there := live[string(job.UID)]
		delete(live, string(job.UID))
		caughtUp = caughtUp && there == !gone && (gone || version == job.ResourceVersion)
	})
	organization := &v1alpha1.Organization{}
	f.must(f.client.Get(f.Context(), client.ObjectKey{Name: f.name}, organization))
	return caughtUp && len(live) == 0 && f.book.hasSeen(organization.ResourceVersion)
}

// judge says how many pages a settled job has delivered, and what is wrong with its end.
func (f *fire) judge(job *v1alpha1.OcrJob, gone bool) int {
	f.Helper()
	touched, readable := f.touched[job.Name], f.readable[job.Name]
	failure := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionFailed)
	switch phase := job.Status.Phase; {
	case phase == v1alpha1.PhaseCompleted:
	case phase == v1alpha1.PhaseCancelled && touched:
	case phase == v1alpha1.PhaseFailed && failure != nil && failure.Reason == v1alpha1.ReasonPageQuotaExceeded && !readable:
	default:
		f.Errorf("job %s ended as %s (%+v); taken back: %v, its result was readable: %v", job.Name, phase, failure, touched, readable)
	}
	if gone && !touched {
		f.Errorf("job %s is gone, and no client has deleted it", job.Name)
	}
	if gone {
		return lastDelivered(job)
	}
	told := f.await(job.Name)
	if told.Status == "FAILED" && (told.Error == nil || told.Error.Code != "page_quota_exceeded") {
		f.Errorf("job = %+v, error %+v", told, told.Error)
	}
	return f.delivered(job.Name, told.Status)
}

// delivered counts the pages that the API gives out of an ended job.
func (f *fire) delivered(id, status string) int {
	f.Helper()
	var a answer
	f.until("the result of "+id+" is answered", func() bool {
		var err error
		a, err = f.send(http.MethodGet, "/api/v1/jobs/"+id+"/result?format=json", nil, "")
		return err == nil && a.status != http.StatusServiceUnavailable
	})
	if a.status == http.StatusConflict && (status == "FAILED" || status == "CANCELLED") {
		return 0
	}
	if a.status != http.StatusOK || status == "FAILED" {
		f.Errorf("result of %s, which is %s: %d %s", id, status, a.status, a.body)
		return 0
	}
	var r result
	f.must(json.Unmarshal(a.body, &r))
	pages := 0
	for _, page := range r.Pages {
		if page.Error == nil {
			pages++
		}
	}
	return pages
}

// lastDelivered counts the pages that could be read of a job before it was deleted, or while it was.
func lastDelivered(job *v1alpha1.OcrJob) int {
	status := &job.Status
	if status.Pages == nil || status.Phase == v1alpha1.PhaseFailed || !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionQuotaReserved) {
		return 0
	}
	return int(status.Pages.Done - status.Pages.Failed)
}
