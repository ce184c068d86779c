package webhook

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/openplp/khocr/internal/archive"
)

func secretOf(bytesOfIt int) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{'k'}, bytesOfIt))
}

func TestTheReferenceLibraryTakesOurSignature(t *testing.T) {
	text := secretOf(32)
	verifier, err := standardwebhooks.NewWebhook(text)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := parseSecret(text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	body, now := []byte(`{"type":"job.completed","ឯកសារ":"ខ្មែរ"}`), time.Now()
	header := http.Header{}
	header.Set(headerID, "msg_1")
	header.Set(headerTimestamp, strconv.FormatInt(now.Unix(), 10))
	header.Set(headerSignature, signature(secret, "msg_1", now, body))
	if err := verifier.Verify(body, header); err != nil {
		t.Error(err)
	}
	if err := verifier.Verify(append(body, ' '), header); err == nil {
		t.Error("a changed message is taken")
	}
}

func TestWhatIsNoSecretIsRefusedWithoutRepeatingIt(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "no prefix": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", "no base64": "whsec_topsecret!topsecret!topsecret!",
		"too short": secretOf(23), "too long": secretOf(65),
	} {
		_, err := parseSecret(text)
		if err == nil {
			t.Errorf("%s is taken", name)
		} else if len(text) > 0 && strings.Contains(err.Error(), text[7:]) {
			t.Errorf("%s: the error repeats it: %v", name, err)
		}
	}
	for _, size := range []int{minSecret, maxSecret} {
		if secret, err := parseSecret(secretOf(size)); err != nil || len(secret) != size {
			t.Errorf("a secret of %d bytes has %d, %v", size, len(secret), err)
		}
	}
}

func TestNext(t *testing.T) {
	now := time.Date(2026, 8, 1, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		attempt int
		got     result
		want    archive.Webhook
		delay   time.Duration
	}{
		"taken":                      {1, result{status: 204}, archive.Webhook{Attempts: 1, DeliveredAt: now, Final: true}, 0},
		"taken at last":              {10, result{status: 200}, archive.Webhook{Attempts: 10, DeliveredAt: now, Final: true}, 0},
		"a receiver that fails":      {1, result{status: 503}, archive.Webhook{Attempts: 1, LastError: "the receiver answered 503"}, 5 * time.Second},
		"failing again":              {2, result{status: 400}, archive.Webhook{Attempts: 2, LastError: "the receiver answered 400"}, 5 * time.Minute},
		"no answer":                  {9, result{problem: "no"}, archive.Webhook{Attempts: 9, LastError: "no"}, 24 * time.Hour},
		"the last attempt":           {10, result{problem: "no"}, archive.Webhook{Attempts: 10, LastError: "no", Final: true}, 0},
		"a receiver that is gone":    {1, result{status: 410}, archive.Webhook{Attempts: 1, LastError: "the receiver answered 410", Final: true}, 0},
		"a receiver that redirects":  {1, result{status: 307}, archive.Webhook{Attempts: 1, LastError: "the receiver redirects, which is not followed"}, 5 * time.Second},
		"a status that nobody knows": {1, result{status: 999}, archive.Webhook{Attempts: 1, LastError: "the receiver answered 999"}, 5 * time.Second},
	} {
		got, delay := next(c.attempt, c.got, now)
		if diff := cmp.Diff(c.want, got); diff != "" || delay != c.delay {
			t.Errorf("%s: delay %s, want %s\n%s", name, delay, c.delay, diff)
		}
	}
}

func TestTheScheduleIsTheStandards(t *testing.T) {
	var sum time.Duration
	for _, delay := range delays {
		sum += delay
		if longer := jittered(delay); longer < delay || longer > delay+delay/10+1 {
			t.Errorf("%s becomes %s", delay, longer)
		}
	}
	if len(delays) != 10 || sum != 75*time.Hour+35*time.Minute+5*time.Second {
		t.Errorf("%d attempts in %s", len(delays), sum)
	}
}

func TestANamespaceHasSoManyTurns(t *testing.T) {
	turns := newTurns(2, 1)
	var taken turn
	for i, want := range []bool{true, true, false, false, false} {
		turn, got := turns.take("a", strconv.Itoa(min(i, 3)))
		if got != want {
			t.Errorf("turn %d: %v", i, got)
		}
		taken = turn
	}
	if _, ok := turns.take("b", "0"); !ok {
		t.Error("another namespace has to wait")
	}
	for _, want := range [][]string{{"2"}, {"3"}} {
		got := turns.done(taken, false)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after an end: %s", diff)
		}
		if _, ok := turns.take("a", got[0]); !ok {
			t.Error("a turn that was given back is not free")
		}
	}
	if len(turns.parked) != 0 {
		t.Errorf("keys are left: %v", turns.parked)
	}
}

func TestHangingReceiversLeaveRoomForOthers(t *testing.T) {
	turns := newTurns(4, 2)
	namespaces := []string{"a", "b", "c"}
	for _, namespace := range namespaces {
		turn, _ := turns.take(namespace, "first")
		turns.done(turn, true)
	}
	var slow []turn
	for _, namespace := range namespaces {
		for _, key := range []string{"1", "2"} {
			if turn, ok := turns.take(namespace, namespace+key); ok {
				slow = append(slow, turn)
			}
		}
	}
	if len(slow) != 2 {
		t.Fatalf("%d deliveries of slow receivers at once, want 2", len(slow))
	}
	for range 4 {
		if _, ok := turns.take("quick", "1"); !ok {
			t.Fatal("an organization with a quick receiver has to wait")
		}
	}
	// An end of any of them lets one more go on, of whichever, and a receiver that answers in time is slow no more.
	if next := turns.done(slow[0], false); len(next) < 2 {
		t.Errorf("after an end in time go on %v, want what waited of that namespace and one of another", next)
	}
}
