package clock

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestOnlyTheSteppedClockCanBeStepped asks programs of both builds for the time, in an environment that steps clocks.
func TestOnlyTheSteppedClockCanBeStepped(t *testing.T) {
	if os.Getenv("KHOCR_CLOCK_TEST") != "" {
		_, _ = os.Stdout.WriteString("now " + Now().Format(time.RFC3339) + "\n")
		return
	}
	for name, test := range map[string]struct {
		tags   string
		offset time.Duration
		want   time.Duration
	}{
		"as shipped":                 {offset: 48 * time.Hour},
		"stepped forward":            {tags: "khocr_stepped_clock", offset: 48 * time.Hour, want: 48 * time.Hour},
		"stepped back":               {tags: "khocr_stepped_clock", offset: -36 * time.Hour, want: -36 * time.Hour},
		"able to step, but does not": {tags: "khocr_stepped_clock"},
	} {
		t.Run(name, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), "go", "test", "-tags="+test.tags, "-count=1", "-v", "-run=^TestOnlyTheSteppedClockCanBeStepped$", ".")
			command.Env = append(os.Environ(), "KHOCR_CLOCK_TEST=yes", "KHOCR_CLOCK_OFFSET="+test.offset.String())
			output, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			var told time.Time
			for line := range strings.Lines(string(output)) {
				if text, ok := strings.CutPrefix(strings.TrimSpace(line), "now "); ok {
					if told, err = time.Parse(time.RFC3339, text); err != nil {
						t.Fatal(err)
					}
				}
			}
			// An hour is far more than it took to ask, and far less than a step.
			if ahead := time.Until(told) - test.want; told.IsZero() || ahead.Abs() > time.Hour {
				t.Errorf("the clock is %v ahead of where it shall be\n%s", ahead, output)
			}
		})
	}
}
