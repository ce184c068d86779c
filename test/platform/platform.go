// Package platform runs the manager's controllers and the gateway's internal port, as they are, over a real API server: what
// they make for organizations and jobs is what a cluster would have. It is for tests only.
package platform

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/fetch"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/internalport"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/controllers/ocrjob"
	"github.com/openplp/khocr/controllers/organization"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testenv"
)

// System is the platform's own namespace.
const System = "khocr-system"

// Platform is one that runs until the test ends.
type Platform struct {
	*gatewaytest.Gateway
	*testing.T
	// API acts as an administrator.
	API kubernetes.Interface
	// InternalPort listens with TLS.
	InternalPort *httptest.Server
}

// Start starts a platform whose workers may reach the peers as the store.
func Start(t *testing.T, store ...organization.Peer) *Platform {
	t.Helper()
	p := &Platform{Gateway: gatewaytest.Start(t), T: t}
	p.API = kubernetes.NewForConfigOrDie(p.Admin)
	p.Apply(t, "config/rbac/*_account*.yaml", "config/rbac/*role*.yaml", "config/rbac/manager_bindings.yaml",
		"config/priority/priority_classes.yaml", "config/plans/enterprise.yaml", "config/models/khocr.yaml", "config/gateway/services.yaml")
	token, err := p.API.CoreV1().ServiceAccounts(System).
		CreateToken(t.Context(), "khocr-manager", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	p.Must(err)
	account := rest.AnonymousClientConfig(p.Admin)
	account.BearerToken = token.Status.Token
	mgr := testenv.NewManager(t, account)
	limits := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("2Gi")}
	gateway := ocrjob.ServiceLocator{
		Reader: mgr.GetClient(), Service: types.NamespacedName{Namespace: System, Name: "khocr-gateway-internal"},
		CA: func(context.Context) (string, error) { return "certificates", nil },
	}
	p.Must(SetUpControllers(t.Context(), mgr, gateway,
		ocrjob.WorkerTemplate{Image: "khocr/worker", Resources: corev1.ResourceRequirements{Limits: limits, Requests: limits}}, store...))
	testenv.Run(t, mgr)

	port := internalport.New(p.Cached, p.Live, p.Store, fetch.New(nil), slog.New(slog.DiscardHandler))
	port.Spending = spending.New(p.Store, "internal", time.Now, slog.New(slog.DiscardHandler))
	p.InternalPort = httptest.NewTLSServer(port.Handler())
	t.Cleanup(p.InternalPort.Close)
	return p
}

// Must fails the test on an error.
func (p *Platform) Must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// Organize makes an organization, with what changes add to its spec, and returns its namespace, once everything is in it.
func (p *Platform) Organize(name string, changes ...func(*v1alpha1.OrganizationSpec)) string {
	p.Helper()
	made := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.OrganizationSpec{
		PlanRef: "enterprise", DisplayName: v1alpha1.LocalizedText{En: name}}}
	for _, change := range changes {
		change(&made.Spec)
	}
	p.Must(p.Gateway.Client.Create(p.Context(), made))
	testenv.Await(p, name+" is ready", func() bool {
		p.Must(p.Live.Get(p.Context(), client.ObjectKeyFromObject(made), made))
		return meta.IsStatusConditionTrue(made.Status.Conditions, v1alpha1.ConditionReady)
	})
	return made.JobNamespace()
}

// Job is one with its worker's pod.
type Job struct {
	*v1alpha1.OcrJob
	Pod *corev1.Pod
}

// Submit makes a job of a document, and returns it when the manager has made and recorded its pod. No kubelet runs it.
func (p *Platform) Submit(namespace, name, upload, document string) Job {
	p.Helper()
	_, err := p.Store.Put(p.Context(), storage.UploadKey(namespace, upload), strings.NewReader(document))
	p.Must(err)
	job := Job{&v1alpha1.OcrJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Finalizers: []string{v1alpha1.FinalizerLedger}},
		Spec:       v1alpha1.OcrJobSpec{Source: v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{ID: upload, Size: int64(len(document))}}},
	}, new(corev1.Pod)}
	p.Must(p.Gateway.Client.Create(p.Context(), job.OcrJob))
	key := client.ObjectKey{Namespace: namespace, Name: name + "-0-1"}
	testenv.Await(p, name+" has a pod", func() bool {
		err := p.Live.Get(p.Context(), key, job.Pod)
		p.Must(client.IgnoreNotFound(err))
		return err == nil
	})
	// The test plays the scheduler.
	p.Must(p.API.CoreV1().Pods(namespace).Bind(p.Context(), &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: key.Name},
		Target:     corev1.ObjectReference{Kind: "Node", Name: "node"},
	}, metav1.CreateOptions{}))
	testenv.Await(p, name+" has its pod on record", func() bool {
		p.Must(p.Live.Get(p.Context(), client.ObjectKeyFromObject(job.OcrJob), job.OcrJob))
		return job.Status.Workers[0].PodUID == job.Pod.UID
	})
	p.Must(p.Live.Get(p.Context(), key, job.Pod))
	return job
}

// Token is one that the kubelet would put into a volume of the pod, for the audience; that of the API server is empty.
func (p *Platform) Token(pod *corev1.Pod, audience string) string {
	p.Helper()
	request, err := tokenRequest(pod, audience)
	p.Must(err)
	return p.TokenOf(pod.Namespace, pod.Spec.ServiceAccountName, request)
}

// tokenRequest is what the kubelet asks for, for the pod's volume of the audience.
func tokenRequest(pod *corev1.Pod, audience string) (authenticationv1.TokenRequestSpec, error) {
	for _, volume := range pod.Spec.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if wanted := source.ServiceAccountToken; wanted != nil && wanted.Audience == audience {
				request := authenticationv1.TokenRequestSpec{
					ExpirationSeconds: wanted.ExpirationSeconds,
					BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
				}
				if audience != "" {
					request.Audiences = []string{audience}
				}
				return request, nil
			}
		}
	}
	return authenticationv1.TokenRequestSpec{}, fmt.Errorf("pod %s asks for no token of the audience %q", pod.Name, audience)
}

// TokenOf is a token of a service account.
func (p *Platform) TokenOf(namespace, account string, request authenticationv1.TokenRequestSpec) string {
	p.Helper()
	made, err := p.API.CoreV1().ServiceAccounts(namespace).
		CreateToken(p.Context(), account, &authenticationv1.TokenRequest{Spec: request}, metav1.CreateOptions{})
	p.Must(err)
	return made.Status.Token
}
