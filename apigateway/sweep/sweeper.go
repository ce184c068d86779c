package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/apigateway/webhook"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/storage"
)

const (
	// namesAtOnce are how many names are worked on at the same time.
	namesAtOnce = 4
	// roundInterval is the time between two looks at everything there is.
	roundInterval = time.Hour
	// retryPause is the time until something that has failed is begun once more.
	retryPause = 2 * time.Second
)

// Sweeper looks after jobs from their end on.
type Sweeper struct {
	// Client reads from informers with the indexes of tenants.AddIndexes, and deletes; Jobs is their informer of OcrJobs.
	Client client.Client
	Jobs   cache.Informer
	// Live reads from the API server itself, for what the informers may not have seen yet.
	Live  client.Reader
	Store *storage.Store
	// Webhooks delivers what callbacks are told.
	Webhooks *webhook.Deliverer
	// Clock tells the time, and when it has come.
	Clock clock.WithTicker
	Log   *slog.Logger

	sweeping sync.Mutex
}

// name is that of jobs, one after the other.
type name = types.NamespacedName

type queue = workqueue.TypedRateLimitingInterface[name]

// Sweep does all that there is to do until ctx is done.
func (s *Sweeper) Sweep(ctx context.Context) {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	names := workqueue.NewTypedRateLimitingQueueWithConfig(workqueue.NewTypedItemExponentialFailureRateLimiter[name](time.Second, 5*time.Minute),
		workqueue.TypedRateLimitingQueueConfig[name]{Clock: s.Clock})
	stop := context.AfterFunc(ctx, names.ShutDown)
	defer stop()

	group := new(errgroup.Group)
	for range namesAtOnce {
		group.Go(func() error {
			for s.workOnce(ctx, names) {
			}
			return nil
		})
	}
	group.Go(func() error { return s.persist(ctx, "webhooks", s.Webhooks.Run) })
	group.Go(func() error {
		return s.persist(ctx, "jobs", func(ctx context.Context) error { return s.follow(ctx, names) })
	})
	group.Go(func() error { s.goRound(ctx, names); return nil })
	_ = group.Wait()
}

// persist runs something again that fails before ctx is done.
func (s *Sweeper) persist(ctx context.Context, what string, run func(context.Context) error) error {
	for {
		err := run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.Log.ErrorContext(ctx, "sweeping begins once more", "what", what, "err", err)
		select {
		case <-ctx.Done():
			return nil
		case <-s.Clock.After(retryPause):
		}
	}
}

// follow queues the names of jobs that have ended, those that there are and those that come, until ctx is done.
func (s *Sweeper) follow(ctx context.Context, names queue) error {
	add := func(object any) {
		if job, ok := object.(*v1alpha1.OcrJob); ok && settled(job) {
			names.Add(client.ObjectKeyFromObject(job))
		}
	}
	registration, err := s.Jobs.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    add,
		UpdateFunc: func(_, object any) { add(object) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			add(object)
		},
	})
	if err != nil {
		return fmt.Errorf("follow the jobs: %w", err)
	}
	<-ctx.Done()
	return s.Jobs.RemoveEventHandler(registration)
}

// workOnce works on one name, and tells whether there will be another.
func (s *Sweeper) workOnce(ctx context.Context, names queue) bool {
	name, down := names.Get()
	if down {
		return false
	}
	defer names.Done(name)
	after, err := s.look(ctx, name)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.Log.WarnContext(ctx, "a job is swept later", "job", name.String(), "err", err)
		names.AddRateLimited(name)
	default:
		names.Forget(name)
		if after > 0 {
			names.AddAfter(name, after)
		}
	}
	return true
}

// look does what is to be done about the jobs of a name, and tells the time after which there is more; 0 for never.
func (s *Sweeper) look(ctx context.Context, name name) (time.Duration, error) {
	forgotten := false
	for {
		c, err := s.gather(ctx, name)
		if err != nil {
			return 0, err
		}
		c.Forgotten = forgotten
		decision := Decide(c)
		if decision.Step == Wait {
			return decision.After, nil
		}
		if err := s.carryOut(ctx, c, decision.Step); err != nil {
			return 0, err
		}
		switch decision.Step {
		case Forget:
			forgotten = true
		case DeleteJob:
			return 0, nil // the job's end is an event
		}
	}
}

func (s *Sweeper) gather(ctx context.Context, name name) (Case, error) {
	c := Case{Now: s.Clock.Now()}
	job := new(v1alpha1.OcrJob)
	err := s.Client.Get(ctx, name, job)
	switch {
	case err == nil:
		c.Job = job
	case !apierrors.IsNotFound(err):
		return c, fmt.Errorf("read the job: %w", err)
	}
	record, err := archive.Read(ctx, s.Store, name.Namespace, name.Name)
	switch {
	case err == nil:
		c.Record = record
	case !errors.Is(err, storage.ErrNotFound):
		return c, err
	}
	return c, nil
}

func (s *Sweeper) carryOut(ctx context.Context, c Case, step Step) error {
	switch step {
	case Archive:
		return s.archive(ctx, c.Job)
	case Supersede:
		if err := s.forget(ctx, c.Record.Job.Namespace, c.Record.Entry()); err != nil {
			return err
		}
		return archive.Remove(ctx, s.Store, c.Record.Job.Namespace, c.Record.Entry())
	case Expire:
		s.Log.InfoContext(ctx, "a result expires", "job", client.ObjectKeyFromObject(&c.Record.Job).String())
		return archive.Write(ctx, s.Store, c.Record.Tombstone(archive.Expired, c.Now.UTC()))
	case Forget:
		return s.forget(ctx, c.Record.Job.Namespace, c.Record.Entry())
	case DeleteJob:
		s.Log.InfoContext(ctx, "an OcrJob is deleted", "job", client.ObjectKeyFromObject(c.Job).String())
		return Delete(ctx, s.Client, c.Job)
	case RemoveRecord:
		return archive.Remove(ctx, s.Store, c.Record.Job.Namespace, c.Record.Entry())
	}
	panic(fmt.Sprintf("no step %d", step))
}

// archive keeps the record of a job, and the message to its callback before that: whoever finds the record need not ask
// whether there was one.
func (s *Sweeper) archive(ctx context.Context, job *v1alpha1.OcrJob) error {
	retention, err := s.retention(ctx, job.Namespace)
	if err != nil {
		return err
	}
	record := &archive.Record{Job: *job, ExpiresAt: job.Status.CompletionTime.Add(retention).UTC()}
	record.Job.ManagedFields = nil
	if job.Spec.Callback != nil {
		view := jobview.Of(job, s.Clock.Now(), record.ExpiresAt)
		if err := view.LookAtModel(ctx, s.Client); err != nil {
			return err
		}
		message, err := webhook.MessageOf(job, view)
		if err != nil {
			return err
		}
		if err := webhook.Keep(ctx, s.Store, message); err != nil && !errors.Is(err, storage.ErrExists) {
			return err
		}
	}
	if err := archive.Create(ctx, s.Store, record); err != nil && !errors.Is(err, storage.ErrExists) {
		return err
	}
	if job.Spec.Callback != nil {
		s.Webhooks.Wake(job.Namespace, job.UID)
	}
	return nil
}

// retention is for how long the results of a namespace are kept now.
func (s *Sweeper) retention(ctx context.Context, namespace string) (time.Duration, error) {
	directory := tenants.Directory{Reader: s.Client}
	organization, err := directory.ByNamespace(ctx, namespace)
	if err == nil {
		var plan *v1alpha1.Plan
		if plan, err = directory.Plan(ctx, organization); err == nil {
			return time.Duration(organization.EffectiveLimits(plan).ResultRetentionSeconds) * time.Second, nil
		}
	}
	if errors.Is(err, tenants.ErrNotReady) || errors.Is(err, tenants.ErrNoPlan) {
		return DefaultRetention, nil
	}
	return 0, err
}

func (s *Sweeper) forget(ctx context.Context, namespace string, entry archive.Entry) error {
	return ForgetContent(ctx, s.Client, s.Store, namespace, entry)
}

// ForgetContent deletes what is stored for the job of a record: the document and its password, unless another OcrJob reads
// them, and all that was made for the job.
func ForgetContent(ctx context.Context, jobs client.Reader, store *storage.Store, namespace string, entry archive.Entry) error {
	if entry.Upload != "" {
		shared, err := isRead(ctx, jobs, namespace, entry)
		if err != nil {
			return err
		}
		if !shared {
			// The document first: a retry that copies it at this moment has read the password before.
			for _, key := range []string{storage.UploadKey(namespace, entry.Upload), storage.PasswordKey(namespace, entry.Upload)} {
				if err := store.Delete(ctx, key); err != nil {
					return err
				}
			}
		}
	}
	_, err := store.DeleteAll(ctx, storage.JobPrefix(namespace, entry.UID))
	return err
}

// isRead tells whether an OcrJob other than the entry's names the same upload, as jobs may that people make.
func isRead(ctx context.Context, reader client.Reader, namespace string, entry archive.Entry) (bool, error) {
	var jobs v1alpha1.OcrJobList
	if err := reader.List(ctx, &jobs, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("list the jobs in %s: %w", namespace, err)
	}
	for i := range jobs.Items {
		upload := jobs.Items[i].Spec.Source.Upload
		if upload != nil && upload.ID == entry.Upload && jobs.Items[i].UID != entry.UID {
			return true, nil
		}
	}
	return false, nil
}

// Delete deletes an OcrJob, and no other of the same name. One that is gone is no error.
func Delete(ctx context.Context, c client.Client, job *v1alpha1.OcrJob) error {
	err := c.Delete(ctx, job, client.Preconditions{UID: &job.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete the job: %w", err)
	}
	return nil
}
