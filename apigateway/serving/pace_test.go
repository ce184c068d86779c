package serving

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestReadDeadline(t *testing.T) {
	start := time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		after time.Duration
		read  int64
		want  time.Duration
	}{
		"the first bytes have the time of a stall":       {0, 0, stallTime},
		"a byte a second does not last":                  {90 * time.Second, 90, graceTime + 90*time.Second/minRate},
		"a fast upload may stall, but only so long":      {time.Minute, 100 << 20, time.Minute + stallTime},
		"an upload at the least rate may go on":          {time.Hour, 3600 * minRate, time.Hour + graceTime},
		"one at half the least rate has run out of time": {time.Hour, 1800 * minRate, 30*time.Minute + graceTime},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readDeadline(start, start.Add(c.after), c.read).Sub(start); got != c.want {
				t.Errorf("deadline after %v, want %v", got, c.want)
			}
		})
	}
}

// deadlines notes the deadlines that a connection is given.
type deadlines struct{ read []time.Time }

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.read = append(d.read, at)
	return nil
}

func (d *deadlines) SetWriteDeadline(time.Time) error { return errors.New("not written to") }

func TestABodyLeavesNoDeadlineBehind(t *testing.T) {
	connection := new(deadlines)
	body := &pacedReader{ReadCloser: io.NopCloser(strings.NewReader("abc")), connection: connection, now: time.Now}
	if _, err := io.ReadAll(body); err != nil {
		t.Fatal(err)
	}
	if len(connection.read) < 2 || connection.read[0].IsZero() || !connection.read[len(connection.read)-1].IsZero() {
		t.Errorf("deadlines %v, want some and in the end none", connection.read)
	}
}
