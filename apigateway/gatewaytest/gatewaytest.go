// Package gatewaytest sets up what the gateway's integration tests stand on: a real API server, informers with the
// gateway's indexes, a store in a folder, and organizations. It is for tests only.
package gatewaytest

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/internal/apikey"
	"github.com/openplp/khocr/internal/seal"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testenv"
)

// MaxFileBytes is the limit of the plan that organizations are made with.
const MaxFileBytes = 1 << 20

// Gateway is what a gateway works with.
type Gateway struct {
	*testenv.Environment
	// Cached reads from informers, Live from the API server.
	Cached client.Client
	Live   client.Reader
	// Cache is what Cached reads from.
	Cache cache.Cache
	Store *storage.Store
	// Folder that the store lies in.
	Folder string
	// Seal is the platform's key.
	Seal *seal.Key

	manager client.Client
}

// Start sets a gateway's surroundings up until the test ends.
func Start(t testing.TB) *Gateway {
	t.Helper()
	environment := testenv.Start(t)
	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{Environment: environment, manager: manager}
	g.inform(t)
	g.Folder = t.TempDir()
	g.Store = OpenStore(t, g.Folder)
	if g.Seal, err = seal.NewKey(seal.Random()); err != nil {
		t.Fatal(err)
	}
	g.create(t, &v1alpha1.Plan{
		ObjectMeta: metav1.ObjectMeta{Name: "tested"},
		Spec: v1alpha1.PlanSpec{DisplayName: v1alpha1.LocalizedText{En: "Tested"}, Limits: v1alpha1.PlanLimits{
			RequestsPerMinute: 1000, PagesPerMonth: new(int64(100)), MaxFileBytes: MaxFileBytes,
			Priorities:        []v1alpha1.Priority{v1alpha1.PriorityNormal, v1alpha1.PriorityLow},
			MaxConcurrentJobs: 1, JobTTLSeconds: 3600, ResultRetentionSeconds: 3600,
		}},
	})
	return g
}

// Replica is another gateway beside this one: it has informers of its own, and the same store and key.
func (g *Gateway) Replica(t testing.TB) *Gateway {
	t.Helper()
	replica := *g
	replica.inform(t)
	return &replica
}

// inform gives the gateway informers of its own, which run until the test ends.
func (g *Gateway) inform(t testing.TB) {
	t.Helper()
	kubernetes, err := cluster.New(g.Admin, func(o *cluster.Options) { o.Scheme = testenv.Scheme() })
	if err != nil {
		t.Fatal(err)
	}
	if err := tenants.AddIndexes(t.Context(), kubernetes.GetFieldIndexer()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	stopped := make(chan error, 1)
	go func() { stopped <- kubernetes.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("the informers ended: %v", err)
		}
	})
	g.Cached, g.Live, g.Cache = kubernetes.GetClient(), kubernetes.GetAPIReader(), kubernetes.GetCache()
}

// OpenStore opens a store in a folder until the test ends.
func OpenStore(t testing.TB, folder string) *storage.Store {
	t.Helper()
	store, err := storage.Open(t.Context(), "file://"+folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func (g *Gateway) create(t testing.TB, object client.Object) {
	t.Helper()
	if err := g.Client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// Organization makes an organization of that name, with its namespace and one key, once edit has changed what it likes.
// It returns the key when the informers know it.
func (g *Gateway) Organization(t testing.TB, name string, edit func(*v1alpha1.Organization)) string {
	t.Helper()
	key := apikey.Generate()
	organization := &v1alpha1.Organization{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.OrganizationSpec{
			PlanRef:     "tested",
			DisplayName: v1alpha1.LocalizedText{En: name},
			APIKeys:     []v1alpha1.APIKey{{Name: "main", SHA256: apikey.Hash(key)}},
		},
	}
	if edit != nil {
		edit(organization)
	}
	status := organization.Status
	status.Namespace = g.Namespace(t, organization.JobNamespace())
	g.create(t, organization)
	organization.Status = status
	g.UpdateStatus(t, organization)
	return key
}

// Organizations makes many organizations at once, with a number of keys each, and returns all the keys when the informers
// know them. Their namespaces are in their status alone.
func (g *Gateway) Organizations(t testing.TB, number, keysEach int) []string {
	t.Helper()
	keys := make([]string, number*keysEach)
	var group errgroup.Group
	group.SetLimit(64)
	for i := range number {
		organization := &v1alpha1.Organization{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("many-%d", i)},
			Spec:       v1alpha1.OrganizationSpec{PlanRef: "tested", DisplayName: v1alpha1.LocalizedText{En: "Many"}},
		}
		for j := range keysEach {
			key := apikey.Generate()
			keys[i*keysEach+j] = key
			organization.Spec.APIKeys = append(organization.Spec.APIKeys,
				v1alpha1.APIKey{Name: fmt.Sprintf("key-%d", j), SHA256: apikey.Hash(key)})
		}
		group.Go(func() error {
			if err := g.manager.Create(t.Context(), organization); err != nil {
				return err
			}
			organization.Status = busyStatus(organization.JobNamespace())
			return g.manager.Status().Update(t.Context(), organization)
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the informers know all organizations", func() bool {
		var known v1alpha1.OrganizationList
		if err := g.Cached.List(t.Context(), &known, client.UnsafeDisableDeepCopy); err != nil {
			t.Fatal(err)
		}
		ready := 0
		for i := range known.Items {
			if known.Items[i].Status.Namespace != "" {
				ready++
			}
		}
		return ready >= number
	})
	return keys
}

// busyStatus is the status of an organization in the middle of its month, with ten jobs at work.
func busyStatus(namespace string) v1alpha1.OrganizationStatus {
	status := v1alpha1.OrganizationStatus{Namespace: namespace, Pages: "40/100", Running: 10}
	usage := v1alpha1.MonthUsage{Month: time.Now().Format("2006-01"), Settled: 30, Reserved: 10}
	for day := range int32(15) {
		usage.Days = append(usage.Days, v1alpha1.DayUsage{Day: day + 1, Pages: 2})
	}
	status.Usage = []v1alpha1.MonthUsage{usage}
	for job := range 10 {
		status.Ledger = append(status.Ledger, v1alpha1.LedgerEntry{
			UID: types.UID(fmt.Sprintf("00000000-0000-0000-0000-%012d", job)), Job: fmt.Sprintf("%012d", job),
			Month: usage.Month, Pages: 1, State: v1alpha1.LedgerReserved,
		})
	}
	return status
}

// UpdateStatus writes the status of an object as the manager does, and waits until the informers have seen it. A job that is
// cancelled is settled, too.
func (g *Gateway) UpdateStatus(t testing.TB, object client.Object) {
	t.Helper()
	if err := g.manager.Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if job, ok := object.(*v1alpha1.OcrJob); ok && job.Status.Phase == v1alpha1.PhaseCancelled {
		if err := g.manager.Patch(t.Context(), job, withoutFinalizers); err != nil {
			t.Fatal(err)
		}
	}
	seen := object.DeepCopyObject().(client.Object)
	Eventually(t, "the informers see "+object.GetName(), func() bool {
		err := g.Cached.Get(t.Context(), client.ObjectKeyFromObject(object), seen)
		return err == nil && seen.GetResourceVersion() == object.GetResourceVersion()
	})
}

var withoutFinalizers = client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))

// Settle lets a job go as far as the ledger is concerned, as the manager does.
func (g *Gateway) Settle(t testing.TB, job *v1alpha1.OcrJob) {
	t.Helper()
	if err := g.manager.Patch(t.Context(), job.DeepCopy(), withoutFinalizers); err != nil {
		t.Fatal(err)
	}
}

// Delete removes a job that is settled, and waits until the informers have seen it go.
func (g *Gateway) Delete(t testing.TB, job *v1alpha1.OcrJob) {
	t.Helper()
	g.Settle(t, job)
	if err := g.manager.Delete(t.Context(), job.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	Eventually(t, "the informers see that "+job.Name+" is gone", func() bool {
		return apierrors.IsNotFound(g.Cached.Get(t.Context(), client.ObjectKeyFromObject(job), new(v1alpha1.OcrJob)))
	})
}

// Jobs lists the OcrJobs in a namespace, from the API server.
func (g *Gateway) Jobs(t testing.TB, namespace string) []v1alpha1.OcrJob {
	t.Helper()
	var jobs v1alpha1.OcrJobList
	if err := g.Live.List(t.Context(), &jobs, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	return jobs.Items
}

// Files lists the files below a folder, of whatever kind.
func Files(t testing.TB, folder string) []string {
	t.Helper()
	var files []string
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		// A file may go while we look.
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(path, folder+"/"))
		}
		return nil
	})
	return files
}

// Eventually waits for a condition, and fails the test if it does not come. It may be used in a cleanup, too.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(context.WithoutCancel(t.Context()), 20*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}
