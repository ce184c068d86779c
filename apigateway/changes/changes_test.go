package changes

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/openplp/khocr/api/v1alpha1"
)

func named(namespace, name string) (types.NamespacedName, *v1alpha1.OcrJob) {
	return types.NamespacedName{Namespace: namespace, Name: name},
		&v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// told tells whether a subscription has something to take, and takes it.
func told(s *Subscription) bool {
	select {
	case <-s.Changed:
		return true
	default:
		return false
	}
}

func subscribe(t *testing.T, hub *Hub, job types.NamespacedName) *Subscription {
	t.Helper()
	subscription, err := hub.Subscribe(job)
	if err != nil {
		t.Fatal(err)
	}
	return subscription
}

func TestEverySubscriberOfAJobIsTold(t *testing.T) {
	hub := New()
	key, job := named("khocr-a", "one")
	first, second := subscribe(t, hub, key), subscribe(t, hub, key)
	sameName, _ := named("khocr-b", "one")
	other := subscribe(t, hub, sameName)

	hub.tell(job)
	hub.tell(job)
	if !told(first) || told(first) || !told(second) {
		t.Error("changes that nobody has taken yet are not one")
	}
	if told(other) {
		t.Error("another namespace's job of that name is told of")
	}
	hub.tell(toolscache.DeletedFinalStateUnknown{Key: "khocr-a/one"})
	if !told(first) {
		t.Error("a deletion that the informer missed is not told")
	}
	first.Close()
	first.Close()
	hub.tell(job)
	if told(first) || !told(second) {
		t.Error("a closed subscription is told, or took another one with it")
	}
}

func TestANamespaceHasItsShare(t *testing.T) {
	hub := New()
	var open []*Subscription
	for i := range PerNamespace {
		key, _ := named("khocr-a", fmt.Sprint(i))
		open = append(open, subscribe(t, hub, key))
	}
	key, _ := named("khocr-a", "more")
	if _, err := hub.Subscribe(key); !errors.Is(err, ErrTooMany) {
		t.Errorf("err %v", err)
	}
	other, _ := named("khocr-b", "more")
	subscribe(t, hub, other)
	open[0].Close()
	subscribe(t, hub, key)
}

func TestAClosedHubEndsEveryWait(t *testing.T) {
	hub := New()
	key, job := named("khocr-a", "one")
	before := subscribe(t, hub, key)
	hub.Close()
	hub.Close()
	after := subscribe(t, hub, key)
	hub.tell(job)
	for _, subscription := range []*Subscription{before, after} {
		if _, open := <-subscription.Changed; open {
			t.Error("the subscription goes on")
		}
		subscription.Close()
	}
	if len(hub.namespaces) != 0 || len(hub.jobs) != 0 {
		t.Errorf("the hub keeps %v and %v", hub.namespaces, hub.jobs)
	}
}

func TestSubscribersComeAndGoWhileJobsChange(t *testing.T) {
	hub := New()
	key, job := named("khocr-a", "one")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				subscription, err := hub.Subscribe(key)
				if err != nil {
					t.Error(err)
					return
				}
				hub.tell(job)
				<-subscription.Changed
				subscription.Close()
			}
		})
	}
	all.Wait()
	if len(hub.namespaces) != 0 || len(hub.jobs) != 0 {
		t.Errorf("the hub keeps %v and %v", hub.namespaces, hub.jobs)
	}
}
