package apigateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/storage"
	"github.com/openplp/khocr/internal/testenv"
)

func testConvert(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "acme", nil)
	a := serve(t, g, nil)

	t.Run("a document with the file first, as curl sends it", func(t *testing.T) {
		file := pdf("ឯកសារ.pdf", 300_000)
		got := a.convert(t, key, file, part{name: "output_format", content: "text"}, part{name: "force_ocr", content: "on"},
			part{name: "priority", content: "low"})
		if got.StatusCode != http.StatusAccepted {
			t.Fatalf("status %d: %s", got.StatusCode, got.body)
		}
		match := regexp.MustCompile(`^\{"job_id":"([0-9a-f]{12})","status":"queued","message":"PDF submitted for processing",` +
			`"message_km":"ឯកសារ PDF បានដាក់សម្រាប់ដំណើរការ"\}\n$`).FindSubmatch(got.body)
		if match == nil {
			t.Fatalf("the answer is not the contract's: %s", got.body)
		}
		id := string(match[1])
		if location := got.Header.Get("Location"); location != "/api/v1/jobs/"+id {
			t.Errorf("Location %q", location)
		}
		job := new(v1alpha1.OcrJob)
		if err := g.Live.Get(t.Context(), client.ObjectKey{Namespace: "khocr-acme", Name: id}, job); err != nil {
			t.Fatal(err)
		}
		upload := job.Spec.Source.Upload.ID
		if a.content(t, g.Store, storage.UploadKey("khocr-acme", upload)) != file.content {
			t.Error("the store has other content than was sent")
		}
		if upload == id {
			t.Error("the document has the job's id")
		}
		digest := sha256.Sum256([]byte(file.content))
		want := v1alpha1.OcrJobSpec{
			Source: v1alpha1.DocumentSource{Upload: &v1alpha1.Upload{
				ID: upload, FileName: "ឯកសារ.pdf", MediaType: "application/pdf", Size: 300_000, SHA256: hex.EncodeToString(digest[:]),
			}},
			OutputFormat: v1alpha1.FormatText, OcrMode: v1alpha1.ModeForce, Priority: v1alpha1.PriorityLow,
			TTLSecondsAfterFinished: new(int32(3600)),
		}
		if !reflect.DeepEqual(job.Spec, want) {
			t.Errorf("spec %+v, want %+v", job.Spec, want)
		}
		if job.Labels[v1alpha1.LabelAPIKey] != "main" || !reflect.DeepEqual(job.Finalizers, []string{v1alpha1.FinalizerLedger}) {
			t.Errorf("labels %v, finalizers %v", job.Labels, job.Finalizers)
		}
	})

	t.Run("a document with the parameters first, and only what was asked for", func(t *testing.T) {
		got := a.convert(t, key, part{name: "output_format", content: "docx"}, pdf("a.pdf", 100))
		job := jobOf(t, a, "khocr-acme", got)
		if s := job.Spec; s.OutputFormat != v1alpha1.FormatDocx || s.OcrMode != "" || s.Priority != "" {
			t.Errorf("spec %+v", s)
		}
	})

	t.Run("an image under a wrong name, by key in the query", func(t *testing.T) {
		contentType, body := form(t, part{"file", "scan.pdf", "\x89PNG\r\n\x1a\n...."})
		request := a.request(t, http.MethodPost, "/api/v1/convert?api_key="+key, "", body)
		request.Header.Set("Content-Type", contentType)
		job := jobOf(t, a, "khocr-acme", a.do(t, request))
		if got := job.Spec.Source.Upload.MediaType; got != "image/png" {
			t.Errorf("media type %q", got)
		}
	})

	t.Run("a file of exactly the plan's size", func(t *testing.T) {
		jobOf(t, a, "khocr-acme", a.convert(t, key, pdf("full.pdf", gatewaytest.MaxFileBytes)))
	})

	t.Run("an id that another job has is not used", func(t *testing.T) {
		// Each submission takes one for its document and one for its job.
		ids := []string{"aaaaaaaaaaaa", "bbbbbbbbbbbb", "aaaaaaaaaaaa", "cccccccccccc", "bbbbbbbbbbbb", "dddddddddddd"}
		taking := serve(t, g, func(s *Server) {
			s.NewID = func() string {
				id := ids[0]
				ids = ids[1:]
				return id
			}
		})
		var got []string
		for range 2 {
			job := jobOf(t, taking, "khocr-acme", taking.convert(t, key, pdf("a.pdf", 100)))
			got = append(got, job.Spec.Source.Upload.ID, job.Name)
			if a.content(t, g.Store, storage.UploadKey("khocr-acme", job.Spec.Source.Upload.ID)) == "" {
				t.Errorf("job %s has no document", job.Name)
			}
		}
		if want := []string{"aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc", "dddddddddddd"}; !reflect.DeepEqual(got, want) {
			t.Errorf("ids %v, want %v", got, want)
		}
	})
}

func jobOf(t *testing.T, a *api, namespace string, got answer) *v1alpha1.OcrJob {
	t.Helper()
	var body accepted
	if err := json.Unmarshal(got.body, &body); err != nil || got.StatusCode != http.StatusAccepted {
		t.Fatalf("status %d, %v: %s", got.StatusCode, err, got.body)
	}
	job := new(v1alpha1.OcrJob)
	if err := a.Live.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: body.JobID}, job); err != nil {
		t.Fatal(err)
	}
	return job
}

func testConvertRefuses(t *testing.T, g *gatewaytest.Gateway) {
	key := g.Organization(t, "strict", nil)
	a := serve(t, g, nil)
	untouched := func(t *testing.T) {
		t.Helper()
		if jobs := g.Jobs(t, "khocr-strict"); len(jobs) != 0 {
			t.Errorf("%d jobs were made", len(jobs))
		}
		if files := gatewaytest.Files(t, filepath.Join(g.Folder, "khocr-strict")); len(files) != 0 {
			t.Errorf("the store keeps %v", files)
		}
	}

	for name, c := range map[string]struct {
		parts  []part
		status int
		code   string
		names  string
	}{
		"no file":                   {[]part{{name: "output_format", content: "json"}}, 400, "missing_file", "file"},
		"an empty form":             {nil, 400, "missing_file", "file"},
		"an empty file":             {[]part{{"file", "a.pdf", ""}}, 400, "empty_file", ""},
		"a second file":             {[]part{pdf("a.pdf", 99), pdf("b.pdf", 99)}, 400, "too_many_files", ""},
		"a Word document":           {[]part{{"file", "a.pdf", "PK\x03\x04"}}, 400, "invalid_file", "PDF"},
		"a file one byte too large": {[]part{pdf("a.pdf", gatewaytest.MaxFileBytes+1)}, 400, "file_too_large", "1048576"},
		"an unknown parameter":      {[]part{pdf("a.pdf", 99), {name: "colour", content: "1"}}, 400, "unknown_parameter", "colour"},
		"a parameter twice": {[]part{{name: "priority", content: "low"}, pdf("a.pdf", 99), {name: "priority", content: "low"}},
			400, "duplicate_parameter", "priority"},
		"a format that there is not":   {[]part{{name: "output_format", content: "xml"}, pdf("a.pdf", 99)}, 400, "invalid_parameter", "output_format"},
		"a format in capitals":         {[]part{pdf("a.pdf", 99), {name: "output_format", content: "JSON"}}, 400, "invalid_parameter", "json, text, docx"},
		"an odd truth":                 {[]part{pdf("a.pdf", 99), {name: "force_ocr", content: "maybe"}}, 400, "invalid_parameter", "force_ocr"},
		"a priority beyond the plan's": {[]part{pdf("a.pdf", 99), {name: "priority", content: "high"}}, 403, "priority_not_allowed", "high"},
		"a priority that there is not": {[]part{pdf("a.pdf", 99), {name: "priority", content: "urgent"}}, 400, "invalid_parameter", "priority"},
		"a parameter without end": {[]part{pdf("a.pdf", 99), {name: "priority", content: strings.Repeat("x", 2000)}},
			400, "parameter_too_long", "priority"},
		"a name without end": {[]part{pdf("a.pdf", 99), {name: strings.Repeat("n", 70_000), content: "1"}}, 400, "form_too_large", "65536"},
	} {
		t.Run(name, func(t *testing.T) {
			problem := a.convert(t, key, c.parts...).wantProblem(t, c.status, c.code)
			if !strings.Contains(problem.Detail, c.names) {
				t.Errorf("detail %q does not name %q", problem.Detail, c.names)
			}
			untouched(t)
		})
	}

	t.Run("another content type", func(t *testing.T) {
		for _, contentType := range []string{"", "application/pdf", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/mixed; boundary=b"} {
			request := a.request(t, http.MethodPost, "/api/v1/convert", key, strings.NewReader("%PDF-1.7"))
			request.Header.Set("Content-Type", contentType)
			a.do(t, request).wantProblem(t, 400, "unsupported_content_type")
		}
		untouched(t)
	})

	t.Run("a parameter in the query", func(t *testing.T) {
		contentType, body := form(t, pdf("a.pdf", 99))
		request := a.request(t, http.MethodPost, "/api/v1/convert?priority=low", key, body)
		request.Header.Set("Content-Type", contentType)
		if problem := a.do(t, request).wantProblem(t, 400, "unknown_parameter"); !strings.Contains(problem.Detail, "priority") {
			t.Errorf("detail %q", problem.Detail)
		}
		untouched(t)
	})

	t.Run("an organization without pages left this month", func(t *testing.T) {
		now := time.Date(2026, 9, 30, 16, 59, 0, 0, time.UTC) // a minute to midnight in Phnom Penh
		spent := g.Organization(t, "spent", func(o *v1alpha1.Organization) {
			o.Status.Usage = []v1alpha1.MonthUsage{{Month: "2026-09", Settled: 90, Reserved: 10}}
		})
		late := serve(t, g, func(s *Server) { s.Now = func() time.Time { return now } })
		got := late.convert(t, spent, pdf("a.pdf", 99))
		got.wantProblem(t, 429, "page_quota_exceeded")
		if after := got.Header.Get("Retry-After"); after != "60" {
			t.Errorf("Retry-After %s, want the 60 s to the next month", after)
		}
		next := serve(t, g, func(s *Server) { s.Now = func() time.Time { return now.Add(time.Minute) } })
		jobOf(t, next, "khocr-spent", next.convert(t, spent, pdf("a.pdf", 99)))
	})

	t.Run("a plan that is not there", func(t *testing.T) {
		planless := g.Organization(t, "planless", func(o *v1alpha1.Organization) { o.Spec.PlanRef = "none" })
		got := a.convert(t, planless, pdf("a.pdf", 99))
		got.wantProblem(t, 503, "plan_not_found")
		if got.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})

	t.Run("a job that the API server does not make", func(t *testing.T) {
		failing, err := client.NewWithWatch(g.Admin, client.Options{Scheme: testenv.Scheme()})
		if err != nil {
			t.Fatal(err)
		}
		// The namespace is gone for the API server, whatever the organization says.
		broken := serve(t, g, func(s *Server) {
			s.Client = redirected{s.Client, failing, "khocr-nowhere"}
		})
		got := broken.convert(t, key, pdf("a.pdf", 99))
		got.wantProblem(t, 503, "service_unavailable")
		if strings.Contains(string(got.body), "nowhere") {
			t.Errorf("the answer tells of the cluster: %s", got.body)
		}
		untouched(t)
	})

	t.Run("a creation whose answer is lost is looked up", func(t *testing.T) {
		watching, err := client.NewWithWatch(g.Admin, client.Options{Scheme: testenv.Scheme()})
		if err != nil {
			t.Fatal(err)
		}
		losing := interceptor.NewClient(watching, interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
				if err := c.Create(ctx, object, options...); err != nil {
					return err
				}
				return errors.New("the connection was lost")
			},
		})
		key := g.Organization(t, "lossy", nil)
		lossy := serve(t, g, func(s *Server) { s.Client = redirected{s.Client, losing, "khocr-lossy"} })
		job := jobOf(t, lossy, "khocr-lossy", lossy.convert(t, key, pdf("a.pdf", 99)))
		if exists, err := g.Store.Exists(t.Context(), storage.UploadKey("khocr-lossy", job.Spec.Source.Upload.ID)); !exists || err != nil {
			t.Errorf("the accepted document is not in the store (%v)", err)
		}
	})

	t.Run("a store that cannot be written", func(t *testing.T) {
		folder := t.TempDir()
		// Where the organization's folder should be, there is a file.
		if err := os.WriteFile(filepath.Join(folder, "khocr-strict"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		wantUnavailable(t, g, key, folder)
	})
	t.Run("a store that is read-only", func(t *testing.T) {
		folder := t.TempDir()
		if err := syscall.Mount("tmpfs", folder, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
			t.Skipf("mounting a read-only file system needs more rights: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
		wantUnavailable(t, g, key, folder)
	})
}

func wantUnavailable(t *testing.T, g *gatewaytest.Gateway, key, folder string) {
	t.Helper()
	a := serve(t, g, func(s *Server) { s.Store = gatewaytest.OpenStore(t, folder) })
	got := a.convert(t, key, pdf("a.pdf", 200_000))
	got.wantProblem(t, 503, "store_unavailable")
	if got.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if bytes.Contains(got.body, []byte(folder)) {
		t.Errorf("the answer holds a path: %s", got.body)
	}
	if jobs := g.Jobs(t, "khocr-strict"); len(jobs) != 0 {
		t.Errorf("%d jobs were made", len(jobs))
	}
}

// redirected reads as ever and creates through another client in another namespace.
type redirected struct {
	client.Client
	to        client.Client
	namespace string
}

func (r redirected) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	object.SetNamespace(r.namespace)
	return r.to.Create(ctx, object, options...)
}
