package apigateway

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// modelsAsked makes sure that the organization may have a document read by the models that a spec asks for, and that they can do
// what is asked of them.
func (s *Server) modelsAsked(ctx context.Context, organization *v1alpha1.Organization, spec *v1alpha1.OcrJobSpec) error {
	if spec.Model == "" && spec.EffectiveCorrection() != v1alpha1.CorrectAI && spec.Fallback != v1alpha1.FallbackNone {
		return nil // whichever will be chosen is there for everybody
	}
	var models v1alpha1.OcrModelList
	if err := s.Client.List(ctx, &models, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the models: %w", err)
	}
	return judgeModels(models.Items, organization, spec)
}

// judgeModels says what is wrong with the models that a spec asks for. That the endpoint of an AI model is away is nothing wrong
// as long as the recogniser stands by.
func judgeModels(models []v1alpha1.OcrModel, organization *v1alpha1.Organization, spec *v1alpha1.OcrJobSpec) error {
	named := slices.IndexFunc(models, func(model v1alpha1.OcrModel) bool { return model.Name == spec.Model })
	if spec.Model != "" && named < 0 {
		return unknownModel.detailed("There is no model %s.", shown(spec.Model)).khmer("គ្មានម៉ូដែល %s ទេ។", shown(spec.Model))
	}
	asksAI := named >= 0 && models[named].IsAI()
	corrects := spec.EffectiveCorrection() == v1alpha1.CorrectAI
	strict := spec.Fallback == v1alpha1.FallbackNone
	switch {
	case strict && corrects:
		return invalidParameter.detailed("fallback=none is for an AI model that reads pages; with correct=ai it only corrects lines.").
			khmer("fallback=none សម្រាប់តែម៉ូដែល AI ដែលអានទំព័រ ប៉ុន្តែ correct=ai ស្នើសុំឱ្យវាកែតែបន្ទាត់ប៉ុណ្ណោះ។")
	case strict && !asksAI:
		return invalidParameter.detailed("fallback=none needs an AI model: name one as model.").
			khmer("fallback=none ត្រូវការម៉ូដែល AI សូមបញ្ជាក់ឈ្មោះវាក្នុង model។")
	}
	if named >= 0 {
		model := &models[named]
		if err := refuseModel(organization.MayUse(model), model.Name); err != nil {
			return err
		}
		ready := meta.IsStatusConditionTrue(model.Status.Conditions, v1alpha1.ConditionReady)
		if !ready && (!asksAI || strict) {
			return modelNotReady.detailed("The model %s is not ready.", model.Name).khmer("ម៉ូដែល %s មិនទាន់រួចរាល់នៅឡើយទេ។", model.Name)
		}
	}
	if corrects && !asksAI {
		return correctorAmong(models, organization)
	}
	return nil
}

// correctorAmong makes sure that there is an AI model which the organization may use.
func correctorAmong(models []v1alpha1.OcrModel, organization *v1alpha1.Organization) error {
	model, reason := organization.Corrector(models)
	switch {
	case reason == "":
		return nil
	case model != nil:
		return refuseModel(reason, model.Name)
	}
	return modelNotAllowed.detailed("correct=ai needs an AI model, and the plan has none. Take correct=auto.").
		khmer("correct=ai ត្រូវការម៉ូដែល AI ប៉ុន្តែគម្រោងសេវារបស់អ្នកមិនមានទេ សូមប្រើ correct=auto។")
}

// refuseModel makes a problem of why an organization may not use a model; nil of no reason.
func refuseModel(reason, model string) error {
	switch reason {
	case "":
		return nil
	case v1alpha1.ReasonExternalModelNotAllowed:
		return externalRefused(model)
	}
	return modelNotAllowed.detailed("The plan does not have the model %s. Take one that GET /api/v1/models tells as allowed.", model).
		khmer("គម្រោងសេវារបស់អ្នកមិនមានម៉ូដែល %s ទេ សូមប្រើម៉ូដែលដែល GET /api/v1/models បង្ហាញថាអនុញ្ញាត។", model)
}

func externalRefused(model string) *problemError {
	return externalModelNotAllowed.detailed("Pages that the model %s reads leave the cluster, which the organization has not allowed. "+
		"Take another model, or ask those who run the platform to allow it.", model).
		khmer("ទំព័រដែលម៉ូដែល %s អាននឹងត្រូវផ្ញើចេញក្រៅប្រព័ន្ធ ដែលអង្គភាពរបស់អ្នកមិនបានអនុញ្ញាត សូមប្រើម៉ូដែលផ្សេង ឬស្នើសុំអ្នកគ្រប់គ្រងប្រព័ន្ធឱ្យអនុញ្ញាត។", model)
}
