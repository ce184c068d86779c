package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
)

const (
	// probeTime bounds a look at an endpoint.
	probeTime = 10 * time.Second
	// maxListBytes bounds the list of an endpoint's models. Hosts of many have some hundred KB.
	maxListBytes = 4 << 20
)

// finding is what a look at an endpoint has shown: the reason of the condition Reachable, and a message for operators.
type finding struct {
	reason, message string
}

func (f finding) status() metav1.ConditionStatus {
	if f.reason == v1alpha1.ReasonReachable {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// probe looks whether an endpoint is there, takes the key and has the model.
func (r *Relay) probe(ctx context.Context, spec *v1alpha1.OpenAIModel) finding {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	answer, t := r.send(ctx, spec, http.MethodGet, "/models", nil, 0)
	if t != nil {
		return found(t)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return finding{v1alpha1.ReasonReachable, "The endpoint answers. It does not list its models."}
	case http.StatusTooManyRequests:
		return finding{v1alpha1.ReasonReachable, "The endpoint answers, and takes no more requests at present."}
	default:
		told, _ := io.ReadAll(io.LimitReader(answer.Body, maxErrorBytes))
		return found(refusal(answer.StatusCode, "", told))
	}
	return listed(io.LimitReader(answer.Body, maxListBytes), spec.Model)
}

// listed tells whether a model is in an endpoint's list.
func listed(list io.Reader, model string) finding {
	var models struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(list).Decode(&models); err != nil || models.Data == nil {
		return finding{v1alpha1.ReasonEndpointError, "The endpoint's list of models is none."}
	}
	for _, one := range models.Data {
		// Ollama has a tag with each name, and Google a collection: both take the name alone.
		if one.ID == model || one.ID == model+":latest" || strings.HasSuffix(one.ID, "/"+model) {
			return finding{v1alpha1.ReasonReachable, "The endpoint answers and has the model."}
		}
	}
	return finding{v1alpha1.ReasonModelMissing, fmt.Sprintf("The endpoint has %d models, and none of the name.", len(models.Data))}
}

// found is what a trouble says of an endpoint.
func found(t *trouble) finding {
	reason := v1alpha1.ReasonEndpointError
	switch t.reason {
	case document.AIKeyMissing:
		reason = v1alpha1.ReasonKeyMissing
	case document.AIAddressRefused:
		reason = v1alpha1.ReasonAddressRefused
	case document.AIUnauthorized:
		reason = v1alpha1.ReasonUnauthorized
	case document.AIUnreachable, document.AITimeout:
		reason = v1alpha1.ReasonUnreachable
	}
	return finding{reason, strings.ToUpper(t.detail[:1]) + t.detail[1:] + "."}
}
