package e2e

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestAnOrganizationIsDeletedWithItsJobsAtWork(t *testing.T) {
	p := connect(t)
	org := p.newTenant("free")
	jobs := &v1alpha1.OcrJobList{}
	// More than find room at once.
	for range 6 {
		org.submit(form{fileName: "pages20.pdf", content: testdata(t, "pages20.pdf")})
	}
	org.until("a page of one job is done and another one waits", func() bool {
		p.must(p.client.List(t.Context(), jobs, inNamespace(org)))
		var working, waiting bool
		for i := range jobs.Items {
			status := &jobs.Items[i].Status
			working = working || status.Phase == v1alpha1.PhaseRunning && status.LivePages().Done > 0
			waiting = waiting || status.Phase == "" || status.Phase == v1alpha1.PhasePending
		}
		return working && waiting
	})
	p.kubectl("delete", "organization", org.name, "--timeout=300s")

	p.must(p.client.List(t.Context(), jobs, inNamespace(org)))
	for _, job := range jobs.Items {
		if len(job.Finalizers) > 0 {
			t.Errorf("job %s outlives its organization with finalizers %v", job.Name, job.Finalizers)
		}
	}
	org.until("its namespace is gone with jobs and pods", func() bool {
		pods := &corev1.PodList{}
		p.must(p.client.List(t.Context(), jobs, inNamespace(org)))
		p.must(p.client.List(t.Context(), pods, inNamespace(org)))
		err := p.client.Get(t.Context(), client.ObjectKey{Name: org.namespace()}, &corev1.Namespace{})
		return len(jobs.Items) == 0 && len(pods.Items) == 0 && apierrors.IsNotFound(err)
	})
}
