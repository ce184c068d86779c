package apigateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
)

func TestModelsOf(t *testing.T) {
	model := func(name string, age int, isDefault bool, conditions ...metav1.Condition) v1alpha1.OcrModel {
		return v1alpha1.OcrModel{
			ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(int64(1000-age), 0))},
			Spec: v1alpha1.OcrModelSpec{Default: &isDefault, Engine: v1alpha1.EngineTesseract, Languages: []string{"km"},
				DisplayName: v1alpha1.LocalizedText{En: "Model " + name}},
			Status: v1alpha1.OcrModelStatus{Conditions: conditions},
		}
	}
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Available"}
	unready := func(reason string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: "pod x on node y"}
	}
	remote := model("remote", 1, false, ready)
	remote.Spec.Engine = "other"
	away := aiModel("away", v1alpha1.LocationExternal, "gold")
	away.Status.Conditions = []metav1.Condition{unready("Unreachable")}
	away.Spec.OpenAI.Price = &v1alpha1.ModelPrice{PerPage: "0.01", PerMillionInputTokens: "1.5"}
	other := aiModel("other", v1alpha1.LocationInCluster, "silver")
	organization := &v1alpha1.Organization{Spec: v1alpha1.OrganizationSpec{PlanRef: "gold", AI: &v1alpha1.AISettings{AllowExternal: new(true)}}}
	view := modelsOf([]v1alpha1.OcrModel{
		other, away,
		model("b", 1, false, unready("EngineUnknown")), model("young", 2, true, ready), model("old", 3, true, ready),
		model("a", 4, false), model("c", 1, false, unready("SomethingNew")), remote,
	}, organization, "KHR")
	var got []string
	for _, m := range view.Models {
		word := m.ID + " " + m.Type
		if m.Default {
			word += " default"
		}
		if m.LeavesCluster {
			word += " leaves"
		}
		if m.Refusal != nil {
			word += " " + m.Refusal.Code
		}
		if m.Allowed != (m.Refusal == nil) {
			t.Errorf("%s is allowed: %t, and refused: %+v", m.ID, m.Allowed, m.Refusal)
		}
		if m.Price != nil {
			word += fmt.Sprintf(" %s %s %s %s", m.Price.PerPage, m.Price.PerMillionInputTokens, m.Price.PerMillionOutputTokens, m.Price.Currency)
		}
		if m.PagesPerPage != 1 {
			word += fmt.Sprintf(" x%d", m.PagesPerPage)
		}
		if m.Ready {
			word += " ready"
		}
		if m.Reason != nil {
			word += " " + *m.Reason
			if m.Message == "" || !isKhmer(m.MessageKm) {
				t.Errorf("%s has no words", m.ID)
			}
		}
		got = append(got, word)
	}
	want := "old ocr default ready, a ocr not_checked, away ai leaves 0.01 1.5 0 KHR x2 unreachable, b ocr engine_unknown, c ocr not_checked, other ai model_not_allowed not_checked, remote ai ready, young ocr ready"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	encoded, err := json.Marshal(view)
	if err != nil || strings.Contains(string(encoded), "node") || !strings.Contains(string(encoded), `"ready":true,"reason":null}`) {
		t.Errorf("%v: %s", err, encoded)
	}
}

func testModels(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "choosing", nil)
	a := serve(t, g, nil)
	if got := a.get(t, "/api/v1/models", key); strings.TrimSpace(string(got.body)) != `{"models":[]}` {
		t.Errorf("without a model: %s", got.body)
	}
	model := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: "khmer"}, Spec: v1alpha1.OcrModelSpec{
		DisplayName: v1alpha1.LocalizedText{En: "Khmer", Km: "ខ្មែរ"}, Engine: v1alpha1.EngineTesseract,
		Tesseract: &v1alpha1.TesseractModel{TrainedData: "script/Khmer"}, Languages: []string{"km"}, Default: new(true),
	}}
	if err := g.Client.Create(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	model.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Available", LastTransitionTime: metav1.Now()}}
	g.UpdateStatus(t, model)
	got := a.get(t, "/api/v1/models", key)
	want := `{"models":[{"id":"khmer","name":"Khmer","name_km":"ខ្មែរ","type":"ocr","engine":"tesseract","languages":["km"],"default":true,"leaves_cluster":false,"allowed":true,"price":null,"pages_per_page":1,"ready":true,"reason":null}]}`
	if got.StatusCode != http.StatusOK || strings.TrimSpace(string(got.body)) != want {
		t.Errorf("status %d: %s", got.StatusCode, got.body)
	}
	a.get(t, "/api/v1/models", "").wantProblem(t, 401, "missing_api_key")
	a.get(t, "/api/v1/models?x=1", key).wantProblem(t, 400, "unknown_parameter")
}
