// Package ocrmodel reconciles OcrModels: it says of each whether it can be used, and which of several default ones is the
// default. It never opens trained data: what a worker image lacks is found out by its worker. Nor does it talk to an endpoint:
// the relay does, and says what it saw in the same status.
package ocrmodel

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Reasons of a model's conditions, beside those that the relay gives.
const (
	reasonAvailable       = "Available"
	reasonEngineUnknown   = "EngineUnknown"
	reasonNotProbed       = "NotProbed"
	reasonAnotherIsOldest = "OlderDefault"
)

// staleAfter is the time after which nobody believes any more what the relay saw. It looks every few minutes.
const staleAfter = 15 * time.Minute

// readiness is whether a model can be used.
type readiness struct {
	ready           bool
	reason, message string
	// stalled tells that a model which is not ready stays so until somebody changes something.
	stalled bool
}

// decide computes the status that a model shall have, and the time after which time alone could change it, 0 for never. Models
// and plans are all there are.
func decide(model *v1alpha1.OcrModel, models []v1alpha1.OcrModel, plans []v1alpha1.Plan, now metav1.Time) (*v1alpha1.OcrModelStatus, time.Duration) {
	status := model.Status.DeepCopy()
	status.ObservedGeneration = model.Generation
	set := func(kind string, value bool, reason, message string) {
		condition := metav1.Condition{
			Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message,
			ObservedGeneration: model.Generation, LastTransitionTime: now,
		}
		if value {
			condition.Status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&status.Conditions, condition)
	}
	only := func(kind string, value bool, reason, message string) {
		if value {
			set(kind, true, reason, message)
		} else {
			meta.RemoveStatusCondition(&status.Conditions, kind)
		}
	}
	is, wait := readinessOf(model, now.Time)
	if model.IsAI() {
		is.message += unknownPlans(model, plans)
	} else {
		// What the relay saw of a model that was an endpoint's once.
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionReachable)
		status.ProbedAt = nil
	}
	set(v1alpha1.ConditionReady, is.ready, is.reason, is.message)
	only(v1alpha1.ConditionStalled, !is.ready && is.stalled, is.reason, is.message)
	only(v1alpha1.ConditionReconciling, !is.ready && !is.stalled, is.reason, is.message)
	first := oldestDefault(models)
	conflict := model.IsDefault() && first.Name != model.Name
	message := ""
	if conflict {
		message = fmt.Sprintf("The OcrModel %s is older and stays the default", first.Name)
	}
	only(v1alpha1.ConditionDefaultConflict, conflict, reasonAnotherIsOldest, message)
	return status, wait
}

// readinessOf a model at a moment, and the time after which it may be otherwise though nothing has changed.
func readinessOf(model *v1alpha1.OcrModel, now time.Time) (readiness, time.Duration) {
	switch {
	case model.Spec.Engine == v1alpha1.EngineTesseract && model.Spec.Tesseract != nil:
		return readiness{ready: true, reason: reasonAvailable, message: "Workers carry the trained data " + model.Spec.Tesseract.TrainedData}, 0
	case !model.IsAI():
		problem := fmt.Sprintf("No worker runs the engine %s as it is set up here", model.Spec.Engine)
		return readiness{reason: reasonEngineUnknown, message: problem, stalled: true}, 0
	}
	seen, at := meta.FindStatusCondition(model.Status.Conditions, v1alpha1.ConditionReachable), model.Status.ProbedAt
	if seen == nil || at == nil || seen.ObservedGeneration != model.Generation {
		return readiness{reason: reasonNotProbed, message: "The relay has not looked at the endpoint as it is set up here: does one run?"}, 0
	}
	fresh := at.Add(staleAfter).Sub(now)
	switch {
	case fresh <= 0:
		return readiness{reason: reasonNotProbed, message: fmt.Sprintf("The relay has not looked at the endpoint since %s: does one run?",
			at.UTC().Format(time.RFC3339))}, 0
	case seen.Status == metav1.ConditionTrue:
		return readiness{ready: true, reason: reasonAvailable, message: "The endpoint answers, and has the model " + model.Spec.OpenAI.Model}, fresh
	}
	return readiness{reason: seen.Reason, message: seen.Message, stalled: slices.Contains(lasting, seen.Reason)}, fresh
}

// lasting are the reasons for which an endpoint cannot be used before somebody changes a key, an address or what it serves. An
// endpoint that is away or in trouble mostly comes back by itself.
var lasting = []string{
	v1alpha1.ReasonUnauthorized, v1alpha1.ReasonKeyMissing, v1alpha1.ReasonAddressRefused, v1alpha1.ReasonModelMissing,
}

// unknownPlans names the plans that may use a model and do not exist, as the end of a message.
func unknownPlans(model *v1alpha1.OcrModel, plans []v1alpha1.Plan) string {
	var unknown []string
	for _, rule := range model.Spec.OpenAI.Plans {
		if !slices.ContainsFunc(plans, func(plan v1alpha1.Plan) bool { return plan.Name == rule.Name }) {
			unknown = append(unknown, rule.Name)
		}
	}
	if len(unknown) == 0 {
		return ""
	}
	return "; no Plan has the name " + strings.Join(unknown, ", ")
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
