// Package gitops tests that a Git repository can govern khocr: what is applied from it stays as it was applied, whatever the
// controllers do, and Git tools can tell when it has taken effect.
package gitops

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	ac "github.com/openplp/khocr/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	tenancy = "config/samples/gitops"
	jobs    = "config/samples/gitops/jobs"
)

func TestARepositoryGovernsTheCluster(t *testing.T) {
	c := start(t)
	// What is there once khocr is installed.
	for _, installed := range []string{"config/priority", "config/plans", "config/models"} {
		c.apply(installed)
	}
	c.apply(tenancy)
	t.Run("before anybody has looked at it, it is in progress", func(t *testing.T) { c.at(t).fresh() })
	c.runControllers()
	t.Run("when the controllers have done their work, it is current", func(t *testing.T) { c.at(t).settled() })
	t.Run("a job is in progress until its document is read", func(t *testing.T) { c.at(t).job() })
	t.Run("applying all of it once more changes nothing", func(t *testing.T) { c.at(t).appliedAgain() })
	t.Run("the platform owns no field of a spec", func(t *testing.T) { c.at(t).ownership() })
	t.Run("an organization that cannot become ready has failed", func(t *testing.T) { c.at(t).failures() })
}

func (c *cluster) fresh() {
	for _, object := range c.objects(tenancy, "config/models") {
		want := status.InProgressStatus
		if object.GetKind() == "Plan" {
			want = status.CurrentStatus // nothing comes of a plan by itself
		}
		if got := c.status(object); got != want {
			c.Errorf("%s %s is %s, want %s", object.GetKind(), object.GetName(), got, want)
		}
	}
}

func (c *cluster) settled() {
	for _, object := range c.objects(tenancy, "config/models") {
		testenv.Await(c, object.GetKind()+" "+object.GetName()+" is current", func() bool {
			return c.status(c.find(resourceOf(object.GetKind()), "", object.GetName())) == status.CurrentStatus
		})
	}
}

// job plays the kubelet and the worker of a job that is applied.
func (c *cluster) job() {
	key := client.ObjectKey{Namespace: "khocr-moj", Name: "annual-report"}
	stands := func(want status.Status) {
		c.Helper()
		testenv.Await(c, fmt.Sprintf("the job is %s", want), func() bool { return c.status(c.find("ocrjobs", key.Namespace, key.Name)) == want })
	}
	c.apply(jobs)
	stands(status.InProgressStatus)

	pod := &corev1.Pod{}
	testenv.Await(c, "the job has a worker", func() bool {
		return c.environment.Client.Get(c.Context(), client.ObjectKey{Namespace: key.Namespace, Name: key.Name + "-0-1"}, pod) == nil
	})
	binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: "node"}}
	c.must(kubernetes.NewForConfigOrDie(c.environment.Admin).CoreV1().Pods(pod.Namespace).Bind(c.Context(), binding, metav1.CreateOptions{}))
	job := &v1alpha1.OcrJob{}
	testenv.Await(c, "the job has recorded its worker", func() bool {
		c.must(c.environment.Client.Get(c.Context(), key, job))
		return len(job.Status.Workers) == 1 && job.Status.Workers[0].PodUID == pod.UID
	})
	stands(status.InProgressStatus)

	progress := ac.PageCounts().WithTotal(1).WithDone(1).WithNative(1).WithRecognized(0).WithFailed(0)
	report := ac.OcrJob(key.Name, key.Namespace).WithStatus(ac.OcrJobStatus().WithWorkers(ac.WorkerStatus().WithPart(0).WithProgress(progress)))
	c.must(c.manager.Status().Apply(c.Context(), report, client.FieldOwner(workerport.FieldManager(0)), client.ForceOwnership))
	stands(status.CurrentStatus)
	testenv.Await(c, "the job is settled", func() bool {
		c.must(c.environment.Client.Get(c.Context(), key, job))
		return len(job.Finalizers) == 0
	})
}

func (c *cluster) appliedAgain() {
	versions := func() string {
		var lines strings.Builder
		for _, object := range c.objects(tenancy, jobs) {
			fmt.Fprintln(&lines, object.GetKind(), object.GetName(), object.GetResourceVersion())
		}
		return lines.String()
	}
	// The controllers' last writes may still be under way the first time.
	testenv.Await(c, "an apply changes nothing", func() bool {
		before := versions()
		c.apply(tenancy)
		c.apply(jobs)
		return versions() == before
	})
	for _, kustomization := range []string{tenancy, jobs} {
		if difference, err := c.kubectl("diff", "--server-side", "--kustomize", kustomization); err != nil {
			c.Errorf("the cluster differs from %s: %v\n%s", kustomization, err, difference)
		}
	}
}

func (c *cluster) ownership() {
	for _, object := range c.objects(tenancy, jobs) {
		applied := false
		for _, entry := range object.GetManagedFields() {
			if entry.Manager == "kubectl" {
				applied = true
				continue
			}
			if strings.Contains(entry.FieldsV1.GetRawString(), `"f:spec"`) {
				c.Errorf("%s owns fields of the spec of %s %s: %s", entry.Manager, object.GetKind(), object.GetName(), entry.FieldsV1.GetRawString())
			}
		}
		if !applied {
			c.Errorf("kubectl owns nothing of %s %s", object.GetKind(), object.GetName())
		}
	}
}

func (c *cluster) failures() {
	c.environment.Namespace(c, "khocr-taken")
	for name, plan := range map[string]string{"taken": "free", "planless": "none"} {
		organization := &v1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       v1alpha1.OrganizationSpec{PlanRef: plan, DisplayName: v1alpha1.LocalizedText{En: name}},
		}
		c.must(c.environment.Client.Create(c.Context(), organization))
		testenv.Await(c, "organization "+name+" has failed", func() bool {
			return c.status(c.find("organizations", "", name)) == status.FailedStatus
		})
	}
}

func resourceOf(kind string) string { return strings.ToLower(kind) + "s.ocr.openplp.com" }
