// Package testlog keeps what a program or a server says during a test.
package testlog

import (
	"bytes"
	"sync"
)

// Buffer may be written by many goroutines while others read it. The zero value is empty.
type Buffer struct {
	mutex sync.Mutex
	said  bytes.Buffer
}

// Write takes more of the log.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.said.Write(p)
}

// String is all of the log so far.
func (b *Buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.said.String()
}
