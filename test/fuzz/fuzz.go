// Package fuzz sends a gateway valid and broken requests that it makes up from the OpenAPI document, and holds every answer
// against the document. It is for tests only: it submits documents and deletes jobs.
package fuzz

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"github.com/openplp/khocr/test/contract"
)

// Options say what is tried.
type Options struct {
	// Address of the gateway, as HOST:PORT.
	Address string
	// Key of the organization that sends the requests, and one of another organization, which is used to make jobs that the
	// first must not see. Other may be empty.
	Key, Other string
	// Jobs of the organization that are asked after, beside those that the requests make.
	Jobs []string
	// Requests to send, by Workers at the same time.
	Requests, Workers int
	// Skip names operations that are left out.
	Skip []string
	// Seed of the requests: each is made of it and of its number alone, but for the ids of jobs that came before.
	Seed uint64
}

// Report is what came of it.
type Report struct {
	// Counts of answers by operation and what was answered: a status, or what there was in place of one.
	Counts map[string]map[string]int
	// Findings, each with the number of its request, at most maxFindings of them.
	Findings []string
}

const maxFindings = 50

// fuzzer is one run.
type fuzzer struct {
	Options
	document   *contract.Document
	operations []operation

	lock   sync.Mutex
	jobs   []string
	others []string
	report Report
}

// operation is one of the document, with what requests to it are made of.
type operation struct {
	id, method, path string
	parameters       []*v3.Parameter
	form, json       *v3.MediaType
}

// Run sends the requests. It fails where nothing can be tried; what it finds is in the report.
func Run(ctx context.Context, options Options) (*Report, error) {
	document, err := contract.Load()
	if err != nil {
		return nil, err
	}
	f := &fuzzer{Options: options, document: document, operations: operationsOf(document.Model, options.Skip),
		report: Report{Counts: map[string]map[string]int{}}}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range max(1, options.Workers) {
		workers.Go(func() {
			for number := range numbers {
				f.try(number)
			}
		})
	}
	for number := range options.Requests {
		if ctx.Err() != nil {
			break
		}
		numbers <- number
	}
	close(numbers)
	workers.Wait()
	return &f.report, ctx.Err()
}

func operationsOf(model *v3.Document, skip []string) []operation {
	var all []operation
	for path, item := range model.Paths.PathItems.FromOldest() {
		for method, found := range item.GetOperations().FromOldest() {
			if slices.Contains(skip, found.OperationId) {
				continue
			}
			one := operation{id: found.OperationId, method: method, path: model.Servers[0].URL + path,
				parameters: append(slices.Clone(item.Parameters), found.Parameters...)}
			if found.RequestBody != nil {
				one.form = found.RequestBody.Content.GetOrZero("multipart/form-data")
				one.json = found.RequestBody.Content.GetOrZero("application/json")
			}
			all = append(all, one)
		}
	}
	return all
}

// prepare makes a job of each organization.
func (f *fuzzer) prepare() error {
	f.jobs = append(f.jobs, f.Jobs...)
	for _, key := range []string{f.Key, f.Other} {
		if key == "" {
			continue
		}
		id, err := f.submit(key)
		if err != nil {
			return err
		}
		if key == f.Key {
			f.jobs = append(f.jobs, id)
		} else {
			f.others = append(f.others, id)
		}
	}
	return nil
}

// try sends the request of a number and judges its answer.
func (f *fuzzer) try(number int) {
	random := rand.New(rand.NewPCG(f.Seed, uint64(number)))
	made := f.request(random)
	answered := f.send(made)
	outcome, err := f.judge(made, answered)
	f.lock.Lock()
	defer f.lock.Unlock()
	counts := f.report.Counts[made.operation.id]
	if counts == nil {
		counts = map[string]int{}
		f.report.Counts[made.operation.id] = counts
	}
	counts[outcome]++
	if err != nil && len(f.report.Findings) < maxFindings {
		f.report.Findings = append(f.report.Findings, fmt.Sprintf("request %d of seed %d (%s): %v", number, f.Seed, made.story, err))
	}
}

// known is a job of the caller's own, or of another organization.
func (f *fuzzer) known(random *rand.Rand, of func() []string) string {
	f.lock.Lock()
	defer f.lock.Unlock()
	ids := of()
	if len(ids) == 0 {
		return "000000000000"
	}
	return ids[random.IntN(len(ids))]
}

// maxKnown bounds the jobs that are asked after again, so that each is often.
const maxKnown = 64

func (f *fuzzer) learn(id string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	given := len(f.Jobs)
	if len(f.jobs) < given+maxKnown {
		f.jobs = append(f.jobs, id)
	} else {
		f.jobs[given+rand.IntN(maxKnown)] = id
	}
}

// Write tells the counts and the findings to people.
func (r *Report) Write(w io.Writer) error {
	for _, operation := range slices.Sorted(maps.Keys(r.Counts)) {
		line := fmt.Sprintf("%-18s", operation)
		for _, outcome := range slices.Sorted(maps.Keys(r.Counts[operation])) {
			line += fmt.Sprintf(" %s:%d", outcome, r.Counts[operation][outcome])
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	for _, finding := range r.Findings {
		if _, err := fmt.Fprintln(w, "FOUND", finding); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d findings\n", len(r.Findings))
	return err
}
