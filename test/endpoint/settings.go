package endpoint

import (
	"math"
	"math/rand/v2"
)

// Settings say what an endpoint knows, and what goes wrong with it.
type Settings struct {
	// Model is the name of the one that it has.
	Model string `json:"model"`
	// Key that callers must bring; none where it is empty.
	Key string `json:"key,omitempty"`
	// Away has every connection closed that asks for models or answers.
	Away bool `json:"away,omitempty"`
	// NoList has it answer 404 where the models are listed, as some endpoints do.
	NoList bool `json:"no_list,omitempty"`
	// IgnoreStream has it answer in one piece even where a stream was asked for.
	IgnoreStream bool `json:"ignore_stream,omitempty"`
	// CompletionTokens has it refuse max_tokens in favour of max_completion_tokens, as new hosted models do.
	CompletionTokens bool `json:"completion_tokens,omitempty"`

	// Pages are the texts of pages by their number, of which an image tells by its shape: see Width.
	Pages map[int]string `json:"pages,omitempty"`
	// Lines are the texts of images of lines: the one of the nearest shape is taken.
	Lines []Line `json:"lines,omitempty"`

	// Faults are dealt out to the pages by Seed, so that len(Faults) successive pages have each of them once, each page always or the
	// first time only. None is one, too.
	Faults []Kind `json:"faults,omitempty"`
	Seed   uint64 `json:"seed,omitempty"`
	// FaultsOf are those of certain pages, whatever the seed says; that of the page 0 is for images of lines.
	FaultsOf map[int]Fault `json:"faults_of,omitempty"`
}

// Line is the text in an image of a line.
type Line struct {
	// Aspect is the image's width by its height.
	Aspect float64 `json:"aspect"`
	Text   string  `json:"text"`
}

// Kind of what goes wrong with an answer.
type Kind string

// Kinds of faults.
const (
	None          Kind = ""
	Unauthorized  Kind = "unauthorized"   // 401, and the key that came is repeated
	RateLimited   Kind = "rate_limited"   // 429 with Retry-After: 1
	ServerError   Kind = "server_error"   // 500
	Hang          Kind = "hang"           // no answer, ever
	Slow          Kind = "slow"           // the right text, in small pieces with pauses
	Drip          Kind = "drip"           // a letter now and then, without end
	CutOff        Kind = "cut_off"        // half of the text, and it says so
	Broken        Kind = "broken"         // the connection is closed in the middle of the text
	Closed        Kind = "closed"         // the connection is closed in place of an answer
	NotJSON       Kind = "not_json"       // a page for browsers, with 200
	WrongShape    Kind = "wrong_shape"    // JSON, but no answer of the protocol
	Huge          Kind = "huge"           // 100 MB of text
	OtherLanguage Kind = "other_language" // a text in Thai
	Empty         Kind = "empty"          // no text
	Refusal       Kind = "refusal"        // the protocol's own way to refuse
	Filtered      Kind = "filtered"       // finish_reason content_filter
	Sorry         Kind = "sorry"          // a refusal in words
	Repetition    Kind = "repetition"     // the same line over and over
	Obeys         Kind = "obeys"          // it does what the page tells it to
	Unlike        Kind = "unlike"         // good Khmer, but not that of the page
	Chatty        Kind = "chatty"         // the right text with a label and a code fence around it
)

// Kinds are all faults that there are.
func Kinds() []Kind {
	return []Kind{Unauthorized, RateLimited, ServerError, Hang, Slow, Drip, CutOff, Broken, Closed, NotJSON, WrongShape, Huge,
		OtherLanguage, Empty, Refusal, Filtered, Sorry, Repetition, Obeys, Unlike, Chatty}
}

// Fault is what goes wrong with a page.
type Fault struct {
	Kind Kind `json:"kind"`
	// Times is how many of the first questions about the page go wrong; 0 for all of them.
	Times int `json:"times,omitempty"`
}

// FaultOf a page: the same for the same settings, whenever it is asked.
func (s Settings) FaultOf(page int) Fault {
	if fault, ok := s.FaultsOf[page]; ok {
		return fault
	}
	if len(s.Faults) == 0 || page < 1 {
		return Fault{}
	}
	order := rand.New(rand.NewPCG(s.Seed, 0)).Perm(len(s.Faults))
	times := rand.New(rand.NewPCG(s.Seed, uint64(page))).IntN(2)
	return Fault{Kind: s.Faults[order[(page-1)%len(order)]], Times: times}
}

// Height of every page of a document for this endpoint, in points.
const Height = 842

// MaxPage is the last page of a document for this endpoint.
const MaxPage = 40

// Width in points that page n of a document must have, so that the endpoint knows it by the shape of its image: each is a little
// wider than the one before, and all are upright.
func Width(page int) int { return 480 + 8*page }

// pageOf is the page of an upright image, 0 for none.
func pageOf(width, height int) int {
	page := int(math.Round((float64(width)/float64(height)*Height - 480) / 8))
	if page < 1 || page > MaxPage {
		return 0
	}
	return page
}

// lineAspect is the shape from which on an image is one of a line.
const lineAspect = 2

// line is the text of the line whose shape is nearest.
func (s Settings) line(aspect float64) string {
	text, nearest := "", math.Inf(1)
	for _, line := range s.Lines {
		// As a share of the shape: a pixel more or less matters the less the longer the line is.
		if off := math.Abs(math.Log(line.Aspect / aspect)); off < nearest {
			text, nearest = line.Text, off
		}
	}
	return text
}
