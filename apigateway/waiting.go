package apigateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/internal/queue"
)

// standsInLine tells whether a job waits for others, and not for something that is wrong with itself.
func standsInLine(status *v1alpha1.OcrJobStatus) bool {
	if queue.AtWork(status) {
		return false
	}
	started := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStarted)
	return started == nil || started.Reason == v1alpha1.ReasonWaitingForSlot || started.Reason == v1alpha1.ReasonWaitingForCapacity
}

// line is the queue of the whole platform. It is made from every job there is, so it serves for a while whoever asks.
type line struct {
	lock      sync.Mutex
	until     time.Time
	positions map[types.UID]int
}

// lineLasts is how many times as long as it takes to make a line it is used: making lines takes no more than a twentieth
// of a CPU, and where there are few jobs each is as good as new.
const lineLasts = 20

// position of a job in the line; 0 if it does not stand in it.
func (s *Server) position(ctx context.Context, job *v1alpha1.OcrJob) (int, error) {
	s.line.lock.Lock()
	defer s.line.lock.Unlock()
	now := s.Now()
	if !now.Before(s.line.until) {
		positions, err := s.lineUp(ctx, now)
		if err != nil {
			return 0, err
		}
		done := s.Now()
		s.line.positions, s.line.until = positions, done.Add(lineLasts*done.Sub(now))
	}
	return s.line.positions[job.UID], nil
}

// lineUp arranges the jobs in the informers as the manager does, but admits none.
func (s *Server) lineUp(ctx context.Context, now time.Time) (map[types.UID]int, error) {
	jobs := new(v1alpha1.OcrJobList)
	if err := s.Client.List(ctx, jobs, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the jobs of the platform: %w", err)
	}
	var entries []queue.Entry
	slots, looked := map[string]int32{}, map[string]bool{}
	for i := range jobs.Items {
		job := &jobs.Items[i]
		entry, ok := queue.Observe(job, now)
		if !ok || !entry.State.AtWork() && !standsInLine(&job.Status) {
			continue
		}
		entries = append(entries, entry)
		if looked[job.Namespace] {
			continue
		}
		looked[job.Namespace] = true
		limit, err := s.slotsOf(ctx, job.Namespace)
		if err != nil {
			return nil, err
		}
		if limit > 0 {
			slots[job.Namespace] = limit
		}
	}
	turns := queue.Arrange(entries, slots, nil)
	positions := make(map[types.UID]int, len(turns))
	for i := range turns {
		positions[turns[i].UID] = turns[i].Position
	}
	return positions, nil
}

// slotsOf is how many jobs in a namespace may be at work; 0 where none may begin.
func (s *Server) slotsOf(ctx context.Context, namespace string) (int32, error) {
	directory := tenants.Directory{Reader: s.Client}
	organization, err := directory.ByNamespace(ctx, namespace)
	if errors.Is(err, tenants.ErrNotReady) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if organization.IsSuspended() || organization.DeletionTimestamp != nil {
		return 0, nil
	}
	plan, err := directory.Plan(ctx, organization)
	if errors.Is(err, tenants.ErrNoPlan) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return organization.EffectiveLimits(plan).MaxConcurrentJobs, nil
}
