package sweep

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/archive"
)

// Moments of the story of one job: it ended at the first.
var (
	end     = time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC)
	ttlEnds = end.Add(24 * time.Hour)
	expires = end.Add(7 * 24 * time.Hour)
)

const day = 24 * time.Hour

func endedJob(changes ...func(*v1alpha1.OcrJob)) *v1alpha1.OcrJob {
	job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a", UID: "first"}}
	job.Spec.TTLSecondsAfterFinished = new(int32(24 * 3600))
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, CompletionTime: &metav1.Time{Time: end}}
	for _, change := range changes {
		change(job)
	}
	return job
}

func running(job *v1alpha1.OcrJob) {
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseRunning}
	job.Finalizers = []string{v1alpha1.FinalizerLedger}
}
func held(job *v1alpha1.OcrJob)    { job.Finalizers = []string{v1alpha1.FinalizerLedger} }
func lasting(job *v1alpha1.OcrJob) { job.Spec.TTLSecondsAfterFinished = nil }
func leaving(job *v1alpha1.OcrJob) { job.DeletionTimestamp = &metav1.Time{Time: ttlEnds} }
func second(job *v1alpha1.OcrJob)  { job.UID = "second" }

func recordOf(job *v1alpha1.OcrJob) *archive.Record {
	return &archive.Record{Job: *job, ExpiresAt: expires}
}

func TestDecide(t *testing.T) {
	purged := recordOf(endedJob()).Tombstone(archive.Purged, end.Add(day))
	expired := recordOf(endedJob()).Tombstone(archive.Expired, expires)
	for name, test := range map[string]struct {
		now       time.Time
		job       *v1alpha1.OcrJob
		record    *archive.Record
		forgotten bool
		want      Decision
	}{
		"nothing":                            {end, nil, nil, false, Decision{}},
		"a job at work":                      {end, endedJob(running), nil, false, Decision{}},
		"a job that is not settled":          {end.Add(99 * day), endedJob(held), nil, false, Decision{}},
		"a job that has ended":               {end, endedJob(), nil, false, Decision{Step: Archive}},
		"one that is being deleted, too":     {end, endedJob(leaving), nil, false, Decision{Step: Archive}},
		"a record holds until the TTL":       {end.Add(time.Hour), endedJob(), recordOf(endedJob()), false, Decision{After: 23 * time.Hour}},
		"the TTL is over":                    {ttlEnds, endedJob(), recordOf(endedJob()), false, Decision{Step: DeleteJob}},
		"the TTL is over without a record":   {ttlEnds, endedJob(), nil, false, Decision{Step: Archive}},
		"the OcrJob is going":                {ttlEnds, endedJob(leaving), recordOf(endedJob()), false, Decision{After: 6 * day}},
		"a record without an OcrJob":         {ttlEnds, nil, recordOf(endedJob()), false, Decision{After: 6 * day}},
		"a job that stays until deleted":     {ttlEnds, endedJob(lasting), recordOf(endedJob()), false, Decision{After: 6 * day}},
		"the result expires":                 {expires, nil, recordOf(endedJob()), false, Decision{Step: Expire}},
		"the result of a live job does too":  {expires, endedJob(lasting), recordOf(endedJob()), false, Decision{Step: Expire}},
		"an expired one is emptied":          {expires, nil, expired, false, Decision{Step: Forget}},
		"and then told of for 30 days":       {expires, nil, expired, true, Decision{After: 30 * day}},
		"and then forgotten":                 {expires.Add(30 * day), nil, expired, true, Decision{Step: RemoveRecord}},
		"emptied once more before that":      {expires.Add(30 * day), nil, expired, false, Decision{Step: Forget}},
		"but not while its OcrJob is there":  {expires.Add(90 * day), endedJob(lasting), expired, true, Decision{}},
		"an expired job's TTL comes later":   {expires, endedJob(func(j *v1alpha1.OcrJob) { j.Spec.TTLSecondsAfterFinished = new(int32(8 * 24 * 3600)) }), expired, true, Decision{After: day}},
		"an expired job's TTL ends":          {expires.Add(day), endedJob(), expired, true, Decision{Step: DeleteJob}},
		"a purged one is emptied first":      {ttlEnds, endedJob(), purged, false, Decision{Step: Forget}},
		"then its OcrJob goes":               {end.Add(day), endedJob(lasting), purged, true, Decision{Step: DeleteJob}},
		"then the ledger is waited for":      {end.Add(day), endedJob(held, leaving), purged, true, Decision{}},
		"even one that is not settled":       {end.Add(day), endedJob(held), purged, true, Decision{Step: DeleteJob}},
		"then it is told of for 30 days":     {end.Add(2 * day), nil, purged, true, Decision{After: 29 * day}},
		"the name is given again":            {end.Add(day), endedJob(second, running), recordOf(endedJob()), false, Decision{After: 6 * day}},
		"the second job's result is another": {expires, endedJob(second, running), recordOf(endedJob()), false, Decision{Step: Expire}},
		"the second job has ended":           {end.Add(day), endedJob(second), recordOf(endedJob()), false, Decision{Step: Supersede}},
		"the second job after a tombstone":   {end.Add(day), endedJob(second), purged, true, Decision{Step: Supersede}},
		"the second job is not settled":      {end.Add(day), endedJob(second, held), purged, true, Decision{After: 30 * day}},
		"a tombstone goes beside the second": {end.Add(31 * day), endedJob(second, running), purged, true, Decision{Step: RemoveRecord}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Decide(Case{Now: test.now, Job: test.job, Record: test.record, Forgotten: test.forgotten})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
