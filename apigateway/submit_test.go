package apigateway

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/storage"
)

// strictClient notes what the API server finds invalid: the gateway has to refuse it before.
type strictClient struct {
	client.Client
	t *testing.T
}

func (s strictClient) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	err := s.Client.Create(ctx, object, options...)
	if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
		s.t.Errorf("the API server refuses what the gateway took: %v", err)
	}
	return err
}

// newModel makes a model that is ready or not, for the time of the test.
func newModel(t *testing.T, g *gatewaytest.Gateway, name string, ready metav1.ConditionStatus) {
	t.Helper()
	model := v1alpha1.OcrModel{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.OcrModelSpec{DisplayName: v1alpha1.LocalizedText{En: name}, Engine: v1alpha1.EngineTesseract,
			Tesseract: &v1alpha1.TesseractModel{TrainedData: "khm"}, Languages: []string{"km"}},
	}
	makeModel(t, g, model, ready, "Tested")
}

// makeModel makes a model for the time of the test, and returns it when the informers know it.
func makeModel(t *testing.T, g *gatewaytest.Gateway, made v1alpha1.OcrModel, ready metav1.ConditionStatus, reason string) *v1alpha1.OcrModel {
	t.Helper()
	model := &made
	if err := g.Client.Create(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := g.Client.Delete(ctx, model); err != nil {
			t.Error(err)
		}
		gatewaytest.Eventually(t, "the informers see that "+model.Name+" is gone", func() bool {
			return apierrors.IsNotFound(g.Cached.Get(ctx, client.ObjectKeyFromObject(model), new(v1alpha1.OcrModel)))
		})
	})
	model.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: ready, Reason: reason, LastTransitionTime: metav1.Now()}}
	g.UpdateStatus(t, model)
	return model
}

func testParameters(t *testing.T, g *gatewaytest.Gateway) {
	newModel(t, g, "good-model", metav1.ConditionTrue)
	newModel(t, g, "broken-model", metav1.ConditionFalse)
	const namespace = "khocr-asking"
	key := g.Organization(t, "asking", func(o *v1alpha1.Organization) {
		o.Spec.WebhookSecrets = []v1alpha1.WebhookSecret{{Name: "first", SecretName: "a"}, {Name: "second", SecretName: "b"}}
	})
	a := serve(t, g, func(s *Server) { s.Client = strictClient{s.Client, t} })
	fields := func(given ...string) []part {
		parts := []part{pdf("a.pdf", 99)}
		for _, one := range given {
			name, value, _ := strings.Cut(one, "=")
			parts = append(parts, part{name: name, content: value})
		}
		return parts
	}
	kept := func() int {
		return len(g.Jobs(t, namespace)) + len(gatewaytest.Files(t, filepath.Join(g.Folder, namespace)))
	}

	t.Run("all of them reach the job", func(t *testing.T) {
		const password = "ពាក្យ សម្ងាត់"
		got := a.convert(t, key, fields("output_format=alto", "force_ocr=false", "priority=low", "languages=km,EN", "pages=7,1-3", "model=good-model",
			"ocr_mode=force", "password="+password, `metadata={"case":"17-B","by":"សុខា"}`, "callback_url=https://hooks.example.test/a?b=c", "webhook_secret=second")...)
		job := jobOf(t, a, namespace, got)
		upload := job.Spec.Source.Upload.ID
		want := v1alpha1.OcrJobSpec{
			Source: job.Spec.Source, OutputFormat: v1alpha1.FormatALTO, OcrMode: v1alpha1.ModeForce, Priority: v1alpha1.PriorityLow,
			Languages: []string{"km", "en"}, Pages: "1-3,7", Model: "good-model",
			Metadata:                []v1alpha1.MetadataEntry{{Name: "by", Value: "សុខា"}, {Name: "case", Value: "17-B"}},
			Callback:                &v1alpha1.Callback{URL: "https://hooks.example.test/a?b=c", Secret: "second"},
			TTLSecondsAfterFinished: new(int32(3600)),
		}
		if diff := cmp.Diff(want, job.Spec); diff != "" {
			t.Error(diff)
		}
		if len(job.Annotations) != 0 {
			t.Errorf("annotations %v of a job without an Idempotency-Key", job.Annotations)
		}
		place := storage.PasswordKey(namespace, upload)
		sealed := a.content(t, g.Store, place)
		if opened, err := g.Seal.Open(place, []byte(sealed)); err != nil || string(opened) != password {
			t.Errorf("the sealed password opens to %q, %v", opened, err)
		}
		encoded, err := json.Marshal(job)
		if err != nil {
			t.Fatal(err)
		}
		for where, text := range map[string][]byte{"job": encoded, "log": []byte(a.log.String()), "answer": got.body, "store": []byte(sealed)} {
			if bytes.Contains(text, []byte(password)) {
				t.Errorf("the %s holds the password", where)
			}
		}
	})

	t.Run("values at their bounds are taken", func(t *testing.T) {
		long := strings.TrimSuffix(strings.Repeat("a.B-c_d9", 8), "9") + "z"
		for name, given := range map[string][]string{
			"pages":                 {"pages=" + scattered(1001)},
			"a large page":          {"pages=999999"},
			"languages":             {"languages=km,en,fr,de,es,it,pt,nl,sv,en-x-abcdefgh-abcdefgh-abcdefgh-ab"},
			"private languages":     {"languages=qaa,km-x-a,zh-Hant-TW,en-u-co-phonebk,sgn-BE-FR"},
			"metadata":              {"metadata={" + entries(20) + "}"},
			"long metadata":         {`metadata={"` + long + `":"` + strings.Repeat("ក", 500) + `"}`},
			"odd metadata":          {`metadata={"a":"\u0000\u001b[31m\ud800\ufffe<script>","b":"\"\\"}`},
			"a password":            {"password=" + strings.Repeat("\x00", 255)},
			"a callback":            {"callback_url=http://a/" + strings.Repeat("x", 1015)},
			"a callback in Khmer":   {"callback_url=http://ខ្មែរ.example/ក?ខ=%20"},
			"a callback with signs": {`callback_url=http://a_b..c/"<>\^` + "`{|}"},
			"a callback by IPv6":    {"callback_url=http://[2606:4700:4700::1111]:8443/"},
			"a callback as mapped":  {"callback_url=http://[::ffff:8.8.8.8]/"},
			"a callback by a dot":   {"callback_url=http://./"},
			"a callback, no port":   {"callback_url=http://a:/"},
		} {
			t.Run(name, func(t *testing.T) { jobOf(t, a, namespace, a.convert(t, key, fields(given...)...)) })
		}
	})

	before := kept()
	for name, c := range hostile {
		t.Run("hostile: "+name, func(t *testing.T) {
			for _, parts := range [][]part{fields(c.given...), append(fields(c.given...)[1:], pdf("a.pdf", 99))} {
				problem := a.convert(t, key, parts...).wantProblem(t, 400, c.code)
				if !strings.Contains(problem.Detail, c.names) || !isKhmer(problem.DetailKm) {
					t.Errorf("%+v does not name %q in both languages", problem, c.names)
				}
			}
		})
	}
	t.Run("what is not there, or not ready", func(t *testing.T) {
		for _, model := range []string{"none", "none/at all", "../khm", strings.Repeat("m", 253), "GOOD-MODEL", " good-model"} {
			problem := a.convert(t, key, fields("model="+model, "languages=fr")...).wantProblem(t, 400, "unknown_model")
			if !isKhmer(problem.DetailKm) {
				t.Errorf("%+v", problem)
			}
		}
		if got := a.convert(t, key, fields("model=broken-model")...); got.wantProblem(t, 503, "model_not_ready").Code == "" || got.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		a.convert(t, key, fields("callback_url=http://a", "webhook_secret=third")...).wantProblem(t, 400, "unknown_webhook_secret")
	})
	t.Run("a parameter in the query", func(t *testing.T) {
		for _, name := range []string{"output_format", "force_ocr", "languages", "pages", "model", "ocr_mode", "password", "metadata", "callback_url", "webhook_secret"} {
			contentType, body := form(t, fields()...)
			request := a.request(t, http.MethodPost, "/api/v1/convert?"+name+"=1", key, body)
			request.Header.Set("Content-Type", contentType)
			if problem := a.do(t, request).wantProblem(t, 400, "unknown_parameter"); !strings.Contains(problem.Detail, name) {
				t.Errorf("detail %q", problem.Detail)
			}
		}
	})
	t.Run("bodies that are no forms", func(t *testing.T) { testHostileForms(t, a, key) })
	if after := kept(); after != before {
		t.Errorf("%d jobs and files are left of what was refused", after-before)
	}

	t.Run("a model that does not read the languages", func(t *testing.T) {
		jobOf(t, a, namespace, a.convert(t, key, fields("model=good-model", "languages=fr")...))
	})

	t.Run("a callback that nobody signs", func(t *testing.T) {
		unsigned := g.Organization(t, "unsigned", nil)
		for _, given := range [][]string{{"callback_url=http://a"}, {"callback_url=http://a", "webhook_secret=first"}} {
			a.convert(t, unsigned, fields(given...)...).wantProblem(t, 400, "callback_unsigned")
		}
		if jobs := g.Jobs(t, "khocr-unsigned"); len(jobs) != 0 {
			t.Errorf("%d jobs were made", len(jobs))
		}
	})

	t.Run("a password that cannot be kept", func(t *testing.T) {
		locked := g.Organization(t, "locked", nil)
		failing := serve(t, g, func(s *Server) { s.NewID = func() string { return "0123456789ab" } })
		folder := filepath.Join(g.Folder, "khocr-locked")
		if err := os.MkdirAll(filepath.Join(folder, "uploads", "0123456789ab.password"), 0o750); err != nil {
			t.Fatal(err)
		}
		failing.convert(t, locked, fields("password=open sesame")...).wantProblem(t, 503, "service_unavailable")
		if files := gatewaytest.Files(t, folder); len(files) != 0 || len(g.Jobs(t, "khocr-locked")) != 0 {
			t.Errorf("the store keeps %v", files)
		}
		if strings.Contains(failing.log.String(), "sesame") {
			t.Error("the log holds the password")
		}
	})
}

// testHostileForms sends what no form-writing program does.
func testHostileForms(t *testing.T, a *api, key string) {
	const file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7\r\n"
	field := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	for name, c := range map[string]struct{ body, code string }{
		"nothing":                        {"", "upload_incomplete"},
		"no boundary":                    {"%PDF-1.7", "upload_incomplete"},
		"no end":                         {file, "upload_incomplete"},
		"no end of a parameter":          {file + strings.TrimSuffix(field("pages", "1"), "\r\n"), "upload_incomplete"},
		"half a boundary at the end":     {file + "--b-", "upload_incomplete"},
		"a part without a name":          {file + "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n", "malformed_form"},
		"a part without headers":         {file + "--b\r\n\r\n1\r\n--b--\r\n", "malformed_form"},
		"an attachment":                  {"--b\r\nContent-Disposition: attachment; name=\"file\"\r\n\r\n%PDF-1.7\r\n--b--\r\n", "malformed_form"},
		"a header that is none":          {file + "--b\r\nnonsense\r\n\r\n1\r\n--b--\r\n", "malformed_form"},
		"headers without end":            {"--b\r\n" + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 100), "form_too_large"},
		"a header without end":           {"--b\r\nX: " + strings.Repeat("y", 100_000), "form_too_large"},
		"parameters without end":         {strings.Repeat(field("metadata", "{}"), 2000), "duplicate_parameter"},
		"a preamble without end":         {strings.Repeat("x", 100_000) + "\r\n" + file + "--b--\r\n", "malformed_form"},
		"a file that is a name":          {field("file", "a.pdf") + "--b--\r\n", "invalid_file"},
		"a name that is a header":        {file + field("pages\r\nX-Evil: 1", "1") + "--b--\r\n", "malformed_form"},
		"a parameter sent as a document": {file + "--b\r\nContent-Disposition: form-data; name=\"pages\"; filename=\"b.pdf\"\r\n\r\n%PDF-1.7\r\n--b--\r\n", "invalid_pages"},
	} {
		t.Run(name, func(t *testing.T) {
			request := a.request(t, http.MethodPost, "/api/v1/convert", key, strings.NewReader(c.body))
			request.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			a.do(t, request).wantProblem(t, 400, c.code)
		})
	}
	t.Run("a boundary that is none", func(t *testing.T) {
		for _, boundary := range []string{`""`, strings.Repeat("b", 10_000), `"b\"`} {
			request := a.request(t, http.MethodPost, "/api/v1/convert", key, strings.NewReader(file+"--b--\r\n"))
			request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
			if got := a.do(t, request); got.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d: %s", got.StatusCode, got.body)
			}
		}
	})
}
