package e2e

import (
	"strings"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
)

// TestTheBookNoticesWhatIsWrong keeps the witness honest: a proof by somebody who overlooks things is none.
func TestTheBookNoticesWhatIsWrong(t *testing.T) {
	entry := func(state v1alpha1.LedgerState, month string, pages int64) []v1alpha1.LedgerEntry {
		return []v1alpha1.LedgerEntry{{UID: "a", Job: "a", State: state, Month: month, Pages: pages}}
	}
	usage := func(month string, settled, reserved int64) []v1alpha1.MonthUsage {
		return []v1alpha1.MonthUsage{{Month: month, Settled: settled, Reserved: reserved}}
	}
	nov, dec := "2026-11", "2026-12"
	reserved := v1alpha1.OrganizationStatus{Ledger: entry(v1alpha1.LedgerReserved, nov, 3), Usage: usage(nov, 0, 3)}
	settled := v1alpha1.OrganizationStatus{Ledger: entry(v1alpha1.LedgerSettled, nov, 3), Usage: usage(nov, 3, 0)}
	dropped := v1alpha1.OrganizationStatus{Usage: usage(nov, 3, 0)}
	tests := map[string]struct {
		versions []v1alpha1.OrganizationStatus
		want     string
	}{
		"nothing where a job is reserved, settled and dropped": {versions: []v1alpha1.OrganizationStatus{{}, reserved, settled, dropped}},
		"a month past its limit": {
			versions: []v1alpha1.OrganizationStatus{{Ledger: entry(v1alpha1.LedgerReserved, nov, 11), Usage: usage(nov, 0, 11)}},
			want:     "past its limit of 10"},
		"a reservation that no job has": {
			versions: []v1alpha1.OrganizationStatus{{Usage: usage(nov, 0, 3)}}, want: "3 pages reserved, its jobs have 0"},
		"a charge that no job has": {
			versions: []v1alpha1.OrganizationStatus{reserved, {Usage: usage(nov, 3, 0)}}, want: "3 pages settled, its jobs have 0"},
		"a job that is charged twice": {
			versions: []v1alpha1.OrganizationStatus{reserved, settled, {Ledger: settled.Ledger, Usage: usage(nov, 6, 0)}},
			want:     "6 pages settled, its jobs have 3"},
		"a job that is charged again after it was dropped": {
			versions: []v1alpha1.OrganizationStatus{reserved, settled, dropped, {Ledger: reserved.Ledger, Usage: usage(nov, 3, 3)}},
			want:     "after it was settled"},
		"a page that is charged without a reservation": {
			versions: []v1alpha1.OrganizationStatus{reserved, {Ledger: entry(v1alpha1.LedgerSettled, nov, 4), Usage: usage(nov, 4, 0)}},
			want:     "charged 4 pages, 3 were reserved"},
		"a job that goes to another month": {
			versions: []v1alpha1.OrganizationStatus{reserved, {Ledger: entry(v1alpha1.LedgerSettled, dec, 3), Usage: usage(dec, 3, 0)}},
			want:     "went from 2026-11 to 2026-12"},
		"days that are not the month": {
			versions: []v1alpha1.OrganizationStatus{reserved, settled, {Usage: []v1alpha1.MonthUsage{{Month: nov, Settled: 3, Days: []v1alpha1.DayUsage{{Day: 1, Pages: 2}}}}}},
			want:     "its days have 2"},
		"keys that are not the month": {
			versions: []v1alpha1.OrganizationStatus{reserved, settled, {Usage: []v1alpha1.MonthUsage{{Month: nov, Settled: 3, Keys: []v1alpha1.KeyUsage{{Name: "a", Pages: 4}}}}}},
			want:     "its keys have 4"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBook(10)
			for _, status := range test.versions {
				b.see(&v1alpha1.Organization{Status: status})
			}
			_, _, wrong := b.verdict()
			faults := strings.Join(wrong, "; ")
			if test.want == "" && faults != "" || !strings.Contains(faults, test.want) {
				t.Errorf("faults: %q, want %q", faults, test.want)
			}
		})
	}
}
