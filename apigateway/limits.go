package apigateway

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/ratelimit"
	"github.com/openplp/khocr/apigateway/serving"
	"github.com/openplp/khocr/internal/ledger"
)

// Names of the quota policies, as the headers tell them. Submissions are counted by the minute, and reads apart, so that
// asking after a job never takes a submission's place.
const (
	policyMinute = "minute"
	policyReads  = "reads"
	policyMonth  = "month"
)

const (
	// readsPerSubmission: somebody may ask once a second after each document of his minute.
	readsPerSubmission = 60
	// planlessReads is how many reads a minute an organization has whose plan is not there: as many as with the least plan
	// that ships. It may fetch what is its own.
	planlessReads = 10 * readsPerSubmission
)

const (
	headerRateLimit       = "RateLimit"
	headerRateLimitPolicy = "RateLimit-Policy"
)

// terms are what an organization is held to at the moment of a request.
type terms struct {
	// plan is nil where there are no terms: for a read of an organization whose plan is not there, or cannot be applied.
	plan   *v1alpha1.Plan
	limits v1alpha1.PlanLimits
	month  month
}

// month is a calendar month in the time zone of a plan.
type month struct {
	// name as 2006-01.
	name string
	// limit of pages, and how many of them are left.
	limit, left int64
	start, end  time.Time
}

// termsOf finds what an organization of a plan is held to. It fails for a plan whose time zone is none.
func termsOf(organization *v1alpha1.Organization, plan *v1alpha1.Plan, now time.Time) (terms, error) {
	name, err := ledger.Month(now, plan)
	if err != nil {
		return terms{}, fmt.Errorf("find the month: %w", err)
	}
	end, err := ledger.MonthEnd(now, plan)
	if err != nil {
		return terms{}, fmt.Errorf("find the end of the month: %w", err)
	}
	left, err := ledger.Remaining(organization, plan, now)
	if err != nil {
		return terms{}, fmt.Errorf("count the pages left: %w", err)
	}
	limits := organization.EffectiveLimits(plan)
	return terms{plan: plan, limits: limits, month: month{
		name: name, limit: *limits.PagesPerMonth, left: left, start: end.AddDate(0, -1, 0), end: end,
	}}, nil
}

// bucketOf is the bucket that a submission or a read is taken out of, and how many requests that holds.
func (t *terms) bucketOf(organization string, submits bool) (key ratelimit.Key, limit int) {
	switch {
	case submits:
		return ratelimit.Key{Policy: policyMinute, Organization: organization}, int(t.limits.RequestsPerMinute)
	case t.plan == nil:
		return ratelimit.Key{Policy: policyReads, Organization: organization}, planlessReads
	default:
		return ratelimit.Key{Policy: policyReads, Organization: organization}, readsPerSubmission * int(t.limits.RequestsPerMinute)
	}
}

// count takes an admitted request out of its organization's minute, tells the limits in the answer's headers, and refuses
// the request where the minute is used up.
func (s *Server) count(w http.ResponseWriter, r *http.Request, by *caller, submits bool) error {
	key, limit := by.terms.bucketOf(by.organization.Name, submits)
	result := s.Limiter.Take(r.Context(), key, limit)
	tellLimits(w.Header(), key.Policy, result, &by.terms, s.Now())
	if result.Allowed {
		return nil
	}
	what := "reads"
	if submits {
		what = "submissions"
	}
	problem := rateLimited.detailed("The organization may send %d %s in a minute, all its keys together. Try again in %s seconds.", limit, what, serving.WholeSeconds(result.RetryAfter))
	problem.retryAfter = result.RetryAfter
	return problem
}

// tellLimits writes the headers of draft-ietf-httpapi-ratelimit-headers-11. The draft's registry of quota units has no
// pages, so a parameter of ours names them.
func tellLimits(header http.Header, policy string, result ratelimit.Result, terms *terms, now time.Time) {
	policies := quotaPolicy(policy, int64(result.Limit), time.Minute)
	limits := serviceLimit(policy, int64(result.Remaining), result.RetryAfter)
	if terms.plan != nil {
		month := &terms.month
		policies += ", " + quotaPolicy(policyMonth, month.limit, month.end.Sub(month.start)) + `;khocr-unit="pages"`
		limits += ", " + serviceLimit(policyMonth, month.left, month.end.Sub(now))
	}
	header.Set(headerRateLimitPolicy, policies)
	header.Set(headerRateLimit, limits)
}

// quotaPolicy is an item of RateLimit-Policy: the quota of a window.
func quotaPolicy(name string, quota int64, window time.Duration) string {
	return `"` + name + `";q=` + strconv.FormatInt(quota, 10) + ";w=" + serving.WholeSeconds(window)
}

// serviceLimit is an item of RateLimit: what is left, and for how long there is no more than that.
func serviceLimit(name string, remaining int64, until time.Duration) string {
	return `"` + name + `";r=` + strconv.FormatInt(remaining, 10) + ";t=" + serving.WholeSeconds(until)
}
