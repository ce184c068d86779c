package ocrmodel

import (
	"strings"
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

// endpoint is a model that the relay has looked at some time ago.
func endpoint(ago time.Duration, status metav1.ConditionStatus, reason string) v1alpha1.OcrModel {
	model := v1alpha1.OcrModel{
		ObjectMeta: metav1.ObjectMeta{Name: "vision", Generation: 3},
		Spec: v1alpha1.OcrModelSpec{Engine: v1alpha1.EngineOpenAI, OpenAI: &v1alpha1.OpenAIModel{
			BaseURL: "http://vllm.models.svc:8000/v1", Model: "qwen", Location: v1alpha1.LocationInCluster,
			Plans: []v1alpha1.ModelPlan{{Name: "free"}, {Name: "standard"}}}},
	}
	model.Status.ProbedAt = new(metav1.NewTime(noon.Add(-ago)))
	model.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: status, Reason: reason,
		Message: "The relay says so", ObservedGeneration: 3, LastTransitionTime: metav1.NewTime(noon.Add(-ago))}}
	return model
}

func TestAModelOfAnEndpointIsReadyWhileTheRelayReachesIt(t *testing.T) {
	never := endpoint(0, metav1.ConditionTrue, v1alpha1.ReasonReachable)
	never.Status = v1alpha1.OcrModelStatus{}
	changed := endpoint(time.Minute, metav1.ConditionTrue, v1alpha1.ReasonReachable)
	changed.Generation = 4
	away := func(reason string) v1alpha1.OcrModel { return endpoint(time.Minute, metav1.ConditionFalse, reason) }

	for name, test := range map[string]struct {
		model  v1alpha1.OcrModel
		reason string
		git    kstatus.Status
		wait   time.Duration
	}{
		"it is ready": {
			endpoint(5*time.Minute, metav1.ConditionTrue, v1alpha1.ReasonReachable), reasonAvailable, kstatus.CurrentStatus, 10 * time.Minute},
		"nobody has looked yet":                  {never, reasonNotProbed, kstatus.InProgressStatus, 0},
		"nobody has looked since it was changed": {changed, reasonNotProbed, kstatus.InProgressStatus, 0},
		"nobody has looked for a quarter of an hour": {
			endpoint(15*time.Minute, metav1.ConditionTrue, v1alpha1.ReasonReachable), reasonNotProbed, kstatus.InProgressStatus, 0},
		"what was seen long ago counts no more": {
			endpoint(time.Hour, metav1.ConditionFalse, v1alpha1.ReasonKeyMissing), reasonNotProbed, kstatus.InProgressStatus, 0},
		"it is away":                 {away(v1alpha1.ReasonUnreachable), v1alpha1.ReasonUnreachable, kstatus.InProgressStatus, 14 * time.Minute},
		"it is in trouble":           {away(v1alpha1.ReasonEndpointError), v1alpha1.ReasonEndpointError, kstatus.InProgressStatus, 14 * time.Minute},
		"it does not take the key":   {away(v1alpha1.ReasonUnauthorized), v1alpha1.ReasonUnauthorized, kstatus.FailedStatus, 14 * time.Minute},
		"there is no key":            {away(v1alpha1.ReasonKeyMissing), v1alpha1.ReasonKeyMissing, kstatus.FailedStatus, 14 * time.Minute},
		"it is where none may be":    {away(v1alpha1.ReasonAddressRefused), v1alpha1.ReasonAddressRefused, kstatus.FailedStatus, 14 * time.Minute},
		"it does not have the model": {away(v1alpha1.ReasonModelMissing), v1alpha1.ReasonModelMissing, kstatus.FailedStatus, 14 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			plans := []v1alpha1.Plan{{ObjectMeta: metav1.ObjectMeta{Name: "free"}}, {ObjectMeta: metav1.ObjectMeta{Name: "standard"}}}
			status, wait := decide(&test.model, nil, plans, noon)
			ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			if (ready.Status == metav1.ConditionTrue) != (test.reason == reasonAvailable) || ready.Reason != test.reason || ready.ObservedGeneration != test.model.Generation {
				t.Errorf("ready is %+v, want %s", ready, test.reason)
			}
			if wait != test.wait {
				t.Errorf("it is looked at again after %v, want %v", wait, test.wait)
			}
			if seen, now := meta.FindStatusCondition(test.model.Status.Conditions, v1alpha1.ConditionReachable),
				meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReachable); !equality.Semantic.DeepEqual(seen, now) {
				t.Errorf("what the relay wrote has become %+v", now)
			}
			test.model.Status = *status
			if got := testenv.Kstatus(t, &test.model); got != test.git {
				t.Errorf("kstatus says %s, want %s", got, test.git)
			}
			if again, _ := decide(&test.model, nil, plans, metav1.NewTime(noon.Add(time.Second))); !equality.Semantic.DeepEqual(status, again) {
				t.Errorf("deciding once more changes the status to %+v", again)
			}
		})
	}
}

func TestPlansThatDoNotExistAreNamed(t *testing.T) {
	vision := endpoint(time.Minute, metav1.ConditionTrue, v1alpha1.ReasonReachable)
	status, _ := decide(&vision, nil, []v1alpha1.Plan{{ObjectMeta: metav1.ObjectMeta{Name: "free"}}}, noon)
	if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); ready.Status != metav1.ConditionTrue ||
		!strings.HasSuffix(ready.Message, "; no Plan has the name standard") {
		t.Errorf("ready is %+v", ready)
	}
}

func TestAModelThatIsNoEndpointsAnyMoreForgetsWhatTheRelaySaw(t *testing.T) {
	vision := endpoint(time.Minute, metav1.ConditionFalse, v1alpha1.ReasonKeyMissing)
	vision.Status = *decided(&vision)
	vision.Spec = model("vision", 0, false).Spec
	status := decided(&vision)
	if status.ProbedAt != nil || meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReachable) != nil ||
		!meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) || meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStalled) != nil {
		t.Errorf("the status is %+v", status)
	}
}
