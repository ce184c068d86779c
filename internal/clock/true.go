//go:build !khocr_stepped_clock

package clock

import "time"

// Now is the true time.
func Now() time.Time { return time.Now() }
