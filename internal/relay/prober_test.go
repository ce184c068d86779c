package relay

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/test/endpoint"
)

// testProber has an endpoint, its key and its address come and go, and looks at the model's status.
func testProber(t *testing.T, environment *testenv.Environment) {
	w := newWorld(t, environment, nil)
	model := w.model(t, "eyes", nil)
	key := client.ObjectKeyFromObject(model)
	// What others write into the status stays theirs.
	meta.SetStatusCondition(&model.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "NotProbed"})
	model.Status.ObservedGeneration = 1
	manager, err := client.New(w.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.Status().Update(t.Context(), model); err != nil {
		t.Fatal(err)
	}

	leases, err := coordinationv1.NewForConfig(w.Admin)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- w.relay.Probe(ctx, leases, "khocr-system", "test") }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})

	await := func(reason string) *metav1.Condition {
		t.Helper()
		var condition *metav1.Condition
		seen := &v1alpha1.OcrModel{}
		testenv.Await(t, "the endpoint is "+reason, func() bool {
			if w.Client.Get(t.Context(), key, seen) != nil {
				return false
			}
			condition = meta.FindStatusCondition(seen.Status.Conditions, v1alpha1.ConditionReachable)
			return condition != nil && condition.Reason == reason && condition.ObservedGeneration == seen.Generation
		})
		if (condition.Status == metav1.ConditionTrue) != (reason == v1alpha1.ReasonReachable) || condition.Message == "" || seen.Status.ProbedAt == nil {
			t.Errorf("%+v at %v", condition, seen.Status.ProbedAt)
		}
		if ready := meta.FindStatusCondition(seen.Status.Conditions, v1alpha1.ConditionReady); ready == nil || seen.Status.ObservedGeneration != 1 {
			t.Errorf("the rest of the status is %+v", seen.Status)
		}
		return condition
	}
	change := func(change func(*v1alpha1.OpenAIModel)) {
		t.Helper()
		testenv.Await(t, "the model is changed", func() bool {
			seen := &v1alpha1.OcrModel{}
			if w.Client.Get(t.Context(), key, seen) != nil {
				return false
			}
			change(seen.Spec.OpenAI)
			return w.Client.Update(t.Context(), seen) == nil
		})
	}

	first := await(v1alpha1.ReasonReachable)
	w.endpoint.Change(func(s *endpoint.Settings) { s.Away = true })
	w.ask(t, asking{}) // which fails, so the endpoint is looked at soon
	away := await(v1alpha1.ReasonUnreachable)
	if away.LastTransitionTime.Before(&first.LastTransitionTime) {
		t.Errorf("it went at %v, and came at %v", away.LastTransitionTime, first.LastTransitionTime)
	}
	w.endpoint.Change(func(s *endpoint.Settings) { s.Away = false })
	await(v1alpha1.ReasonReachable)

	if err := os.Remove(filepath.Join(w.keys, "eyes-key")); err != nil {
		t.Fatal(err)
	}
	await(v1alpha1.ReasonKeyMissing)
	w.putKey(t, "eyes-key", "sk-another")
	await(v1alpha1.ReasonUnauthorized)
	w.putKey(t, "eyes-key", secretKey)
	await(v1alpha1.ReasonReachable)

	change(func(m *v1alpha1.OpenAIModel) { m.Model = "ears" })
	await(v1alpha1.ReasonModelMissing)
	change(func(m *v1alpha1.OpenAIModel) { m.Model = "eyes" })
	await(v1alpha1.ReasonReachable)
	for _, address := range []string{w.Admin.Host, "http://169.254.169.254/v1"} {
		change(func(m *v1alpha1.OpenAIModel) { m.BaseURL = address })
		await(v1alpha1.ReasonAddressRefused)
	}
	change(func(m *v1alpha1.OpenAIModel) { m.BaseURL = w.address + "/nowhere" })
	// Nothing is listed there, which some endpoints never do.
	await(v1alpha1.ReasonReachable)
	w.endpoint.Change(func(s *endpoint.Settings) { s.Model = "ears" })
	change(func(m *v1alpha1.OpenAIModel) { m.BaseURL = w.address })
	await(v1alpha1.ReasonModelMissing)

	if err := w.Client.Delete(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	testenv.Await(t, "it is forgotten", func() bool {
		w.relay.mu.Lock()
		defer w.relay.mu.Unlock()
		return w.relay.lanes["eyes"] == nil
	})
}
