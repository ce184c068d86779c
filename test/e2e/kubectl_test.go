package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// samplesURL is where the local cluster serves the documents of test/testdata to itself.
const samplesURL = "http://10.96.0.80/"

func inNamespace(t *tenant) client.ListOption { return client.InNamespace(t.namespace()) }

// settledPages waits until the ledger has settled the job and lets it go, and tells what the organization was charged
// in all.
func (t *tenant) settledPages(id string) int64 {
	t.Helper()
	organization := &v1alpha1.Organization{}
	t.until("job "+id+" is settled", func() bool {
		t.must(t.client.Get(t.Context(), client.ObjectKey{Name: t.name}, organization))
		return len(t.job(id).Finalizers) == 0 && len(organization.Status.Ledger) == 0
	})
	var pages int64
	for _, month := range organization.Status.Usage {
		pages += month.Settled
	}
	return pages
}

func TestKubectlTellsWhereJobsStand(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "native.pdf", content: testdata(t, "native.pdf"), fields: map[string]string{"priority": "high"}})
	org.await(id)

	table := p.kubectl("get", "ocrjobs", "-A")
	header := strings.Join(strings.Fields(strings.SplitN(table, "\n", 2)[0]), " ")
	if header != "NAMESPACE NAME PHASE PROGRESS PAGES PRIORITY AGE" {
		t.Errorf("columns: %s", header)
	}
	row := ""
	for line := range strings.Lines(table) {
		if strings.Contains(line, id) {
			row = strings.Join(strings.Fields(line), " ")
		}
	}
	if !strings.HasPrefix(row, org.namespace()+" "+id+" Completed 100 1 high ") {
		t.Errorf("row: %q", row)
	}
	story := p.kubectl("describe", "ocrjob", id, "-n", org.namespace())
	for _, word := range []string{"Admitted", "WorkerCreated", "WorkerStarted", "Completed", "QuotaReserved"} {
		if !strings.Contains(story, word) {
			t.Errorf("kubectl describe does not tell %s:\n%s", word, story)
		}
	}
	if explained := p.kubectl("explain", "ocrjob.spec.pages"); !strings.Contains(explained, "1-3,7") {
		t.Errorf("kubectl explain ocrjob.spec.pages:\n%s", explained)
	}
}

func TestAJobAppliedWithKubectlNeedsNoUpload(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	manifest := filepath.Join(t.TempDir(), "job.yaml")
	p.must(os.WriteFile(manifest, []byte(`apiVersion: ocr.openplp.com/v1alpha1
kind: OcrJob
metadata: {name: by-hand, namespace: `+org.namespace()+`}
spec:
  source: {url: "`+samplesURL+`native.pdf"}
`), 0o600))
	p.kubectl("apply", "-f", manifest)
	if job := org.await("by-hand"); job.Status != "COMPLETED" {
		t.Fatalf("job = %+v, error %+v", job, job.Error)
	}
	if pages := org.jsonResult("by-hand").Pages; len(pages) != 1 || errorRate(pages[0].Text, string(testdata(t, "native.txt"))) > 0 {
		t.Errorf("pages = %+v", pages)
	}
	if output := p.kubectl("apply", "-f", manifest); !strings.Contains(output, "unchanged") {
		t.Errorf("applied again: %s", output)
	}
	p.kubectl("delete", "-f", manifest, "--timeout=60s")
}

func TestAnAddressInsideTheClusterIsNotFetched(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	for name, address := range map[string]string{
		"metadata": "http://169.254.169.254/latest/meta-data/",
		"loopback": "http://127.0.0.1:8081/readyz",
	} {
		job := &v1alpha1.OcrJob{
			ObjectMeta: metav1.ObjectMeta{Namespace: org.namespace(), Name: name},
			Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: address}},
		}
		p.must(p.client.Create(t.Context(), job))
		if got := org.await(name); got.Status != "FAILED" || got.Error == nil || got.Error.Code != "source_refused" {
			t.Errorf("%s: %+v, error %+v", address, got, got.Error)
		}
	}
}

func TestACancelledJobGivesItsPodUp(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "pages20.pdf", content: testdata(t, "pages20.pdf")})
	org.until("a page is done", func() bool { return org.job(id).Status.LivePages().Done > 0 })
	p.kubectl("patch", "ocrjob", id, "-n", org.namespace(), "--type=merge", "-p", `{"spec":{"cancel":true}}`)
	if job := org.await(id); job.Status != "CANCELLED" {
		t.Fatalf("job = %+v", job)
	}
	org.until("its pods are gone", func() bool {
		pods, err := p.kube.CoreV1().Pods(org.namespace()).List(t.Context(), metav1.ListOptions{})
		return err == nil && len(pods.Items) == 0
	})
	if pages := org.jsonResult(id).Pages; len(pages) == 0 || len(pages) == 20 {
		t.Errorf("%d finished pages can be read", len(pages))
	}
}
