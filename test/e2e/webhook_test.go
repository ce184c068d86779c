package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
)

// received is what was posted to a path of the server of sample documents.
func (p *platform) received(path string) []received {
	p.Helper()
	content, err := p.kube.CoreV1().Services("khocr-samples").ProxyGet("http", "khocr-samples", "80", path, nil).DoRaw(p.Context())
	p.must(err)
	var messages []received
	p.must(json.Unmarshal(content, &messages))
	return messages
}

type received struct {
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
	Status int         `json:"status"`
}

func TestTheEndOfAJobIsPostedAndSigned(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	_, err := p.kube.CoreV1().Secrets(org.namespace()).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "signing"}, StringData: map[string]string{"secret": secret},
	}, metav1.CreateOptions{})
	p.must(err)
	org.change(func(spec *v1alpha1.OrganizationSpec) {
		spec.WebhookSecrets = []v1alpha1.WebhookSecret{{Name: "main", SecretName: "signing"}}
	})
	verifier, err := standardwebhooks.NewWebhook(secret)
	p.must(err)

	path := "received/" + org.name
	var id string
	org.until("a callback may be asked for", func() bool {
		a, err := org.trySubmit(form{fileName: "native.pdf", content: testdata(t, "native.pdf"), fields: map[string]string{
			"callback_url": samplesURL + path + "?status=500&times=1", "metadata": `{"case":"2026/17"}`,
		}})
		id = a.JobID
		return err == nil
	})
	org.await(id)
	var messages []received
	org.until("the message that was refused first has come again", func() bool {
		messages = p.received(path)
		return len(messages) >= 2
	})
	for _, message := range messages {
		if err := verifier.Verify([]byte(message.Body), message.Header); err != nil {
			t.Errorf("the signature is refused: %v\n%+v", err, message)
		}
		var body struct {
			Type string `json:"type"`
			Data struct {
				jobStatus
				Metadata map[string]string `json:"metadata"`
			} `json:"data"`
		}
		p.must(json.Unmarshal([]byte(message.Body), &body))
		if body.Type != "job.completed" || body.Data.ID != id || body.Data.Status != "COMPLETED" || body.Data.Metadata["case"] != "2026/17" {
			t.Errorf("message = %s", message.Body)
		}
	}
	if first, second := messages[0].Header.Get("Webhook-Id"), messages[1].Header.Get("Webhook-Id"); first == "" || first != second {
		t.Errorf("the same message has the ids %q and %q", first, second)
	}
}

func TestACallbackIntoTheClusterIsRefused(t *testing.T) {
	p := connect(t)
	org := p.newTenant("standard")
	for _, url := range []string{
		"http://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://192.168.1.1/",
		"ftp://example.com/", "http://user:secret@example.com/", "//example.com", "javascript:alert(1)", "",
	} {
		body, contentType := form{fileName: "native.pdf", content: testdata(t, "native.pdf"), fields: map[string]string{"callback_url": url}}.encode()
		a, err := org.send(http.MethodPost, "/api/v1/convert", body, contentType)
		p.must(err)
		if a.status != http.StatusBadRequest || a.problem().Code == "" {
			t.Errorf("callback_url %q: %d %s", url, a.status, a.body)
		}
	}
	if jobs := org.jobs(); len(jobs) != 0 {
		t.Errorf("%d jobs were made", len(jobs))
	}
}
