package statemetrics

import (
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

var now = time.Date(2026, 8, 31, 18, 0, 0, 0, time.UTC) // September in Phnom Penh

func job(phase v1alpha1.JobPhase, priority v1alpha1.Priority, age time.Duration, condition, reason string) v1alpha1.OcrJob {
	made := v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(now.Add(-age))},
		Spec:       v1alpha1.OcrJobSpec{Priority: priority},
		Status:     v1alpha1.OcrJobStatus{Phase: phase},
	}
	if condition != "" {
		made.Status.Conditions = []metav1.Condition{{Type: condition, Reason: reason}}
	}
	return made
}

func TestJobsAreCountedByWhatTheyWaitFor(t *testing.T) {
	restored := job(v1alpha1.PhasePending, v1alpha1.PriorityLow, time.Minute, v1alpha1.ConditionStarted, v1alpha1.ReasonSuspended)
	restored.Status.AcceptedAt = new(metav1.NewTime(now.Add(-time.Hour)))
	counts, oldest := countJobs([]v1alpha1.OcrJob{
		job("", "", time.Second, "", ""),
		job(v1alpha1.PhasePending, v1alpha1.PriorityHigh, time.Minute, v1alpha1.ConditionStarted, v1alpha1.ReasonWaitingForCapacity),
		job(v1alpha1.PhasePending, v1alpha1.PriorityHigh, 5*time.Minute, v1alpha1.ConditionStarted, v1alpha1.ReasonWaitingForCapacity),
		restored,
		job(v1alpha1.PhaseRunning, v1alpha1.PriorityHigh, time.Hour, v1alpha1.ConditionStarted, v1alpha1.ReasonWorkerStarted),
		job(v1alpha1.PhaseFailed, v1alpha1.PriorityNormal, time.Hour, v1alpha1.ConditionFailed, v1alpha1.ReasonInvalidDocument),
	}, now)
	wantCounts := map[kind]int{
		{v1alpha1.PhasePending, v1alpha1.PriorityNormal, notSeen}:                         1,
		{v1alpha1.PhasePending, v1alpha1.PriorityHigh, v1alpha1.ReasonWaitingForCapacity}: 2,
		{v1alpha1.PhasePending, v1alpha1.PriorityLow, v1alpha1.ReasonSuspended}:           1,
		{v1alpha1.PhaseRunning, v1alpha1.PriorityHigh, ""}:                                1,
		{v1alpha1.PhaseFailed, v1alpha1.PriorityNormal, v1alpha1.ReasonInvalidDocument}:   1,
	}
	if !reflect.DeepEqual(counts, wantCounts) {
		t.Errorf("counted are %v, want %v", counts, wantCounts)
	}
	wantOldest := map[wait]time.Duration{
		{v1alpha1.PriorityNormal, notSeen}:                           time.Second,
		{v1alpha1.PriorityHigh, v1alpha1.ReasonWaitingForCapacity}:   5 * time.Minute,
		{v1alpha1.PriorityLow, v1alpha1.ReasonSuspended}:             time.Hour,
		{v1alpha1.PriorityNormal, v1alpha1.ReasonWaitingForCapacity}: 0,
		{v1alpha1.PriorityLow, v1alpha1.ReasonWaitingForCapacity}:    0,
		{v1alpha1.PriorityHigh, v1alpha1.ReasonWaitingForSlot}:       0,
		{v1alpha1.PriorityNormal, v1alpha1.ReasonWaitingForSlot}:     0,
		{v1alpha1.PriorityLow, v1alpha1.ReasonWaitingForSlot}:        0,
	}
	if !reflect.DeepEqual(oldest, wantOldest) {
		t.Errorf("the oldest are %v, want %v", oldest, wantOldest)
	}
}

func TestHowAnOrganizationStands(t *testing.T) {
	organization := &v1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Name: "moj"},
		Spec: v1alpha1.OrganizationSpec{
			Overrides: &v1alpha1.LimitOverrides{PagesPerMonth: new(int64(500))},
			APIKeys: []v1alpha1.APIKey{
				{Name: "expired", ExpiresAt: new(metav1.NewTime(now.Add(-time.Hour)))},
				{Name: "later", ExpiresAt: new(metav1.NewTime(now.Add(48 * time.Hour)))},
				{Name: "next", ExpiresAt: new(metav1.NewTime(now.Add(24 * time.Hour)))},
				{Name: "never"},
			},
		},
		Status: v1alpha1.OrganizationStatus{
			Running: 2, Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}},
			Usage: []v1alpha1.MonthUsage{{Month: "2026-08", Settled: 400}, {Month: "2026-09", Settled: 3, Reserved: 7}},
		},
	}
	plan := &v1alpha1.Plan{Spec: v1alpha1.PlanSpec{TimeZone: "Asia/Phnom_Penh", Limits: v1alpha1.PlanLimits{
		PagesPerMonth: new(int64(100)), MaxConcurrentJobs: 5}}}
	full := tenant{name: "moj", ready: true, running: 2, jobLimit: 5, settled: 3, reserved: 7, pageLimit: 500, hasPlan: true, keyExpires: now.Add(24 * time.Hour)}
	withoutPlan := tenant{name: "moj", ready: true, running: 2, keyExpires: full.keyExpires}
	for name, test := range map[string]struct {
		plan *v1alpha1.Plan
		want tenant
	}{
		"with a plan":                      {plan, full},
		"without one":                      {nil, withoutPlan},
		"with one whose time zone is none": {&v1alpha1.Plan{Spec: v1alpha1.PlanSpec{TimeZone: "Asia/Angkor"}}, withoutPlan},
	} {
		if got := observe(organization, test.plan, now); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
