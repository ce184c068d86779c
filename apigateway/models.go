package apigateway

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/jobview"
)

// modelsView is the answer of GET /api/v1/models.
type modelsView struct {
	Models []modelView `json:"models"`
}

// modelView is a model that documents can be read with.
type modelView struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	NameKm string `json:"name_km"`
	// Type is ocr for a program that recognises characters, ai for anything else.
	Type      string               `json:"type"`
	Engine    v1alpha1.ModelEngine `json:"engine"`
	Languages []string             `json:"languages"`
	Default   bool                 `json:"default"`
	Ready     bool                 `json:"ready"`
	// Reason why the model is not ready, null where it is, and the same for people.
	Reason    *string `json:"reason"`
	Message   string  `json:"message,omitempty"`
	MessageKm string  `json:"message_km,omitempty"`
}

// ModelTroubles lists why models are not ready, by the reason of the OcrModel's condition Ready.
func ModelTroubles() map[string]jobview.Reason {
	return map[string]jobview.Reason{
		"EngineUnknown": {
			Code: "engine_unknown", Message: "No worker runs the engine of the model.", MessageKm: "គ្មានកម្មវិធីសម្រាប់ដំណើរការម៉ូដែលនេះទេ។"},
		"NotChecked": {
			Code: "not_checked", Message: "The model has not been looked at yet.", MessageKm: "ម៉ូដែលនេះមិនទាន់ត្រូវបានពិនិត្យនៅឡើយទេ។"},
	}
}

// models lists the models of the platform, the default one first.
func (s *Server) models(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	var found v1alpha1.OcrModelList
	if err := s.Client.List(r.Context(), &found, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list the models: %w", err)
	}
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, http.StatusOK, "application/json", modelsOf(found.Items))
	return nil
}

func modelsOf(models []v1alpha1.OcrModel) modelsView {
	var first *v1alpha1.OcrModel
	for i := range models {
		if model := &models[i]; model.IsDefault() && (first == nil || v1alpha1.Older(model, first)) {
			first = model
		}
	}
	view := modelsView{Models: make([]modelView, 0, len(models))}
	for i := range models {
		view.Models = append(view.Models, modelOf(&models[i], &models[i] == first))
	}
	slices.SortFunc(view.Models, func(a, b modelView) int {
		if a.Default != b.Default {
			if a.Default {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return view
}

func modelOf(model *v1alpha1.OcrModel, isDefault bool) modelView {
	view := modelView{
		ID: model.Name, Name: model.Spec.DisplayName.En, NameKm: cmp.Or(model.Spec.DisplayName.Km, model.Spec.DisplayName.En),
		Type: "ai", Engine: model.Spec.Engine, Languages: model.Spec.Languages, Default: isDefault,
	}
	if model.Spec.Engine == v1alpha1.EngineTesseract {
		view.Type = "ocr"
	}
	ready := meta.FindStatusCondition(model.Status.Conditions, v1alpha1.ConditionReady)
	if ready != nil && ready.Status == metav1.ConditionTrue {
		view.Ready = true
		return view
	}
	trouble := ModelTroubles()["NotChecked"]
	if ready != nil {
		if known, ok := ModelTroubles()[ready.Reason]; ok {
			trouble = known
		}
	}
	view.Reason, view.Message, view.MessageKm = &trouble.Code, trouble.Message, trouble.MessageKm
	return view
}
