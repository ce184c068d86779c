package ocrjob

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	ac "github.com/openplp/khocr/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

// endpoint makes an AI model for the organization's plan, which nobody has looked at.
func (c *cluster) endpoint(name string, location v1alpha1.ModelLocation) *v1alpha1.OcrModel {
	c.Helper()
	model := aiModel(name, location)
	model.Spec.DisplayName = v1alpha1.LocalizedText{En: name}
	model.Spec.OpenAI.BaseURL, model.Spec.OpenAI.Model = "https://models.test/v1", name
	model.Spec.OpenAI.Plans = []v1alpha1.ModelPlan{{Name: c.organization, PagesPerPage: new(int32(3))}}
	c.must(c.admin.Create(c.Context(), &model))
	return &model
}

func asks(model string, correct v1alpha1.Correction) func(*v1alpha1.OcrJobSpec) {
	return func(s *v1alpha1.OcrJobSpec) { s.Model, s.Correct = model, correct }
}

// failsFor waits until a job has failed for a reason, which an event tells too.
func (c *cluster) failsFor(job *v1alpha1.OcrJob, reason string) {
	c.Helper()
	failed := c.eventually(job, "failed", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseFailed })
	if condition := meta.FindStatusCondition(failed.Status.Conditions, v1alpha1.ConditionFailed); condition == nil || condition.Reason != reason {
		c.Errorf("job %s has failed for %+v, want %s", job.Name, condition, reason)
	}
	if len(failed.Status.Workers) > 0 || failed.Status.Model != "" {
		c.Errorf("job %s was admitted: %+v", job.Name, failed.Status)
	}
	testenv.Await(c, "an event tells "+reason, func() bool {
		events, err := c.pods.CoreV1().Events(c.namespace).List(c.Context(), metav1.ListOptions{
			FieldSelector: "involvedObject.name=" + job.Name + ",type=" + corev1.EventTypeWarning + ",reason=" + reason})
		return err == nil && len(events.Items) == 1
	})
}

func (c *cluster) aiModels() {
	c.organize("reading", 50)
	vision := c.endpoint("vision", v1alpha1.LocationInCluster)
	c.endpoint("hosted", v1alpha1.LocationExternal)

	reader := c.submit("aaaaaaaaaa01", asks("vision", ""))
	first := c.runPod(reader, 1)
	corrected := c.submit("aaaaaaaaaa02", asks("", v1alpha1.CorrectAI))
	c.runPod(corrected, 1)
	for job, want := range map[*v1alpha1.OcrJob]Models{
		reader: {Model: "vision", Recognizer: "khmer", PagesPerPage: 3}, corrected: {Model: "khmer", Corrector: "vision"}} {
		c.eventually(job, "read with the models that it asks for", func(j *v1alpha1.OcrJob) bool { return recordedModels(&j.Status) == want })
	}
	plain := c.submit("aaaaaaaaaa03")
	c.runPod(plain, 1)
	c.eventually(plain, "read with the default model", func(j *v1alpha1.OcrJob) bool { return recordedModels(&j.Status) == Models{Model: "khmer"} })

	c.failsFor(c.submit("aaaaaaaaaa04", asks("hosted", "")), v1alpha1.ReasonExternalModelNotAllowed)
	c.failsFor(c.submit("aaaaaaaaaa05", asks("hosted", v1alpha1.CorrectAI)), v1alpha1.ReasonExternalModelNotAllowed)
	organization := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: c.organization}}
	c.must(c.admin.Patch(c.Context(), organization, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"ai":{"allowExternal":true}}}`))))
	testenv.Await(c, "the manager knows what the organization allows", func() bool {
		seen := &v1alpha1.Organization{}
		c.must(c.cache.Get(c.Context(), client.ObjectKeyFromObject(organization), seen))
		return seen.Spec.AI != nil
	})
	c.runPod(c.submit("aaaaaaaaaa06", asks("hosted", "")), 1)

	// The plan loses the model, and then the model goes, while a page is being read.
	vision.Spec.OpenAI.Plans[0].Name = "another"
	c.must(c.admin.Update(c.Context(), vision))
	testenv.Await(c, "the manager knows the model's plans", func() bool {
		seen := &v1alpha1.OcrModel{}
		c.must(c.cache.Get(c.Context(), client.ObjectKeyFromObject(vision), seen))
		return seen.Spec.OpenAI.Plans[0].Name == "another"
	})
	c.failsFor(c.submit("aaaaaaaaaa07", asks("vision", "")), v1alpha1.ReasonModelNotAllowed)
	c.must(c.admin.Delete(c.Context(), vision))
	c.must(c.admin.Delete(c.Context(), first, client.GracePeriodSeconds(0)))
	c.runPod(reader, 2)
	c.ledger(reader, v1alpha1.LedgerReserved, 12)
	progress := ac.PageCounts().WithTotal(4).WithDone(4).WithNative(1).WithRecognized(3).WithFailed(0).WithAI(2)
	c.must(c.manager.Status().Apply(c.Context(), ac.OcrJob(reader.Name, reader.Namespace).
		WithStatus(ac.OcrJobStatus().WithWorkers(ac.WorkerStatus().WithPart(0).WithProgress(progress))),
		client.FieldOwner(workerport.FieldManager(0)), client.ForceOwnership))
	done := c.eventually(reader, "completed", func(j *v1alpha1.OcrJob) bool { return j.Status.Phase == v1alpha1.PhaseCompleted })
	if want := (Models{Model: "vision", Recognizer: "khmer", PagesPerPage: 3}); recordedModels(&done.Status) != want || done.Status.Pages == nil || done.Status.Pages.AI != 2 {
		c.Errorf("the job ended with %+v", done.Status)
	}
}
