// Package statemetrics tells Prometheus how things stand: how many jobs there are of which kind, how long documents have
// waited, what organizations have used. It is computed from the informers' cache when somebody asks, so it can be neither
// late nor lost. Every manager would tell the same, therefore only the one that leads does, and sums are right.
//
// Labels name organizations, priorities, phases, reasons and models; never a job, a key or a document.
package statemetrics

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/ledger"
)

// kind is what jobs are counted by.
type kind struct {
	phase    v1alpha1.JobPhase
	priority v1alpha1.Priority
	// reason is why a job waits, or why it failed; empty for others.
	reason string
}

// wait is what the ages of waiting jobs are told by.
type wait struct {
	priority v1alpha1.Priority
	reason   string
}

// notSeen is the reason of a job that the queue has not looked at yet.
const notSeen = "NotSeen"

var priorities = []v1alpha1.Priority{v1alpha1.PriorityHigh, v1alpha1.PriorityNormal, v1alpha1.PriorityLow}

// countJobs counts jobs by kind, and finds the age of the one that has waited longest of each. Jobs that wait for a slot or
// for room are always told of, with an age of 0 where there are none, so that a graph of them has no holes.
func countJobs(jobs []v1alpha1.OcrJob, now time.Time) (map[kind]int, map[wait]time.Duration) {
	counts, oldest := map[kind]int{}, map[wait]time.Duration{}
	for _, priority := range priorities {
		for _, reason := range []string{v1alpha1.ReasonWaitingForSlot, v1alpha1.ReasonWaitingForCapacity} {
			oldest[wait{priority, reason}] = 0
		}
	}
	for i := range jobs {
		kind := kindOf(&jobs[i])
		counts[kind]++
		if kind.phase == v1alpha1.PhasePending {
			waiting := wait{kind.priority, kind.reason}
			oldest[waiting] = max(oldest[waiting], now.Sub(jobs[i].Accepted().Time))
		}
	}
	return counts, oldest
}

func kindOf(job *v1alpha1.OcrJob) kind {
	status := &job.Status
	k := kind{phase: status.Phase, priority: status.Priority}
	if k.priority == "" {
		k.priority = job.Spec.EffectivePriority()
	}
	switch status.Phase {
	case "", v1alpha1.PhasePending:
		k.phase, k.reason = v1alpha1.PhasePending, notSeen
		if started := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStarted); started != nil {
			k.reason = started.Reason
		}
	case v1alpha1.PhaseFailed:
		if failed := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionFailed); failed != nil {
			k.reason = failed.Reason
		}
	}
	return k
}

// tenant is how an organization stands.
type tenant struct {
	name  string
	ready bool
	// running jobs, and how many may be.
	running, jobLimit int32
	// settled and reserved pages of this month, and how many may be; the limits are only known where hasPlan is.
	settled, reserved, pageLimit int64
	hasPlan                      bool
	// keyExpires is when the next of its keys does; zero where none will.
	keyExpires time.Time
}

// observe finds out how an organization stands. The month is the one that now lies in by the plan's time zone.
func observe(organization *v1alpha1.Organization, plan *v1alpha1.Plan, now time.Time) tenant {
	t := tenant{
		name: organization.Name, running: organization.Status.Running,
		ready: meta.IsStatusConditionTrue(organization.Status.Conditions, v1alpha1.ConditionReady),
	}
	for _, key := range organization.Spec.APIKeys {
		if at := key.ExpiresAt; at != nil && at.After(now) && (t.keyExpires.IsZero() || at.Time.Before(t.keyExpires)) {
			t.keyExpires = at.Time
		}
	}
	if plan == nil {
		return t
	}
	month, err := ledger.Month(now, plan)
	if err != nil {
		return t // the organization is not ready for that
	}
	limits := organization.EffectiveLimits(plan)
	t.hasPlan, t.jobLimit = true, limits.MaxConcurrentJobs
	if limits.PagesPerMonth != nil {
		t.pageLimit = *limits.PagesPerMonth
	}
	for _, usage := range organization.Status.Usage {
		if usage.Month == month {
			t.settled, t.reserved = usage.Settled, usage.Reserved
		}
	}
	return t
}
