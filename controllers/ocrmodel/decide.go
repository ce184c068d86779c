// Package ocrmodel reconciles OcrModels: it says of each whether it can be used, and which of several default ones is the
// default. It never opens trained data: what a worker image lacks is found out by its worker.
package ocrmodel

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Reasons of a model's conditions.
const (
	reasonAvailable       = "Available"
	reasonEngineUnknown   = "EngineUnknown"
	reasonAnotherIsOldest = "OlderDefault"
)

// decide computes the status that a model shall have. Models are all there are. A model is never about to be ready by
// itself: it is, or it is stalled until somebody changes it.
func decide(model *v1alpha1.OcrModel, models []v1alpha1.OcrModel, now metav1.Time) *v1alpha1.OcrModelStatus {
	status := model.Status.DeepCopy()
	status.ObservedGeneration = model.Generation
	set := func(kind string, value metav1.ConditionStatus, reason, message string) {
		meta.SetStatusCondition(&status.Conditions, metav1.Condition{
			Type: kind, Status: value, Reason: reason, Message: message,
			ObservedGeneration: model.Generation, LastTransitionTime: now,
		})
	}
	if model.Spec.Engine == v1alpha1.EngineTesseract && model.Spec.Tesseract != nil {
		set(v1alpha1.ConditionReady, metav1.ConditionTrue, reasonAvailable, "Workers carry the trained data "+model.Spec.Tesseract.TrainedData)
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionStalled)
	} else {
		problem := fmt.Sprintf("No worker runs the engine %s as it is set up here", model.Spec.Engine)
		set(v1alpha1.ConditionReady, metav1.ConditionFalse, reasonEngineUnknown, problem)
		set(v1alpha1.ConditionStalled, metav1.ConditionTrue, reasonEngineUnknown, problem)
	}
	if first := oldestDefault(models); model.IsDefault() && first.Name != model.Name {
		set(v1alpha1.ConditionDefaultConflict, metav1.ConditionTrue, reasonAnotherIsOldest,
			fmt.Sprintf("The OcrModel %s is older and stays the default", first.Name))
	} else {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionDefaultConflict)
	}
	return status
}

// oldestDefault is the one of the default models that was made first, by name among those of one second; nil without any.
func oldestDefault(models []v1alpha1.OcrModel) *v1alpha1.OcrModel {
	var first *v1alpha1.OcrModel
	for i := range models {
		if model := &models[i]; model.IsDefault() && (first == nil || v1alpha1.Older(model, first)) {
			first = model
		}
	}
	return first
}
