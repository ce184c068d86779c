package apigateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/test/fuzz"
)

// TestDescribedAPI tries what is made of the OpenAPI document on a gateway.
func TestDescribedAPI(t *testing.T) {
	g := gatewaytest.Start(t)
	t.Run("Client", func(t *testing.T) { testClient(t, g) })
	t.Run("Fuzz", func(t *testing.T) { testFuzz(t, g) })
}

func testClient(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "programs", nil)
	a := serve(t, g, nil)
	c, err := client.New(a.url, key)
	if err != nil {
		t.Fatal(err)
	}
	file := pdf("ឯកសារ.pdf", 300_000)
	low, text := client.Low, client.OutputFormatText
	accepted, err := c.Convert(t.Context(), file.fileName, strings.NewReader(file.content),
		client.Submission{OutputFormat: &text, Priority: &low, ForceOcr: new(true)}, "")
	if err != nil {
		t.Fatal(err)
	}
	job := new(v1alpha1.OcrJob)
	if err := g.Live.Get(t.Context(), keyIn("khocr-programs", accepted.JobId), job); err != nil {
		t.Fatal(err)
	}

	t.Run("the document comes as it was sent, with what was asked", func(t *testing.T) {
		spec := job.Spec
		if spec.OutputFormat != v1alpha1.FormatText || spec.Priority != v1alpha1.PriorityLow || spec.OcrMode != v1alpha1.ModeForce ||
			spec.Source.Upload.FileName != file.fileName || spec.Source.Upload.Size != int64(len(file.content)) {
			t.Errorf("spec %+v", spec)
		}
	})

	t.Run("a refusal is an error with its code", func(t *testing.T) {
		_, err := c.Convert(t.Context(), "a.docx", strings.NewReader("PK\x03\x04"), client.Submission{}, "")
		var problem *client.ProblemError
		if !errors.As(err, &problem) || problem.Code != client.ProblemCodeInvalidFile || problem.RequestId == "" {
			t.Errorf("error %v", err)
		}
		if _, _, err := c.Result(t.Context(), accepted.JobId, ""); !errors.As(err, &problem) || problem.Code != client.ProblemCodeJobNotFinished {
			t.Errorf("error %v", err)
		}
	})

	t.Run("a document that cannot be read leaves no job", func(t *testing.T) {
		before := len(g.Jobs(t, "khocr-programs"))
		broken := io.MultiReader(strings.NewReader(file.content), brokenReader{})
		if _, err := c.Convert(t.Context(), "a.pdf", broken, client.Submission{}, ""); !errors.Is(err, errBroken) {
			t.Errorf("error %v", err)
		}
		if after := len(g.Jobs(t, "khocr-programs")); after != before {
			t.Errorf("%d jobs became %d", before, after)
		}
	})

	t.Run("who waits is told of the end", func(t *testing.T) {
		waited := make(chan *client.Job, 1)
		go func() {
			job, err := c.Wait(t.Context(), accepted.JobId)
			if err != nil {
				t.Error(err)
			}
			waited <- job
		}()
		job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, Pages: &v1alpha1.PageCounts{Total: 1, Done: 1, Recognized: 1}}
		g.UpdateStatus(t, job)
		if ended := <-waited; ended == nil || ended.Status != client.COMPLETED || ended.Pages.Done != 1 {
			t.Errorf("job %+v", ended)
		}
	})

	t.Run("the result comes as a stream under its name", func(t *testing.T) {
		storePage(t, g, job, 1)
		content, name, err := c.Result(t.Context(), accepted.JobId, "")
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		got, err := io.ReadAll(content)
		if err != nil || name != "ឯកសារ.txt" || !strings.Contains(string(got), "ទំព័រទី 1") {
			t.Errorf("%v, name %q, content %q", err, name, got)
		}
	})

	t.Run("what the document describes is decoded", func(t *testing.T) {
		usage, err := c.GetUsageWithResponse(t.Context(), nil)
		if err != nil || usage.JSON200 == nil || usage.JSON200.Organization.Name != "programs" || usage.JSON200.Jobs.COMPLETED != 1 {
			t.Errorf("%v: %+v", err, usage)
		}
		unknown, err := c.GetJobWithResponse(t.Context(), "000000000000", nil)
		if err != nil || unknown.ApplicationproblemJSONDefault == nil || unknown.ApplicationproblemJSONDefault.Code != client.ProblemCodeJobNotFound {
			t.Errorf("%v: %+v", err, unknown)
		}
	})
}

var errBroken = errors.New("the disk is broken")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

// testFuzz sends made up requests, the same ones each time unless KHOCR_FUZZ_SEED says otherwise. KHOCR_FUZZ_REQUESTS asks for
// more of them.
func testFuzz(t *testing.T, g *gatewaytest.Gateway) {
	generous := func(o *v1alpha1.Organization) {
		o.Spec.Overrides = &v1alpha1.LimitOverrides{RequestsPerMinute: new(int32(1_000_000)), PagesPerMonth: new(int64(1_000_000))}
	}
	key, other := g.Organization(t, "fuzzing", generous), g.Organization(t, "neighbour", generous)
	a := serve(t, g, nil)
	options := fuzz.Options{
		Address: strings.TrimPrefix(a.url, "http://"), Key: key, Other: other, Workers: 4,
		Requests: int(numberFrom(t, "KHOCR_FUZZ_REQUESTS", 3000)), Seed: numberFrom(t, "KHOCR_FUZZ_SEED", 1),
	}
	for _, phase := range []v1alpha1.JobPhase{v1alpha1.PhaseCompleted, v1alpha1.PhaseFailed, v1alpha1.PhaseCancelled, v1alpha1.PhaseRunning} {
		for range 4 { // some get deleted
			options.Jobs = append(options.Jobs, jobIn(t, a, key, phase))
		}
	}
	report, err := fuzz.Run(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	told := new(bytes.Buffer)
	if err := report.Write(told); err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d\n%s", options.Seed, told)
	if len(report.Findings) > 0 {
		t.Error("the gateway answers amiss")
	}
	for _, operation := range []string{"convertDocument", "retryJob", "deleteJob", "getJob", "listJobs", "getPage", "getResult", "streamJob", "putCorrections"} {
		taken := 0
		for _, status := range []string{"200", "202"} {
			taken += report.Counts[operation][status]
		}
		if taken == 0 {
			t.Errorf("no request of %s was taken", operation)
		}
	}
	for _, secret := range []string{key, other} {
		if strings.Contains(a.log.String(), secret) {
			t.Error("the log holds a key")
		}
	}
}

// jobIn makes a job with two pages, of which one has failed, in a phase.
func jobIn(t *testing.T, a *api, key string, phase v1alpha1.JobPhase) string {
	t.Helper()
	job := jobOf(t, a, "khocr-fuzzing", a.convert(t, key, pdf("ច្បាប់.pdf", 99)))
	storePage(t, a.Gateway, job, 1)
	failed, err := json.Marshal(document.Page{Number: 2, Source: document.SourceNone, Reason: document.PageErrorCrashed,
		Lines: []document.Line{}, ProcessedAt: time.Now(), Error: &document.PageError{Code: document.PageErrorCrashed, Message: "The engine died."}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Store.Put(t.Context(), storage.PageKey(job.Namespace, job.UID, 2), bytes.NewReader(failed)); err != nil {
		t.Fatal(err)
	}
	job.Status = v1alpha1.OcrJobStatus{Phase: phase, Pages: &v1alpha1.PageCounts{Total: 2, Done: 2, Recognized: 1, Failed: 1},
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionQuotaReserved, Status: metav1.ConditionTrue,
			Reason: v1alpha1.ReasonPagesReserved, LastTransitionTime: metav1.Now()}}}
	if phase.Ended() {
		job.Status.CompletionTime = &metav1.Time{Time: time.Now()}
	}
	a.UpdateStatus(t, job)
	return job.Name
}

func numberFrom(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return number
}
