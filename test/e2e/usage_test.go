package e2e

import (
	"net/http"
	"testing"
)

// usage is what an organization is told of a month.
type usage struct {
	Month string `json:"month"`
	Pages struct {
		Used     int64 `json:"used"`
		Reserved int64 `json:"reserved"`
	} `json:"pages"`
	ByDay []struct {
		Pages int64 `json:"pages"`
	} `json:"by_day"`
	ByKey []struct {
		Pages int64 `json:"pages"`
	} `json:"by_key"`
}

// tells tells whether the month is told to have so many pages in all, by day and by key, and none reserved.
func (u usage) tells(month string, pages int64) bool {
	days, keys := int64(0), int64(0)
	for _, day := range u.ByDay {
		days += day.Pages
	}
	for _, key := range u.ByKey {
		keys += key.Pages
	}
	return u.Month == month && u.Pages.Used == pages && u.Pages.Reserved == 0 && days == pages && keys == pages
}

// awaitUsage waits until the tenant is told that so many pages are used, by month.
func (t *tenant) awaitUsage(used map[string]int64) {
	t.Helper()
	for month, pages := range used {
		var a answer
		defer func() {
			if t.Failed() {
				t.Logf("last told of %s: %s", month, a.body)
			}
		}()
		t.until("the pages of "+month+" are told", func() bool {
			var err error
			a, err = t.send(http.MethodGet, "/api/v1/usage?month="+month, nil, "")
			if err != nil || a.status != http.StatusOK {
				return false
			}
			var told usage
			a.decode(t.T, &told)
			return told.tells(month, pages)
		})
	}
}

func TestUsageMustAddUp(t *testing.T) {
	for body, want := range map[string]bool{
		`{"month":"2026-11","pages":{"used":3},"by_day":[{"pages":1},{"pages":2}],"by_key":[{"pages":3},{"pages":0}]}`: true,
		`{"month":"2026-11","pages":{"used":3},"by_day":[{"pages":1}],"by_key":[{"pages":3}]}`:                         false,
		`{"month":"2026-11","pages":{"used":3},"by_day":[{"pages":3}],"by_key":[{"pages":4}]}`:                         false,
		`{"month":"2026-11","pages":{"used":3,"reserved":1},"by_day":[{"pages":3}],"by_key":[{"pages":3}]}`:            false,
		`{"month":"2026-12","pages":{"used":3},"by_day":[{"pages":3}],"by_key":[{"pages":3}]}`:                         false,
	} {
		var told usage
		answer{body: []byte(body)}.decode(t, &told)
		if told.tells("2026-11", 3) != want {
			t.Errorf("%s adds up: %v", body, !want)
		}
	}
}
