package ocrjob

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/workerport"
)

// Pod is what a decision needs to know of a worker pod.
type Pod struct {
	Name    string
	UID     types.UID
	Node    string
	Attempt Attempt
	State   PodState
	// Deleting pods have been told to end, by GoneBy.
	Deleting bool
	GoneBy   time.Time
	// GivesWay pods are of the class that makes room for the pods of jobs; Preempted ones have done so, or are about to.
	GivesWay, Preempted bool
	// Reason and Message say why a pod is where it is. The reason is one of a job's failure, of PodBadDocument always, and
	// of PodCrashed where the document's source is to blame.
	Reason  string
	Message string
}

// reasonEvicted is the kubelet's word on pods that it ended.
const reasonEvicted = "Evicted"

// PodState is where a worker pod stands.
type PodState int

const (
	// PodQueued has no node yet.
	PodQueued PodState = iota
	// PodUnschedulable has no node because none has room for it.
	PodUnschedulable
	// PodActive has a node and has not ended.
	PodActive
	// PodSucceeded ended with ExitDone.
	PodSucceeded
	// PodBadDocument ended with ExitBadDocument.
	PodBadDocument
	// PodCrashed ended through its own fault.
	PodCrashed
	// PodDisrupted ended through no fault of its own: preempted, evicted, lost with its node, or without the platform's own
	// gateway and store.
	PodDisrupted
)

// Alive tells whether the pod has not ended.
func (s PodState) Alive() bool { return s <= PodActive }

// hasNode tells whether the pod has ever got a node.
func (s PodState) hasNode() bool { return s >= PodActive }

// runs tells whether the pod has neither ended nor been told to.
func (p *Pod) runs() bool { return p.State.Alive() && !p.Deleting }

// observePod reads a worker pod. It fails on pods whose labels are not a worker's.
func observePod(pod *corev1.Pod) (Pod, error) {
	part, err := strconv.ParseInt(pod.Labels[v1alpha1.LabelPart], 10, 32)
	if err != nil {
		return Pod{}, fmt.Errorf("reading the part of pod %s: %w", pod.Name, err)
	}
	attempt, err := strconv.ParseInt(pod.Labels[v1alpha1.LabelAttempt], 10, 32)
	if err != nil {
		return Pod{}, fmt.Errorf("reading the attempt of pod %s: %w", pod.Name, err)
	}
	observed := Pod{
		Name:     pod.Name,
		UID:      pod.UID,
		Node:     pod.Spec.NodeName,
		Attempt:  Attempt{Part: int32(part), Number: int32(attempt)},
		Deleting: pod.DeletionTimestamp != nil,
		GivesWay: strings.HasSuffix(pod.Spec.PriorityClassName, furtherClass),
	}
	if observed.Deleting {
		observed.GoneBy = pod.DeletionTimestamp.Time
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.DisruptionTarget && condition.Status == corev1.ConditionTrue {
			observed.Preempted = condition.Reason == corev1.PodReasonPreemptionByScheduler
		}
	}
	observed.State, observed.Reason, observed.Message = podState(pod)
	return observed, nil
}

func podState(pod *corev1.Pod) (state PodState, reason, message string) {
	switch pod.Status.Phase {
	case corev1.PodSucceeded:
		return PodSucceeded, "", ""
	case corev1.PodFailed:
		return failedPodState(pod)
	}
	if pod.Spec.NodeName != "" {
		return PodActive, "", ""
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Reason == corev1.PodReasonUnschedulable {
			return PodUnschedulable, "", condition.Message
		}
	}
	return PodQueued, "", ""
}

func failedPodState(pod *corev1.Pod) (state PodState, reason, message string) {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.DisruptionTarget && condition.Status == corev1.ConditionTrue {
			return PodDisrupted, "", cmp.Or(condition.Message, condition.Reason)
		}
	}
	var end *corev1.ContainerStateTerminated
	for _, container := range pod.Status.ContainerStatuses {
		if container.Name == workerContainer {
			end = container.State.Terminated
		}
	}
	switch {
	case pod.Status.Reason == reasonEvicted && pod.DeletionTimestamp == nil:
		// For want of room on the node it would be a DisruptionTarget: it has taken more room than it is allowed.
		return PodCrashed, "", cmp.Or(pod.Status.Message, pod.Status.Reason)
	case end == nil, pod.DeletionTimestamp != nil:
		// The kubelet never ran the container, or lost it: refused at admission, node shut down. Or the pod was told to go,
		// and its worker ended early for it.
		return PodDisrupted, "", cmp.Or(pod.Status.Message, pod.Status.Reason, "the pod was deleted or never ran")
	case end.ExitCode == workerport.ExitBadDocument:
		if said, ok := termination(end); ok && v1alpha1.IsDocumentReason(said.Reason) {
			return PodBadDocument, said.Reason, said.Message
		}
		return PodBadDocument, v1alpha1.ReasonInvalidDocument, "The document cannot be processed"
	default:
		message := fmt.Sprintf("%s, exit code %d", cmp.Or(end.Reason, "Error"), end.ExitCode)
		said, ok := termination(end)
		if ok {
			message += ": " + said.Message
		}
		switch said.Reason {
		case workerport.ReasonUnavailable:
			return PodDisrupted, "", said.Message
		case v1alpha1.ReasonSourceUnavailable:
			reason = said.Reason
		}
		return PodCrashed, reason, message
	}
}

// termination is what the worker said when it ended.
func termination(end *corev1.ContainerStateTerminated) (workerport.Termination, bool) {
	var said workerport.Termination
	if json.Unmarshal([]byte(end.Message), &said) != nil {
		return said, false
	}
	return said, said.Reason != "" || said.Message != ""
}
