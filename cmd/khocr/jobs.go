package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/batch"
)

// filters choose jobs.
type filters struct {
	status   []string
	metadata map[string]string
	since    time.Duration
	limit    int
	json     bool
}

func (p *program) jobsCommand() *cobra.Command {
	var f filters
	command := &cobra.Command{
		Use: "jobs", Short: "List the jobs of your organization, the newest first",
		Example: `  khocr jobs --status queued,processing
  khocr jobs --since 24h --metadata shelf=B-12 --json`,
		Args: cobra.NoArgs,
		RunE: p.online(func(ctx context.Context, platform *client.Client, _ []string) error {
			return p.listJobs(ctx, platform, f)
		}),
	}
	flags := command.Flags()
	flags.StringSliceVar(&f.status, "status", nil, "only jobs of these `statuses`: queued, processing, completed, failed, cancelled")
	flags.StringToStringVar(&f.metadata, "metadata", nil, "only jobs with this metadata, as `name=value`")
	flags.DurationVar(&f.since, "since", 0, "only jobs of that long, such as `24h`")
	flags.IntVar(&f.limit, "limit", 20, "the most `jobs` to list")
	flags.BoolVar(&f.json, "json", false, "print each as a line of JSON")
	return command
}

// mostJobs is how many jobs the platform lists at a time.
const mostJobs = 100

func (f filters) params(now time.Time) (*client.ListJobsParams, error) {
	if f.limit < 1 {
		return nil, misuse(fmt.Errorf("--limit %d is not a number of jobs", f.limit))
	}
	limit := min(f.limit, mostJobs)
	params := &client.ListJobsParams{Limit: &limit}
	if len(f.status) > 0 {
		statuses := make([]client.JobStatus, len(f.status))
		for i, word := range f.status {
			statuses[i] = client.JobStatus(strings.ToUpper(word))
			if !statuses[i].Valid() {
				return nil, misuse(fmt.Errorf("there is no status %q: queued, processing, completed, failed, cancelled", word))
			}
		}
		params.Status = &statuses
	}
	if f.since > 0 {
		after := now.Add(-f.since).UTC()
		params.CreatedAfter = &after
	}
	if len(f.metadata) > 0 {
		named := map[string]string{}
		for name, value := range f.metadata {
			named["metadata."+name] = value
		}
		params.Metadata = &named
	}
	return params, nil
}

func (p *program) listJobs(ctx context.Context, platform *client.Client, f filters) error {
	params, err := f.params(time.Now())
	if err != nil {
		return err
	}
	l := p.language
	shown := table{}
	shown.add(headJob.in(l), headStatus.in(l), headProgress.in(l), headPages.in(l), headCreated.in(l), headDocument.in(l))
	listed, more := 0, true
	for more && listed < f.limit {
		page, err := ask(ctx, p, func() (*client.JobList, error) { return platform.Jobs(ctx, params) })
		if err != nil {
			return err
		}
		for _, job := range page.Jobs {
			if listed == f.limit {
				break
			}
			listed++
			if f.json {
				if err := writeJSON(p.out, job); err != nil {
					return err
				}
				continue
			}
			p.addJob(&shown, job)
		}
		params.Cursor = page.NextCursor
		more = page.NextCursor != nil
	}
	switch {
	case f.json:
		return nil
	case listed == 0:
		p.tell(sayNoJobs.in(l))
		return nil
	}
	if err := shown.write(p.out); err != nil {
		return err
	}
	if more {
		p.tell(sayMoreJobs.in(l))
	}
	return nil
}

func (p *program) addJob(to *table, job client.Job) {
	pages, name := "", ""
	if job.Pages != nil {
		pages = fmt.Sprintf("%d/%d", job.Pages.Done, job.Pages.Total)
	}
	if job.FileName != nil {
		name = *job.FileName
	}
	to.add(cell(job.Id), statusWords[job.Status].in(p.language), cell(fmt.Sprintf("%.0f %%", job.Progress)), cell(pages),
		cell(localTime(job.CreatedAt)), cell(name))
}

func localTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

func (p *program) watchCommand() *cobra.Command {
	var json bool
	command := &cobra.Command{
		Use: "watch JOB", Short: "Follow a job to its end", Args: cobra.ExactArgs(1),
		Long: "Follow a job to its end. The exit status is 0 if it has completed, else 1.",
		RunE: p.online(func(ctx context.Context, platform *client.Client, named []string) error {
			return p.watch(ctx, platform, named[0], json)
		}),
	}
	command.Flags().BoolVar(&json, "json", false, "print each state as a line of JSON")
	return command
}

func (p *program) watch(ctx context.Context, platform *client.Client, id string, json bool) error {
	var shown display = &lines{program: p}
	if isTerminal(p.errs) && !json {
		shown = newBars(ctx, p, 1)
	}
	document := batch.Document{Path: id}
	last := said("")
	job, err := platform.Watch(ctx, id, client.Patience{For: batch.Patience, Tell: func(err error, pause time.Duration) {
		shown.tell(batch.Progress{Document: document, Stage: batch.Working, Err: err, Pause: pause})
	}}, func(job *client.Job) {
		if json {
			_ = writeJSON(p.out, job)
			return
		}
		if _, onTerminal := shown.(*bars); onTerminal {
			shown.tell(batch.Progress{Document: document, Stage: batch.Working, Job: job})
		} else if now := p.jobState(job); now != last {
			_, _ = fmt.Fprintf(p.errs, "%s: %s\n", printable(id), now)
			last = now
		}
	})
	if onTerminal, yes := shown.(*bars); yes {
		onTerminal.drop(document)
	}
	shown.close()
	if err != nil {
		return err
	}
	if job.Status != client.COMPLETED {
		return &batch.JobError{Job: job}
	}
	return nil
}

// drop takes the bar of a document away without a word.
func (b *bars) drop(d batch.Document) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if at, there := b.rows[d.Path]; there {
		at.bar.Abort(false)
	}
}

func (p *program) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use: "cancel JOB...", Short: "Cancel jobs that have not ended", Args: cobra.MinimumNArgs(1),
		RunE: p.online(func(ctx context.Context, platform *client.Client, jobs []string) error {
			return p.each(jobs, func(id string) error { return p.cancel(ctx, platform, id) })
		}),
	}
}

// each does all that can be done, says what cannot, and gives the status of the last of that.
func (p *program) each(jobs []string, do func(string) error) (failed error) {
	for _, id := range jobs {
		if err := do(id); err != nil {
			status, why := p.explain(err)
			p.tell(cell(id) + ": " + why)
			failed = &fault{status: status}
		}
	}
	return failed
}

// cancel looks each time how the job stands: asked to delete one that has ended, the platform would delete it, and the answer to
// the first time may have been lost.
func (p *program) cancel(ctx context.Context, platform *client.Client, id string) error {
	asked := false
	_, err := ask(ctx, p, func() (any, error) {
		job, err := platform.Job(ctx, id)
		if err != nil {
			return nil, err
		}
		switch job.Status {
		case client.COMPLETED, client.FAILED, client.CANCELLED:
			if asked && job.Status == client.CANCELLED {
				return nil, nil
			}
			return nil, p.fault(exitFailed, sayJobEnded, id, string(statusWords[job.Status].in(p.language)))
		}
		asked = true
		return platform.Delete(ctx, id)
	})
	if err == nil {
		p.tell(sayCancelling.in(p.language, id))
	}
	return err
}

func (p *program) deleteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete JOB...", Short: "Delete jobs with their documents and results", Args: cobra.MinimumNArgs(1),
		Long: "Delete jobs with their documents and results. One that has not ended is cancelled first.",
		RunE: p.online(func(ctx context.Context, platform *client.Client, jobs []string) error {
			return p.each(jobs, func(id string) error { return p.delete(ctx, platform, id) })
		}),
	}
}

func (p *program) delete(ctx context.Context, platform *client.Client, id string) error {
	for {
		answer, err := ask(ctx, p, func() (*client.Deletion, error) { return platform.Delete(ctx, id) })
		problem := new(client.ProblemError)
		// The answer that told of it may have been lost.
		already := errors.As(err, &problem) && problem.Code == client.ProblemCodeJobDeleted
		if err != nil && !already {
			return err
		}
		if already || answer.Status == client.DELETED {
			p.tell(sayDeleted.in(p.language, id))
			return nil
		}
		p.tell(sayCancelling.in(p.language, id))
		if _, err := platform.Watch(ctx, id, client.Patience{For: batch.Patience, Tell: p.tellPause}, nil); err != nil {
			return err
		}
	}
}

func (p *program) retryCommand() *cobra.Command {
	return &cobra.Command{
		Use: "retry JOB", Short: "Begin a job for the pages of another that failed, and print its id", Args: cobra.ExactArgs(1),
		RunE: p.online(func(ctx context.Context, platform *client.Client, jobs []string) error {
			// A second command for the same job answers what the first one did.
			accepted, err := ask(ctx, p, func() (*client.Accepted, error) { return platform.Retry(ctx, jobs[0], "khocr-retry-"+jobs[0]) })
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.out, accepted.JobId)
			return err
		}),
	}
}
