package serving

import (
	"strconv"
	"time"
)

// WholeSeconds is a time as Retry-After has it. It rounds up, so that whoever waits so long waits long enough.
func WholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
