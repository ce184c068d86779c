package document

import (
	"strings"

	"github.com/openplp/khocr/internal/money"
)

// AIRole is what an AI model was asked to do with a page.
type AIRole string

const (
	// RoleReader: the model read the page, and its text was to be the page's.
	RoleReader AIRole = "reader"
	// RoleCorrector: the model read lines that the recogniser was unsure of.
	RoleCorrector AIRole = "corrector"
)

// AI says what an AI model did with a page, and what it cost. The gateway alone writes it.
type AI struct {
	// Model is the name of the OcrModel.
	Model string `json:"model"`
	Role  AIRole `json:"role"`
	// Used tells that what the model said is in the page: all of its text, or that of one line at the least.
	Used bool `json:"used"`
	// Reason why it is not, one of the AIReasons; empty where it is. Of a corrector it may be empty, too: no line was unsure, or
	// no answer was near enough.
	Reason string `json:"reason,omitempty"`
	// Message is the same for people, in English. It never holds an address, or a text of the endpoint's.
	Message string `json:"message,omitempty"`
	// Attempts is how many answers were asked for.
	Attempts int `json:"attempts"`
	// Lines that a corrector was asked about, and how many of them it changed.
	Lines          int `json:"lines,omitempty"`
	LinesCorrected int `json:"lines_corrected,omitempty"`
	// InputTokens and OutputTokens are those of all attempts, as far as the endpoint told them.
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
	// Cost of all attempts.
	Cost money.Amount `json:"cost"`
	// Milliseconds that the model was waited for.
	Milliseconds int64 `json:"ms"`
}

// WithLines is the page with other lines, and with the text and the confidence that are theirs. The page is not changed.
func (p *Page) WithLines(lines []Line) *Page {
	changed := *p
	changed.Lines = lines
	texts := make([]string, 0, len(lines))
	var words []Word
	for _, line := range lines {
		texts = append(texts, line.Text)
		words = append(words, line.Words...)
	}
	changed.Text = strings.Join(texts, "\n")
	changed.Confidence = certainty(words)
	return &changed
}

// AI reasons: why what a model said, or could not say, is not in a page.
const (
	// The organization may not use the model.
	AINotAllowed    = "not_allowed"  // its plan does not have the model any more
	AINotOptedIn    = "not_opted_in" // pages would leave the cluster, which it does not want
	AICostLimit     = "cost_limit"   // its money for the month is used up
	AIModelNotFound = "model_not_found"

	// The model was not asked, or did not answer.
	AINoImage        = "no_image"             // the page could not be drawn
	AIUnavailable    = "relay_unavailable"    // the platform's relay is away
	AIBusy           = "busy"                 // no turn came within minutes
	AIKeyMissing     = "key_missing"          // the Secret lacks the key
	AIAddressRefused = "address_refused"      // the base URL leads where no endpoint may be
	AIUnreachable    = "endpoint_unreachable" // no connection, or it broke
	AIUnauthorized   = "unauthorized"         // the endpoint does not take the key
	AIRateLimited    = "rate_limited"         // the endpoint has had too much of us
	AIEndpointError  = "endpoint_error"       // the endpoint answered with another error
	AITimeout        = "timeout"              // the page's time was over
	AIMalformed      = "malformed"            // the answer is not of the protocol
	AITooLong        = "too_long"             // the answer has no end
	AICutOff         = "cut_off"              // the answer stops in the middle
	AIEmpty          = "empty"                // the answer has no text
	AIRefused        = "refused"              // the model says that it will not

	// The guard does not believe the answer.
	AIGuardLength     = "guard_length"     // far more or far less text than there are lines
	AIGuardScript     = "guard_script"     // another script than the page's
	AIGuardRepetition = "guard_repetition" // the same over and over again
	AIGuardUnlike     = "guard_unlike"     // nothing like what the recogniser read
	AIGuardForeign    = "guard_foreign"    // remarks of the model's own about the page
)

// AIReasons lists them all, with what people are told.
func AIReasons() map[string]string {
	return map[string]string{
		AINotAllowed:      "The organization's plan does not have the model.",
		AINotOptedIn:      "The page would have left the cluster, which the organization has not allowed.",
		AICostLimit:       "The organization's money for AI models is used up for this month.",
		AIModelNotFound:   "The model does not exist any more.",
		AINoImage:         "The page could not be drawn for the model.",
		AIUnavailable:     "The platform cannot reach AI models at present.",
		AIBusy:            "The model was busy for minutes.",
		AIKeyMissing:      "The key to the model's endpoint is missing.",
		AIAddressRefused:  "The address of the model's endpoint is not allowed.",
		AIUnreachable:     "The model's endpoint could not be reached.",
		AIUnauthorized:    "The model's endpoint does not take the platform's key.",
		AIRateLimited:     "The model's endpoint takes no more requests at present.",
		AIEndpointError:   "The model's endpoint failed.",
		AITimeout:         "The model took longer than a page may take.",
		AIMalformed:       "The answer of the model's endpoint could not be understood.",
		AITooLong:         "The model's answer was far too long.",
		AICutOff:          "The model's answer was cut off.",
		AIEmpty:           "The model's answer was empty.",
		AIRefused:         "The model refused to read the page.",
		AIGuardLength:     "The model's text is much shorter or longer than the page's.",
		AIGuardScript:     "The model's text is in another script than the page.",
		AIGuardRepetition: "The model's text repeats itself.",
		AIGuardUnlike:     "The model's text is not that of the page.",
		AIGuardForeign:    "The model's text has remarks of its own.",
	}
}
