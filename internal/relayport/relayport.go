// Package relayport is the contract between the gateway and the relay, the one program that holds the keys of AI models' endpoints
// and may reach them. The gateway asks it about one image at a time; it knows the models by name from their OcrModels, so nobody can
// send it anywhere else.
//
// The gateway authenticates with a token of its own service account, of the audience Audience, as a bearer token. The relay takes
// no other account's.
package relayport

import (
	"net/http"
	"strconv"
)

// Audience of the tokens that the relay takes.
const Audience = "khocr-relay"

// ServerName is the name in the relay's certificate, in the namespace of the platform. It need not be that of the relay's address,
// which may be a number.
func ServerName(namespace string) string { return "khocr-relay." + namespace + ".svc" }

// POST PathRead asks the model of the name about the image in the body, whose Content-Type is image/jpeg or image/png. It is answered
// with 200 and an Answer, or with a Failure: 404 for a model that is not there or is none of an endpoint's, 401 and 403 for callers
// that may not ask, 400 and 413 for what is no question, 503 where the API server does not tell who asks or what the model is, and 502
// where the model has no text to give.
const PathRead = "/relay/v1/models/{model}/read"

// StatusAsked comes before the answer, once the endpoint is asked: from then on there is something to pay.
const StatusAsked = http.StatusProcessing

// ReadPath is PathRead for one model.
func ReadPath(model string) string { return "/relay/v1/models/" + model + "/read" }

// Query parameters of PathRead.
const (
	// QueryOrganization is the name of the organization on whose behalf the model is asked: turns are fair among them.
	QueryOrganization = "organization"
	// QueryKind is KindPage or KindLine.
	QueryKind = "kind"
	// QueryLocation is where the gateway knows the model to be, which decides whether the organization has allowed it: an
	// v1alpha1.ModelLocation. A model that is elsewhere is not asked.
	QueryLocation = "location"
	// QueryAttempt counts from 1 how often the same was asked; from 2 on the model is asked to answer otherwise than before.
	QueryAttempt = "attempt"
)

// Kinds of images.
const (
	KindPage = "page"
	KindLine = "line"
)

// MaxAnswerBytes bounds the text of an answer; a page of a newspaper takes 60 KB.
const MaxAnswerBytes = 256 << 10

// MaxLineTokens bounds the tokens of an answer about a line, which takes some hundred at the most.
const MaxLineTokens = 1024

// Spent is what asking took.
type Spent struct {
	// InputTokens and OutputTokens as the endpoint told them, of all tries.
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
	// Answers that the endpoint gave, whatever they were worth.
	Answers int `json:"answers"`
	// Tries that were made of the same question, each after one that the endpoint failed at.
	Tries int `json:"tries"`
	// Milliseconds that the endpoint took, without waiting for a turn.
	Milliseconds int64 `json:"ms"`
}

// Answer is the text that a model gave, whole.
type Answer struct {
	Text string `json:"text"`
	Spent
}

// Failure says why there is no text.
type Failure struct {
	// Reason is one of the AI reasons of package document.
	Reason string `json:"reason"`
	// Detail is for logs. It never holds a key, or what the endpoint said of the image.
	Detail string `json:"detail"`
	Spent
}

// Error makes a Failure an error.
func (f *Failure) Error() string {
	return f.Reason + " after " + strconv.Itoa(f.Tries) + " tries: " + f.Detail
}
