package ocrjob

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// Models are the OcrModels that a job is to be read with.
type Models struct {
	// Model is the one in effect.
	Model string
	// Recognizer is the one of Tesseract that stands by where Model is an AI model.
	Recognizer string
	// Corrector is the AI model that corrects unsure lines, where the job wants that.
	Corrector string
	// PagesPerPage is what each page counts as whose text is the AI model's, for a job that one reads; 0 for others.
	PagesPerPage int32

	// Reason and Problem say why the job cannot be read with them; the reason is empty where it can. That the endpoint of an AI
	// model does not answer is no such reason: its pages fall back, or fail, as the job wants it.
	Reason  string
	Problem string
	// Forbidden tells that the organization may not use them, which ends the job; it waits for all else.
	Forbidden bool
}

// recordedModels are those that a job was admitted with.
func recordedModels(status *v1alpha1.OcrJobStatus) Models {
	return Models{Model: status.Model, Recognizer: status.Recognizer, Corrector: status.Corrector, PagesPerPage: status.PagesPerPage}
}

// modelsAmong finds the models that a job is to be read with: those that it is being read with already, whatever has become of
// the permission since; or those that it asks for, with the best of those that read its languages for what it does not name. An AI
// model is never chosen for what it reads. Without an organization nothing is forbidden: such a job does not begin.
func modelsAmong(all []v1alpha1.OcrModel, job *v1alpha1.OcrJob, organization *v1alpha1.Organization) Models {
	chosen := recordedModels(&job.Status)
	if chosen.Model == "" {
		chosen = chooseModels(all, &job.Spec, organization)
	}
	if chosen.Reason == "" {
		chosen.Reason, chosen.Problem = notReady(modelNamed(all, cmp.Or(chosen.Recognizer, chosen.Model)), cmp.Or(chosen.Recognizer, chosen.Model))
	}
	return chosen
}

// chooseModels takes what a job asks for.
func chooseModels(all []v1alpha1.OcrModel, spec *v1alpha1.OcrJobSpec, organization *v1alpha1.Organization) Models {
	named := modelNamed(all, spec.Model)
	if spec.Model != "" && named == nil {
		return Models{Model: spec.Model, Reason: v1alpha1.ReasonModelNotFound, Problem: doesNotExist(spec.Model)}
	}
	corrects := spec.EffectiveCorrection() == v1alpha1.CorrectAI
	asksAI := named != nil && named.IsAI()
	recognizer := named
	if named == nil || asksAI {
		recognizer = bestRecognizer(all, spec.Languages)
	}
	if recognizer == nil && asksAI && !corrects {
		// It only stands by: what the AI model reads, no other need read.
		recognizer = bestRecognizer(all, nil)
	}
	if recognizer == nil {
		return Models{Reason: v1alpha1.ReasonModelNotFound, Problem: nobodyReads(spec.Languages)}
	}
	switch {
	case corrects:
		return chooseCorrector(all, named, recognizer, organization)
	case asksAI:
		chosen := Models{Model: named.Name, Recognizer: recognizer.Name}
		if organization != nil {
			chosen.PagesPerPage = named.PagesPerPage(organization.Spec.PlanRef)
			chosen.forbid(organization.MayUse(named), named.Name, organization)
		}
		return chosen
	}
	return Models{Model: recognizer.Name}
}

// chooseCorrector takes the AI model that the job names, or else the first by name that the organization may use.
func chooseCorrector(all []v1alpha1.OcrModel, named, recognizer *v1alpha1.OcrModel, organization *v1alpha1.Organization) Models {
	chosen := Models{Model: recognizer.Name}
	if named != nil && named.IsAI() {
		chosen.Corrector = named.Name
		if organization != nil {
			chosen.forbid(organization.MayUse(named), named.Name, organization)
		}
		return chosen
	}
	if organization == nil {
		return chosen
	}
	switch model, reason := organization.Corrector(all); {
	case reason == "":
		chosen.Corrector = model.Name
	case model != nil:
		chosen.forbid(reason, model.Name, organization)
	default:
		chosen.forbid(reason, "", organization)
	}
	return chosen
}

// forbid notes why an organization may not use a model, or, without a name, any.
func (m *Models) forbid(reason, model string, organization *v1alpha1.Organization) {
	m.Reason, m.Forbidden = reason, reason != ""
	switch {
	case reason == v1alpha1.ReasonExternalModelNotAllowed:
		m.Problem = fmt.Sprintf("The OcrModel %s is outside of the cluster, which the organization has not allowed", model)
	case reason != "" && model == "":
		m.Problem = fmt.Sprintf("There is no AI model that the organization's Plan %s may use", organization.Spec.PlanRef)
	case reason != "":
		m.Problem = fmt.Sprintf("The OcrModel %s is not for the organization's Plan %s", model, organization.Spec.PlanRef)
	}
}

// modelNamed finds a model, or nil.
func modelNamed(all []v1alpha1.OcrModel, name string) *v1alpha1.OcrModel {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// bestRecognizer is the model of Tesseract for the languages: the default one, the oldest where several claim to be it; and with
// languages that the default one does not read, the first by name that reads them all; nil where there is none.
func bestRecognizer(all []v1alpha1.OcrModel, languages []string) *v1alpha1.OcrModel {
	var best *v1alpha1.OcrModel
	for i := range all {
		model := &all[i]
		if !model.IsAI() && reads(model, languages) && (len(languages) > 0 || model.IsDefault()) && (best == nil || better(model, best)) {
			best = model
		}
	}
	return best
}

// notReady says why a model cannot be used; the reason is empty where it can.
func notReady(model *v1alpha1.OcrModel, name string) (reason, problem string) {
	if model == nil {
		return v1alpha1.ReasonModelNotFound, doesNotExist(name)
	}
	ready := meta.FindStatusCondition(model.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return v1alpha1.ReasonModelNotReady, fmt.Sprintf("The OcrModel %s was not checked yet", name)
	case ready.Status != metav1.ConditionTrue:
		return v1alpha1.ReasonModelNotReady, ready.Message
	}
	return "", ""
}

func doesNotExist(name string) string { return fmt.Sprintf("The OcrModel %s does not exist", name) }

func nobodyReads(languages []string) string {
	if len(languages) > 0 {
		return "No OcrModel reads " + strings.Join(languages, " and ")
	}
	return "No model is asked for and no OcrModel is the default one"
}

func reads(model *v1alpha1.OcrModel, languages []string) bool {
	for _, language := range languages {
		if !slices.ContainsFunc(model.Spec.Languages, func(known string) bool { return strings.EqualFold(known, language) }) {
			return false
		}
	}
	return true
}

// better prefers the default model, the older of several.
func better(a, b *v1alpha1.OcrModel) bool {
	switch {
	case a.IsDefault() != b.IsDefault():
		return a.IsDefault()
	case a.IsDefault():
		return v1alpha1.Older(a, b)
	}
	return a.Name < b.Name
}
