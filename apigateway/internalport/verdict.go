package internalport

import (
	"slices"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
)

// maxAttempts is how often a model is asked about a page.
const maxAttempts = 2

// step is what to do once a model was asked about a page.
type step int

const (
	// use its text.
	use step = iota
	// askAgain the same.
	askAgain
	// fallBack to what the recogniser has read.
	fallBack
	// fail the page.
	fail
)

// nextStep says what to do after an attempt, counted from 1, which came to nothing for a reason: that of the relay, of the guard, or
// none where the text can be believed.
func nextStep(reason string, attempt int, fallsBack bool) step {
	switch {
	case reason == "":
		return use
	case attempt < maxAttempts && slices.Contains(worthAnother, reason):
		return askAgain
	case fallsBack:
		return fallBack
	}
	return fail
}

// worthAnother are the reasons for which a model is asked again: what it said was no good, and it may say something else, or the
// relay was away, which a new one replaces within seconds. The relay itself has tried again whatever an endpoint gets over in time.
var worthAnother = []string{
	document.AIUnavailable, document.AIMalformed, document.AITooLong, document.AICutOff, document.AIEmpty, document.AIRefused,
	document.AIGuardLength, document.AIGuardScript, document.AIGuardRepetition, document.AIGuardUnlike, document.AIGuardForeign,
}

// hopeless tells of a reason that one line of a page had that the others would have it, too.
func hopeless(reason string) bool {
	return reason != "" && reason != document.AITimeout && (reason == document.AIUnavailable || !slices.Contains(worthAnother, reason))
}

// roleOf is what an AI model is to do with the pages of a job, and the model's name; nothing where none has anything to do with them.
func roleOf(job *v1alpha1.OcrJob) (role document.AIRole, model string) {
	switch {
	case job.Status.Recognizer != "":
		return document.RoleReader, job.Status.Model
	case job.Status.Corrector != "":
		return document.RoleCorrector, job.Status.Corrector
	}
	return "", ""
}

// recognizerOf is the name of the model of Tesseract that reads the pages of a job.
func recognizerOf(job *v1alpha1.OcrJob) string {
	for _, name := range []string{job.Status.Recognizer, job.Status.Model} {
		if name != "" {
			return name
		}
	}
	return job.Spec.Model
}

// mayAsk tells why a model must not be asked for an organization; nothing where it may. A model that is not there is nil.
func mayAsk(organization *v1alpha1.Organization, model *v1alpha1.OcrModel) string {
	if model == nil || !model.IsAI() {
		return document.AIModelNotFound
	}
	switch organization.MayUse(model) {
	case v1alpha1.ReasonModelNotAllowed:
		return document.AINotAllowed
	case v1alpha1.ReasonExternalModelNotAllowed:
		return document.AINotOptedIn
	}
	return ""
}
