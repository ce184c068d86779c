// Package badinput tests what becomes of plans and organizations that somebody got wrong, on a real API server with the
// Organization controller at work: each is refused with a reason when it is applied, or says in its conditions what is
// wrong; and no other organization suffers from it.
package badinput

import (
	"strings"
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/controllers/organization"
	"github.com/openplp/khocr/internal/testenv"
)

// start runs the Organization controller on an API server that has the plan standard.
func start(t *testing.T) *testenv.Environment {
	environment := testenv.Start(t)
	environment.Apply(t, "config/plans/standard.yaml")
	mgr := testenv.NewManager(t, environment.Manager)
	reconciler := &organization.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("organization"),
		GatewayNamespace: "khocr-system", Now: time.Now,
	}
	if err := reconciler.SetupWithManager(t.Context(), mgr); err != nil {
		t.Fatal(err)
	}
	testenv.Run(t, mgr)
	return environment
}

const (
	digestA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// organizationWith has one thing wrong: the text given is the rest of its spec.
func organizationWith(name, spec string) string {
	return "apiVersion: ocr.openplp.com/v1alpha1\nkind: Organization\nmetadata: {name: " + name + "}\nspec: {displayName: {en: X}, " + spec + "}"
}

// planWith has its limits changed by the text given, which stands before the right ones: without a field in the text the
// plan is right.
func planWith(name, wrong, rest string) string {
	limits := []string{"requestsPerMinute: 10", "pagesPerMonth: 100", "maxFileBytes: 1000", "priorities: [low]", "maxConcurrentJobs: 1",
		"jobTTLSeconds: 60", "resultRetentionSeconds: 60"}
	field, value, _ := strings.Cut(wrong, ":")
	var kept []string
	for _, limit := range limits {
		if !strings.HasPrefix(limit, field+":") {
			kept = append(kept, limit)
		}
	}
	if value != "" {
		kept = append(kept, wrong)
	}
	return "apiVersion: ocr.openplp.com/v1alpha1\nkind: Plan\nmetadata: {name: " + name + "}\nspec: {displayName: {en: X}, limits: {" +
		strings.Join(kept, ", ") + "}" + rest + "}"
}

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), object); err != nil {
		t.Fatalf("parsing %s: %v", text, err)
	}
	return object
}

func TestBadInputIsRefused(t *testing.T) {
	c := testenv.Start(t).Client
	key := func(digest string) string { return `planRef: standard, apiKeys: [{name: a, sha256: "` + digest + `"}]` }
	// The test can only be trusted if what surrounds the mistakes is right.
	if err := c.Create(t.Context(), parse(t, planWith("right", "none", ""))); err != nil {
		t.Fatalf("a plan without a mistake is refused: %v", err)
	}
	right := parse(t, organizationWith("right", key(digestA)))
	if err := c.Create(t.Context(), right); err != nil {
		t.Fatalf("an organization without a mistake is refused: %v", err)
	}
	if got := testenv.Kstatus(t, right); got != kstatus.InProgressStatus {
		t.Errorf("kstatus says %s of an organization that no controller has seen, want InProgress", got)
	}
	for name, test := range map[string]struct{ text, says string }{
		"a plan of negative requests":           {planWith("x", "requestsPerMinute: -1", ""), "requestsPerMinute"},
		"a plan of no requests":                 {planWith("x", "requestsPerMinute: 0", ""), "requestsPerMinute"},
		"a plan without requests":               {planWith("x", "requestsPerMinute", ""), "requestsPerMinute"},
		"a plan of requests beyond all measure": {planWith("x", "requestsPerMinute: 99999999999", ""), "requestsPerMinute"},
		"a plan of negative pages":              {planWith("x", "pagesPerMonth: -1", ""), "pagesPerMonth"},
		"a plan without pages":                  {planWith("x", "pagesPerMonth", ""), "pagesPerMonth"},
		"a plan of pages beyond all measure":    {planWith("x", "pagesPerMonth: 9223372036854775807", ""), "pagesPerMonth"},
		"a plan of pages that are no number":    {planWith("x", `pagesPerMonth: "100"`, ""), "pagesPerMonth"},
		"a plan of half a page":                 {planWith("x", "pagesPerMonth: 0.5", ""), "pagesPerMonth"},
		"a plan of files of no bytes":           {planWith("x", "maxFileBytes: 0", ""), "maxFileBytes"},
		"a plan of files beyond all measure":    {planWith("x", "maxFileBytes: 99999999999999", ""), "maxFileBytes"},
		"a plan of no jobs":                     {planWith("x", "maxConcurrentJobs: 0", ""), "maxConcurrentJobs"},
		"a plan without jobs":                   {planWith("x", "maxConcurrentJobs", ""), "maxConcurrentJobs"},
		"a plan without priorities":             {planWith("x", "priorities: []", ""), "priorities"},
		"a plan of a priority that is none":     {planWith("x", "priorities: [urgent]", ""), "urgent"},
		"a plan that keeps jobs for no time":    {planWith("x", "jobTTLSeconds: -60", ""), "jobTTLSeconds"},
		"a plan that keeps results for no time": {planWith("x", "resultRetentionSeconds: 0", ""), "resultRetentionSeconds"},
		"a plan with an empty time zone":        {planWith("x", "none", `, timeZone: ""`), "timeZone"},
		"a plan of a time zone that is none":    {planWith("x", "none", ", timeZone: Asia/Angkor"), "unknown time zone"},
		"a plan of an offset from UTC":          {planWith("x", "none", `, timeZone: "+07:00"`), "IANA database"},

		"an organization without a plan":                       {organizationWith("x", ""), "planRef"},
		"an override of negative pages":                        {organizationWith("x", "planRef: standard, overrides: {pagesPerMonth: -1}"), "pagesPerMonth"},
		"an override of pages beyond all measure":              {organizationWith("x", "planRef: standard, overrides: {pagesPerMonth: 9223372036854775807}"), "pagesPerMonth"},
		"an override of no requests":                           {organizationWith("x", "planRef: standard, overrides: {requestsPerMinute: 0}"), "requestsPerMinute"},
		"an override of negative jobs":                         {organizationWith("x", "planRef: standard, overrides: {maxConcurrentJobs: -5}"), "maxConcurrentJobs"},
		"an override of files beyond all measure":              {organizationWith("x", "planRef: standard, overrides: {maxFileBytes: 99999999999999}"), "maxFileBytes"},
		"a digest in capitals":                                 {organizationWith("x", key(strings.ToUpper(digestA))), "sha256"},
		"a digest that is too short":                           {organizationWith("x", key(digestA[1:])), "sha256"},
		"a digest that is too long":                            {organizationWith("x", key(digestA+"a")), "sha256"},
		"a digest with a space behind it":                      {organizationWith("x", key(digestA[1:]+" ")), "sha256"},
		"a digest with a line break behind it":                 {organizationWith("x", key(digestA+`\n`)), "sha256"},
		"a key in the place of its digest":                     {organizationWith("x", key("khocr_abcdefghijklmnopqrstuvwxyz234567")), "sha256"},
		"a key without a digest":                               {organizationWith("x", "planRef: standard, apiKeys: [{name: a}]"), "sha256"},
		"two keys of one digest":                               {organizationWith("x", `planRef: standard, apiKeys: [{name: a, sha256: "`+digestB+`"}, {name: b, sha256: "`+digestB+`"}]`), "same sha256"},
		"two keys of one name":                                 {organizationWith("x", `planRef: standard, apiKeys: [{name: a, sha256: "`+digestA+`"}, {name: a, sha256: "`+digestB+`"}]`), "Duplicate"},
		"a scope that is none":                                 {organizationWith("x", `planRef: standard, apiKeys: [{name: a, sha256: "`+digestB+`", scopes: [write]}]`), "write"},
		"the default namespace":                                {organizationWith("x", "planRef: standard, namespace: default"), "namespace"},
		"a namespace of Kubernetes":                            {organizationWith("x", "planRef: standard, namespace: kube-system"), "namespace"},
		"a name that leaves no room for that of the namespace": {organizationWith(strings.Repeat("x", 58), "planRef: standard"), "57 characters"},
		"a member without a role":                              {organizationWith("x", "planRef: standard, members: [{kind: User, name: sokha}]"), "role"},
		"a member whose role is none":                          {organizationWith("x", "planRef: standard, members: [{kind: User, name: sokha, role: owner}]"), "owner"},
		"a service account as a member":                        {organizationWith("x", "planRef: standard, members: [{kind: ServiceAccount, name: a, role: admin}]"), "ServiceAccount"},
		"everybody as a member":                                {organizationWith("x", "planRef: standard, members: [{kind: Group, name: 'system:authenticated', role: admin}]"), "cannot be members"},
		"a member twice":                                       {organizationWith("x", "planRef: standard, members: [{kind: User, name: a, role: admin}, {kind: User, name: a, role: viewer}]"), "Duplicate"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.Create(t.Context(), parse(t, test.text))
			if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s\nis answered with %v, want a refusal that says %s", test.text, err, test.says)
			}
		})
	}
}

func TestWhatCannotWorkSaysWhy(t *testing.T) {
	environment := start(t)
	c := environment.Client
	const shared = `planRef: standard, apiKeys: [{name: shared, sha256: "` + digestA + `"}`
	for _, text := range []string{
		organizationWith("bystander", `planRef: standard, apiKeys: [{name: own, sha256: "`+digestB+`"}]`),
		organizationWith("first", shared+`, {name: own, sha256: "`+strings.Repeat("1", 64)+`"}]`),
		organizationWith("second", shared+`, {name: own, sha256: "`+strings.Repeat("2", 64)+`"}]`),
		organizationWith("planless", "planRef: none"),
		organizationWith("intruder", "planRef: standard, namespace: khocr-system"),
		organizationWith("latecomer", "planRef: standard, namespace: khocr-bystander"),
	} {
		if err := c.Create(t.Context(), parse(t, text)); err != nil {
			t.Fatalf("making %s: %v", text, err)
		}
	}
	for name, want := range map[string]struct {
		ready    metav1.ConditionStatus
		reason   string
		kstatus  kstatus.Status
		conflict string
	}{
		"bystander": {metav1.ConditionTrue, "Provisioned", kstatus.CurrentStatus, ""},
		"first":     {metav1.ConditionTrue, "Provisioned", kstatus.CurrentStatus, "shared (second)"},
		"second":    {metav1.ConditionTrue, "Provisioned", kstatus.CurrentStatus, "shared (first)"},
		"planless":  {metav1.ConditionFalse, "PlanNotFound", kstatus.FailedStatus, ""},
		"intruder":  {metav1.ConditionFalse, "NamespaceConflict", kstatus.FailedStatus, ""},
		"latecomer": {metav1.ConditionFalse, "NamespaceConflict", kstatus.FailedStatus, ""},
	} {
		organization := &v1alpha1.Organization{}
		testenv.Await(t, name+" says what is wrong", func() bool {
			if err := c.Get(t.Context(), client.ObjectKey{Name: name}, organization); err != nil {
				t.Fatal(err)
			}
			ready := meta.FindStatusCondition(organization.Status.Conditions, v1alpha1.ConditionReady)
			conflict := meta.FindStatusCondition(organization.Status.Conditions, v1alpha1.ConditionKeyConflict)
			told := conflict == nil && want.conflict == "" || conflict != nil && want.conflict != "" && strings.Contains(conflict.Message, want.conflict)
			return ready != nil && ready.Status == want.ready && ready.Reason == want.reason && told
		})
		if got := testenv.Kstatus(t, organization); got != want.kstatus {
			t.Errorf("kstatus says of %s %s, want %s", name, got, want.kstatus)
		}
		if ready := meta.FindStatusCondition(organization.Status.Conditions, v1alpha1.ConditionReady); !strings.Contains(ready.Message, want.conflict) {
			t.Errorf("%s is ready with the message %q, want %s in it", name, ready.Message, want.conflict)
		}
	}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "khocr-system", Name: "khocr-worker"}, &corev1.ServiceAccount{}); !apierrors.IsNotFound(err) {
		t.Errorf("looking for the workers' account in a foreign namespace: %v, want none", err)
	}
}
