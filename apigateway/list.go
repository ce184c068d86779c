package apigateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/storage"
)

const (
	defaultListed = 20
	maxListed     = 100
	// maxScanned is how many records a page reads at the most, whatever its filter leaves of them.
	maxScanned = 1000
)

// jobsView is the answer of GET /api/v1/jobs.
type jobsView struct {
	Jobs []*jobview.View `json:"jobs"`
	// NextCursor is where the next page begins, null after the last one.
	NextCursor *string `json:"next_cursor"`
}

// jobs lists the organization's jobs, from the newest to the oldest.
func (s *Server) jobs(w http.ResponseWriter, r *http.Request) error {
	query, err := parseListQuery(r)
	if err != nil {
		return err
	}
	by := callerOf(r.Context())
	live, err := s.liveJobs(r.Context(), by.organization.JobNamespace())
	if err != nil {
		return err
	}
	entries := archive.Entries(r.Context(), s.Store, by.organization.JobNamespace(), query.from())
	view := jobsView{Jobs: []*jobview.View{}}
	scanned, last := 0, position{}
	for one, err := range merged(live, entries) {
		if err != nil {
			return err
		}
		if !query.createdAfter.IsZero() && !one.created.After(query.createdAfter) {
			break
		}
		if !query.begins(one.position) {
			continue
		}
		if len(view.Jobs) == query.limit || scanned == maxScanned {
			view.NextCursor = new(last.cursor())
			break
		}
		last = one.position
		if one.archived {
			scanned++
		}
		job, err := s.listed(r.Context(), by, one)
		if err != nil {
			return err
		}
		if job.OcrJob != nil && query.matches(job.OcrJob) {
			view.Jobs = append(view.Jobs, s.view(r.Context(), job))
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, http.StatusOK, "application/json", view)
	return nil
}

// position of a job in the list: the newest first, by name among those of the same second.
type position struct {
	created time.Time
	name    string
}

func (p position) before(other position) bool {
	return archive.Entry{Created: p.created, Name: p.name}.Before(archive.Entry{Created: other.created, Name: other.name})
}

func (p position) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.created.Unix(), 10) + "." + p.name))
}

func parseCursor(text string) (position, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return position{}, err
	}
	seconds, name, ok := strings.Cut(string(decoded), ".")
	created, err := strconv.ParseInt(seconds, 10, 64)
	if !ok || err != nil || !jobName.MatchString(name) {
		return position{}, errors.New("this is no cursor")
	}
	return position{created: time.Unix(created, 0).UTC(), name: name}, nil
}

// candidate is a job that may be listed.
type candidate struct {
	position
	// job in the informers; nil where it is only in the archive.
	job *v1alpha1.OcrJob
	// entry of the archive, if archived.
	entry    archive.Entry
	archived bool
}

// merged yields the live jobs and the entries of the archive, both in the order of the list, each job once.
func merged(live []*v1alpha1.OcrJob, entries iter.Seq2[archive.Entry, error]) iter.Seq2[candidate, error] {
	return func(yield func(candidate, error) bool) {
		pull, stop := iter.Pull2(entries)
		defer stop()
		entry, err, more := pull()
		for len(live) > 0 || more {
			if more && err != nil {
				yield(candidate{}, err)
				return
			}
			next := candidate{position: position{entry.Created, entry.Name}, entry: entry, archived: more}
			if len(live) > 0 {
				at := position{live[0].Accepted().UTC(), live[0].Name}
				switch {
				case more && entry.UID == live[0].UID:
					next.job, live = live[0], live[1:]
				case !more || at.before(next.position):
					next = candidate{position: at, job: live[0]}
					live = live[1:]
				}
			}
			if !yield(next, nil) {
				return
			}
			// A record that was written anew may have left an entry behind.
			for next.archived && more && err == nil && entry.UID == next.entry.UID {
				entry, err, more = pull()
			}
		}
	}
}

// liveJobs are the jobs in the informers, in the order of the list. They are the informers' own and must not be changed.
func (s *Server) liveJobs(ctx context.Context, namespace string) ([]*v1alpha1.OcrJob, error) {
	var found v1alpha1.OcrJobList
	if err := s.Client.List(ctx, &found, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the jobs: %w", err)
	}
	jobs := make([]*v1alpha1.OcrJob, len(found.Items))
	for i := range found.Items {
		jobs[i] = &found.Items[i]
	}
	slices.SortFunc(jobs, func(a, b *v1alpha1.OcrJob) int {
		if order := b.Accepted().Compare(a.Accepted().Time); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	return jobs, nil
}

// listed finds the job of a candidate. There is none of a record that is gone, or that tells only that the job was deleted.
func (s *Server) listed(ctx context.Context, by *caller, one candidate) (foundJob, error) {
	if !one.archived {
		return s.ended(by, one.job), nil
	}
	record, err := archive.Read(ctx, s.Store, by.organization.JobNamespace(), one.name)
	switch {
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		return foundJob{}, err
	case err != nil || record.Job.UID != one.entry.UID:
		if one.job == nil {
			return foundJob{}, nil
		}
		// It is just being archived: an entry is written before its record.
		return s.ended(by, one.job), nil
	case record.Deleted != "":
		return foundJob{}, nil
	}
	return recorded(record, one.job)
}

// listQuery is what a list is asked for.
type listQuery struct {
	limit                       int
	after                       *position
	createdAfter, createdBefore time.Time
	statuses                    []string
	priority, retryOf           string
	metadata                    map[string]string
}

const metadataPrefix = "metadata."

func parseListQuery(r *http.Request) (listQuery, error) {
	err := onlyQuery(r, "limit", "cursor", "status", "priority", "created_after", "created_before", "retry_of", metadataPrefix)
	if err != nil {
		return listQuery{}, err
	}
	asked := r.URL.Query()
	query := listQuery{limit: defaultListed, metadata: map[string]string{}}
	for _, parse := range []func(url.Values, *listQuery) error{parsePage, parseTimes, parseWords} {
		if err := parse(asked, &query); err != nil {
			return listQuery{}, err
		}
	}
	for name := range asked {
		if fact, ok := strings.CutPrefix(name, metadataPrefix); ok {
			query.metadata[fact] = asked.Get(name)
		}
	}
	return query, nil
}

func parsePage(asked url.Values, query *listQuery) error {
	if asked.Has("limit") {
		var err error
		if query.limit, err = strconv.Atoi(asked.Get("limit")); err != nil || query.limit < 1 || query.limit > maxListed {
			return invalidParameter.detailed("limit must be a number from 1 to %d.", maxListed).
				khmer("limit ត្រូវតែជាលេខពី 1 ដល់ %d។", maxListed)
		}
	}
	if asked.Has("cursor") {
		after, err := parseCursor(asked.Get("cursor"))
		if err != nil {
			return invalidParameter.detailed("cursor must be the next_cursor of an earlier answer.")
		}
		query.after = &after
	}
	return nil
}

func parseTimes(asked url.Values, query *listQuery) error {
	for name, moment := range map[string]*time.Time{"created_after": &query.createdAfter, "created_before": &query.createdBefore} {
		if !asked.Has(name) {
			continue
		}
		var err error
		if *moment, err = time.Parse(time.RFC3339, asked.Get(name)); err != nil {
			return invalidParameter.detailed("%s must be a time of the form 2006-01-02T15:04:05Z.", name)
		}
	}
	return nil
}

func parseWords(asked url.Values, query *listQuery) error {
	if asked.Has("status") {
		query.statuses = strings.Split(asked.Get("status"), ",")
		for _, status := range query.statuses {
			if !slices.Contains(jobview.Statuses(), status) {
				return invalidParameter.detailed("status must be one or more of %s, with commas between them.", strings.Join(jobview.Statuses(), ", "))
			}
		}
	}
	if query.priority = asked.Get("priority"); asked.Has("priority") {
		switch v1alpha1.Priority(query.priority) {
		case v1alpha1.PriorityHigh, v1alpha1.PriorityNormal, v1alpha1.PriorityLow:
		default:
			return invalidParameter.detailed("priority must be one of high, normal, low.")
		}
	}
	if query.retryOf = asked.Get("retry_of"); asked.Has("retry_of") && !jobName.MatchString(query.retryOf) {
		return invalidParameter.detailed("retry_of must be the id of a job.")
	}
	return nil
}

// from is the latest day that the list can have jobs of; zero for any.
func (q *listQuery) from() time.Time {
	from := q.createdBefore
	if q.after != nil && (from.IsZero() || q.after.created.Before(from)) {
		from = q.after.created
	}
	return from
}

// begins tells whether a position is on the page that is asked for, or on a later one.
func (q *listQuery) begins(at position) bool {
	return (q.after == nil || q.after.before(at)) && (q.createdBefore.IsZero() || at.created.Before(q.createdBefore))
}

func (q *listQuery) matches(job *v1alpha1.OcrJob) bool {
	spec := &job.Spec
	switch {
	case q.statuses != nil && !slices.Contains(q.statuses, jobview.Status(job)),
		q.priority != "" && string(spec.EffectivePriority()) != q.priority,
		q.retryOf != "" && spec.RetryOf != q.retryOf:
		return false
	}
	for name, value := range q.metadata {
		if !slices.Contains(spec.Metadata, v1alpha1.MetadataEntry{Name: name, Value: value}) {
			return false
		}
	}
	return true
}
