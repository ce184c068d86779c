package apigateway

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openplp/khocr/internal/seal"
)

const (
	queryToken = "token"
	// tokenLasts is how long an event token is good. A browser that reconnects after that asks for another one.
	tokenLasts = time.Hour
	// purposeEvents keeps what is signed for events apart from whatever else the platform signs.
	purposeEvents = "events"
)

// eventToken lets somebody who cannot send headers, such as a browser's EventSource, read the events of one job.
type eventToken struct {
	expires time.Time
	job     types.UID
	// digest of the API key that asked for the token, as manifests show it: when that key goes, so does the token.
	digest string
	code   []byte
}

// String is the token as callers carry it.
func (t eventToken) String() string {
	return strings.Join([]string{strconv.FormatInt(t.expires.Unix(), 10), string(t.job), t.digest,
		base64.RawURLEncoding.EncodeToString(t.code)}, ".")
}

func parseEventToken(text string) (eventToken, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 4 {
		return eventToken{}, errors.New("an event token has four parts")
	}
	seconds, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return eventToken{}, err
	}
	code, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil {
		return eventToken{}, err
	}
	return eventToken{expires: time.Unix(seconds, 0).UTC(), job: types.UID(parts[1]), digest: parts[2], code: code}, nil
}

// message is all that a token is for. None of its parts can hold a NUL.
func (t eventToken) message(by *caller, id string) string {
	return strings.Join([]string{by.organization.Name, by.organization.JobNamespace(), id, string(t.job), by.key.Name, t.digest,
		strconv.FormatInt(t.expires.Unix(), 10)}, "\x00")
}

// signed is the token with the code that the platform's key makes for it.
func (t eventToken) signed(key *seal.Key, by *caller, id string) eventToken {
	t.code = key.Sign(purposeEvents, t.message(by, id))
	return t
}

// eventAddress is the answer of POST /api/v1/jobs/{id}/events.
type eventAddress struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// makeEventToken gives out an address of a job's events that needs no header.
func (s *Server) makeEventToken(w http.ResponseWriter, r *http.Request) error {
	if err := onlyQuery(r); err != nil {
		return err
	}
	job, err := s.findJob(r)
	if err != nil {
		return err
	}
	by := callerOf(r.Context())
	token := eventToken{expires: s.Now().Add(tokenLasts).UTC().Truncate(time.Second), job: job.UID, digest: by.key.SHA256}
	token = token.signed(s.Seal, by, job.Name)
	w.Header().Set("Cache-Control", "no-store")
	writeBody(w, r, http.StatusCreated, "application/json", eventAddress{
		URL: r.URL.Path + "?" + url.Values{queryToken: {token.String()}}.Encode(), ExpiresAt: token.expires,
	})
	return nil
}

// authenticateEvents finds who asks for events: whose key it is, or for whom the token was made.
func (s *Server) authenticateEvents(r *http.Request) (*caller, error) {
	if !r.URL.Query().Has(queryToken) {
		return s.authenticate(r)
	}
	token, err := parseEventToken(r.URL.Query().Get(queryToken))
	if err != nil {
		return nil, invalidEventToken.because(err)
	}
	by, err := s.callerByDigest(r.Context(), token.digest)
	if problem := new(problemError); errors.As(err, &problem) {
		return nil, invalidEventToken.because(err)
	}
	if err != nil {
		return nil, err
	}
	if !s.Seal.Signed(purposeEvents, token.message(by, mux.Vars(r)["id"]), token.code) {
		return nil, invalidEventToken.because(seal.ErrForged)
	}
	if !s.Now().Before(token.expires) {
		return nil, invalidEventToken.detailed("The token expired at %s: ask for another one.", token.expires.Format(time.RFC3339))
	}
	by.until, by.job = token.expires, token.job
	return by, nil
}
