package platform

import (
	"strings"
	"testing"
)

// testLog is the log of a test, for programs that write theirs.
type testLog struct{ *testing.T }

// Write implements io.Writer.
func (l testLog) Write(line []byte) (int, error) {
	l.Log(strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}
