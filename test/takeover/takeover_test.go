// Package takeover tests what a worker can do that has been taken over by a document: with the tokens of a real worker pod, on a
// real API server with its roles and policies, and on a real internal port.
package takeover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	ac "github.com/openplp/khocr/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/test/platform"
)

// attacker is in the place of the worker of the job own. Of the same organization is the job other, of another one foreign.
type attacker struct {
	*platform.Platform
	own, other, foreign platform.Job
}

// api is a client of the API server with a token.
func (a *attacker) api(token string) (client.Client, kubernetes.Interface) {
	config := rest.AnonymousClientConfig(a.Admin)
	config.BearerToken = token
	c, err := client.New(config, client.Options{Scheme: testenv.Scheme(), Mapper: a.Gateway.Client.RESTMapper()})
	a.Must(err)
	return c, kubernetes.NewForConfigOrDie(config)
}

// port sends a request to the internal port.
func (a *attacker) port(ctx context.Context, token, method, path, body string) (status int, content string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, a.InternalPort.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := a.InternalPort.Client().Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, string(read), err
}

// deed is something that the attacker tries.
type deed struct {
	name string
	// do returns nil for a success, and else what it is told.
	do func(context.Context) error
	// want tells whether that is the refusal which is due.
	want func(error) bool
}

// Refusals. One by RBAC says nothing of a policy.
var (
	unauthorized = apierrors.IsUnauthorized
)

func byRole(err error) bool {
	return apierrors.IsForbidden(err) && !strings.Contains(err.Error(), "ValidatingAdmissionPolicy")
}

func byPolicy(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'khocr-worker-progress'")
}

// answered is a refusal of the internal port.
type answered struct {
	status int
	body   string
}

func (a answered) Error() string { return fmt.Sprintf("%d %s", a.status, strings.TrimSpace(a.body)) }

func withStatus(status int) func(error) bool {
	return func(err error) bool {
		var answer answered
		return errors.As(err, &answer) && answer.status == status
	}
}

const (
	ownText, otherText, foreignText = "%PDF-1.7 own", "%PDF-1.7 other", "%PDF-1.7 foreign"
	laterEnd                        = 10 * time.Minute
)

func start(t *testing.T) *attacker {
	a := &attacker{Platform: platform.Start(t)}
	home, elsewhere := a.Organize("moj"), a.Organize("other")
	a.own = a.Submit(home, "own", "0000000000aa", ownText)
	a.other = a.Submit(home, "other", "0000000000bb", otherText)
	a.foreign = a.Submit(elsewhere, "foreign", "0000000000cc", foreignText)
	for _, namespace := range []string{home, elsewhere} {
		for _, object := range []client.Object{
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "webhook"}},
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "settings"}},
		} {
			a.Must(a.Gateway.Client.Create(t.Context(), object))
		}
	}
	return a
}

func progress(job platform.Job, done int32) *ac.OcrJobApplyConfiguration {
	counts := ac.PageCounts().WithTotal(9).WithDone(done)
	return ac.OcrJob(job.Name, job.Namespace).WithStatus(ac.OcrJobStatus().WithWorkers(ac.WorkerStatus().WithPart(0).WithProgress(counts)))
}

func TestAWorkerThatIsTakenOverIsRefused(t *testing.T) {
	a := start(t)
	ownAPI, ownPort := a.Token(a.own.Pod, ""), a.Token(a.own.Pod, workerport.Audience)
	c, _ := a.api(ownAPI)

	// What it is there for, so that the refusals are not for another reason.
	if err := c.Status().Apply(t.Context(), progress(a.own, 1), client.FieldOwner(workerport.FieldManager(0)), client.ForceOwnership); err != nil {
		t.Fatalf("the worker cannot report its own progress: %v", err)
	}
	if status, body, err := a.port(t.Context(), ownPort, http.MethodGet, workerport.PathDocument, ""); status != http.StatusOK || body != ownText || err != nil {
		t.Fatalf("the worker gets %d %q, %v for its own document", status, body, err)
	}

	var table strings.Builder
	for _, group := range []struct {
		name  string
		deeds []deed
	}{
		{"API server", a.onTheAPIServer(ownAPI)},
		{"API server, with another token", a.withOtherTokens(ownAPI, ownPort)},
		{"internal port", a.onTheInternalPort(ownPort)},
		{"internal port, with another token", a.onTheInternalPortWithOtherTokens(ownAPI, ownPort)},
	} {
		fmt.Fprintf(&table, "\n\n%s", group.name)
		for _, d := range group.deeds {
			err := d.do(t.Context())
			told := "NOT REFUSED"
			if err != nil {
				told = err.Error()
			}
			fmt.Fprintf(&table, "\n  %-58s %.150s", d.name, strings.ReplaceAll(told, "\n", " "))
			if err == nil || !d.want(err) {
				t.Errorf("%s, %s: the answer is %v", group.name, d.name, err)
			}
		}
	}
	t.Log(table.String())

	// And nothing has come of it.
	for _, job := range []platform.Job{a.own, a.other, a.foreign} {
		current := &v1alpha1.OcrJob{}
		a.Must(a.Live.Get(t.Context(), client.ObjectKeyFromObject(job.OcrJob), current))
		done := int32(0)
		if job.Name == "own" {
			done = 1
		}
		if current.Status.LivePages().Done != done || current.Status.Phase.Ended() || current.Spec.Cancel != nil || len(current.Finalizers) != 1 {
			t.Errorf("job %s is now %+v, %+v", job.Name, current.ObjectMeta, current.Status)
		}
	}
}

// onTheAPIServer are deeds with the worker's own token.
func (a *attacker) onTheAPIServer(token string) []deed {
	c, api := a.api(token)
	manager := workerport.FieldManager(0)
	home, elsewhere := a.own.Namespace, a.foreign.Namespace
	report := func(job platform.Job, as string) func(context.Context) error {
		return func(ctx context.Context) error {
			return c.Status().Apply(ctx, progress(job, 9), client.FieldOwner(as), client.ForceOwnership)
		}
	}
	status := func(job platform.Job, kind types.PatchType, body string) func(context.Context) error {
		return func(ctx context.Context) error {
			target := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name}}
			return c.Status().Patch(ctx, target, client.RawPatch(kind, []byte(body)), client.FieldOwner(manager))
		}
	}
	patch := func(object client.Object, body string) func(context.Context) error {
		return func(ctx context.Context) error {
			return c.Patch(ctx, object.DeepCopyObject().(client.Object), client.RawPatch(types.MergePatchType, []byte(body)))
		}
	}
	get := func(object client.Object, namespace, name string) func(context.Context) error {
		return func(ctx context.Context) error {
			return c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object.DeepCopyObject().(client.Object))
		}
	}
	list := func(objects client.ObjectList, namespace string) func(context.Context) error {
		return func(ctx context.Context) error {
			return c.List(ctx, objects.DeepCopyObject().(client.ObjectList), client.InNamespace(namespace))
		}
	}
	create := func(object client.Object) func(context.Context) error {
		return func(ctx context.Context) error { return c.Create(ctx, object.DeepCopyObject().(client.Object)) }
	}
	remove := func(object client.Object) func(context.Context) error {
		return func(ctx context.Context) error { return c.Delete(ctx, object.DeepCopyObject().(client.Object)) }
	}
	named := metav1.ObjectMeta{Namespace: home, Name: "mine"}
	own, other := a.own.OcrJob, a.other.OcrJob
	pod := a.own.Pod.DeepCopy()
	pod.ObjectMeta = named
	const merge, json = types.MergePatchType, types.JSONPatchType
	return []deed{
		{"report progress of another job", report(a.other, manager), byPolicy},
		{"complete another job", status(a.other, merge, `{"status":{"phase":"Completed"}}`), byPolicy},
		{"fail another job", status(a.other, merge, `{"status":{"phase":"Failed"}}`), byPolicy},
		{"report progress of a job elsewhere", report(a.foreign, manager), byRole},
		{"complete its own job", status(a.own, merge, `{"status":{"phase":"Completed"}}`), byPolicy},
		{"have its own pages reserved", status(a.own, merge, `{"status":{"conditions":[{"type":"QuotaReserved","status":"True","reason":"PagesReserved","message":"","lastTransitionTime":"2026-08-01T00:00:00Z"}]}}`), byPolicy},
		{"change the number of its job's pages", status(a.own, merge, `{"status":{"pages":{"total":1}}}`), byPolicy},
		{"record another pod as its own", status(a.own, json, `[{"op":"replace","path":"/status/workers/0/podUID","value":"x"}]`), byPolicy},
		{"begin another attempt", status(a.own, json, `[{"op":"replace","path":"/status/workers/0/attempt","value":7}]`), byPolicy},
		{"take its own status away", status(a.own, json, `[{"op":"remove","path":"/status"}]`), byPolicy},
		{"report in the manager's name", report(a.own, "khocr-manager"), byPolicy},
		{"change its own spec", patch(own, `{"spec":{"cancel":true}}`), byRole},
		{"raise its own priority", patch(own, `{"spec":{"priority":"high"}}`), byRole},
		{"take its own job's finalizer off", patch(own, `{"metadata":{"finalizers":null}}`), byRole},
		{"cancel another job", patch(other, `{"spec":{"cancel":true}}`), byRole},
		{"read its own job", get(&v1alpha1.OcrJob{}, home, own.Name), byRole},
		{"read another job", get(&v1alpha1.OcrJob{}, home, other.Name), byRole},
		{"read a job elsewhere", get(&v1alpha1.OcrJob{}, elsewhere, a.foreign.Name), byRole},
		{"list jobs", list(&v1alpha1.OcrJobList{}, home), byRole},
		{"list jobs elsewhere", list(&v1alpha1.OcrJobList{}, elsewhere), byRole},
		{"list the jobs of all", list(&v1alpha1.OcrJobList{}, ""), byRole},
		{"make a job", create(&v1alpha1.OcrJob{ObjectMeta: named, Spec: own.Spec}), byRole},
		{"delete its own job", remove(own), byRole},
		{"delete another job", remove(other), byRole},
		{"read its organization", get(&v1alpha1.Organization{}, "", "moj"), byRole},
		{"use less of its organization's month", func(ctx context.Context) error {
			return c.Status().Patch(ctx, &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "moj"}}, client.RawPatch(merge, []byte(`{"status":{"usage":null}}`)))
		}, byRole},
		{"raise its organization's limits", patch(&v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "moj"}}, `{"spec":{"overrides":{"pagesPerMonth":1000000}}}`), byRole},
		{"read the plan", get(&v1alpha1.Plan{}, "", "enterprise"), byRole},
		{"read a secret", get(&corev1.Secret{}, home, "webhook"), byRole},
		{"list secrets", list(&corev1.SecretList{}, home), byRole},
		{"read a secret elsewhere", get(&corev1.Secret{}, elsewhere, "webhook"), byRole},
		{"read the platform's key", get(&corev1.Secret{}, platform.System, "khocr-gateway-key"), byRole},
		{"read a config map", get(&corev1.ConfigMap{}, home, "settings"), byRole},
		{"list config maps elsewhere", list(&corev1.ConfigMapList{}, elsewhere), byRole},
		{"read its own pod", get(&corev1.Pod{}, home, a.own.Pod.Name), byRole},
		{"list pods", list(&corev1.PodList{}, home), byRole},
		{"list the pods of all", list(&corev1.PodList{}, ""), byRole},
		{"make a pod like its own", create(pod), byRole},
		{"make a batch job", create(&batchv1.Job{ObjectMeta: named}), byRole},
		{"change its own pod's labels", patch(a.own.Pod, `{"metadata":{"labels":{"app.kubernetes.io/component":"gateway"}}}`), byRole},
		{"delete another worker", remove(a.other.Pod), byRole},
		{"run a command in another worker", func(ctx context.Context) error {
			return api.CoreV1().RESTClient().Post().Namespace(home).Resource("pods").Name(a.other.Pod.Name).SubResource("exec").
				Param("command", "true").Do(ctx).Error()
		}, byRole},
		{"read another worker's log", func(ctx context.Context) error {
			return api.CoreV1().Pods(home).GetLogs(a.other.Pod.Name, &corev1.PodLogOptions{}).Do(ctx).Error()
		}, byRole},
		{"get itself another token", func(ctx context.Context) error {
			_, err := api.CoreV1().ServiceAccounts(home).CreateToken(ctx, workerport.ServiceAccount, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
			return err
		}, byRole},
		{"have a token reviewed", create(&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}), byRole},
		{"act as the manager", func(ctx context.Context) error {
			config := rest.AnonymousClientConfig(a.Admin)
			config.BearerToken, config.Impersonate.UserName = token, testenv.ManagerUser
			_, err := kubernetes.NewForConfigOrDie(config).CoreV1().Pods(home).List(ctx, metav1.ListOptions{})
			return err
		}, byRole},
		{"give itself a role", create(&rbacv1.RoleBinding{ObjectMeta: named,
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "khocr-editor"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: workerport.ServiceAccount, Namespace: home}}}), byRole},
		{"open the network", remove(&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: workerport.ServiceAccount}}), byRole},
		{"change its namespace's labels", patch(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home}}, `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`), byRole},
		{"list namespaces", list(&corev1.NamespaceList{}, ""), byRole},
		{"list nodes", list(&corev1.NodeList{}, ""), byRole},
		{"take the manager's lease", patch(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: platform.System, Name: "khocr-manager"}}, `{"spec":{"holderIdentity":"mine"}}`), byRole},
	}
}

// withOtherTokens tries what the worker may do, with tokens that are not good for it.
func (a *attacker) withOtherTokens(ownAPI, ownPort string) []deed {
	report := func(token string) func(context.Context) error {
		return func(ctx context.Context) error {
			c, _ := a.api(token)
			return c.Status().Apply(ctx, progress(a.own, 9), client.FieldOwner(workerport.FieldManager(0)), client.ForceOwnership)
		}
	}
	// The same token with a time to come is taken, so the other is refused for its time.
	good, err := redate(ownAPI, a.TokenKey, time.Now().Add(laterEnd/2))
	a.Must(err)
	c, _ := a.api(good)
	if err := c.Status().Apply(a.Context(), progress(a.own, 1), client.FieldOwner(workerport.FieldManager(0)), client.ForceOwnership); err != nil {
		a.Fatalf("a token that is still good is refused: %v", err)
	}
	expired, err := redate(ownAPI, a.TokenKey, time.Now().Add(-laterEnd))
	a.Must(err)
	unrecorded, gone := a.stray("own-0-2"), a.stray("own-0-3")
	late := a.Token(gone, "")
	a.remove(gone, late)
	return []deed{
		{"no token", report(""), apierrors.IsForbidden},
		{"an expired token", report(expired), unauthorized},
		{"the token of a pod that is gone", report(late), unauthorized},
		{"the token for the internal port", report(ownPort), unauthorized},
		{"the token of another job's worker", report(a.Token(a.other.Pod, "")), byPolicy},
		{"the token of a worker elsewhere", report(a.Token(a.foreign.Pod, "")), byRole},
		{"the token of a pod that is not on record", report(a.Token(unrecorded, "")), byPolicy},
		{"a token that is bound to no pod", report(a.TokenOf(a.own.Namespace, workerport.ServiceAccount, authenticationv1.TokenRequestSpec{})), byPolicy},
	}
}

// stray is a pod like the worker's own that no job has on record.
func (a *attacker) stray(name string) *corev1.Pod {
	pod := a.own.Pod.DeepCopy()
	pod.ObjectMeta = metav1.ObjectMeta{Namespace: pod.Namespace, Name: name}
	a.Must(a.Gateway.Client.Create(a.Context(), pod))
	return pod
}

// remove a pod, and wait until the API server knows its token no more.
func (a *attacker) remove(pod *corev1.Pod, token string) {
	a.Must(a.Gateway.Client.Delete(a.Context(), pod, client.GracePeriodSeconds(0)))
	testenv.Await(a, "the token goes with the pod", func() bool {
		_, api := a.api(token)
		_, err := api.CoreV1().Pods(pod.Namespace).Get(a.Context(), pod.Name, metav1.GetOptions{})
		return unauthorized(err)
	})
}

// onTheInternalPort are deeds with the worker's own token.
func (a *attacker) onTheInternalPort(token string) []deed {
	ask := func(method, path, body string) func(context.Context) error {
		return func(ctx context.Context) error {
			status, content, err := a.port(ctx, token, method, path, body)
			switch {
			case err != nil:
				return err
			case strings.Contains(content, otherText), strings.Contains(content, foreignText):
				return nil // it got what is not its own
			}
			return answered{status, content}
		}
	}
	// What names another document is overheard: the answer is the own one.
	own := func(err error) bool {
		var answer answered
		return errors.As(err, &answer) && answer.status == http.StatusOK && answer.body == ownText
	}
	const page = `{"page":1,"width":1,"height":1,"rotation":0,"source":"ocr","text":"x"}`
	return []deed{
		{"another job's document, by a query", ask(http.MethodGet, workerport.PathDocument+"?job=other", ""), own},
		{"another job's document, by its UID", ask(http.MethodGet, workerport.PathDocument+"?uid="+string(a.other.UID), ""), own},
		{"another job's document, by a path", ask(http.MethodGet, "/internal/v1/jobs/other/document", ""), withStatus(http.StatusNotFound)},
		{"another job's document, by a way up", ask(http.MethodGet, workerport.PathDocument+"/../../../uploads/0000000000bb", ""), withStatus(http.StatusNotFound)},
		{"another organization's document, by a way up", ask(http.MethodGet, "/internal/v1/pages/..%2f..%2f..%2fkhocr-other%2fuploads%2f0000000000cc", ""), withStatus(http.StatusNotFound)},
		{"a page by what is no number", ask(http.MethodGet, "/internal/v1/pages/-1", ""), withStatus(http.StatusNotFound)},
		{"a page under another's number", ask(http.MethodPut, workerport.PagePath(2), page), withStatus(http.StatusBadRequest)},
		{"a page beyond all numbers", ask(http.MethodPut, workerport.PagePath(2_000_000_000), strings.Replace(page, `"page":1`, `"page":2000000000`, 1)), withStatus(http.StatusBadRequest)},
		{"a preview that is no image", ask(http.MethodPut, workerport.PreviewPath(1), "<script>"), withStatus(http.StatusBadRequest)},
		{"a preview to be read", ask(http.MethodGet, workerport.PreviewPath(1), ""), withStatus(http.StatusMethodNotAllowed)},
		{"an AI model for a job that has none", ask(http.MethodPost, workerport.ReadingPath(1), page), withStatus(http.StatusBadRequest)},
		{"a page that an AI model is said to have read", ask(http.MethodPut, workerport.PagePath(1),
			strings.Replace(page, `"text"`, `"ai":{"model":"gemma","role":"reader","used":true,"cost":0},"text"`, 1)), withStatus(http.StatusBadRequest)},
		{"the list of jobs", ask(http.MethodGet, "/internal/v1/jobs", ""), withStatus(http.StatusNotFound)},
		{"the public API", ask(http.MethodGet, "/api/v1/jobs", ""), withStatus(http.StatusNotFound)},
		{"its document be deleted", ask(http.MethodDelete, workerport.PathDocument, ""), withStatus(http.StatusMethodNotAllowed)},
		{"its document be replaced", ask(http.MethodPut, workerport.PathDocument, "x"), withStatus(http.StatusMethodNotAllowed)},
	}
}

// onTheInternalPortWithOtherTokens asks for the document with tokens that are not good for it.
func (a *attacker) onTheInternalPortWithOtherTokens(ownAPI, ownPort string) []deed {
	document := func(token string) func(context.Context) error {
		return func(ctx context.Context) error {
			status, content, err := a.port(ctx, token, http.MethodGet, workerport.PathDocument, "")
			if err == nil && status != http.StatusOK {
				err = answered{status, content}
			}
			return err
		}
	}
	good, err := redate(ownPort, a.TokenKey, time.Now().Add(laterEnd/2))
	a.Must(err)
	if err := document(good)(a.Context()); err != nil {
		a.Fatalf("a token that is still good is refused: %v", err)
	}
	expired, err := redate(ownPort, a.TokenKey, time.Now().Add(-laterEnd))
	a.Must(err)
	khocr := authenticationv1.TokenRequestSpec{Audiences: []string{workerport.Audience}}
	bound := khocr
	bound.BoundObjectRef = &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: a.own.Pod.Name, UID: a.own.Pod.UID}
	elsewhere := bound
	elsewhere.Audiences = []string{"another"}
	unrecorded, gone := a.stray("own-0-4"), a.stray("own-0-5")
	late, api := a.Token(gone, workerport.Audience), a.Token(gone, "")
	a.remove(gone, api)
	none := withStatus(http.StatusUnauthorized)
	return []deed{
		{"no token", document(""), none},
		{"what is no token", document("eyJhbGciOiJub25lIn0.e30."), none},
		{"an expired token", document(expired), none},
		{"the token of a pod that is gone", document(late), none},
		{"the token for the API server", document(ownAPI), none},
		{"a token of another audience", document(a.TokenOf(a.own.Namespace, workerport.ServiceAccount, elsewhere)), none},
		{"a token that is bound to no pod", document(a.TokenOf(a.own.Namespace, workerport.ServiceAccount, khocr)), none},
		{"the token of a pod that is not on record", document(a.Token(unrecorded, workerport.Audience)), none},
	}
}
