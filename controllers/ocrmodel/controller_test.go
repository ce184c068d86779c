package ocrmodel

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	ac "github.com/openplp/khocr/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

// site is a cluster with the manager's reconciler, and a relay that says what the test has it see.
type site struct {
	*testing.T
	admin, relay client.Client
	model        *v1alpha1.OcrModel
}

func newSite(t *testing.T) *site {
	t.Helper()
	environment := testenv.Start(t)
	mgr := testenv.NewManager(t, environment.Manager)
	if err := (&Reconciler{Client: mgr.GetClient(), Now: time.Now}).SetupWithManager(mgr); err != nil {
		t.Fatal(err)
	}
	testenv.Run(t, mgr)
	relay, err := client.New(testenv.As(environment.Admin, "system:serviceaccount:khocr-system:khocr-relay"), client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	vision := endpoint(0, metav1.ConditionTrue, v1alpha1.ReasonReachable)
	vision.Spec.DisplayName, vision.Spec.Languages = v1alpha1.LocalizedText{En: "Vision"}, []string{"km"}
	s := &site{T: t, admin: environment.Client, relay: relay, model: &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "vision"}, Spec: vision.Spec}}
	s.must(s.admin.Create(t.Context(), s.model))
	return s
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// sees has the relay say what it saw of the model's generation. It forces nothing.
func (s *site) sees(status metav1.ConditionStatus, reason string) {
	s.Helper()
	now := metav1.Now()
	said := ac.OcrModel(s.model.Name).WithStatus(ac.OcrModelStatus().WithProbedAt(now).WithConditions(metav1ac.Condition().
		WithType(v1alpha1.ConditionReachable).WithStatus(status).WithReason(reason).WithMessage("The relay says " + reason).
		WithObservedGeneration(s.model.Generation).WithLastTransitionTime(now)))
	s.must(s.relay.Status().Apply(s.Context(), said, client.FieldOwner("khocr-relay")))
}

// awaitReady waits until the condition Ready has a reason, and gives it.
func (s *site) awaitReady(reason string) (ready *metav1.Condition) {
	s.Helper()
	testenv.Await(s, "the model says "+reason, func() bool {
		s.must(s.admin.Get(s.Context(), client.ObjectKeyFromObject(s.model), s.model))
		ready = meta.FindStatusCondition(s.model.Status.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Reason == reason && ready.ObservedGeneration == s.model.Generation
	})
	return ready
}

// TestTheRelayAndTheManagerWriteOneStatus has both write the status of a model, each with its name and the policies in force.
func TestTheRelayAndTheManagerWriteOneStatus(t *testing.T) {
	s := newSite(t)
	s.awaitReady(reasonNotProbed)
	s.sees(metav1.ConditionTrue, v1alpha1.ReasonReachable)
	s.awaitReady(reasonAvailable)
	s.sees(metav1.ConditionFalse, v1alpha1.ReasonUnreachable)
	if ready := s.awaitReady(v1alpha1.ReasonUnreachable); ready.Status != metav1.ConditionFalse || ready.Message != "The relay says Unreachable; no Plan has the name free, standard" {
		t.Errorf("the model says %+v", ready)
	}

	s.model.Spec.OpenAI.Model = "another"
	s.must(s.admin.Update(t.Context(), s.model))
	s.awaitReady(reasonNotProbed)
	s.sees(metav1.ConditionTrue, v1alpha1.ReasonReachable)
	if ready := s.awaitReady(reasonAvailable); !strings.Contains(ready.Message, "the model another; no Plan") {
		t.Errorf("the model says %+v", ready)
	}
	for _, name := range []string{"free", "standard"} {
		s.must(s.admin.Create(t.Context(), &v1alpha1.Plan{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.PlanSpec{
			DisplayName: v1alpha1.LocalizedText{En: name},
			Limits: v1alpha1.PlanLimits{RequestsPerMinute: 1, PagesPerMonth: new(int64(1)), MaxFileBytes: 1,
				Priorities: []v1alpha1.Priority{v1alpha1.PriorityLow}, MaxConcurrentJobs: 1, JobTTLSeconds: 60, ResultRetentionSeconds: 60}}}))
	}
	testenv.Await(t, "the plans are known", func() bool { return !strings.Contains(s.awaitReady(reasonAvailable).Message, "Plan") })

	// An endpoint that comes and goes faster than anybody can follow.
	for i := range 40 {
		if i%2 == 0 {
			s.sees(metav1.ConditionFalse, v1alpha1.ReasonUnreachable)
		} else {
			s.sees(metav1.ConditionTrue, v1alpha1.ReasonReachable)
		}
	}
	testenv.Await(t, "Ready has followed Reachable", func() bool {
		s.awaitReady(reasonAvailable)
		return meta.IsStatusConditionTrue(s.model.Status.Conditions, v1alpha1.ConditionReachable)
	})

	for _, owned := range s.model.ManagedFields {
		fields, its := owned.FieldsV1.GetRawString(), owned.Manager == "khocr-relay"
		if owned.Subresource != "status" {
			continue
		}
		if strings.Contains(fields, "probedAt") != its || strings.Contains(fields, `\"Reachable\"`) != its {
			t.Errorf("%s owns %s", owned.Manager, fields)
		}
	}
}
