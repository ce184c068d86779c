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
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/internal/money"
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
	// LeavesCluster tells whether pages that it reads leave the cluster.
	LeavesCluster bool `json:"leaves_cluster"`
	// Allowed tells whether the caller's organization may use it, and Refusal why not.
	Allowed bool            `json:"allowed"`
	Refusal *jobview.Reason `json:"refusal,omitempty"`
	// Price is null where it costs nothing but pages of the month, and PagesPerPage how many of them each page counts as.
	Price        *priceView `json:"price"`
	PagesPerPage int32      `json:"pages_per_page"`
	Ready        bool       `json:"ready"`
	// Reason why the model is not ready, null where it is, and the same for people.
	Reason    *string `json:"reason"`
	Message   string  `json:"message,omitempty"`
	MessageKm string  `json:"message_km,omitempty"`
}

// priceView is what an AI model costs. Every answer costs.
type priceView struct {
	Currency               string       `json:"currency"`
	PerPage                money.Amount `json:"per_page"`
	PerMillionInputTokens  money.Amount `json:"per_million_input_tokens"`
	PerMillionOutputTokens money.Amount `json:"per_million_output_tokens"`
}

// ModelTroubles lists why models are not ready, by the reason of the OcrModel's condition Ready.
func ModelTroubles() map[string]jobview.Reason {
	return map[string]jobview.Reason{
		"EngineUnknown": {
			Code: "engine_unknown", Message: "No worker runs the engine of the model.", MessageKm: "គ្មានកម្មវិធីសម្រាប់ដំណើរការម៉ូដែលនេះទេ។"},
		"Unreachable": {
			Code: "unreachable", Message: "The model's endpoint cannot be reached.", MessageKm: "មិនអាចភ្ជាប់ទៅម៉ាស៊ីនរបស់ម៉ូដែលបានទេ។"},
		"Unauthorized": {
			Code: "unauthorized", Message: "The model's endpoint does not take the platform's key.",
			MessageKm: "ម៉ាស៊ីនរបស់ម៉ូដែលមិនទទួលយកកូដសម្ងាត់របស់ប្រព័ន្ធទេ។"},
		"KeyMissing": {
			Code: "key_missing", Message: "The key to the model's endpoint is missing.", MessageKm: "ខ្វះកូដសម្ងាត់សម្រាប់ភ្ជាប់ទៅម៉ាស៊ីនរបស់ម៉ូដែល។"},
		"AddressRefused": {
			Code: "address_refused", Message: "The address of the model's endpoint is not allowed.",
			MessageKm: "អាសយដ្ឋានម៉ាស៊ីនរបស់ម៉ូដែលមិនត្រូវបានអនុញ្ញាតទេ។"},
		"ModelMissing": {
			Code: "model_missing", Message: "The endpoint does not have the model.", MessageKm: "ម៉ាស៊ីនមិនមានម៉ូដែលនេះទេ។"},
		"EndpointError": {
			Code: "endpoint_error", Message: "The model's endpoint does not answer as it should.",
			MessageKm: "ម៉ាស៊ីនរបស់ម៉ូដែលមិនឆ្លើយតបត្រឹមត្រូវទេ។"},
		"NotProbed": {
			Code: "not_probed", Message: "Nobody has looked lately whether the model's endpoint answers.",
			MessageKm: "ថ្មីៗនេះមិនទាន់មានការពិនិត្យថាម៉ាស៊ីនរបស់ម៉ូដែលឆ្លើយតបឬទេ។"},
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
	writeBody(w, r, http.StatusOK, "application/json", modelsOf(found.Items, callerOf(r.Context()).organization, s.Currency))
	return nil
}

// modelsOf tells an organization of the models, and of their prices in the currency.
func modelsOf(models []v1alpha1.OcrModel, organization *v1alpha1.Organization, currency string) modelsView {
	var first *v1alpha1.OcrModel
	for i := range models {
		if model := &models[i]; model.IsDefault() && (first == nil || v1alpha1.Older(model, first)) {
			first = model
		}
	}
	view := modelsView{Models: make([]modelView, 0, len(models))}
	for i := range models {
		one := modelOf(&models[i], organization, currency)
		one.Default = &models[i] == first
		view.Models = append(view.Models, one)
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

func modelOf(model *v1alpha1.OcrModel, organization *v1alpha1.Organization, currency string) modelView {
	view := modelView{
		ID: model.Name, Name: model.Spec.DisplayName.En, NameKm: cmp.Or(model.Spec.DisplayName.Km, model.Spec.DisplayName.En),
		Type: "ai", Engine: model.Spec.Engine, Languages: model.Spec.Languages,
		LeavesCluster: model.LeavesCluster(), PagesPerPage: model.PagesPerPage(organization.Spec.PlanRef), Price: priceOf(model, currency),
	}
	if reason := organization.MayUse(model); reason != "" {
		view.Refusal = refusalOf(reason)
	}
	view.Allowed = view.Refusal == nil
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

// refusalOf says why an organization may not use a model, in the words of a submission that is refused.
func refusalOf(reason string) *jobview.Reason {
	problem := modelNotAllowed
	if reason == v1alpha1.ReasonExternalModelNotAllowed {
		problem = externalModelNotAllowed
	}
	return &jobview.Reason{Code: problem.Code, Message: problem.English, MessageKm: problem.Khmer}
}

// priceOf is what a model costs, nil where that is nothing.
func priceOf(model *v1alpha1.OcrModel, currency string) *priceView {
	if !model.IsAI() || model.Spec.OpenAI.Price == nil {
		return nil
	}
	price := model.Spec.OpenAI.Price
	return &priceView{
		Currency: currency, PerPage: spending.AmountOf(price.PerPage),
		PerMillionInputTokens: spending.AmountOf(price.PerMillionInputTokens), PerMillionOutputTokens: spending.AmountOf(price.PerMillionOutputTokens),
	}
}
