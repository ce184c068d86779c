package e2e

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// seedOf gives a test that acts at random its seed: KHOCR_E2E_SEED, or a new one. It is in the log.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("KHOCR_E2E_SEED"); given != "" {
		parsed, err := strconv.ParseUint(given, 10, 64)
		if err != nil {
			t.Fatalf("reading KHOCR_E2E_SEED: %v", err)
		}
		seed = parsed
	}
	t.Logf("KHOCR_E2E_SEED=%d", seed)
	return seed
}

// numberFrom reads a number from the environment.
func numberFrom(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	given := os.Getenv(variable)
	if given == "" {
		return otherwise
	}
	number, err := strconv.Atoi(given)
	if err != nil || number < 1 {
		t.Fatalf("reading %s: %q is no number from 1", variable, given)
	}
	return number
}

// kill takes a pod away at once, as a lost node does.
func (p *platform) kill(namespace, name string) error {
	err := p.kube.CoreV1().Pods(namespace).Delete(context.WithoutCancel(p.Context()), name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// kills counts the pods that were taken away.
type kills struct{ managers, gateways int }

// killPlatform kills a manager or a gateway at random, again and again with pauses between the least and the most, until
// stop is called.
func (p *platform) killPlatform(seed uint64, least, most time.Duration) (stop func() kills) {
	random := rand.New(rand.NewPCG(seed, 2))
	killing, cancel := context.WithCancel(p.Context())
	var (
		killed kills
		killer sync.WaitGroup
	)
	killer.Go(func() {
		for {
			select {
			case <-killing.Done():
				return
			case <-time.After(least + time.Duration(random.Int64N(int64(most-least)))):
			}
			component, count := "manager", &killed.managers
			if random.IntN(2) == 0 {
				component, count = "gateway", &killed.gateways
			}
			pods, err := p.kube.CoreV1().Pods(systemNS).List(killing, metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + component})
			if err != nil || len(pods.Items) == 0 {
				continue
			}
			if p.kill(systemNS, pods.Items[random.IntN(len(pods.Items))].Name) == nil {
				*count++
			}
		}
	})
	stop = func() kills {
		cancel()
		killer.Wait()
		web.CloseIdleConnections() // those of gateways that are no more
		return killed
	}
	p.Cleanup(func() { stop() })
	return stop
}
