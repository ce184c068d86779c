package ocrjob

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestChooseModel(t *testing.T) {
	model := func(name string, isDefault bool, age time.Duration, languages ...string) v1alpha1.OcrModel {
		return v1alpha1.OcrModel{
			ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(start.Add(-age))},
			Spec:       v1alpha1.OcrModelSpec{Default: &isDefault, Languages: languages},
			Status: v1alpha1.OcrModelStatus{Conditions: []metav1.Condition{
				{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}},
		}
	}
	models := []v1alpha1.OcrModel{
		model("eng", false, 0, "en"), model("khm-eng", false, 0, "km", "en"),
		model("khmer", true, time.Hour, "km"), model("newer", true, 0, "km"),
	}
	broken := model("broken", false, 0, "km")
	broken.Status.Conditions[0].Status, broken.Status.Conditions[0].Message = metav1.ConditionFalse, "No trained data"
	unchecked := model("unchecked", false, 0, "km")
	unchecked.Status.Conditions = nil
	models = append(models, broken, unchecked)

	for name, test := range map[string]struct {
		name         string
		languages    []string
		want, reason string
	}{
		"the one that is named":                        {name: "eng", want: "eng"},
		"the one that is named, whatever it reads":     {name: "eng", languages: []string{"km"}, want: "eng"},
		"the oldest default one":                       {want: "khmer"},
		"the default one where it reads the languages": {languages: []string{"KM"}, want: "khmer"},
		"another where the default one does not":       {languages: []string{"km", "en"}, want: "khm-eng"},
		"none that does not exist":                     {name: "nosuch", want: "nosuch", reason: v1alpha1.ReasonModelNotFound},
		"none for a language that nobody reads":        {languages: []string{"km", "fr"}, reason: v1alpha1.ReasonModelNotFound},
		"none that is broken":                          {name: "broken", want: "broken", reason: v1alpha1.ReasonModelNotReady},
		"none that was not checked":                    {name: "unchecked", want: "unchecked", reason: v1alpha1.ReasonModelNotReady},
	} {
		t.Run("takes "+name, func(t *testing.T) {
			got := chooseModel(models, test.name, test.languages)
			if got.Name != test.want || got.Reason != test.reason || (got.Reason == "") != (got.Problem == "") {
				t.Errorf("model = %+v", got)
			}
		})
	}
	if got := chooseModel(nil, "", nil); got.Reason != v1alpha1.ReasonModelNotFound {
		t.Errorf("without models: %+v", got)
	}
}
