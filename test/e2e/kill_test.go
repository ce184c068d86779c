package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// storedPages reads a worker's log to its end and tells of each page that it stored.
func storedPages(log io.Reader, tell func(page int)) {
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if _, page, ok := readStored(lines.Bytes()); ok {
			tell(page)
		}
	}
}

// readStored tells of which job and page a line of a worker's log says that it was stored.
func readStored(line []byte) (job string, page int, ok bool) {
	var said struct {
		Message string `json:"msg"`
		Job     string `json:"job"`
		Page    int    `json:"page"`
	}
	err := json.Unmarshal(line, &said)
	_, job, _ = strings.Cut(said.Job, "/") // behind its namespace
	return job, said.Page, err == nil && said.Message == "Page was stored"
}

// followLog of a worker to its end, and tell of each page that it has stored.
func (t *tenant) followLog(pod string, tell func(page int)) {
	t.Helper()
	stream, err := t.kube.CoreV1().Pods(t.namespace()).GetLogs(pod, &corev1.PodLogOptions{Follow: true}).Stream(t.Context())
	t.must(err)
	defer func() { _ = stream.Close() }()
	storedPages(stream, tell)
}

func TestAKilledWorkerIsReplacedAndNoPageIsReadTwice(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	id := org.submit(form{fileName: "pages20.pdf", content: testdata(t, "pages20.pdf")})
	running := func(worker string) func() bool {
		return func() bool {
			pod, err := p.kube.CoreV1().Pods(org.namespace()).Get(t.Context(), worker, metav1.GetOptions{})
			return err == nil && pod.Status.Phase == corev1.PodRunning
		}
	}
	first, second := id+"-0-1", id+"-0-2"
	org.until("the first worker runs", running(first))
	// Its log says so sooner than its next report: by then it may have read them all.
	known := 0
	org.followLog(first, func(int) {
		if known++; known == 3 {
			p.must(p.kill(org.namespace(), first))
		}
	})
	org.until("the second worker runs", running(second))
	var again []int
	org.followLog(second, func(page int) { again = append(again, page) })

	if job := org.await(id); job.Status != "COMPLETED" {
		t.Fatalf("job = %+v, error %+v", job, job.Error)
	}
	pages := org.jsonResult(id).Pages
	if len(pages) != 20 {
		t.Fatalf("%d pages", len(pages))
	}
	if len(again) == 0 || len(again) > 20-known {
		t.Errorf("the second worker recognised %d pages, %d were done before it: %v", len(again), known, again)
	}
	inSecond := map[int]bool{}
	for _, page := range again {
		inSecond[page] = true
	}
	begin, end := time.Time{}, time.Time{}
	for _, page := range pages {
		if page.Error != nil || page.Text == "" {
			t.Errorf("page %d has no text: %+v", page.Number, page.Error)
		}
		if inSecond[page.Number] && (begin.IsZero() || page.ProcessedAt.Before(begin)) {
			begin = page.ProcessedAt
		}
		if !inSecond[page.Number] && page.ProcessedAt.After(end) {
			end = page.ProcessedAt
		}
	}
	if !end.Before(begin) {
		t.Errorf("the first worker's last page is of %s, the second's first of %s", end, begin)
	}
	// It died before its first report, which counts as a failure: nobody had heard of its pages.
	if worker := org.job(id).Status.Workers[0]; worker.Attempt != 2 || worker.Failures > 1 {
		t.Errorf("worker = %+v", worker)
	}
	if charged := org.settledPages(id); charged != 20 {
		t.Errorf("%d pages were charged", charged)
	}
	t.Logf("%d pages by the first worker, %d by the second", 20-len(again), len(again))
}

// TestManagerAndGatewayMayDieAtAnyMoment submits documents while managers and gateways are killed at random. Every
// document that was accepted must be delivered whole, be charged once, and be recognised by one worker.
func TestManagerAndGatewayMayDieAtAnyMoment(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	stop := p.killPlatform(seedOf(t), 200*time.Millisecond, 3200*time.Millisecond)

	accepted := map[string]int{} // pages by job
	documents := []struct {
		name  string
		pages int
	}{{"sample.pdf", 1}, {"mixed.pdf", 2}, {"pages3.tiff", 3}, {"native.pdf", 1}, {"sample.pdf", 1}, {"mixed.pdf", 2}, {"native.pdf", 1}, {"pages3.tiff", 3}}
	for _, document := range documents {
		content := testdata(t, document.name)
		org.until(document.name+" is accepted", func() bool {
			a, err := org.trySubmit(form{fileName: document.name, content: content})
			if err == nil {
				accepted[a.JobID] = document.pages
			}
			return err == nil
		})
	}
	total := 0
	for id, pages := range accepted {
		job := org.await(id)
		if job.Status != "COMPLETED" {
			t.Errorf("job = %+v, error %+v", job, job.Error)
			continue
		}
		delivered := org.jsonResult(id).Pages
		if len(delivered) != pages {
			t.Errorf("job %s: %d pages, want %d", id, len(delivered), pages)
		}
		for _, page := range delivered {
			if page.Error != nil {
				t.Errorf("job %s page %d: %+v", id, page.Number, page.Error)
			}
		}
		if worker := org.job(id).Status.Workers[0]; worker.Attempt != 1 {
			t.Errorf("job %s took %d attempts although no worker was killed", id, worker.Attempt)
		}
		total += pages
	}
	kills := stop()
	t.Logf("%d managers and %d gateways were killed, %d documents delivered", kills.managers, kills.gateways, len(accepted))

	// A submission whose answer was lost is a document all the same: it is delivered and charged.
	jobs := &v1alpha1.OcrJobList{}
	p.must(p.client.List(t.Context(), jobs, inNamespace(org)))
	for _, job := range jobs.Items {
		if _, known := accepted[job.Name]; !known {
			org.await(job.Name)
			total += len(org.jsonResult(job.Name).Pages)
		}
	}
	organization := &v1alpha1.Organization{}
	org.until("the ledger is settled", func() bool {
		p.must(p.client.Get(t.Context(), client.ObjectKey{Name: org.name}, organization))
		return len(organization.Status.Ledger) == 0
	})
	var charged int64
	for _, month := range organization.Status.Usage {
		charged += month.Settled
		if month.Reserved != 0 {
			t.Errorf("%d pages stay reserved", month.Reserved)
		}
	}
	if charged != int64(total) {
		t.Errorf("%d pages were charged, %d delivered", charged, total)
	}
}
