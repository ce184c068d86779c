package ocrjob

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/workerport"
)

func TestObservePod(t *testing.T) {
	ended := func(code int32, reason, message string) []corev1.ContainerStatus {
		return []corev1.ContainerStatus{{Name: workerContainer, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}}}}
	}
	tests := map[string]struct {
		node   string
		status corev1.PodStatus
		want   Pod
	}{
		"without a node it is queued": {want: Pod{State: PodQueued}},
		"that fits nowhere is unschedulable": {
			status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
				Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes are available"}}},
			want: Pod{State: PodUnschedulable, Message: "0/1 nodes are available"},
		},
		"with a node is active": {node: "n1", status: corev1.PodStatus{Phase: corev1.PodPending}, want: Pod{Node: "n1", State: PodActive}},
		"that succeeded":        {node: "n1", status: corev1.PodStatus{Phase: corev1.PodSucceeded}, want: Pod{Node: "n1", State: PodSucceeded}},
		"with a bad document says what is wrong with it": {
			node: "n1", status: corev1.PodStatus{Phase: corev1.PodFailed,
				ContainerStatuses: ended(65, "Error", `{"reason":"PasswordProtected","message":"It needs a password"}`)},
			want: Pod{Node: "n1", State: PodBadDocument, Reason: v1alpha1.ReasonPasswordProtected, Message: "It needs a password"},
		},
		"cannot give a document a reason that is not a document's": {
			node: "n1", status: corev1.PodStatus{Phase: corev1.PodFailed,
				ContainerStatuses: ended(65, "Error", `{"reason":"Completed","message":"all is well"}`)},
			want: Pod{Node: "n1", State: PodBadDocument, Reason: v1alpha1.ReasonInvalidDocument, Message: "The document cannot be processed"},
		},
		"out of memory has crashed": {
			node: "n1", status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: ended(137, "OOMKilled", "")},
			want: Pod{Node: "n1", State: PodCrashed, Message: "OOMKilled, exit code 137"},
		},
		"that gave up says why": {
			node: "n1", status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: ended(75, "Error", `{"reason":"EngineUnavailable","message":"no engine"}`)},
			want: Pod{Node: "n1", State: PodCrashed, Message: "Error, exit code 75: no engine"},
		},
		"that was preempted is disrupted, whatever its exit code": {
			node: "n1", status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: ended(143, "Error", ""),
				Conditions: []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "PreemptionByScheduler"}}},
			want: Pod{Node: "n1", State: PodDisrupted, Preempted: true, Message: "PreemptionByScheduler"},
		},
		"that could not reach its gateway is disrupted": {
			node: "n1", status: corev1.PodStatus{Phase: corev1.PodFailed,
				ContainerStatuses: ended(75, "Error", `{"reason":"GatewayUnavailable","message":"the gateway did not answer"}`)},
			want: Pod{Node: "n1", State: PodDisrupted, Message: "the gateway did not answer"},
		},
		"that was evicted for want of room on the node is disrupted": {
			node: "n1", status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", ContainerStatuses: ended(137, "Error", ""),
				Conditions: []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "TerminationByKubelet"}}},
			want: Pod{Node: "n1", State: PodDisrupted, Message: "TerminationByKubelet"},
		},
		"that was evicted for what it took itself has crashed": {
			node: "n1", status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "Usage of EmptyDir volume"},
			want: Pod{Node: "n1", State: PodCrashed, Message: "Usage of EmptyDir volume"},
		},
		"that the kubelet never ran is disrupted": {
			node: "n1", status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "OutOfcpu"},
			want: Pod{Node: "n1", State: PodDisrupted, Message: "OutOfcpu"},
		},
	}
	for name, test := range tests {
		t.Run("a pod "+name, func(t *testing.T) {
			test.want.Name, test.want.Attempt = "job-1-2", Attempt{Part: 1, Number: 2}
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "job-1-2", Labels: map[string]string{v1alpha1.LabelPart: "1", v1alpha1.LabelAttempt: "2"}},
				Spec:       corev1.PodSpec{NodeName: test.node}, Status: test.status,
			}
			got, err := observePod(pod)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("pod (-want +got):\n%s", diff)
			}
		})
	}
}

func TestObservePodRefusesPodsThatAreNoWorkers(t *testing.T) {
	if _, err := observePod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "job-1-2"}}); err == nil {
		t.Error("a pod without a part and an attempt was taken for a worker")
	}
}

func TestWorkersAreToldThatTheyReachTheStore(t *testing.T) {
	for _, reach := range []bool{false, true} {
		pod := workerPod(&v1alpha1.OcrJob{}, "moj", NewPod{}, WorkerTemplate{StoreInReach: reach}, Endpoint{})
		told := slices.ContainsFunc(pod.Spec.Containers[0].Env, func(v corev1.EnvVar) bool {
			return v.Name == workerport.EnvStoreInReach && v.Value == "true"
		})
		if told != reach {
			t.Errorf("a worker that may reach the store, %v, is told so: %v", reach, told)
		}
	}
}
