package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// repeated is a document of the test data, so many times one after the other.
func repeated(t *testing.T, name string, times int) []byte {
	t.Helper()
	folder := t.TempDir()
	once, all := filepath.Join(folder, "once.pdf"), filepath.Join(folder, "all.pdf")
	if err := os.WriteFile(once, testdata(t, name), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"--empty", "--pages"}
	for range times {
		arguments = append(arguments, once, "1-z")
	}
	if output, err := exec.CommandContext(t.Context(), "qpdf", append(arguments, "--", all)...).CombinedOutput(); err != nil {
		t.Fatalf("putting the document together: %v\n%s", err, output)
	}
	content, err := os.ReadFile(all)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// readers follows the logs of the tenant's workers. What comes back waits for their ends, and tells which pods have stored
// each page.
func (t *tenant) readers() func() map[int][]string {
	t.Helper()
	var (
		lock      sync.Mutex
		pages     = map[int][]string{}
		followed  = map[types.UID]bool{}
		following sync.WaitGroup
	)
	read := func(pod string) {
		stream, err := t.kube.CoreV1().Pods(t.namespace()).GetLogs(pod, &corev1.PodLogOptions{Follow: true}).Stream(t.Context())
		if err != nil {
			return // it was killed before it could say anything
		}
		defer func() { _ = stream.Close() }()
		storedPages(stream, func(page int) {
			lock.Lock()
			defer lock.Unlock()
			pages[page] = append(pages[page], pod)
		})
	}
	t.follow(&corev1.PodList{}, func(_ watch.EventType, object client.Object) {
		pod := object.(*corev1.Pod)
		if pod.Status.Phase == corev1.PodRunning && !followed[pod.UID] {
			followed[pod.UID] = true
			following.Go(func() { read(pod.Name) })
		}
	}, client.InNamespace(t.namespace()))
	return func() map[int][]string {
		t.Helper()
		t.awaitNoWorkers()
		following.Wait()
		return pages
	}
}

func (t *tenant) awaitNoWorkers() {
	t.Helper()
	t.until("all workers are gone", func() bool {
		pods, err := t.kube.CoreV1().Pods(t.namespace()).List(t.Context(), metav1.ListOptions{})
		return err == nil && len(pods.Items) == 0
	})
}

// The local platform cuts documents of more than 20 pages.
func TestALargeDocumentIsReadInPartsAndNoPageTwice(t *testing.T) {
	const pages = 60
	p := connect(t)
	org := p.newTenant("standard")
	readers := org.readers()
	id := org.submit(form{fileName: "large.pdf", content: repeated(t, "pages20.pdf", pages/20)})

	org.until("the second part has read some pages", func() bool {
		worker := org.job(id).Status.Worker(1)
		return worker != nil && worker.Progress != nil && worker.Progress.Done >= 3
	})
	org.until("one of them can be fetched", func() bool {
		status, _, err := org.try(http.MethodGet, "/api/v1/jobs/"+id+"/pages/21", nil, "")
		return err == nil && status == http.StatusOK
	})
	before := org.job(id).Status
	if before.Phase.Ended() || len(before.Workers) != pages/20 || before.Pages == nil || before.Pages.Total != pages {
		t.Fatalf("status = %+v", before)
	}
	p.must(p.kill(org.namespace(), before.Workers[1].PodName))

	if job := org.await(id); job.Status != "COMPLETED" || job.Progress != 100 {
		t.Fatalf("job = %+v, error %+v", job, job.Error)
	}
	for _, worker := range org.job(id).Status.Workers {
		if worker.Failures != 0 || worker.Part == 1 && worker.Attempt < 2 {
			t.Errorf("worker = %+v", worker)
		}
	}
	result := org.jsonResult(id).Pages
	if len(result) != pages {
		t.Fatalf("%d pages", len(result))
	}
	for i, page := range result {
		if page.Number != i+1 || page.Error != nil || page.Text == "" {
			t.Errorf("page %d is %d and has no text: %+v", i+1, page.Number, page.Error)
		}
	}
	if got := strings.Count(textOf(t, org.result(id, "pdf")), "\f"); got != pages {
		t.Errorf("the searchable PDF has %d pages", got)
	}
	if charged := org.settledPages(id); charged != pages {
		t.Errorf("%d pages were charged", charged)
	}
	pods := map[string]int{}
	for page, by := range readers() {
		if len(by) != 1 {
			t.Errorf("page %d was read by %v", page, by)
		}
		for _, pod := range by {
			pods[pod]++
		}
	}
	if len(pods) < pages/20+1 {
		t.Errorf("pages were read by %v only", pods)
	}
	t.Logf("pages by worker: %v", pods)
}
