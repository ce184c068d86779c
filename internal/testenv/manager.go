package testenv

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// NewManager makes a manager that is there for a test's reconcilers, with the rights of the configuration.
func NewManager(t testing.TB, server *rest.Config) manager.Manager {
	t.Helper()
	mgr, err := manager.New(server, manager.Options{
		Scheme: Scheme(), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: new(true)}, // so that a test can be run twice
	})
	if err != nil {
		t.Fatalf("making a manager: %v", err)
	}
	return mgr
}

// Run runs a manager until the test ends, and fails the test if the manager ends with an error.
func Run(t testing.TB, mgr manager.Manager) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("the manager ended with: %v", err)
		}
	})
}

// Await waits until the condition holds, and ends the test if it does not within a minute. What completes "waiting until".
func Await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}
