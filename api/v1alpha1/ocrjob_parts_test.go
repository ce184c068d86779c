package v1alpha1

import (
	"fmt"
	"testing"
)

func TestADocumentIsCutIntoPartsOfOneLength(t *testing.T) {
	usual := &Partition{PagesPerWorker: 200, MaxWorkers: 8}
	for name, test := range map[string]struct {
		partition *Partition
		pages     int32
		want      string
	}{
		"no more pages than one part takes":         {usual, 200, "1-200"},
		"one page more":                             {usual, 201, "1-100 101-201"},
		"what does not divide":                      {usual, 500, "1-166 167-333 334-500"},
		"more pages than all parts would take":      {usual, 5000, "1-625 626-1250 1251-1875 1876-2500 2501-3125 3126-3750 3751-4375 4376-5000"},
		"a page for each part":                      {&Partition{PagesPerWorker: 1, MaxWorkers: 9}, 3, "1-1 2-2 3-3"},
		"one part at the most":                      {&Partition{PagesPerWorker: 1, MaxWorkers: 1}, 3, "1-3"},
		"no partition, as on a job of before it":    {nil, 5000, "1-5000"},
		"no page is known yet":                      {usual, 0, "1-0"},
		"a count that cannot be true costs no more": {&Partition{PagesPerWorker: 1, MaxWorkers: 2}, 2_147_483_647, "1-1073741823 1073741824-2147483647"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for part := range test.partition.Parts(test.pages) {
				first, last := test.partition.Share(part, test.pages)
				got += fmt.Sprintf(" %d-%d", first, last)
			}
			if got != " "+test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if first, last := test.partition.Share(test.partition.Parts(test.pages), test.pages); last >= first {
				t.Errorf("a part too many has the pages %d-%d", first, last)
			}
		})
	}
}

func TestPartsCoverEveryPageOnce(t *testing.T) {
	for pages := int32(1); pages < 300; pages++ {
		for _, partition := range []*Partition{{1, 7}, {20, 8}, {299, 1000}, {3, 1000}} {
			next, parts := int32(1), partition.Parts(pages)
			for part := range parts {
				first, last := partition.Share(part, pages)
				length := last - first + 1
				if first != next || length != pages/parts && length != pages/parts+1 || parts > partition.MaxWorkers {
					t.Fatalf("%+v of %d pages: part %d is %d-%d", partition, pages, part, first, last)
				}
				next = last + 1
			}
			if next != pages+1 {
				t.Fatalf("%+v of %d pages ends at %d", partition, pages, next-1)
			}
		}
	}
}

func TestLeading(t *testing.T) {
	// 9 pages in parts of 3.
	done := func(pages int32) *PageCounts { return &PageCounts{Total: 9, Done: pages} }
	for name, test := range map[string]struct {
		workers []WorkerStatus
		want    int32
	}{
		"no worker":                                {nil, -1},
		"the first before it has counted":          {[]WorkerStatus{{}}, 0},
		"the first before the document is cut":     {[]WorkerStatus{{Progress: done(2)}}, 0},
		"nobody when what is on record is done":    {[]WorkerStatus{{Progress: done(3)}}, -1},
		"the first of those that are not done":     {[]WorkerStatus{{Progress: done(3)}, {Part: 1, Progress: done(1)}, {Part: 2}}, 1},
		"a later one does not wait for an earlier": {[]WorkerStatus{{Progress: done(2)}, {Part: 1, Progress: done(3)}, {Part: 2, Progress: done(3)}}, 0},
		"the order of the record says nothing":     {[]WorkerStatus{{Part: 2}, {Part: 1}, {Progress: done(3)}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			status := &OcrJobStatus{Partition: &Partition{PagesPerWorker: 3, MaxWorkers: 9}, Workers: test.workers, Pages: &PageCounts{Total: 9}}
			got := int32(-1)
			if leading := status.Leading(); leading != nil {
				got = leading.Part
			}
			if got != test.want {
				t.Errorf("part %d leads, want %d", got, test.want)
			}
		})
	}
}

func TestThePageCountStandsOnceTheDocumentIsCut(t *testing.T) {
	status := &OcrJobStatus{Workers: []WorkerStatus{{Progress: &PageCounts{Total: 7, Done: 2}}}, Pages: &PageCounts{Total: 5}}
	if got := status.LivePages(); got != (PageCounts{Total: 7, Done: 2}) {
		t.Errorf("of one worker: %+v", got)
	}
	status.Workers = append(status.Workers, WorkerStatus{Part: 1, Progress: &PageCounts{Total: 9, Done: 1, Failed: 1}})
	if got := status.LivePages(); got != (PageCounts{Total: 5, Done: 3, Failed: 1}) {
		t.Errorf("of two workers: %+v", got)
	}
}
