package certs

import (
	"crypto/x509"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

var (
	start = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	names = namesOf(types.NamespacedName{Namespace: "khocr-system", Name: "khocr-gateway-internal"})
)

const day = 24 * time.Hour

// after makes the state that is kept from the start, looked at as often as each plan asks for, for the given time.
func after(t *testing.T, span time.Duration, check func(now time.Time, before, s state)) state {
	t.Helper()
	s, now := state{}, start
	for {
		p := decide(s, names, now)
		renewed, err := p.carryOut(s, names, now)
		if err != nil {
			t.Fatal(err)
		}
		if check != nil {
			check(now, s, renewed)
		}
		s = renewed
		if p.lookAgain <= 0 {
			t.Fatalf("at %v the plan asks to look again after %v", now, p.lookAgain)
		}
		if now.Add(p.lookAgain).Sub(start) > span {
			return s
		}
		now = now.Add(p.lookAgain)
	}
}

func TestDecide(t *testing.T) {
	fresh := after(t, day, nil)
	stranger := after(t, day, nil)
	withNext := after(t, authorityLifetime-announce+day, nil)
	tests := map[string]struct {
		state state
		now   time.Time
		names []string
		want  plan
	}{
		"everything is made where nothing is": {state{}, start, names, plan{makeAuthority: true, makeLeaf: true}},
		"nothing is done in between":          {fresh, start.Add(day), names, plan{}},
		"a lost certificate is made anew": {
			state{authority: fresh.authority, bundle: fresh.bundle}, start, names, plan{makeLeaf: true}},
		"a lost authority takes the certificate with it": {
			state{leaf: fresh.leaf, bundle: fresh.bundle}, start, names, plan{makeAuthority: true, makeLeaf: true}},
		"a certificate of another authority is replaced": {
			state{authority: stranger.authority, leaf: fresh.leaf}, start, names, plan{makeLeaf: true}},
		"a certificate without one of the names is replaced":      {fresh, start, append([]string{"new.khocr-system.svc"}, names...), plan{makeLeaf: true}},
		"a certificate is good until a third of its life is left": {fresh, start.Add(60*day - time.Hour), names, plan{}},
		"a certificate is renewed from then on":                   {fresh, start.Add(60 * day), names, plan{makeLeaf: true}},
		"an authority gets a successor in time": {
			state{authority: withNext.authority, leaf: withNext.leaf}, start.Add(authorityLifetime - announce), names, plan{makeNext: true}},
		"a successor is not made twice": {withNext, start.Add(authorityLifetime - announce), names, plan{}},
		"a successor signs in time": {
			withNext, start.Add(authorityLifetime - succeed), names, plan{promote: true, makeLeaf: true}},
		"an old authority without a successor is replaced at once": {
			state{authority: withNext.authority, leaf: withNext.leaf}, start.Add(authorityLifetime - succeed), names, plan{makeAuthority: true, makeLeaf: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := decide(test.state, test.names, test.now)
			if got.lookAgain <= 0 {
				t.Errorf("the plan asks to look again after %v", got.lookAgain)
			}
			got.lookAgain = 0
			if got != test.want {
				t.Errorf("the plan is %+v, want %+v", got, test.want)
			}
		})
	}
}

// A worker trusts what was in the bundle when it was made, and works for months at most.
func TestThirtyYearsGoByWithoutAWorkerLosingTrust(t *testing.T) {
	type given struct {
		at     time.Time
		bundle []*x509.Certificate
	}
	var bundles []given
	authorities := map[string]bool{}
	after(t, 30*365*day, func(now time.Time, _, s state) {
		bundles = append(bundles, given{now, s.bundle})
		authorities[s.authority.certificate.SerialNumber.String()] = true
		for _, g := range bundles {
			if now.Sub(g.at) > 180*day {
				continue
			}
			roots := x509.NewCertPool()
			for _, certificate := range g.bundle {
				roots.AddCert(certificate)
			}
			for _, name := range names {
				if _, err := s.leaf.certificate.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now}); err != nil {
					t.Fatalf("at %v a worker made at %v refuses %s: %v", now, g.at, name, err)
				}
			}
		}
		if left := s.leaf.certificate.NotAfter.Sub(now); left < 30*day {
			t.Fatalf("at %v the certificate is good for another %v only", now, left)
		}
	})
	if len(authorities) < 3 {
		t.Errorf("%d authorities signed in thirty years, want at least 3", len(authorities))
	}
}

func TestSecretsKeepTheState(t *testing.T) {
	s := after(t, authorityLifetime-announce+day, nil)
	authority, leaf := newSecret("n", AuthoritySecretName), newSecret("n", SecretName)
	authorityChanged, leafChanged, err := s.write(authority, leaf)
	if err != nil || !authorityChanged || !leafChanged {
		t.Fatalf("empty Secrets were changed: %v and %v (%v), want both", authorityChanged, leafChanged, err)
	}
	back := read(authority, leaf)
	if !back.authority.certificate.Equal(s.authority.certificate) || !back.next.certificate.Equal(s.next.certificate) ||
		!back.leaf.certificate.Equal(s.leaf.certificate) || len(back.bundle) != 2 {
		t.Errorf("what was written is read as %+v", back)
	}
	if authorityChanged, leafChanged, err = back.write(authority, leaf); err != nil || authorityChanged || leafChanged {
		t.Errorf("writing it once more changes %v and %v (%v), want neither", authorityChanged, leafChanged, err)
	}
	if _, ok := leaf.Data[keyNextKey]; ok {
		t.Error("the Secret of the server holds the key of an authority")
	}
}

func TestWhatCannotBeReadCountsAsMissing(t *testing.T) {
	s, other := after(t, day, nil), after(t, day, nil)
	authority, leaf := newSecret("n", AuthoritySecretName), newSecret("n", SecretName)
	foreign, _ := newSecret("n", AuthoritySecretName), newSecret("n", SecretName)
	if _, _, err := s.write(authority, leaf); err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.write(foreign, newSecret("n", SecretName)); err != nil {
		t.Fatal(err)
	}
	authority.Data[corev1.TLSPrivateKeyKey] = foreign.Data[corev1.TLSPrivateKeyKey]
	leaf.Data[corev1.TLSCertKey] = []byte("none")
	if got := read(authority, leaf); got.authority != nil || got.leaf != nil {
		t.Errorf("a key of another certificate or a text that is none was read as %+v", got)
	}
}
