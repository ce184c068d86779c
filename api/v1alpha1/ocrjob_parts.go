package v1alpha1

// Parts is how many parts a document is cut into of which so many pages are to be processed; 1 without a partition.
func (p *Partition) Parts(pages int32) int32 {
	if p == nil || p.PagesPerWorker < 1 || pages < 1 {
		return 1
	}
	return max(1, min(p.MaxWorkers, (pages-1)/p.PagesPerWorker+1))
}

// Share is what a part takes of the pages that are to be processed, counted from 1 in their order: from first to last, both
// included. All parts are equally long, but for a page. It is 1 to 0 for a part that there is none of.
func (p *Partition) Share(part, pages int32) (first, last int32) {
	parts := p.Parts(pages)
	if part < 0 || part >= parts {
		return 1, 0
	}
	end := func(part int32) int32 { return int32(int64(pages) * int64(part) / int64(parts)) }
	return end(part) + 1, end(part + 1)
}

// LivePages sums what the workers have reported, which may be seconds ahead of the pages that the manager last recorded.
// How many pages there are is the word of the first worker, until the document is cut: then the record stands. No more are
// done than there are, and no more are of a kind than are done, whatever workers say.
func (s *OcrJobStatus) LivePages() PageCounts {
	var total int32
	var done, native, recognized, failed, ai int64
	for _, worker := range s.Workers {
		if p := worker.Progress; p != nil {
			total = max(total, p.Total)
			done += int64(p.Done)
			native += int64(p.Native)
			recognized += int64(p.Recognized)
			failed += int64(p.Failed)
			ai += int64(p.AI)
		}
	}
	if len(s.Workers) > 1 && s.Pages != nil {
		total = s.Pages.Total
	}
	done = min(done, int64(total))
	most := func(claimed int64) int32 { return int32(min(claimed, done)) }
	return PageCounts{Total: total, Done: most(done), Native: most(native), Recognized: most(recognized), Failed: most(failed), AI: most(ai)}
}

// PartDone tells whether every page of a worker's part has a result.
func (s *OcrJobStatus) PartDone(worker *WorkerStatus) bool {
	pages := s.LivePages().Total
	first, last := s.Partition.Share(worker.Part, pages)
	return worker.Progress != nil && pages > 0 && worker.Progress.Done > last-first
}

// Leading is the first part that is not done; nil where all on record are. It works in the job's own slot. All parts after
// it are further ones: they only make a job faster, and wait for their turns behind the jobs of others.
func (s *OcrJobStatus) Leading() *WorkerStatus {
	var leading *WorkerStatus
	for i := range s.Workers {
		worker := &s.Workers[i]
		if (leading == nil || worker.Part < leading.Part) && !s.PartDone(worker) {
			leading = worker
		}
	}
	return leading
}
