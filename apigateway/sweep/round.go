package sweep

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/storage"
)

const (
	// OrphanAge is how old something is before it may be taken for what nobody needs. A document appears in the store when it
	// is complete, however long its upload took, and its OcrJob is there or given up within a minute of that; a temporary file
	// grows at least once a minute, or its upload is broken off. So an hour is far on the safe side.
	OrphanAge = time.Hour
	// skew is how much the clocks of gateways and store may differ.
	skew = 10 * time.Minute
	// auditTime is for how long it is kept who did what.
	auditTime = 90 * 24 * time.Hour
)

// goRound looks at everything there is, at once and then every hour: at names whose record somebody else has written, and
// at what nothing refers to.
func (s *Sweeper) goRound(ctx context.Context, names queue) {
	ticker := s.Clock.NewTicker(roundInterval)
	defer ticker.Stop()
	var last time.Time // everything is new in the first round
	for {
		now := time.Now()
		if err := s.round(ctx, names, last); err == nil {
			last = now
		} else if ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "a round of sweeping is not complete", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
	}
}

// namespacePattern tells the folders of namespaces from others, such as a volume's lost+found.
var namespacePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// round goes through all namespaces of the store. Trouble in one keeps it from no other. It goes by the true time, as what
// writes to the store does.
func (s *Sweeper) round(ctx context.Context, names queue, last time.Time) error {
	old := time.Now().Add(-OrphanAge)
	leftovers, problems := s.Store.DeleteLeftovers(ctx, old)
	if leftovers > 0 {
		s.Log.InfoContext(ctx, "leftovers of interrupted writes are deleted", "files", leftovers)
	}
	for namespace, err := range s.Store.Folders(ctx, "") {
		if err != nil {
			return errors.Join(problems, err)
		}
		if !namespacePattern.MatchString(namespace) {
			continue
		}
		for _, err := range []error{
			s.queueRecords(ctx, names, namespace, last),
			s.deleteOrphans(ctx, namespace, old),
			s.deleteAudit(ctx, namespace),
			s.deleteRest(ctx, namespace),
		} {
			if err != nil {
				problems = errors.Join(problems, fmt.Errorf("namespace %s: %w", namespace, err))
			}
		}
	}
	return problems
}

// queueRecords queues the names of records that were written since the last round. They may be tombstones whose writer did
// not come to the end of the deletion.
func (s *Sweeper) queueRecords(ctx context.Context, names queue, namespace string, last time.Time) error {
	for record, err := range archive.Names(ctx, s.Store, namespace) {
		if err != nil {
			return err
		}
		if record.Written.After(last.Add(-skew)) {
			names.Add(name{Namespace: namespace, Name: record.Job})
		}
	}
	return nil
}

// stored is what lies in the store for one upload or job.
type stored struct {
	// Upload is the identity of a document; of all else UID is that of the job.
	Upload string
	UID    types.UID
	// keys of it; where it is a whole folder, its prefix.
	keys   []string
	prefix string
	// written is when something of it was last written; zero where that is not known yet.
	written time.Time
}

// references are what OcrJobs and records refer to.
type references struct {
	uids    map[types.UID]bool
	uploads map[string]bool
}

func (r references) add(uid types.UID, upload string) {
	r.uids[uid] = true
	if upload != "" {
		r.uploads[upload] = true
	}
}

// orphans are those of what is stored that nothing refers to, and that were last written before a moment, if that is known.
func orphans(all []stored, referred references, before time.Time) []stored {
	var found []stored
	for _, one := range all {
		isReferred := referred.uploads[one.Upload]
		if one.Upload == "" {
			isReferred = referred.uids[one.UID]
		}
		if !isReferred && one.written.Before(before) {
			found = append(found, one)
		}
	}
	return found
}

// deleteOrphans deletes what nothing in the namespace refers to and what was there before a moment.
//
// A submission on its way is never hit: what is listed first and is that old has its OcrJob by now, so that the list of jobs
// that is read afterwards, from the API server itself, has it. A job leaves that list only after its entry is in the index,
// which is therefore read last.
func (s *Sweeper) deleteOrphans(ctx context.Context, namespace string, before time.Time) error {
	all, err := s.list(ctx, namespace)
	if err != nil {
		return err
	}
	// What the informers know saves most namespaces the question to the API server.
	referred, dangling, err := s.referred(ctx, s.Client, namespace, before)
	if err != nil {
		return err
	}
	if len(dangling) == 0 && len(orphans(all, referred, before)) == 0 {
		return nil
	}
	if referred, dangling, err = s.referred(ctx, s.Live, namespace, before); err != nil {
		return err
	}
	for _, entry := range dangling {
		if err := s.forget(ctx, namespace, entry); err != nil {
			return err
		}
		if err := archive.Remove(ctx, s.Store, namespace, entry); err != nil {
			return err
		}
	}
	for _, orphan := range orphans(all, referred, before) {
		if err := s.deleteOrphan(ctx, orphan, before); err != nil {
			return err
		}
	}
	return nil
}

// list finds what is stored for uploads and jobs.
func (s *Sweeper) list(ctx context.Context, namespace string) ([]stored, error) {
	var all []stored
	for listed, err := range s.Store.List(ctx, storage.UploadsPrefix(namespace)) {
		if err != nil {
			return nil, err
		}
		all = append(all, stored{Upload: storage.UploadOf(namespace, listed.Key), keys: []string{listed.Key}, written: listed.Modified})
	}
	for listed, err := range s.Store.List(ctx, storage.WebhooksPrefix(namespace)) {
		if err != nil {
			return nil, err
		}
		uid := strings.TrimSuffix(strings.TrimPrefix(listed.Key, storage.WebhooksPrefix(namespace)), ".json")
		all = append(all, stored{UID: types.UID(uid), keys: []string{listed.Key}, written: listed.Modified})
	}
	for uid, err := range s.Store.Folders(ctx, storage.JobsPrefix(namespace)) {
		if err != nil {
			return nil, err
		}
		all = append(all, stored{UID: types.UID(uid), prefix: storage.JobPrefix(namespace, types.UID(uid))})
	}
	return all, nil
}

// referred finds what OcrJobs and the index refer to, and the entries of the index that nothing stands behind: they are as
// old as that moment, have no OcrJob, and their record is gone or another job's.
func (s *Sweeper) referred(ctx context.Context, reader client.Reader, namespace string, before time.Time) (references, []archive.Entry, error) {
	referred := references{map[types.UID]bool{}, map[string]bool{}}
	var jobs v1alpha1.OcrJobList
	if err := reader.List(ctx, &jobs, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return referred, nil, fmt.Errorf("list the jobs: %w", err)
	}
	for i := range jobs.Items {
		upload := ""
		if source := jobs.Items[i].Spec.Source.Upload; source != nil {
			upload = source.ID
		}
		referred.add(jobs.Items[i].UID, upload)
	}
	var entries []archive.Entry
	times := map[string]int{}
	for entry, err := range archive.Entries(ctx, s.Store, namespace, time.Time{}) {
		if err != nil {
			return referred, nil, err
		}
		entries = append(entries, entry)
		times[entry.Name]++
	}
	recorded := map[string]bool{}
	for record, err := range archive.Names(ctx, s.Store, namespace) {
		if err != nil {
			return referred, nil, err
		}
		recorded[record.Job] = true
	}
	var dangling []archive.Entry
	for _, entry := range entries {
		if (!recorded[entry.Name] || times[entry.Name] > 1) && !referred.uids[entry.UID] && entry.Created.Before(before) {
			stands, err := s.stands(ctx, namespace, entry)
			if err != nil {
				return referred, nil, err
			}
			if !stands {
				dangling = append(dangling, entry)
				continue
			}
		}
		referred.add(entry.UID, entry.Upload)
	}
	return referred, dangling, nil
}

// stands tells whether the record of a name is that of the entry.
func (s *Sweeper) stands(ctx context.Context, namespace string, entry archive.Entry) (bool, error) {
	record, err := archive.Read(ctx, s.Store, namespace, entry.Name)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return record.Job.UID == entry.UID, nil
}

func (s *Sweeper) deleteOrphan(ctx context.Context, orphan stored, before time.Time) error {
	if orphan.prefix == "" {
		s.Log.InfoContext(ctx, "an orphan is deleted", "keys", orphan.keys)
		for _, key := range orphan.keys {
			if err := s.Store.Delete(ctx, key); err != nil {
				return err
			}
		}
		return nil
	}
	for listed, err := range s.Store.List(ctx, orphan.prefix) {
		if err != nil {
			return err
		}
		if !listed.Modified.Before(before) {
			return nil
		}
	}
	s.Log.InfoContext(ctx, "an orphan is deleted", "prefix", orphan.prefix)
	_, err := s.Store.DeleteAll(ctx, orphan.prefix)
	return err
}

// deleteAudit deletes the days of the audit log that are kept no longer.
func (s *Sweeper) deleteAudit(ctx context.Context, namespace string) error {
	oldest := time.Now().Add(-auditTime).UTC().Format(time.DateOnly)
	for day, err := range s.Store.Folders(ctx, storage.AuditPrefix(namespace)) {
		if err != nil {
			return err
		}
		if day >= oldest {
			return nil
		}
		if _, err := s.Store.DeleteAll(ctx, storage.AuditPrefix(namespace)+day+"/"); err != nil {
			return err
		}
	}
	return nil
}

// deleteRest deletes what an organization that is gone leaves when all else of it is.
func (s *Sweeper) deleteRest(ctx context.Context, namespace string) error {
	_, err := tenants.Directory{Reader: s.Client}.ByNamespace(ctx, namespace)
	if !errors.Is(err, tenants.ErrNotReady) {
		return err
	}
	for folder, err := range s.Store.Folders(ctx, namespace+"/") {
		if err != nil || namespace+"/"+folder+"/" != storage.SpendingPrefix(namespace) {
			return err // there is more, or it is not known
		}
	}
	if _, err := s.Store.DeleteAll(ctx, storage.SpendingPrefix(namespace)); err != nil {
		return err
	}
	return s.Store.Delete(ctx, storage.KeyUseKey(namespace))
}
