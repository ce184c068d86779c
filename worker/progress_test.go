package worker

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

// report is what an API server got, and when.
type report struct {
	after time.Duration
	done  int32
}

// record returns an apply function that fails as often as told, and what it was given.
func record(failures int, failure error) (apply func(context.Context, v1alpha1.PageCounts) error, reports *[]report) {
	begin := time.Now()
	reports = new([]report)
	return func(_ context.Context, counts v1alpha1.PageCounts) error {
		if failures > 0 {
			failures--
			return failure
		}
		*reports = append(*reports, report{time.Since(begin), counts.Done})
		return nil
	}, reports
}

func TestProgressIsReportedAtMostEveryIntervalAndOnlyWhenItChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		apply, reports := record(0, nil)
		r := startReporter(apply, 5*time.Second, v1alpha1.PageCounts{Total: 9}, slog.New(slog.DiscardHandler))
		time.Sleep(time.Second)
		r.add(workerport.StoredPage{Outcome: document.OutcomeNative})
		r.add(workerport.StoredPage{Outcome: document.OutcomeFailed})
		time.Sleep(12 * time.Second)
		r.add(workerport.StoredPage{Outcome: document.OutcomeRecognized})
		if err := r.finish(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		want := []report{{0, 0}, {5 * time.Second, 2}, {13 * time.Second, 3}}
		if !reflect.DeepEqual(*reports, want) {
			t.Errorf("reports = %v, want %v", *reports, want)
		}
	})
}

func TestThatAllIsDoneIsReportedAtTheEndAndOnlyOfCompleteWork(t *testing.T) {
	for complete, want := range map[bool]int{true: 2, false: 1} {
		synctest.Test(t, func(t *testing.T) {
			apply, reports := record(0, nil)
			r := startReporter(apply, 5*time.Second, v1alpha1.PageCounts{Total: 1}, slog.New(slog.DiscardHandler))
			time.Sleep(time.Second)
			r.add(workerport.StoredPage{Outcome: document.OutcomeNative})
			time.Sleep(time.Minute)
			synctest.Wait()
			if len(*reports) != 1 {
				t.Errorf("reports before the end = %v, want one of the page count", *reports)
			}
			if err := r.finish(t.Context(), complete); err != nil || len(*reports) != want {
				t.Errorf("reports = %v, %v; want %d", *reports, err, want)
			}
		})
	}
}

func TestProgressThatWasDeniedIsReportedSoonAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		apply, reports := record(2, errors.New("denied"))
		r := startReporter(apply, 5*time.Second, v1alpha1.PageCounts{Total: 9}, slog.New(slog.DiscardHandler))
		time.Sleep(time.Second)
		if err := r.finish(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if len(*reports) != 1 || (*reports)[0].after > 200*time.Millisecond {
			t.Errorf("reports = %v, want one within 200 ms", *reports)
		}
	})
}

func TestTheLastReportIsInsistedOnUnlessTheJobIsGone(t *testing.T) {
	gone := apierrors.NewNotFound(schema.GroupResource{}, "a")
	for name, test := range map[string]struct {
		failure error
		want    bool
	}{
		"denied": {errors.New("denied"), true},
		"gone":   {gone, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				apply, reports := record(4, test.failure)
				r := startReporter(apply, time.Hour, v1alpha1.PageCounts{Total: 1}, slog.New(slog.DiscardHandler))
				r.add(workerport.StoredPage{Outcome: document.OutcomeNative})
				err := r.finish(t.Context(), true)
				if (err == nil) != test.want || (len(*reports) == 1) != test.want {
					t.Errorf("reports = %v, error = %v", *reports, err)
				}
			})
		})
	}
}

func TestAWorkerPodAppliesItsProgress(t *testing.T) {
	environment := testenv.Start(t)
	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	namespace := environment.Namespace(t, "khocr-school-")
	job := &v1alpha1.OcrJob{Spec: v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{URL: "http://school.test/a.pdf"}}}
	job.Name, job.Namespace = "a1b2c3d4e5f6", namespace
	if err := environment.Client.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	ticket := &workerport.Ticket{Namespace: namespace, Job: job.Name, Part: 1}
	status, err := newStatusClient(asPod(environment.Admin, namespace, "uid-of-pod"), ticket)
	if err != nil {
		t.Fatal(err)
	}

	counts := v1alpha1.PageCounts{Total: 4, Done: 1, Native: 1}
	if err := status.apply(t.Context(), counts); !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		t.Fatalf("before the pod is recorded: %v, want a denial", err)
	}
	job.Status.Phase = v1alpha1.PhaseRunning
	job.Status.Workers = []v1alpha1.WorkerStatus{{Part: 0, Attempt: 1}, {Part: 1, Attempt: 2, PodUID: "uid-of-pod"}}
	if err := manager.Status().Update(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	for _, counts = range []v1alpha1.PageCounts{counts, {Total: 4, Done: 4, Native: 1, Recognized: 3}} {
		if err := status.apply(t.Context(), counts); err != nil {
			t.Fatalf("once the pod is recorded: %v", err)
		}
	}

	if err := environment.Client.Get(t.Context(), client.ObjectKeyFromObject(job), job); err != nil {
		t.Fatal(err)
	}
	want := []v1alpha1.WorkerStatus{{Part: 0, Attempt: 1}, {Part: 1, Attempt: 2, PodUID: "uid-of-pod", Progress: &counts}}
	if !reflect.DeepEqual(job.Status.Workers, want) || job.Status.Phase != v1alpha1.PhaseRunning {
		t.Errorf("status = %+v, want the progress added and nothing else changed", job.Status)
	}

	if err := environment.Client.Delete(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	again := &v1alpha1.OcrJob{Spec: job.Spec}
	again.Name, again.Namespace = job.Name, namespace
	if err := environment.Client.Create(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if err := status.apply(t.Context(), counts); !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		t.Errorf("another job of the name: %v, want a denial", err)
	}
	ticket.Job = "another"
	if err := status.apply(t.Context(), v1alpha1.PageCounts{Total: 1}); !apierrors.IsNotFound(err) {
		t.Errorf("a job that is gone: %v, want not found", err)
	}
}

// asPod acts as a worker pod whose token is bound to the UID.
func asPod(admin *rest.Config, namespace, uid string) *rest.Config {
	config := testenv.As(admin, "system:serviceaccount:"+namespace+":"+workerport.ServiceAccount)
	config.Impersonate.Extra = map[string][]string{"authentication.kubernetes.io/pod-uid": {uid}}
	return config
}
