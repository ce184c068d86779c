package internalport

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
)

// assignment is the part of a job that a worker pod works on.
type assignment struct {
	job  *v1alpha1.OcrJob
	part int32
}

// owner names the worker among all that there are at a time.
func (a assignment) owner() string {
	return fmt.Sprintf("%s/%s/%d", a.job.Namespace, a.job.Name, a.part)
}

// assignmentOf finds what the worker that sends a request works on. The job itself must have recorded the pod's UID,
// which no other pod has: a name alone could be that of an earlier job or attempt. Before the job is looked for the request
// counts, because the API server is asked for it.
func (s *Server) assignmentOf(r *http.Request, allowed allowance) (assignment, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return assignment{}, unauthorized("a bearer token is needed", nil)
	}
	worker, err := s.reviews.podOf(r.Context(), token, func() error {
		address, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			return fmt.Errorf("read who asks: %w", err)
		}
		return permit(r.Context(), s.asked, strangers, address)
	})
	if errors.Is(err, errNoWorker) {
		return assignment{}, unauthorized("this token is not taken", err)
	}
	if err != nil {
		return assignment{}, err
	}
	if err := permit(r.Context(), s.asked, allowed, string(worker.uid)); err != nil {
		return assignment{}, err
	}
	name, part, ok := parsePodName(worker.name)
	if !ok {
		return assignment{}, unauthorized("this pod is no worker of a job", nil)
	}
	key := client.ObjectKey{Namespace: worker.namespace, Name: name}
	// The cache first; then, because a worker may be faster than it, the API server.
	for _, reader := range []client.Reader{s.Client, s.Live} {
		job := new(v1alpha1.OcrJob)
		err = reader.Get(r.Context(), key, job)
		if err != nil && !apierrors.IsNotFound(err) {
			return assignment{}, fmt.Errorf("read job %s: %w", key, err)
		}
		if err != nil {
			continue
		}
		if entry := job.Status.Worker(part); entry != nil && entry.PodUID == worker.uid {
			if job.Status.Phase.Ended() {
				return assignment{}, gone("the job has ended")
			}
			return assignment{job, part}, nil
		}
	}
	if err != nil {
		return assignment{}, gone("the job does not exist any more")
	}
	return assignment{}, unauthorized("this pod is not recorded on its job", nil)
}

func unauthorized(message string, cause error) *refusal {
	return &refusal{http.StatusUnauthorized, "Unauthorized", message, cause}
}

func gone(message string) *refusal {
	return &refusal{http.StatusGone, "Gone", message, nil}
}

// podName is <job>-<part>-<attempt>. A job's own name may hold hyphens.
var podName = regexp.MustCompile(`^(.+)-(\d{1,9})-(\d{1,9})$`)

// parsePodName finds the job and the part that a pod is named after.
func parsePodName(name string) (job string, part int32, ok bool) {
	match := podName.FindStringSubmatch(name)
	if match == nil {
		return "", 0, false
	}
	number, err := strconv.ParseInt(match[2], 10, 32)
	return match[1], int32(number), err == nil
}
