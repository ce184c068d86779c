package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/apigateway/tenants"
	"github.com/openplp/khocr/apigateway/webhook"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/storage"
)

// site is a store of its own with a clock of its own, in which jobs of one organization end.
type site struct {
	*gatewaytest.Gateway
	*testing.T
	clock     *clocktesting.FakeClock
	namespace string
	uploads   int
}

func TestSweeper(t *testing.T) {
	g := gatewaytest.Start(t)
	for name, test := range map[string]func(*site){
		"a job on its way from its end to oblivion":         (*site).wholeStory,
		"a job waits for the ledger":                        (*site).waitsForLedger,
		"a live job loses its result when that expires":     (*site).liveExpiry,
		"a name that is given again":                        (*site).nameAgain,
		"a deletion that was cut off":                       (*site).cutOff,
		"a deletion by another gateway that was cut off":    (*site).cutOffElsewhere,
		"what nothing refers to goes, and nothing else":     (*site).orphans,
		"an organization that is gone leaves nothing":       (*site).goneOrganization,
		"a callback is told, however often it fails":        (*site).webhooks,
		"a callback that cannot be told is given up":        (*site).webhookProblems,
		"a message that nobody was woken for is delivered":  (*site).strandedMessage,
		"a deleted job is told to nobody":                   (*site).purgedWebhook,
		"one gateway sweeps, and another when it has ended": (*site).leaders,
	} {
		t.Run(name, func(t *testing.T) {
			own := *g
			own.Folder = t.TempDir()
			own.Store = gatewaytest.OpenStore(t, own.Folder)
			s := &site{Gateway: &own, T: t, clock: clocktesting.NewFakeClock(time.Now())}
			organization := strings.ToLower(strings.NewReplacer(" ", "", ",", "").Replace(name))
			organization = organization[:min(30, len(organization))]
			g.Organization(t, organization, func(o *v1alpha1.Organization) {
				o.Spec.WebhookSecrets = []v1alpha1.WebhookSecret{{Name: "main", SecretName: "webhook"}, {Name: "missing", SecretName: "none"}}
			})
			s.namespace = "khocr-" + organization
			test(s)
		})
	}
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func (s *site) sweeper() *Sweeper {
	s.Helper()
	jobs, err := s.Cache.GetInformer(s.Context(), &v1alpha1.OcrJob{})
	s.must(err)
	log := slog.New(slog.NewTextHandler(s.Output(), nil))
	secrets := webhook.Secrets{Tenants: tenants.Directory{Reader: s.Cached}, Live: s.Live}
	return &Sweeper{
		Client: s.Cached, Jobs: jobs, Live: s.Live, Store: s.Store, Clock: s.clock, Log: log,
		Webhooks: webhook.NewDeliverer(s.Store, secrets, loopback, s.clock, log),
	}
}

// sweep runs a sweeper until it is stopped, by the end of the test at the latest.
func (s *site) sweep() (stop func()) {
	s.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.Context()))
	sweeper, done := s.sweeper(), make(chan struct{})
	go func() { sweeper.Sweep(ctx); close(done) }()
	stop = func() { cancel(); <-done }
	s.Cleanup(stop)
	return stop
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) await(what string, condition func() bool) {
	s.Helper()
	gatewaytest.Eventually(s, what, condition)
}

// submit makes a job with an uploaded document and a stored page.
func (s *site) submit(name string, edit func(*v1alpha1.OcrJob)) *v1alpha1.OcrJob {
	s.Helper()
	job := &v1alpha1.OcrJob{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name, Finalizers: []string{v1alpha1.FinalizerLedger}}}
	s.uploads++
	job.Spec.Source.Upload = &v1alpha1.Upload{ID: fmt.Sprintf("%012x", s.uploads), FileName: "secret.pdf", Size: 8}
	job.Spec.TTLSecondsAfterFinished = new(int32(24 * 3600))
	if edit != nil {
		edit(job)
	}
	s.must(s.Client.Create(s.Context(), job))
	for _, key := range []string{
		storage.UploadKey(s.namespace, job.Spec.Source.Upload.ID), storage.PasswordKey(s.namespace, job.Spec.Source.Upload.ID),
		storage.PageKey(s.namespace, job.UID, 1), storage.AppendixKey(s.namespace, job.UID),
	} {
		_, err := s.Store.Put(s.Context(), key, strings.NewReader("content"))
		s.must(err)
	}
	return job
}

// end has a job completed now, and settled.
func (s *site) end(job *v1alpha1.OcrJob) {
	s.Helper()
	s.complete(job)
	s.Settle(s, job)
}

func (s *site) complete(job *v1alpha1.OcrJob) {
	s.Helper()
	job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, Progress: 100,
		CompletionTime: &metav1.Time{Time: s.clock.Now().Truncate(time.Second)}, Pages: &v1alpha1.PageCounts{Total: 1, Done: 1}}
	s.UpdateStatus(s, job)
}

func (s *site) record(name string) *archive.Record {
	s.Helper()
	record, err := archive.Read(s.Context(), s.Store, s.namespace, name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	s.must(err)
	return record
}

func (s *site) exists(job *v1alpha1.OcrJob) bool {
	s.Helper()
	found := new(v1alpha1.OcrJob)
	err := s.Live.Get(s.Context(), client.ObjectKeyFromObject(job), found)
	s.must(client.IgnoreNotFound(err))
	return err == nil && found.UID == job.UID
}

// content are the files of the organization that are no records.
func (s *site) content() []string {
	files := gatewaytest.Files(s, filepath.Join(s.Folder, s.namespace))
	return slices.DeleteFunc(files, func(file string) bool {
		return strings.HasPrefix(file, "records/") || strings.HasPrefix(file, "index/")
	})
}

func (s *site) wholeStory() {
	s.sweep()
	job := s.submit("story", nil)
	s.end(job)
	s.await("the job is archived", func() bool { return s.record("story") != nil })
	record := s.record("story")
	if want := job.Status.CompletionTime.Add(time.Hour); !record.ExpiresAt.Equal(want) || record.Job.UID != job.UID || record.Job.Status.Pages.Done != 1 {
		s.Errorf("record = %+v, want it to expire at %s, as the plan says", record, want)
	}
	if !s.exists(job) || len(s.content()) != 4 {
		s.Errorf("too early: the OcrJob is there %v, stored are %v", s.exists(job), s.content())
	}
	s.clock.Step(time.Hour)
	s.await("the result is gone", func() bool { return len(s.content()) == 0 })
	if record = s.record("story"); record.Deleted != archive.Expired || record.Job.Spec.Source.Upload.FileName != "" {
		s.Errorf("record = %+v, want a tombstone", record)
	}
	if !s.exists(job) {
		s.Error("the OcrJob went before its time")
	}
	s.clock.Step(23 * time.Hour)
	s.await("the OcrJob is gone", func() bool { return !s.exists(job) })
	if s.record("story") == nil {
		s.Error("the tombstone went with the OcrJob")
	}
	s.clock.Step(30 * 24 * time.Hour)
	s.await("nothing is left", func() bool { return len(gatewaytest.Files(s, filepath.Join(s.Folder, s.namespace))) == 0 })
}

func (s *site) waitsForLedger() {
	s.sweep()
	held, free := s.submit("held", nil), s.submit("free", nil)
	s.complete(held)
	s.end(free)
	s.await("the other job is archived", func() bool { return s.record("free") != nil })
	if s.record("held") != nil {
		s.Error("a job is archived before it is settled")
	}
	s.clock.Step(48 * time.Hour)
	s.await("the other OcrJob is gone", func() bool { return !s.exists(free) })
	if !s.exists(held) {
		s.Error("a job is deleted before it is settled")
	}
	s.Settle(s, held)
	s.await("its OcrJob is gone", func() bool { return !s.exists(held) })
	s.await("its result, too", func() bool { return len(s.content()) == 0 })
}

func (s *site) liveExpiry() {
	s.sweep()
	job := s.submit("lasting", func(job *v1alpha1.OcrJob) { job.Spec.TTLSecondsAfterFinished = nil })
	s.end(job)
	s.await("the job is archived", func() bool { return s.record("lasting") != nil })
	s.clock.Step(time.Hour)
	s.await("the result is gone", func() bool { return len(s.content()) == 0 })
	s.clock.Step(60 * 24 * time.Hour)
	other := s.submit("other", nil)
	s.end(other)
	s.await("another job is archived", func() bool { return s.record("other") != nil })
	if record := s.record("lasting"); record == nil || record.Deleted != archive.Expired || !s.exists(job) {
		s.Errorf("record = %+v, the OcrJob is there: %v", record, s.exists(job))
	}
}

func (s *site) nameAgain() {
	s.sweep()
	first := s.submit("again", nil)
	s.end(first)
	s.await("the first is archived", func() bool { return s.record("again") != nil })
	s.must(s.Client.Delete(s.Context(), first))
	second := s.submit("again", nil)
	s.end(second)
	s.await("the second takes its place", func() bool { r := s.record("again"); return r != nil && r.Job.UID == second.UID })
	for _, file := range gatewaytest.Files(s, filepath.Join(s.Folder, s.namespace)) {
		if strings.Contains(file, string(first.UID)) || strings.Contains(file, first.Spec.Source.Upload.ID) {
			s.Errorf("of the first is left %s", file)
		}
	}
	if len(s.content()) != 4 {
		s.Errorf("of the second is left %v", s.content())
	}
}

// purge begins a deletion as the public API does, and gets no further than its first step.
func (s *site) purge(job *v1alpha1.OcrJob) {
	s.Helper()
	record := &archive.Record{Job: *job}
	s.must(archive.Write(s.Context(), s.Store, record.Tombstone(archive.Purged, s.clock.Now())))
}

func (s *site) cutOff() {
	job := s.submit("cut", nil)
	s.complete(job)
	s.purge(job)
	s.sweep()
	s.await("the OcrJob is told to go", func() bool {
		s.must(s.Live.Get(s.Context(), client.ObjectKeyFromObject(job), job))
		return job.DeletionTimestamp != nil
	})
	if len(s.content()) != 0 {
		s.Errorf("stored is %v", s.content())
	}
	s.Settle(s, job)
	if s.exists(job) {
		s.Error("the OcrJob is there")
	}
	if record := s.record("cut"); record == nil || record.Deleted != archive.Purged {
		s.Errorf("record = %+v", record)
	}
}

func (s *site) cutOffElsewhere() {
	job := s.submit("cut", nil)
	s.sweep()
	s.end(job)
	s.await("the job is archived", func() bool { return s.record("cut") != nil })
	s.must(s.Client.Delete(s.Context(), job))
	s.purge(job)
	s.clock.Step(roundInterval)
	s.await("the rest is gone, too", func() bool { return len(s.content()) == 0 })
	if record := s.record("cut"); record == nil || record.Deleted != archive.Purged {
		s.Errorf("record = %+v", record)
	}
}

func (s *site) put(key string, age time.Duration) {
	s.Helper()
	_, err := s.Store.Put(s.Context(), key, strings.NewReader("content"))
	s.must(err)
	at := time.Now().Add(-age)
	s.must(os.Chtimes(filepath.Join(s.Folder, key), at, at))
}

func (s *site) orphans() {
	live := s.submit("live", nil)
	ended := s.submit("ended", nil)
	s.must(archive.Create(s.Context(), s.Store, &archive.Record{Job: *ended, ExpiresAt: s.clock.Now().Add(time.Hour)}))
	s.Settle(s, ended)
	s.must(s.Client.Delete(s.Context(), ended))
	wanted := s.content()
	for _, file := range wanted { // old as they are, they are needed
		at := time.Now().Add(-2 * time.Hour)
		s.must(os.Chtimes(filepath.Join(s.Folder, s.namespace, file), at, at))
	}

	young, old := 50*time.Minute, 70*time.Minute
	for _, key := range []string{
		storage.UploadKey(s.namespace, "111111111111"), storage.PasswordKey(s.namespace, "111111111111"), // about to get its OcrJob
		storage.UploadKey(s.namespace, "222222222222") + ".1a2b.tmp", // an upload that goes on
		storage.PageKey(s.namespace, "young", 1),
		storage.WebhookKey(s.namespace, "young"),
		storage.WebhookKey(s.namespace, live.UID),
	} {
		s.put(key, young)
		wanted = append(wanted, strings.TrimPrefix(key, s.namespace+"/"))
	}
	for _, key := range []string{
		storage.UploadKey(s.namespace, "333333333333"), storage.PasswordKey(s.namespace, "333333333333"),
		storage.PasswordKey(s.namespace, "444444444444"),
		storage.UploadKey(s.namespace, "555555555555") + ".1a2b.tmp",
		storage.PageKey(s.namespace, live.UID, 2) + ".1a2b.tmp",
		storage.PageKey(s.namespace, "old", 1), storage.AppendixKey(s.namespace, "old"),
		storage.WebhookKey(s.namespace, "old"),
		storage.AuditPrefix(s.namespace) + time.Now().UTC().AddDate(0, 0, -92).Format(time.DateOnly) + "/gateway-1.jsonl",
	} {
		s.put(key, old)
	}
	yesterday := storage.AuditPrefix(s.namespace) + time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly) + "/gateway-1.jsonl"
	s.put(yesterday, old)
	wanted = append(wanted, strings.TrimPrefix(yesterday, s.namespace+"/"))
	// An entry whose record did not come to be, or was removed.
	lone := &archive.Record{Job: *ended.DeepCopy()}
	lone.Job.Name, lone.Job.UID = "lone", "lone"
	lone.Job.Spec.Source.Upload.ID = "666666666666"
	lone.Job.CreationTimestamp = metav1.NewTime(time.Now().Add(-old))
	s.must(archive.Create(s.Context(), s.Store, lone))
	s.must(s.Store.Delete(s.Context(), storage.RecordKey(s.namespace, "lone")))
	s.put(storage.UploadKey(s.namespace, "666666666666"), old)
	s.must(os.Mkdir(filepath.Join(s.Folder, "lost+found"), 0o700))

	s.must(s.sweeper().round(s.Context(), discarded{}, time.Now()))
	got := s.content()
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		s.Errorf("left are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
	for entry, err := range archive.Entries(s.Context(), s.Store, s.namespace, time.Time{}) {
		s.must(err)
		if entry.Name == "lone" {
			s.Error("the entry without a record is there")
		}
	}
}

// discarded is a queue that nobody works off.
type discarded struct{ queue }

func (discarded) Add(name) {}

func (s *site) goneOrganization() {
	job := s.submit("last", nil)
	s.end(job)
	s.must(archive.Create(s.Context(), s.Store, &archive.Record{Job: *job, ExpiresAt: s.clock.Now().Add(time.Hour)}))
	s.put(storage.KeyUseKey(s.namespace), 0)
	s.put(storage.SpendingKey(s.namespace, "2026-11", "0123456789ab"), 0)
	s.must(s.Client.Delete(s.Context(), job))
	organization := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: strings.TrimPrefix(s.namespace, "khocr-")}}
	s.must(s.Client.Delete(s.Context(), organization))
	s.await("the informers know", func() bool {
		return apierrors.IsNotFound(s.Cached.Get(s.Context(), client.ObjectKeyFromObject(organization), organization))
	})
	s.sweep()
	s.clock.Step(time.Hour)
	s.await("the result expires", func() bool { r := s.record("last"); return r != nil && r.Deleted == archive.Expired })
	s.clock.Step(30 * 24 * time.Hour)
	s.await("the tombstone is gone", func() bool { return s.record("last") == nil })
	s.await("nothing is left", func() bool {
		s.clock.Step(roundInterval)
		return len(gatewaytest.Files(s, filepath.Join(s.Folder, s.namespace))) == 0
	})
}

// receiver is where callbacks lead.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	bodies []string
	ids    []string
	bad    error
}

const webhookSecret = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="

func (s *site) receive(status int) *receiver {
	s.Helper()
	verifier, err := standardwebhooks.NewWebhook(webhookSecret)
	s.must(err)
	r := &receiver{status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		// The clock of the test is not the library's.
		r.bad = errors.Join(r.bad, verifier.VerifyIgnoringTimestamp(body, request.Header))
		r.bodies, r.ids = append(r.bodies, string(body)), append(r.ids, request.Header.Get("webhook-id"))
		w.WriteHeader(r.status)
	}))
	s.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bodies)
}

func (s *site) secret(value string) {
	s.Helper()
	s.must(s.Client.Create(s.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "webhook"},
		Data: map[string][]byte{"secret": []byte(value)}}))
}

func calling(address, secret string) func(*v1alpha1.OcrJob) {
	return func(job *v1alpha1.OcrJob) {
		job.Spec.Callback = &v1alpha1.Callback{URL: address + "/hook?token=hidden", Secret: secret}
	}
}

// told waits, with the clock going on by a step at a time, until what became of a job's message is what is wanted.
func (s *site) told(name string, step time.Duration, want func(archive.Webhook) bool) archive.Webhook {
	s.Helper()
	var last archive.Webhook
	s.await("it is on record what became of the message", func() bool {
		s.clock.Step(step)
		record := s.record(name)
		if record == nil || record.Webhook == nil {
			return false
		}
		last = *record.Webhook
		return want(last)
	})
	return last
}

func (s *site) webhooks() {
	s.secret(webhookSecret + "\n")
	r := s.receive(http.StatusServiceUnavailable)
	stop := s.sweep()
	job := s.submit("told", calling(r.URL, ""))
	s.end(job)
	got := s.told("told", 0, func(w archive.Webhook) bool { return w.Attempts == 1 })
	if got.LastError != "the receiver answered 503" || got.Final {
		s.Errorf("outcome = %+v", got)
	}
	// Another gateway takes over, and goes on where this one was.
	stop()
	s.sweep()
	s.told("told", time.Second, func(w archive.Webhook) bool { return w.Attempts == 2 })
	r.answer(http.StatusNoContent)
	got = s.told("told", 10*time.Second, func(w archive.Webhook) bool { return w.Final })
	if got.Attempts != 3 || got.DeliveredAt.IsZero() || got.LastError != "" {
		s.Errorf("outcome = %+v", got)
	}
	s.await("the message is not kept", func() bool {
		exists, err := s.Store.Exists(s.Context(), storage.WebhookKey(s.namespace, job.UID))
		return !exists && err == nil
	})
	bodies := r.got()
	if r.bad != nil || len(bodies) != 3 || bodies[0] != bodies[2] || r.ids[0] != "msg_"+string(job.UID) {
		s.Errorf("%d messages, %v, ids %v: %v", len(bodies), r.bad, r.ids, bodies)
	}
	want := `{"type":"job.completed","timestamp":"` + job.Status.CompletionTime.UTC().Format(time.RFC3339) + `","data":{"id":"told","status":"COMPLETED"`
	if !strings.HasPrefix(bodies[0], want) || strings.Contains(bodies[0], "hidden") {
		s.Errorf("body = %s, want it to begin with %s", bodies[0], want)
	}
}

func (s *site) webhookProblems() {
	s.secret("not a secret")
	gone, moved := s.receive(http.StatusGone), s.receive(http.StatusFound)
	s.sweep()
	for name, c := range map[string]struct {
		address, secret string
		want            archive.Webhook
	}{
		"malformed": {gone.URL, "main", archive.Webhook{Attempts: 1, LastError: "the webhook secret main is no Standard Webhooks secret: it does not begin with whsec_"}},
		"missing":   {gone.URL, "missing", archive.Webhook{Attempts: 1, LastError: "the Secret of the webhook secret missing does not exist"}},
		"unknown":   {gone.URL, "other", archive.Webhook{Attempts: 1, LastError: "the organization has no such webhook secret"}},
	} {
		s.end(s.submit(name, calling(c.address, c.secret)))
		if got := s.told(name, 0, func(archive.Webhook) bool { return true }); got != c.want {
			s.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "webhook"}}
	s.must(s.Client.Patch(s.Context(), secret, client.RawPatch(types.MergePatchType, []byte(`{"stringData":{"secret":"`+webhookSecret+`"}}`))))
	for name, c := range map[string]struct {
		address string
		want    archive.Webhook
	}{
		"gone":    {gone.URL, archive.Webhook{Attempts: 1, LastError: "the receiver answered 410", Final: true}},
		"moved":   {moved.URL, archive.Webhook{Attempts: 1, LastError: "the receiver redirects, which is not followed"}},
		"guarded": {"http://169.254.169.254", archive.Webhook{Attempts: 1, LastError: "the address is not allowed"}},
	} {
		s.end(s.submit(name, calling(c.address, "main")))
		if got := s.told(name, 0, func(archive.Webhook) bool { return true }); got != c.want {
			s.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if len(gone.got()) != 1 {
		s.Errorf("%d messages were sent, of which one was signed", len(gone.got()))
	}
	// All attempts fail, and then there are no more.
	s.await("the attempts are used up", func() bool {
		s.clock.Step(time.Hour)
		for _, file := range s.content() {
			if strings.HasPrefix(file, "webhooks/") {
				return false
			}
		}
		return true
	})
	if len(moved.got()) != 10 {
		s.Errorf("%d attempts were made", len(moved.got()))
	}
}

func (s *site) strandedMessage() {
	s.secret(webhookSecret)
	r := s.receive(http.StatusNoContent)
	s.sweep()
	s.end(s.submit("woken", calling(r.URL, "")))
	s.told("woken", 0, func(w archive.Webhook) bool { return w.Final })
	// Another gateway ends its part of the work when this one has looked at the store already.
	job := s.submit("stranded", calling(r.URL, ""))
	ended := job.DeepCopy()
	ended.Status.Phase, ended.Status.CompletionTime = v1alpha1.PhaseCompleted, &metav1.Time{Time: s.clock.Now()}
	message, err := webhook.MessageOf(ended, nil)
	s.must(err)
	s.must(webhook.Keep(s.Context(), s.Store, message))
	s.must(archive.Create(s.Context(), s.Store, &archive.Record{Job: *ended, ExpiresAt: s.clock.Now().Add(time.Hour)}))
	s.told("stranded", time.Minute, func(w archive.Webhook) bool { return w.Final })
	if got := r.got(); len(got) != 2 {
		s.Errorf("%d messages, want 2", len(got))
	}
}

func (s *site) purgedWebhook() {
	s.secret(webhookSecret)
	r := s.receive(http.StatusServiceUnavailable)
	s.sweep()
	job := s.submit("purged", calling(r.URL, "main"))
	s.end(job)
	s.told("purged", 0, func(w archive.Webhook) bool { return w.Attempts == 1 })
	s.purge(job)
	s.clock.Step(time.Minute)
	s.await("the message is dropped", func() bool {
		exists, err := s.Store.Exists(s.Context(), storage.WebhookKey(s.namespace, job.UID))
		return !exists && err == nil
	})
	if len(r.got()) != 1 {
		s.Errorf("%d messages were sent", len(r.got()))
	}
}

func (s *site) leaders() {
	leases, err := coordinationv1.NewForConfig(s.Admin)
	s.must(err)
	start := func(identity string) (stop func()) {
		ctx, cancel := context.WithCancel(context.WithoutCancel(s.Context()))
		sweeper, ended := s.sweeper(), make(chan error, 1)
		go func() { ended <- sweeper.Run(ctx, leases, s.namespace, identity) }()
		var once sync.Once
		stop = func() {
			once.Do(func() { cancel(); s.must(<-ended) })
		}
		s.Cleanup(stop)
		return stop
	}
	holder := func() string {
		lease, err := leases.Leases(s.namespace).Get(s.Context(), LeaseName, metav1.GetOptions{})
		if err != nil || lease.Spec.HolderIdentity == nil {
			return ""
		}
		return *lease.Spec.HolderIdentity
	}
	stopFirst := start("first")
	s.await("the first one sweeps", func() bool { return holder() == "first" })
	start("second")
	one := s.submit("one", nil)
	s.end(one)
	s.await("a job is archived", func() bool { return s.record("one") != nil })
	if holder() != "first" {
		s.Errorf("%s took over", holder())
	}
	stopFirst()
	two := s.submit("two", nil)
	s.end(two)
	s.await("the second one sweeps", func() bool { return holder() == "second" && s.record("two") != nil })
}
