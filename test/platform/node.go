package platform

import (
	"context"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/retry"

	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker"
)

// nodeName is where all pods go.
const nodeName = "node"

// node does for the pods of workers what scheduler and kubelet do. The workers run in this process, as they are; their engines
// are processes of their own.
type node struct {
	*Platform
	engine, tessdata string

	lock sync.Mutex
	stop map[types.UID]context.CancelFunc
	pods sync.WaitGroup
}

// RunWorkers runs the pods that the manager makes, until the test ends, with the engine of that path and its models.
func (p *Platform) RunWorkers(engine, tessdata string) {
	p.Helper()
	n := &node{Platform: p, engine: engine, tessdata: tessdata, stop: map[types.UID]context.CancelFunc{}}
	informer, err := p.Cache.GetInformer(p.Context(), &corev1.Pod{})
	p.Must(err)
	ctx, end := context.WithCancel(context.WithoutCancel(p.Context()))
	handler, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { n.begin(ctx, object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { n.told(object.(*corev1.Pod)) },
	})
	p.Must(err)
	p.Cleanup(func() {
		// Nobody begins who is not waited for.
		p.Must(informer.RemoveEventHandler(handler))
		end()
		n.pods.Wait()
	})
}

// begin runs a pod that is new.
func (n *node) begin(ctx context.Context, pod *corev1.Pod) {
	if pod.Spec.NodeName != "" || pod.DeletionTimestamp != nil || ctx.Err() != nil {
		return
	}
	working, stop := context.WithCancel(ctx)
	n.lock.Lock()
	n.stop[pod.UID] = stop
	n.lock.Unlock()
	n.pods.Go(func() {
		defer stop()
		if err := n.run(ctx, working, pod); err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
			n.Errorf("running pod %s: %v", pod.Name, err)
		}
	})
}

// told tells a pod to end that is being deleted.
func (n *node) told(pod *corev1.Pod) {
	n.lock.Lock()
	defer n.lock.Unlock()
	if stop := n.stop[pod.UID]; stop != nil && pod.DeletionTimestamp != nil {
		stop()
	}
}

// run takes a pod from its node to its deletion. The context working ends when the pod is told to end.
func (n *node) run(ctx, working context.Context, pod *corev1.Pod) error {
	pods := n.API.CoreV1().Pods(pod.Namespace)
	err := pods.Bind(ctx, &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, UID: pod.UID},
		Target: corev1.ObjectReference{Kind: "Node", Name: nodeName}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "khocr-pod-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	config, err := n.config(ctx, pod, folder)
	if err != nil {
		return err
	}
	code := worker.Run(working, config, slog.New(slog.NewTextHandler(testLog{n.T}, nil)))
	if working.Err() == nil {
		if err := n.report(ctx, pod, config, code); err != nil {
			return err
		}
		<-working.Done()
	}
	return pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
}

// config is what a worker finds in its pod.
func (n *node) config(ctx context.Context, pod *corev1.Pod, folder string) (worker.Config, error) {
	config := worker.Config{
		GatewayURL: n.InternalPort.URL, GatewayName: "example.com", // in every certificate of httptest
		GatewayCA:        string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.InternalPort.Certificate().Raw})),
		GatewayTokenFile: filepath.Join(folder, "gateway-token"),
		Cluster:          rest.AnonymousClientConfig(n.Admin),
		PodName:          pod.Name, CPULimit: 2, MemoryLimit: 2 << 30,
		WorkDir: filepath.Join(folder, "work"), TerminationFile: filepath.Join(folder, "termination"),
		Engine: n.engine, TessdataPrefix: n.tessdata,
	}
	if err := os.Mkdir(config.WorkDir, 0o700); err != nil {
		return config, err
	}
	gateway, err := n.podToken(ctx, pod, workerport.Audience)
	if err != nil {
		return config, err
	}
	if config.Cluster.BearerToken, err = n.podToken(ctx, pod, ""); err != nil {
		return config, err
	}
	return config, os.WriteFile(config.GatewayTokenFile, []byte(gateway), 0o600)
}

func (n *node) podToken(ctx context.Context, pod *corev1.Pod, audience string) (string, error) {
	spec, err := tokenRequest(pod, audience)
	if err != nil {
		return "", err
	}
	made, err := n.API.CoreV1().ServiceAccounts(pod.Namespace).
		CreateToken(ctx, pod.Spec.ServiceAccountName, &authenticationv1.TokenRequest{Spec: spec}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return made.Status.Token, nil
}

// report tells the API server how a pod has ended.
func (n *node) report(ctx context.Context, pod *corev1.Pod, config worker.Config, code int) error {
	message, err := os.ReadFile(config.TerminationFile)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	// The manager may be deleting it at the same time.
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := n.API.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		current.Status.Phase = corev1.PodSucceeded
		if code != workerport.ExitDone {
			current.Status.Phase = corev1.PodFailed
		}
		container := current.Spec.Containers[0]
		current.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: container.Name, Image: container.Image, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: int32(code), Message: string(message)},
		}}}
		_, err = n.API.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, current, metav1.UpdateOptions{})
		return err
	})
}
