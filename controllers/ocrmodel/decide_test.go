package ocrmodel

import (
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

var noon = metav1.NewTime(time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC))

func model(name string, age time.Duration, asDefault bool) v1alpha1.OcrModel {
	return v1alpha1.OcrModel{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 3, CreationTimestamp: metav1.NewTime(noon.Add(-age))},
		Spec: v1alpha1.OcrModelSpec{
			Engine: v1alpha1.EngineTesseract, Tesseract: &v1alpha1.TesseractModel{TrainedData: "khm"}, Default: &asDefault,
		},
	}
}

// decided is the status at noon among the models.
func decided(model *v1alpha1.OcrModel, models ...v1alpha1.OcrModel) *v1alpha1.OcrModelStatus {
	status, _ := decide(model, models, nil, noon)
	return status
}

func TestDecide(t *testing.T) {
	young, old := model("young", time.Minute, true), model("old", time.Hour, true)
	twin := model("twin", time.Hour, true)
	plain := model("plain", 2*time.Hour, false)
	foreign := model("foreign", time.Hour, false)
	foreign.Spec.Tesseract = nil

	tests := map[string]struct {
		model  v1alpha1.OcrModel
		models []v1alpha1.OcrModel

		ready, conflict bool
	}{
		"a model of tesseract is ready":                              {plain, []v1alpha1.OcrModel{plain}, true, false},
		"a model without settings for its engine is not":             {foreign, []v1alpha1.OcrModel{foreign}, false, false},
		"the only default one has no conflict":                       {young, []v1alpha1.OcrModel{young, plain}, true, false},
		"the younger of two default ones is told":                    {young, []v1alpha1.OcrModel{young, old}, true, true},
		"the older of two default ones stays the default":            {old, []v1alpha1.OcrModel{young, old}, true, false},
		"of two default ones of the same second the first name wins": {twin, []v1alpha1.OcrModel{twin, old}, true, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			status, _ := decide(&test.model, test.models, nil, noon)
			if got := meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady); got != test.ready {
				t.Errorf("ready is %v, want %v", got, test.ready)
			}
			if got := meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionDefaultConflict); got != test.conflict {
				t.Errorf("a conflict is told: %v, want %v", got, test.conflict)
			}
			want := kstatus.FailedStatus
			if test.ready {
				want = kstatus.CurrentStatus
			}
			seen := test.model.DeepCopy()
			seen.Status = *status
			if got := testenv.Kstatus(t, seen); got != want {
				t.Errorf("kstatus says %s, want %s", got, want)
			}
			for _, condition := range status.Conditions {
				if condition.ObservedGeneration != 3 {
					t.Errorf("condition %s was observed at generation %d, want 3", condition.Type, condition.ObservedGeneration)
				}
			}
			test.model.Status = *status
			if again, _ := decide(&test.model, test.models, nil, metav1.NewTime(noon.Add(time.Hour))); !equality.Semantic.DeepEqual(status, again) {
				t.Errorf("deciding once more changes the status to %+v", again)
			}
		})
	}
}

func TestAStalledModelRecovers(t *testing.T) {
	mended := model("mended", time.Hour, false)
	settings := mended.Spec.Tesseract
	mended.Spec.Tesseract = nil
	mended.Status = *decided(&mended, mended)
	mended.Spec.Tesseract = settings
	status := decided(&mended, mended)
	if meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStalled) != nil {
		t.Error("the model is still told to be stalled")
	}
}

func TestAConflictGoesWithTheOtherModel(t *testing.T) {
	young, old := model("young", time.Minute, true), model("old", time.Hour, true)
	young.Status = *decided(&young, young, old)
	status := decided(&young, young)
	if meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionDefaultConflict) != nil {
		t.Error("the conflict is still told")
	}
}
