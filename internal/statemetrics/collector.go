package statemetrics

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openplp/khocr/api/v1alpha1"
)

var (
	jobsDesc = prometheus.NewDesc("khocr_jobs",
		"OcrJobs that there are, by phase, priority, and why they wait or failed.", []string{"phase", "priority", "reason"}, nil)
	oldestDesc = prometheus.NewDesc("khocr_queue_oldest_seconds",
		"Time since the oldest of the jobs that wait was accepted, by priority and what they wait for.", []string{"priority", "reason"}, nil)
	readyDesc = prometheus.NewDesc("khocr_organization_ready",
		"1 for an organization that can be used, 0 for one that cannot.", []string{"organization"}, nil)
	runningDesc = prometheus.NewDesc("khocr_organization_jobs_running",
		"Jobs of the organization whose pages are reserved.", []string{"organization"}, nil)
	jobLimitDesc = prometheus.NewDesc("khocr_organization_jobs_limit",
		"Jobs of the organization that may be at work at the same time.", []string{"organization"}, nil)
	pagesDesc = prometheus.NewDesc("khocr_organization_pages",
		"Pages of the organization in this month: settled for good, or reserved by jobs at work.", []string{"organization", "state"}, nil)
	pageLimitDesc = prometheus.NewDesc("khocr_organization_pages_limit",
		"Pages that the organization may have in a month.", []string{"organization"}, nil)
	keyExpiryDesc = prometheus.NewDesc("khocr_organization_key_expiry_timestamp_seconds",
		"Moment when the next of the organization's API keys expires; missing where none will.", []string{"organization"}, nil)
	modelDesc = prometheus.NewDesc("khocr_model_ready",
		"1 for a model that documents can be read with, 0 for one that cannot be used.", []string{"model"}, nil)
)

// Exporter serves the state from Reader, which is a cache, among the metrics of Registry while its manager leads.
type Exporter struct {
	Reader   client.Reader
	Registry prometheus.Registerer
	// Now tells the time.
	Now func() time.Time
}

// Start exports the state until ctx is done. A manager calls it when it leads.
func (e *Exporter) Start(ctx context.Context) error {
	if err := e.Registry.Register(e); err != nil {
		return fmt.Errorf("registering the metrics of the state: %w", err)
	}
	<-ctx.Done()
	e.Registry.Unregister(e)
	return nil
}

// Describe implements prometheus.Collector.
func (e *Exporter) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{jobsDesc, oldestDesc, readyDesc, runningDesc, jobLimitDesc, pagesDesc, pageLimitDesc, keyExpiryDesc, modelDesc} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is missing, and logged: the rest is told all the same.
func (e *Exporter) Collect(metrics chan<- prometheus.Metric) {
	ctx := context.Background()
	jobs, organizations, plans, models := &v1alpha1.OcrJobList{}, &v1alpha1.OrganizationList{}, &v1alpha1.PlanList{}, &v1alpha1.OcrModelList{}
	for _, list := range []client.ObjectList{jobs, organizations, plans, models} {
		// Nothing here changes what the cache holds.
		if err := e.Reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			logf.Log.Error(err, "Reading the state for metrics failed", "kind", fmt.Sprintf("%T", list))
		}
	}
	send := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	now := e.Now()
	counts, oldest := countJobs(jobs.Items, now)
	for k, number := range counts {
		send(jobsDesc, float64(number), string(k.phase), string(k.priority), k.reason)
	}
	for w, age := range oldest {
		send(oldestDesc, age.Seconds(), string(w.priority), w.reason)
	}
	byName := make(map[string]*v1alpha1.Plan, len(plans.Items))
	for i := range plans.Items {
		byName[plans.Items[i].Name] = &plans.Items[i]
	}
	for i := range organizations.Items {
		organization := &organizations.Items[i]
		observe(organization, byName[organization.Spec.PlanRef], now).send(send)
	}
	for i := range models.Items {
		model := &models.Items[i]
		send(modelDesc, bit(meta.IsStatusConditionTrue(model.Status.Conditions, v1alpha1.ConditionReady)), model.Name)
	}
}

func (t tenant) send(send func(desc *prometheus.Desc, value float64, labels ...string)) {
	send(readyDesc, bit(t.ready), t.name)
	send(runningDesc, float64(t.running), t.name)
	if t.hasPlan {
		send(jobLimitDesc, float64(t.jobLimit), t.name)
		send(pagesDesc, float64(t.settled), t.name, "settled")
		send(pagesDesc, float64(t.reserved), t.name, "reserved")
		send(pageLimitDesc, float64(t.pageLimit), t.name)
	}
	if !t.keyExpires.IsZero() {
		send(keyExpiryDesc, float64(t.keyExpires.Unix()), t.name)
	}
}

func bit(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
