package organization

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/chance"
)

// FuzzClaims lets organizations come, go and name the same namespaces, which others make and delete, too, while managers look
// at it all late. No namespace is ever two organizations', and none that is another's is touched; once nothing happens any
// more, each organization comes to rest with a namespace of its own or with the reason why it has none.
func FuzzClaims(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(chance.Input(seed, 7, 10*(int(seed)+1)))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		random, source := chance.New(input)
		l := &land{Rand: random, namespaces: map[string]*corev1.Namespace{}}
		l.seen = l.view()
		for !source.Spent() {
			l.step(t)
		}
		l.settle(t)
	})
}

// land is organizations and the namespaces that they name.
type land struct {
	*rand.Rand
	organizations []v1alpha1.Organization
	namespaces    map[string]*corev1.Namespace
	made          int
	// seen is what a manager's cache shows, which may be behind.
	seen view
}

type view struct {
	organizations []v1alpha1.Organization
	namespaces    map[string]*corev1.Namespace
}

func (l *land) view() view {
	v := view{slices.Clone(l.organizations), map[string]*corev1.Namespace{}}
	for name, namespace := range l.namespaces {
		v.namespaces[name] = namespace.DeepCopy()
	}
	return v
}

func (l *land) step(t *testing.T) {
	t.Helper()
	name := fmt.Sprintf("shared-%d", l.IntN(2))
	switch l.IntN(10) {
	case 0, 1:
		l.made++
		// Names come back, UIDs do not.
		o := organization(fmt.Sprintf("o-%d", l.IntN(4)), time.Duration(l.IntN(3))*time.Hour)
		if slices.ContainsFunc(l.organizations, func(other v1alpha1.Organization) bool { return other.Name == o.Name }) {
			return
		}
		o.UID, o.Spec.Namespace = types.UID(fmt.Sprint(l.made)), name
		l.organizations = append(l.organizations, o)
	case 2:
		if len(l.organizations) > 0 {
			i := l.IntN(len(l.organizations))
			gone := l.organizations[i]
			l.organizations = slices.Delete(slices.Clone(l.organizations), i, i+1)
			// The garbage collector takes what it owned.
			if own := l.namespaces[gone.Spec.Namespace]; own != nil && metav1.IsControlledBy(own, &gone) {
				own.DeletionTimestamp = new(metav1.NewTime(noon))
			}
		}
	case 3:
		if l.namespaces[name] == nil {
			l.namespaces[name] = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		}
	case 4:
		if namespace := l.namespaces[name]; namespace != nil {
			namespace.DeletionTimestamp = new(metav1.NewTime(noon))
		}
	case 5:
		if namespace := l.namespaces[name]; namespace != nil && namespace.DeletionTimestamp != nil {
			delete(l.namespaces, name)
		}
	case 6, 7:
		l.seen = l.view()
	default:
		if len(l.seen.organizations) > 0 {
			l.reconcile(t, &l.seen.organizations[l.IntN(len(l.seen.organizations))], l.seen)
		}
	}
}

// reconcile is one manager's look at an organization. It tells what the organization may do, and whether that made anything.
func (l *land) reconcile(t *testing.T, o *v1alpha1.Organization, seen view) (claim, bool) {
	t.Helper()
	name := o.JobNamespace()
	verdict, problem := decideClaim(o, seen.organizations, seen.namespaces[name])
	if (problem == "") != (verdict == claimFree || verdict == claimOwned) {
		t.Fatalf("claim %d with the problem %q", verdict, problem)
	}
	own := 0
	for i := range seen.organizations {
		if other := &seen.organizations[i]; other.JobNamespace() == name {
			if theirs, _ := decideClaim(other, seen.organizations, seen.namespaces[name]); theirs.isOwn() {
				own++
			}
		}
	}
	if own > 1 {
		t.Fatalf("namespace %s is %d organizations' own", name, own)
	}
	if there := seen.namespaces[name]; verdict.isOwn() && there != nil && !metav1.IsControlledBy(there, o) {
		t.Fatalf("the namespace %+v is not that of %s", there, o.Name)
	}
	checkConditions(t, o, findings{claim: verdict, claimProblem: problem, plan: &v1alpha1.Plan{}})
	if verdict != claimFree || l.namespaces[name] != nil {
		return verdict, false // it is created and not applied, so one that the cache does not show stays as it is
	}
	l.namespaces[name] = newNamespace(o)
	return verdict, true
}

// checkConditions checks that a status comes to rest at once, and says one thing.
func checkConditions(t *testing.T, o *v1alpha1.Organization, found findings) {
	t.Helper()
	status := o.Status.DeepCopy()
	setConditions(status, o, found, metav1.NewTime(noon))
	again := status.DeepCopy()
	setConditions(again, o, found, metav1.NewTime(noon.Add(time.Hour)))
	if !equality.Semantic.DeepEqual(status, again) {
		t.Fatalf("%+v became %+v", status, again)
	}
	for _, condition := range status.Conditions {
		if condition.Reason == "" || condition.Message == "" {
			t.Fatalf("condition %+v", condition)
		}
	}
}

// settle lets everything that was begun come to its end.
func (l *land) settle(t *testing.T) {
	t.Helper()
	for round := 0; ; round++ {
		happened := false
		for name, namespace := range l.namespaces {
			if namespace.DeletionTimestamp != nil {
				delete(l.namespaces, name)
				happened = true
			}
		}
		seen := l.view()
		for i := range seen.organizations {
			_, made := l.reconcile(t, &seen.organizations[i], seen)
			happened = happened || made
		}
		if !happened {
			break
		}
		if round > 5 {
			t.Fatal("it does not come to rest")
		}
	}
	for i := range l.organizations {
		o := &l.organizations[i]
		verdict, problem := decideClaim(o, l.organizations, l.namespaces[o.JobNamespace()])
		if verdict != claimOwned && (verdict != claimRefused || problem == "") {
			t.Fatalf("%s rests at claim %d: %q", o.Name, verdict, problem)
		}
		if l.namespaces[o.JobNamespace()] == nil {
			t.Fatalf("nobody has made the namespace of %s", o.Name)
		}
	}
}
