package web

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testenv"
)

// aiModel makes one that organizations of the plan may use.
func (s *site) aiModel(t *testing.T, name string, location v1alpha1.ModelLocation, plan string) {
	t.Helper()
	model := &v1alpha1.OcrModel{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OcrModelSpec{
		DisplayName: v1alpha1.LocalizedText{En: "Vision " + name, Km: "ចក្ខុ " + name}, Engine: v1alpha1.EngineOpenAI, Languages: []string{"km"},
		OpenAI: &v1alpha1.OpenAIModel{BaseURL: "https://models.example.test/v1", Model: "m", Location: location,
			Price: &v1alpha1.ModelPrice{PerPage: "0.01"}, Plans: []v1alpha1.ModelPlan{{Name: plan, PagesPerPage: new(int32(2))}}},
	}}
	s.platform.Must(s.platform.Gateway.Client.Create(t.Context(), model))
	t.Cleanup(func() {
		s.platform.Must(s.platform.Gateway.Client.Delete(context.WithoutCancel(t.Context()), model))
	})
	testenv.Await(t, "the gateway knows "+name, func() bool {
		return s.platform.Cached.Get(t.Context(), client.ObjectKeyFromObject(model), new(v1alpha1.OcrModel)) == nil
	})
}

// pick chooses in a list as a person does.
func (p *tab) pick(id, option string) {
	p.Helper()
	p.do(chromedp.SetValue(chromedp.CSS("#"+id), option),
		chromedp.Evaluate[chromedp.Void](`document.getElementById(`+quoted(id)+`).dispatchEvent(new Event("change", { bubbles: true }))`))
}

// testAIModels looks at what is said before a document is sent to an AI model, and of pages that one had to do with.
func testAIModels(t *testing.T, s *site, browser context.Context) {
	key := s.organization(t, "vision", "enterprise")
	organization := new(v1alpha1.Organization)
	s.platform.Must(s.platform.Live.Get(t.Context(), client.ObjectKey{Name: "vision"}, organization))
	before := organization.DeepCopy()
	organization.Spec.AI = &v1alpha1.AISettings{AllowExternal: new(true), MonthlyCostLimit: "50"}
	s.platform.Must(s.platform.Gateway.Client.Patch(t.Context(), organization, client.MergeFrom(before)))
	s.aiModel(t, "hosted", v1alpha1.LocationExternal, "enterprise")
	s.aiModel(t, "inside", v1alpha1.LocationInCluster, "enterprise")
	s.aiModel(t, "other", v1alpha1.LocationInCluster, "free")
	testenv.Await(t, "the gateway knows that pages may leave", func() bool {
		_, models := s.get(t, key, "/models")
		return strings.Count(string(models), `"allowed":true`) == 3
	})

	p := s.visit(t, browser, visit{})
	p.signIn(key)
	p.press("More options")
	p.await("the models are there, one of them not for this organization", `document.querySelector('#model option[value=other]')?.disabled && document.querySelector('#model option[value=hosted]')`)
	p.pick("model", "hosted")
	for _, said := range []string{"Images of the pages leave this platform.", "It costs 0.01\u00a0USD a page.", "counts as 2 pages of the month", "documents are read without it"} {
		p.reads(said)
	}
	p.await("one may say what becomes of pages that it cannot read", `document.querySelector('#fallback')?.value === "default"`)
	p.looksRight()
	p.pick("fallback", "none")
	p.reads("Documents are not taken before it answers again.")
	p.pick("fallback", "default")
	p.press("More options")
	p.await("the warning stays when the options are closed", `document.querySelector('.ai-note .warn')?.checkVisibility()`)
	p.press("ខ្មែរ")
	p.reads("រូបភាពនៃទំព័រនឹងត្រូវផ្ញើចេញក្រៅប្រព័ន្ធនេះ។")
	p.press("English")
	p.press("More options")
	p.pick("model", "inside")
	p.await("nothing leaves with the other", `document.querySelector('.ai-note') && !document.querySelector('.ai-note').textContent.includes("leave this platform")`)
	p.pick("model", "")
	p.await("nothing is said without one", `!document.querySelector('.ai-note')`)
	p.do(chromedp.Click(`//label[contains(., "AI corrects unsure lines")]`))
	p.await("to correct, the first that may be used is asked", `document.querySelector('.ai-note')?.textContent.includes("Vision hosted") && !document.querySelector('#fallback')`)
	p.reads("Images of these lines leave this platform.")
	p.await("pages that it corrects count as one", `!document.querySelector('.ai-note').textContent.includes("of the month")`)
	p.do(chromedp.Click(`//label[contains(., "AI corrects unsure lines")]`))

	// The recogniser reads a document, and then a page of it tells what an AI model has done with it.
	p.choose(sample(t, "sample.pdf"))
	p.await("the job is done", `document.querySelector('.file .badge')?.dataset.status === "COMPLETED"`)
	job := new(v1alpha1.OcrJob)
	s.platform.Must(s.platform.Live.Get(t.Context(), client.ObjectKey{Namespace: "khocr-vision", Name: s.jobs(t, key)["COMPLETED"][0]}, job))
	store := s.platform.Store
	rewrite := func(change func(*document.Page)) {
		t.Helper()
		place := storage.PageKey(job.Namespace, job.UID, 1)
		var page document.Page
		_, content := s.get(t, key, "/jobs/"+job.Name+"/pages/1")
		s.platform.Must(json.Unmarshal(content, &page))
		change(&page)
		content, err := json.Marshal(page)
		s.platform.Must(err)
		s.platform.Must(store.Delete(t.Context(), place))
		_, err = store.Put(t.Context(), place, bytes.NewReader(content))
		s.platform.Must(err)
	}
	rewrite(func(page *document.Page) {
		page.Model, page.AI = "hosted", &document.AI{Model: "hosted", Role: document.RoleReader, Used: true, Attempts: 1}
		page.Lines[0].Box, page.Lines[0].Words[0].Box = document.Box{}, document.Box{}
	})
	p.press("Open")
	p.reads("Read by hosted.")
	p.do(chromedp.MouseEvent("mouseMoved", 1, 1))
	p.await("the word without a place is there", `document.querySelector('[data-w="0"]')`)
	p.do(chromedp.ScrollIntoView(chromedp.CSS(`[data-w="0"]`)), chromedp.Evaluate[chromedp.Void](`document.querySelector('[data-w="0"]').dispatchEvent(new MouseEvent("mouseover", { bubbles: true }))`))
	p.await("it is hot, and nothing lights up in the picture", `document.querySelector('[data-w="0"].hot') && !document.querySelector('.spot')`)
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('[data-w="1"]').dispatchEvent(new MouseEvent("mouseover", { bubbles: true }))`))
	p.await("another one's place does", `document.querySelector('.spot')`)

	rewrite(func(page *document.Page) {
		page.Model, page.AI = "khocr", &document.AI{Model: "hosted", Role: document.RoleReader, Reason: document.AIGuardUnlike, Attempts: 2}
	})
	p.do(chromedp.Reload())
	p.reads("hosted did not read this page: The model's text is not that of the page. The text is that of the usual model.")
	p.press("ខ្មែរ")
	p.reads("អត្ថបទរបស់ម៉ូដែលមិនមែនជាអត្ថបទលើទំព័រនេះទេ។")
	p.looksRight()

	// What it has cost stands beside what it may cost.
	book := spending.New(store, "a-gateway", time.Now, slog.New(slog.DiscardHandler))
	var usage struct{ Month string }
	s.ask(t, key, "/usage", &usage)
	s.platform.Must(book.Note(t.Context(), "khocr-vision", usage.Month, "hosted", spending.Sum{Pages: 12, Fallbacks: 1, InputTokens: 21580, OutputTokens: 9120, Cost: 42300}))
	p.press("English")
	p.do(chromedp.Evaluate[chromedp.Void](`location.hash = "#/usage"`))
	p.reads("0.0423\u00a0USD")
	p.reads("of 50\u00a0USD for the month; 49.9577\u00a0USD left")
	p.reads("21,580 / 9,120")
	p.looksRight()
}

// looksRight lets axe look at what is shown.
func (p *tab) looksRight() {
	p.Helper()
	for _, found := range p.violations() {
		if found.Impact == "serious" || found.Impact == "critical" {
			p.Errorf("%s: %s, as in %s", found.ID, found.Help, found.Nodes[0].HTML)
		}
	}
}
