package worker

import (
	"slices"
	"sync"
)

// queue holds page numbers for children that work at the same time.
type queue struct {
	mutex sync.Mutex
	pages []int
}

// take removes the first page; ok is false if there is none.
func (q *queue) take() (page int, ok bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if len(q.pages) == 0 {
		return 0, false
	}
	page, q.pages = q.pages[0], q.pages[1:]
	return page, true
}

func (q *queue) put(page int) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.pages = append(q.pages, page)
}

func (q *queue) empty() bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return len(q.pages) == 0
}

func (q *queue) sort() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	slices.Sort(q.pages)
}
