package ledger

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/api/v1alpha1"
)

// book is a ledger that is open for changes.
type book struct {
	status *v1alpha1.OrganizationStatus
	today  Date
	keys   []v1alpha1.APIKey
}

func newBook(organization *v1alpha1.Organization, today Date) *book {
	return &book{status: organization.Status.DeepCopy(), today: today, keys: organization.Spec.APIKeys}
}

func (b *book) find(uid types.UID) *v1alpha1.LedgerEntry {
	for i := range b.status.Ledger {
		if b.status.Ledger[i].UID == uid {
			return &b.status.Ledger[i]
		}
	}
	return nil
}

// reserve sets the job's pages aside in the month, or refuses it when they do not fit. A reservation follows a page count
// that has grown since, in its own month; when the growth does not fit, the job is refused as a whole.
func (b *book) reserve(job Job, entry *v1alpha1.LedgerEntry, limit int64) {
	if entry == nil {
		entry = b.enter(job)
	}
	others := b.settled(entry.Month) + b.reserved(entry.Month)
	if entry.State == v1alpha1.LedgerReserved {
		others -= entry.Pages
	}
	entry.Pages = job.Pages
	entry.State = v1alpha1.LedgerReserved
	if others+job.Pages > limit {
		entry.State = v1alpha1.LedgerRefused
	}
}

// settle charges what a reserved job has delivered, at most what was reserved, to the month of the reservation. A job
// that was refused, or ended before its pages were known, is charged nothing. So is one that was removed by force, whose
// pages nobody can tell.
func (b *book) settle(job Job, entry *v1alpha1.LedgerEntry) {
	if entry == nil {
		b.enter(job).State = v1alpha1.LedgerSettled
		return
	}
	charged := int64(0)
	if entry.State == v1alpha1.LedgerReserved {
		charged = min(job.Delivered, entry.Pages)
	}
	entry.State, entry.Pages = v1alpha1.LedgerSettled, charged
	if charged > 0 {
		usage := b.usage(entry.Month)
		usage.Settled += charged
		chargeDay(usage, entry.Day, charged)
		chargeKey(usage, b.known(job.Key), charged)
	}
}

// known is the name of a key that the organization has, or empty. Whoever may label jobs could name any number of others.
func (b *book) known(key string) string {
	if slices.ContainsFunc(b.keys, func(k v1alpha1.APIKey) bool { return k.Name == key }) {
		return key
	}
	return ""
}

// chargeDay keeps the days in order. An entry of a version that knew no days counts for the first of its month.
func chargeDay(usage *v1alpha1.MonthUsage, day int32, pages int64) {
	day = max(1, day)
	at, found := slices.BinarySearchFunc(usage.Days, day, func(d v1alpha1.DayUsage, day int32) int { return cmp.Compare(d.Day, day) })
	if !found {
		usage.Days = slices.Insert(usage.Days, at, v1alpha1.DayUsage{Day: day})
	}
	usage.Days[at].Pages += pages
}

// chargeKey keeps the keys by name.
func chargeKey(usage *v1alpha1.MonthUsage, name string, pages int64) {
	at, found := slices.BinarySearchFunc(usage.Keys, name, func(k v1alpha1.KeyUsage, name string) int { return cmp.Compare(k.Name, name) })
	if !found {
		usage.Keys = slices.Insert(usage.Keys, at, v1alpha1.KeyUsage{Name: name})
	}
	usage.Keys[at].Pages += pages
}

// enter lists a job that comes into the ledger today.
func (b *book) enter(job Job) *v1alpha1.LedgerEntry {
	b.status.Ledger = append(b.status.Ledger, v1alpha1.LedgerEntry{
		UID: job.UID, Job: job.Name, Month: b.today.Month, Day: b.today.Day,
	})
	return &b.status.Ledger[len(b.status.Ledger)-1]
}

func (b *book) drop(uid types.UID) {
	b.status.Ledger = slices.DeleteFunc(b.status.Ledger, func(e v1alpha1.LedgerEntry) bool { return e.UID == uid })
}

// close brings the sums in line with the entries. Kept are the current month, the one that was used before it, every month
// that a listed entry belongs to, so that no settlement ever lacks its month, and those after the current one: the clock
// has been there, and may come back.
func (b *book) close() *v1alpha1.OrganizationStatus {
	b.status.Running = 0
	for _, entry := range b.status.Ledger {
		if entry.State == v1alpha1.LedgerReserved {
			b.status.Running++
			b.usage(entry.Month)
		}
	}
	for i := range b.status.Usage {
		b.status.Usage[i].Reserved = b.reserved(b.status.Usage[i].Month)
	}
	slices.SortFunc(b.status.Usage, func(a, b v1alpha1.MonthUsage) int { return cmp.Compare(b.Month, a.Month) })
	before := 0
	b.status.Usage = slices.DeleteFunc(b.status.Usage, func(u v1alpha1.MonthUsage) bool {
		if u.Month < b.today.Month {
			before++
		}
		return before > 1 && !b.lists(u.Month)
	})
	return b.status
}

// usage finds the sums of a month, and begins them where there are none.
func (b *book) usage(month string) *v1alpha1.MonthUsage {
	for i := range b.status.Usage {
		if b.status.Usage[i].Month == month {
			return &b.status.Usage[i]
		}
	}
	b.status.Usage = append(b.status.Usage, v1alpha1.MonthUsage{Month: month})
	return &b.status.Usage[len(b.status.Usage)-1]
}

func (b *book) settled(month string) int64 {
	for _, u := range b.status.Usage {
		if u.Month == month {
			return u.Settled
		}
	}
	return 0
}

func (b *book) reserved(month string) int64 {
	sum := int64(0)
	for _, entry := range b.status.Ledger {
		if entry.State == v1alpha1.LedgerReserved && entry.Month == month {
			sum += entry.Pages
		}
	}
	return sum
}

func (b *book) lists(month string) bool {
	return slices.ContainsFunc(b.status.Ledger, func(e v1alpha1.LedgerEntry) bool { return e.Month == month })
}
