package internalport

import (
	"errors"
	"testing"

	"golang.org/x/time/rate"
	authenticationv1 "k8s.io/api/authentication/v1"
)

func TestParsePodName(t *testing.T) {
	for name, want := range map[string]struct {
		job  string
		part int32
	}{
		"a1b2c3d4e5f6-0-1": {"a1b2c3d4e5f6", 0}, "my-job-7-12-3": {"my-job-7", 12}, "7-0-1": {"7", 0},
	} {
		if job, part, ok := parsePodName(name); !ok || job != want.job || part != want.part {
			t.Errorf("parsePodName(%s) = %s, %d, %v", name, job, part, ok)
		}
	}
	for _, name := range []string{"", "job", "job-1", "-0-1", "job-x-1", "job-0-x", "job-0-1-", "job-9999999999-1"} {
		if job, part, ok := parsePodName(name); ok {
			t.Errorf("parsePodName(%q) = %s, %d", name, job, part)
		}
	}
}

func TestWorkerPod(t *testing.T) {
	review := func(edit func(*authenticationv1.TokenReviewStatus)) *authenticationv1.TokenReviewStatus {
		status := &authenticationv1.TokenReviewStatus{Authenticated: true, Audiences: []string{"khocr"}, User: authenticationv1.UserInfo{
			Username: "system:serviceaccount:khocr-acme:khocr-worker",
			Extra:    map[string]authenticationv1.ExtraValue{extraPodName: {"a-0-1"}, extraPodUID: {"u"}},
		}}
		edit(status)
		return status
	}
	if got, err := workerPod(review(func(*authenticationv1.TokenReviewStatus) {})); err != nil || got != (pod{"khocr-acme", "a-0-1", "u"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, edit := range map[string]func(*authenticationv1.TokenReviewStatus){
		"a token that is not authentic":   func(s *authenticationv1.TokenReviewStatus) { s.Authenticated = false },
		"an API server without audiences": func(s *authenticationv1.TokenReviewStatus) { s.Audiences = nil },
		"another audience":                func(s *authenticationv1.TokenReviewStatus) { s.Audiences = []string{"other"} },
		"a person":                        func(s *authenticationv1.TokenReviewStatus) { s.User.Username = "khocr-worker" },
		"another account": func(s *authenticationv1.TokenReviewStatus) {
			s.User.Username = "system:serviceaccount:khocr-acme:default"
		},
		"a token that names no pod":  func(s *authenticationv1.TokenReviewStatus) { delete(s.User.Extra, extraPodName) },
		"a token that names no UID":  func(s *authenticationv1.TokenReviewStatus) { delete(s.User.Extra, extraPodUID) },
		"a token whose UID is empty": func(s *authenticationv1.TokenReviewStatus) { s.User.Extra[extraPodUID] = []string{""} },
	} {
		if got, err := workerPod(review(edit)); !errors.Is(err, errNoWorker) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestTheAPIServerIsNotAskedForEveryTokenOfAFlood(t *testing.T) {
	reviews := newReviews(nil) // asking would panic
	reviews.allowed = rate.NewLimiter(0, 0)
	if _, err := reviews.podOf(t.Context(), "token", func() error { return nil }); err == nil || errors.Is(err, errNoWorker) {
		t.Errorf("podOf = %v, want a refusal that may be tried again", err)
	}
	refusal := errors.New("somebody asks too often")
	if _, err := reviews.podOf(t.Context(), "token", func() error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("podOf = %v, want %v", err, refusal)
	}
}
