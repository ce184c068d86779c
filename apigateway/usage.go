package apigateway

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/jobview"
	"github.com/openplp/khocr/apigateway/keyuse"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/spending"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/internal/money"
)

// usageView is the answer of GET /api/v1/usage.
type usageView struct {
	Organization namedView `json:"organization"`
	Plan         namedView `json:"plan"`
	// Month that Pages, ByDay and ByKey are about, as 2006-01, in TimeZone.
	Month    string         `json:"month"`
	TimeZone string         `json:"time_zone"`
	Pages    monthPages     `json:"pages"`
	Limits   limitsView     `json:"limits"`
	Requests requestsLeft   `json:"requests"`
	AI       *aiUsage       `json:"ai"`
	ByDay    []dayPages     `json:"by_day"`
	ByKey    []keyView      `json:"by_key"`
	Jobs     map[string]int `json:"jobs"`
	ResetsAt *time.Time     `json:"resets_at,omitempty"`
}

// limitsView is what every document and all of them together are held to, beside pages and requests.
type limitsView struct {
	MaxFileBytes      int64               `json:"max_file_bytes"`
	MaxConcurrentJobs int32               `json:"max_concurrent_jobs"`
	Priorities        []v1alpha1.Priority `json:"priorities"`
	// Suspended organizations can submit nothing.
	Suspended bool `json:"suspended"`
}

// namedView is what people call a thing, in both languages.
type namedView struct {
	Name          string `json:"name"`
	DisplayName   string `json:"display_name"`
	DisplayNameKm string `json:"display_name_km"`
}

func namedViewOf(name string, text v1alpha1.LocalizedText) namedView {
	return namedView{name, text.En, cmp.Or(text.Km, text.En)}
}

// monthPages are the pages of a month. Left and Limit are those of the current one: what an earlier one was held to is not
// kept.
type monthPages struct {
	Used     int64  `json:"used"`
	Reserved int64  `json:"reserved"`
	Left     *int64 `json:"left,omitempty"`
	Limit    *int64 `json:"limit,omitempty"`
}

// requestsLeft are the submissions of the minute.
type requestsLeft struct {
	Limit     int `json:"limit"`
	Remaining int `json:"remaining"`
	// ResetSeconds until all of them are there again.
	ResetSeconds jobview.Tenths `json:"reset_seconds"`
}

type dayPages struct {
	Date  string `json:"date"`
	Pages int64  `json:"pages"`
}

// keyView is an API key, or what came without a known one, which has no name. Scopes are missing of keys that are gone.
type keyView struct {
	Key        *string          `json:"key"`
	Pages      int64            `json:"pages"`
	LastUsedAt *time.Time       `json:"last_used_at"`
	ExpiresAt  *metav1.Time     `json:"expires_at"`
	Scopes     []v1alpha1.Scope `json:"scopes,omitempty"`
	// Removed keys have had pages this month and are refused now.
	Removed bool `json:"removed,omitempty"`
}

// usage tells what the caller's organization has used and has left.
func (s *Server) usage(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r, "month"); err != nil {
		return err
	}
	organization := callerOf(r.Context()).organization
	terms, err := s.termsOf(r.Context(), organization)
	if err != nil {
		return err
	}
	asked, err := monthAsked(r, terms.month.name)
	if err != nil {
		return err
	}
	recorded, err := monthOf(organization.Status.Usage, asked, terms.month.name)
	if err != nil {
		return err
	}
	used, err := s.KeyUse.Read(r.Context(), organization.JobNamespace())
	if err != nil {
		return err
	}
	spent, err := s.Spending.Read(r.Context(), organization.JobNamespace(), asked)
	if err != nil {
		return err
	}
	jobs, err := s.countJobs(r.Context(), organization.JobNamespace())
	if err != nil {
		return err
	}
	key, limit := terms.bucketOf(organization.Name, true)
	view := usageOf(organization, &terms, recorded)
	view.Requests = requestsOf(s.Limiter.Peek(r.Context(), key, limit))
	view.ByKey = keysOf(organization.Spec.APIKeys, recorded.Keys, used)
	var mostCost *money.Amount
	if asked == terms.month.name {
		mostCost = spending.LimitOf(organization)
	}
	view.AI = aiUsageOf(spent, mostCost, s.Currency)
	view.Jobs = jobs
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, http.StatusOK, "application/json", view)
	return nil
}

// monthAsked is the month that a request is about, the current one where it says nothing.
func monthAsked(r *http.Request, current string) (string, error) {
	if !r.URL.Query().Has("month") {
		return current, nil
	}
	asked := r.URL.Query().Get("month")
	if _, err := time.Parse("2006-01", asked); err != nil {
		return "", invalidParameter.detailed("month must be of the form %s.", current)
	}
	return asked, nil
}

// monthOf finds what was recorded of a month. Of the current one nothing need be.
func monthOf(recorded []v1alpha1.MonthUsage, asked, current string) (v1alpha1.MonthUsage, error) {
	for _, month := range recorded {
		if month.Month == asked {
			return month, nil
		}
	}
	if asked != current {
		return v1alpha1.MonthUsage{}, usageNotFound.detailed("There are no figures of the month %s.", asked)
	}
	return v1alpha1.MonthUsage{Month: asked}, nil
}

// usageOf sums up a month of an organization.
func usageOf(organization *v1alpha1.Organization, terms *terms, recorded v1alpha1.MonthUsage) usageView {
	view := usageView{
		Organization: namedViewOf(organization.Name, organization.Spec.DisplayName),
		Plan:         namedViewOf(terms.plan.Name, terms.plan.Spec.DisplayName),
		Month:        recorded.Month,
		TimeZone:     terms.month.end.Location().String(),
		Pages:        monthPages{Used: recorded.Settled, Reserved: recorded.Reserved},
		Limits: limitsView{
			MaxFileBytes: terms.limits.MaxFileBytes, MaxConcurrentJobs: terms.limits.MaxConcurrentJobs,
			Priorities: terms.limits.Priorities, Suspended: organization.IsSuspended(),
		},
		ByDay: make([]dayPages, 0, len(recorded.Days)),
	}
	for _, day := range recorded.Days {
		view.ByDay = append(view.ByDay, dayPages{fmt.Sprintf("%s-%02d", recorded.Month, day.Day), day.Pages})
	}
	if recorded.Month == terms.month.name {
		end := terms.month.end.UTC()
		view.Pages.Left, view.Pages.Limit, view.ResetsAt = &terms.month.left, &terms.month.limit, &end
	}
	return view
}

// keysOf lists the keys of an organization, and those that it had and that had pages, by name; in the end what came without
// a key.
func keysOf(keys []v1alpha1.APIKey, pages []v1alpha1.KeyUsage, used keyuse.Times) []keyView {
	views := make([]keyView, 0, len(keys)+len(pages))
	for _, key := range keys {
		views = append(views, keyView{Key: &key.Name, ExpiresAt: key.ExpiresAt, Scopes: tenants.Scopes(&key)})
	}
	var unnamed []keyView
	for _, usage := range pages {
		at := slices.IndexFunc(views, func(v keyView) bool { return *v.Key == usage.Name })
		switch {
		case usage.Name == "":
			unnamed = append(unnamed, keyView{Pages: usage.Pages})
		case at < 0:
			views = append(views, keyView{Key: &usage.Name, Pages: usage.Pages, Removed: true})
		default:
			views[at].Pages = usage.Pages
		}
	}
	for i := range views {
		if at, ever := used[*views[i].Key]; ever {
			views[i].LastUsedAt = &at
		}
	}
	slices.SortFunc(views, func(a, b keyView) int { return cmp.Compare(*a.Key, *b.Key) })
	return append(views, unnamed...)
}

func requestsOf(result ratelimit.Result) requestsLeft {
	return requestsLeft{Limit: result.Limit, Remaining: result.Remaining, ResetSeconds: jobview.Tenths(result.Reset.Seconds())}
}

// countJobs counts the jobs of an organization that still exist, by the words of their status.
func (s *Server) countJobs(ctx context.Context, namespace string) (map[string]int, error) {
	var jobs v1alpha1.OcrJobList
	if err := s.Client.List(ctx, &jobs, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("count the jobs: %w", err)
	}
	count := map[string]int{}
	for _, status := range jobview.Statuses() {
		count[status] = 0
	}
	for i := range jobs.Items {
		count[jobview.Status(&jobs.Items[i])]++
	}
	return count, nil
}
