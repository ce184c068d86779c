package ledger

import (
	"testing"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestMonth(t *testing.T) {
	tests := map[string]struct {
		zone, now, month string
		day              int32
		end              string
	}{
		"begins in Phnom Penh while UTC still has the month before": {"", "2026-07-31T17:00:00Z", "2026-08", 1, "2026-08-31T17:00:00Z"},
		"lasts in Phnom Penh until seven hours before UTC turns":    {"", "2026-07-31T16:59:59Z", "2026-07", 31, "2026-07-31T17:00:00Z"},
		"turns with the year":                                         {"", "2026-12-31T12:00:00Z", "2026-12", 31, "2026-12-31T17:00:00Z"},
		"follows the plan's time zone":                                {"America/New_York", "2026-08-01T03:59:59Z", "2026-07", 31, "2026-08-01T04:00:00Z"},
		"ends by the clock of a zone that changes it in the meantime": {"America/New_York", "2026-03-01T12:00:00Z", "2026-03", 1, "2026-04-01T04:00:00Z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			plan := &v1alpha1.Plan{Spec: v1alpha1.PlanSpec{TimeZone: test.zone}}
			month, err := Month(at(t, test.now), plan)
			if err != nil || month != test.month {
				t.Errorf("Month is %q (%v), want %q", month, err, test.month)
			}
			if today, err := Today(at(t, test.now), plan); err != nil || today != (Date{test.month, test.day}) {
				t.Errorf("Today is %v (%v), want day %d of %s", today, err, test.day, test.month)
			}
			end, err := MonthEnd(at(t, test.now), plan)
			if err != nil || !end.Equal(at(t, test.end)) {
				t.Errorf("MonthEnd is %v (%v), want %v", end.UTC(), err, test.end)
			}
		})
	}
}

func TestMonthOfAnUnknownZoneFails(t *testing.T) {
	plan := &v1alpha1.Plan{Spec: v1alpha1.PlanSpec{TimeZone: "Asia/Angkor"}}
	if month, err := Month(time.Now(), plan); err == nil {
		t.Errorf("Month is %q, want an error", month)
	}
	if _, err := Remaining(&v1alpha1.Organization{}, plan, time.Now()); err == nil {
		t.Error("Remaining gave no error")
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}
