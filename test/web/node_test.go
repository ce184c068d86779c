package web

import (
	"context"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/test/platform"
	"github.com/openplp/khocr/worker"
)

// node takes the places of scheduler and kubelet: whatever pod of a worker there is, it runs the worker for, with the tokens that a
// pod would have, and tells of its end.
type node struct {
	*platform.Platform
	t       *testing.T
	engine  string
	folder  string
	running map[types.UID]context.CancelFunc
	group   sync.WaitGroup
}

const nodeName = "node"

// startNode runs until the test ends.
func startNode(t *testing.T, p *platform.Platform) {
	bin, err := filepath.Abs("../../bin")
	if err == nil {
		_, err = os.Stat(filepath.Join(bin, "engine"))
	}
	if err != nil {
		t.Fatalf("there is no engine: make build: %v", err)
	}
	n := &node{Platform: p, t: t, engine: bin, folder: t.TempDir(), running: map[types.UID]context.CancelFunc{}}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		n.group.Wait()
	})
}

// run looks at the pods again and again, as a test's cluster has few.
func (n *node) run(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pods, err := n.API.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.LabelJob})
		if err != nil {
			if ctx.Err() == nil {
				n.t.Errorf("listing the pods: %v", err)
			}
			return
		}
		for i := range pods.Items {
			n.look(ctx, &pods.Items[i])
		}
	}
}

// look does what a pod is in need of.
func (n *node) look(ctx context.Context, pod *corev1.Pod) {
	stop, isRunning := n.running[pod.UID]
	ended := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	switch {
	case pod.DeletionTimestamp != nil && isRunning && !ended:
		stop()
	case pod.DeletionTimestamp != nil:
		zero := int64(0)
		_ = n.API.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &pod.UID}})
	case !isRunning && !ended:
		err := n.API.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: nodeName},
		}, metav1.CreateOptions{})
		if err != nil {
			return // it is looked at again
		}
		running, stop := context.WithCancel(ctx)
		n.running[pod.UID] = stop
		n.group.Go(func() { n.work(running, pod) })
	}
}

// work runs a pod's worker to its end.
func (n *node) work(ctx context.Context, pod *corev1.Pod) {
	life := context.WithoutCancel(ctx)
	folder := filepath.Join(n.folder, string(pod.UID))
	portToken, apiToken, termination := filepath.Join(folder, "port"), filepath.Join(folder, "api"), filepath.Join(folder, "termination")
	if err := os.MkdirAll(filepath.Join(folder, "work"), 0o700); err != nil {
		n.t.Errorf("making a pod's folder: %v", err)
		return
	}
	defer os.RemoveAll(folder)
	for file, audience := range map[string]string{portToken: workerport.Audience, apiToken: ""} {
		if err := os.WriteFile(file, []byte(n.Token(pod, audience)), 0o600); err != nil {
			n.t.Errorf("writing a token: %v", err)
			return
		}
	}
	n.tell(life, pod, corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
		Name: pod.Spec.Containers[0].Name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
	}}})
	cluster := rest.AnonymousClientConfig(n.Admin)
	cluster.BearerTokenFile = apiToken
	config := worker.Config{
		GatewayURL: n.InternalPort.URL, GatewayName: "example.com", GatewayTokenFile: portToken,
		GatewayCA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.InternalPort.Certificate().Raw})),
		Cluster:   cluster, PodName: pod.Name, CPULimit: 2, MemoryLimit: 2 << 30, WorkDir: filepath.Join(folder, "work"), TerminationFile: termination,
		Engine: filepath.Join(n.engine, "engine"), TessdataPrefix: filepath.Join(n.engine, "tessdata"),
	}
	code := worker.Run(ctx, config, slog.New(slog.NewTextHandler(n.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	message, _ := os.ReadFile(termination)
	phase := corev1.PodSucceeded
	if code != workerport.ExitDone {
		phase = corev1.PodFailed
	}
	n.tell(life, pod, corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{
		Name: pod.Spec.Containers[0].Name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: int32(code), Message: string(message), FinishedAt: metav1.Now(),
		}},
	}}})
}

// tell writes a pod's status, where the pod is still there.
func (n *node) tell(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) {
	current := &corev1.Pod{}
	err := n.Live.Get(ctx, client.ObjectKeyFromObject(pod), current)
	if err == nil && current.UID == pod.UID {
		status.Conditions = current.Status.Conditions
		current.Status = status
		_, err = n.API.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, current, metav1.UpdateOptions{})
	}
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		n.t.Errorf("telling of a pod: %v", err)
	}
}
