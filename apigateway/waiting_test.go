package apigateway

import (
	"encoding/json"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
)

// testWaiting looks at jobs of high priority, which no other test makes: they come before whatever else is there.
func testWaiting(t *testing.T, g *gatewaytest.Gateway) {
	slots := func(jobs int32) func(*v1alpha1.Organization) {
		return func(o *v1alpha1.Organization) {
			o.Spec.Overrides = &v1alpha1.LimitOverrides{MaxConcurrentJobs: new(jobs)}
		}
	}
	keys := map[string]string{
		"busy":    g.Organization(t, "busy", slots(4)),
		"idle":    g.Organization(t, "idle", slots(4)),
		"resting": g.Organization(t, "resting", func(o *v1alpha1.Organization) { o.Spec.Suspended = new(true) }),
	}
	g.Organization(t, "uprooted", func(o *v1alpha1.Organization) { o.Spec.PlanRef = "none" })
	a := serve(t, g, nil)
	submit := func(organization, name, reason string) *v1alpha1.OcrJob {
		job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-" + organization, Name: name},
			Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "https://example.org/a.pdf"}, Priority: v1alpha1.PriorityHigh}}
		if err := g.Client.Create(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		job.Status.Phase = v1alpha1.PhasePending
		job.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStarted, Status: metav1.ConditionFalse, Reason: reason,
			LastTransitionTime: metav1.Now()}}
		if reason == v1alpha1.ReasonAdmitted {
			job.Status.Workers = []v1alpha1.WorkerStatus{{Attempt: 1, PodName: name + "-0-1"}}
		}
		g.UpdateStatus(t, job)
		return job
	}
	submit("uprooted", "d1", v1alpha1.ReasonAdmitted)
	submit("uprooted", "d2", v1alpha1.ReasonWaitingForSlot)
	submit("busy", "a1", v1alpha1.ReasonAdmitted)
	held := submit("busy", "a2", v1alpha1.ReasonModelNotReady)
	submit("busy", "a3", v1alpha1.ReasonWaitingForCapacity)
	submit("busy", "a4", v1alpha1.ReasonWaitingForSlot)
	submit("resting", "c1", v1alpha1.ReasonOrganizationSuspended)
	submit("resting", "c2", v1alpha1.ReasonWaitingForSlot)
	submit("idle", "b1", v1alpha1.ReasonWaitingForCapacity)
	submit("idle", "b2", v1alpha1.ReasonWaitingForCapacity)

	check := func(t *testing.T, organization, name, want string) {
		t.Helper()
		var view struct {
			Waiting struct {
				Code, Message string
				MessageKm     string `json:"message_km"`
				Position      *int
			}
		}
		waits := func() string {
			got := a.get(t, "/api/v1/jobs/"+name, keys[organization])
			if err := json.Unmarshal(got.body, &view); err != nil {
				t.Fatalf("%v: %s", err, got.body)
			}
			if view.Waiting.Message == "" || view.Waiting.MessageKm == "" {
				t.Errorf("no text: %s", got.body)
			}
			if view.Waiting.Position == nil {
				return view.Waiting.Code
			}
			return fmt.Sprintf("%s %d", view.Waiting.Code, *view.Waiting.Position)
		}
		var got string
		gatewaytest.Eventually(t, name+" is "+want, func() bool {
			view.Waiting.Position = nil
			got = waits()
			return got == want
		})
	}

	for name, job := range map[string]struct{ organization, name, want string }{
		"a job at work has no position":                                {"busy", "a1", "admitted"},
		"nor one that is held back":                                    {"busy", "a2", "model_not_ready"},
		"nor one of a suspended organization":                          {"resting", "c1", "organization_suspended"},
		"even if it says something else":                               {"resting", "c2", "waiting_for_slot"},
		"the next is that of the organization with the smallest share": {"idle", "b1", "waiting_for_capacity 1"},
		"then come the others in turn":                                 {"busy", "a3", "waiting_for_capacity 2"},
		"and so on":                                                    {"idle", "b2", "waiting_for_capacity 3"},
		"to the last":                                                  {"busy", "a4", "waiting_for_slot 4"},
	} {
		t.Run(name, func(t *testing.T) { check(t, job.organization, job.name, job.want) })
	}

	t.Run("positions follow the jobs", func(t *testing.T) {
		if err := g.Client.Delete(t.Context(), &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: "khocr-idle", Name: "b1"}}); err != nil {
			t.Fatal(err)
		}
		check(t, "idle", "b2", "waiting_for_capacity 1")
		if err := g.Client.Get(t.Context(), client.ObjectKeyFromObject(held), held); err != nil {
			t.Fatal(err)
		}
		held.Status.Conditions[0].Reason = v1alpha1.ReasonWaitingForSlot
		g.UpdateStatus(t, held)
		check(t, "busy", "a2", "waiting_for_slot 2")
		check(t, "busy", "a3", "waiting_for_capacity 3")
	})
}
