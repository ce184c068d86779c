package ledger

import (
	"sync"
	"time"
)

// zones are those found so far: decoding one anew would take longer than all else that is asked of a month.
var zones sync.Map

func loadZone(name string) (*time.Location, error) {
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location), nil
	}
	zone, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, zone)
	}
	return zone, err
}
