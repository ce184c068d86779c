package backup

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/workerport"
)

// manager is the field owner of all that the manager writes.
const manager = client.FieldOwner("khocr-manager")

// applied is a part of a job's status, and who goes on with it.
type applied struct {
	owner   client.FieldOwner
	content v1alpha1.OcrJob
}

// statusOf is the status that a job has when it is made again, by who writes it: the manager all but the workers' progress.
func statusOf(job *v1alpha1.OcrJob) []applied {
	status := job.Status.DeepCopy()
	status.AcceptedAt = new(job.Accepted())
	if !status.Phase.Ended() {
		putBack(status)
	}
	var all []applied
	for i := range status.Workers {
		worker := &status.Workers[i]
		if worker.Progress == nil {
			continue
		}
		progress := []v1alpha1.WorkerStatus{{Part: worker.Part, Progress: worker.Progress}}
		all = append(all, part(job, client.FieldOwner(workerport.FieldManager(worker.Part)), v1alpha1.OcrJobStatus{Workers: progress}))
		worker.Progress = nil
	}
	return append([]applied{part(job, manager, *status)}, all...)
}

func part(job *v1alpha1.OcrJob, owner client.FieldOwner, status v1alpha1.OcrJobStatus) applied {
	return applied{owner, v1alpha1.OcrJob{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "OcrJob"},
		ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name},
		Status:     status,
	}}
}

// putBack has a job that was at work wait for its turn, as a suspension does: its workers are in a cluster that is gone.
// They go on with a new attempt, which counts as no failure. One whose pages are all done needs no worker any more.
func putBack(status *v1alpha1.OcrJobStatus) {
	if len(status.Workers) == 0 || status.Leading() == nil {
		return
	}
	status.Phase = v1alpha1.PhasePending
	for i := range status.Workers {
		worker := &status.Workers[i]
		if worker.PodName != "" && !status.PartDone(worker) {
			worker.Attempt++
			worker.RetryAt = nil
			if worker.Progress != nil {
				worker.DoneBefore = worker.Progress.Done
			}
		}
		worker.PodName, worker.PodUID = "", ""
	}
}
