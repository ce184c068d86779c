package certs

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

var (
	start = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	names = namesOf([]types.NamespacedName{
		{Namespace: "khocr-system", Name: "khocr-gateway-internal"}, {Namespace: "khocr-system", Name: "khocr-manager-metrics"}})
)

const day = 24 * time.Hour

// after makes the state that is kept from the start, looked at every nine days, for the given time.
func after(t *testing.T, span time.Duration, check func(now time.Time, s state)) state {
	t.Helper()
	s := state{}
	for now := start; now.Sub(start) <= span; now = now.Add(9 * day) {
		renewed, err := decide(s, names, now).carryOut(s, names, now)
		if err != nil {
			t.Fatal(err)
		}
		if check != nil {
			check(now, renewed)
		}
		s = renewed
	}
	return s
}

// authorityOf makes an authority of somebody else's, who renews it in shorter times.
func authorityOf(t *testing.T, from time.Time, life time.Duration) *pair {
	t.Helper()
	authority, err := newAuthority(from)
	if err != nil {
		t.Fatal(err)
	}
	template := *authority.certificate
	template.NotAfter, template.PublicKey = from.Add(life), nil
	if authority, err = issue(&template, nil); err != nil {
		t.Fatal(err)
	}
	return authority
}

func TestDecide(t *testing.T) {
	fresh := after(t, day, nil)
	stranger := after(t, day, nil)
	withNext := after(t, authorityLifetime-announce+10*day, nil)
	foreign := authorityOf(t, start, 30*day)
	shortLeaf, err := newLeaf(start, names, foreign)
	if err != nil {
		t.Fatal(err)
	}
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
		"a lost authority leaves the certificate that workers trust": {
			state{leaf: fresh.leaf, bundle: fresh.bundle}, start.Add(70 * day), names, plan{makeAuthority: true}},
		"a certificate of a lost authority that nobody trusts goes with it": {
			state{leaf: fresh.leaf}, start, names, plan{makeAuthority: true, makeLeaf: true}},
		"a certificate of another authority is replaced": {
			state{authority: stranger.authority, leaf: fresh.leaf}, start, names, plan{makeLeaf: true}},
		"a certificate of an earlier authority is good until a sixth of its life is left": {
			state{authority: stranger.authority, leaf: fresh.leaf, bundle: fresh.bundle}, start.Add(75*day - time.Hour), names, plan{}},
		"a certificate of an earlier authority is renewed from then on": {
			state{authority: stranger.authority, leaf: fresh.leaf, bundle: fresh.bundle}, start.Add(75 * day), names, plan{makeLeaf: true}},
		"a certificate that has expired is replaced": {fresh, start.Add(91 * day), names, plan{makeLeaf: true}},
		"an authority of somebody else's signs": {
			state{authority: foreign, foreign: true}, start, names, plan{makeLeaf: true}},
		"an authority of somebody else's is neither succeeded nor replaced": {
			state{authority: foreign, foreign: true, leaf: shortLeaf}, start.Add(5 * day), names, plan{}},
		"a certificate that lasts as long as its authority is not renewed by it": {
			state{authority: foreign, foreign: true, leaf: shortLeaf}, start.Add(29 * day), names, plan{}},
		"a certificate without one of the names is replaced":      {fresh, start, append([]string{"new.khocr-system.svc"}, names...), plan{makeLeaf: true}},
		"a certificate is good until a third of its life is left": {fresh, start.Add(60*day - time.Hour), names, plan{}},
		"a certificate is renewed from then on":                   {fresh, start.Add(60 * day), names, plan{makeLeaf: true}},
		"an authority gets a successor in time": {
			state{authority: withNext.authority, leaf: withNext.leaf}, start.Add(authorityLifetime - announce), names, plan{makeNext: true}},
		"a successor is not made twice": {withNext, start.Add(authorityLifetime - announce + 10*day), names, plan{}},
		"a successor signs in time": {
			withNext, start.Add(authorityLifetime - succeed), names, plan{promote: true, makeLeaf: true}},
		"an old authority without a successor is replaced at once": {
			state{authority: withNext.authority, leaf: withNext.leaf}, start.Add(authorityLifetime - succeed), names, plan{makeAuthority: true, makeLeaf: true}},
		"an authority that has expired is replaced": {
			state{authority: fresh.authority, bundle: fresh.bundle}, start.Add(authorityLifetime), names, plan{makeAuthority: true, makeLeaf: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := decide(test.state, test.names, test.now)
			if got != test.want {
				t.Errorf("the plan is %+v, want %+v", got, test.want)
			}
		})
	}
}

// workers are those that were made lately. Each trusts what it was given when it was made; of those that were given the same
// the last one counts.
type workers []struct {
	made   time.Time
	bundle []*x509.Certificate
}

// judge lets a new worker come, the old ones go, and all that are there look at the certificate.
func (w *workers) judge(t *testing.T, now time.Time, age time.Duration, s state) {
	t.Helper()
	if last := len(*w) - 1; last < 0 || !slices.EqualFunc((*w)[last].bundle, s.bundle, (*x509.Certificate).Equal) {
		*w = append(*w, struct {
			made   time.Time
			bundle []*x509.Certificate
		}{now, s.bundle})
	}
	(*w)[len(*w)-1].made = now
	for now.Sub((*w)[0].made) > age {
		*w = (*w)[1:]
	}
	for _, worker := range *w {
		roots := x509.NewCertPool()
		for _, certificate := range worker.bundle {
			roots.AddCert(certificate)
		}
		if _, err := s.leaf.certificate.Verify(x509.VerifyOptions{DNSName: names[2], Roots: roots, CurrentTime: now}); err != nil {
			t.Fatalf("at %v a worker made at %v refuses: %v", now, worker.made, err)
		}
	}
	if !covers(s.leaf.certificate, names, now) {
		t.Fatalf("at %v the certificate is for %v, want %v", now, s.leaf.certificate.DNSNames, names)
	}
}

// relayed follows a server certificate beside that of the internal port, as a gateway sees it that has the Secrets of one look and the
// authorities of the one before, or the other way round.
type relayed struct {
	leaf   *pair
	before struct {
		leaf   *pair
		bundle []*x509.Certificate
	}
}

var relayNames = namesOf(relayServices("khocr-system"))

func (r *relayed) look(t *testing.T, now time.Time, s state) {
	t.Helper()
	if s.outdates(r.leaf, relayNames, now) {
		var err error
		if r.leaf, err = newLeaf(now, relayNames, s.authority); err != nil {
			t.Fatal(err)
		}
		if s.outdates(r.leaf, relayNames, now) {
			t.Fatalf("at %v a new certificate is due at once", now)
		}
	}
	trusts := func(leaf *pair, bundle []*x509.Certificate) {
		roots := x509.NewCertPool()
		for _, certificate := range bundle {
			roots.AddCert(certificate)
		}
		if _, err := leaf.certificate.Verify(x509.VerifyOptions{DNSName: relayNames[2], Roots: roots, CurrentTime: now}); err != nil {
			t.Fatalf("at %v the gateway refuses the relay: %v", now, err)
		}
	}
	trusts(r.leaf, s.bundle)
	if r.before.leaf != nil {
		trusts(r.leaf, r.before.bundle)
		trusts(r.before.leaf, s.bundle)
	}
	r.before.leaf, r.before.bundle = r.leaf, s.bundle
}

func TestThirtyYearsGoByWithoutAWorkerLosingTrust(t *testing.T) {
	var all workers
	var relay relayed
	authorities := map[string]bool{}
	after(t, 30*365*day, func(now time.Time, s state) {
		authorities[s.authority.certificate.SerialNumber.String()] = true
		all.judge(t, now, 180*day, s)
		if now.Sub(start) >= 40*day { // it came later than the internal port, and is renewed at other times
			relay.look(t, now, s)
		}
		if left := s.leaf.certificate.NotAfter.Sub(now); left < 6*day {
			t.Fatalf("at %v the certificate is good for another %v only", now, left)
		}
		if len(s.bundle) > 2 {
			t.Fatalf("at %v workers trust %d authorities", now, len(s.bundle))
		}
	})
	if len(authorities) < 3 {
		t.Errorf("%d authorities signed in thirty years, want at least 3", len(authorities))
	}
}

// An authority that goes without notice is replaced by one that nobody has heard of.
func TestAuthoritiesThatAreLostAtAnyTimeTakeNoTrustWithThem(t *testing.T) {
	var all workers
	var relay relayed
	s := state{}
	for step := range 500 {
		now := start.Add(time.Duration(step) * day)
		if step%97 == 96 {
			s.authority, s.next = nil, nil
		}
		var err error
		if s, err = decide(s, names, now).carryOut(s, names, now); err != nil {
			t.Fatal(err)
		}
		all.judge(t, now, 14*day, s)
		if step >= 40 {
			relay.look(t, now, s)
		}
		if len(s.bundle) > 2 {
			t.Fatalf("on day %d workers trust %d authorities", step, len(s.bundle))
		}
	}
	if s.leaf.certificate.CheckSignatureFrom(s.authority.certificate) != nil && len(s.bundle) != 2 {
		t.Error("the last authority and the one that signed are not both trusted")
	}
}

// cert-manager renews an authority of 90 days every 60, and gives the new one another key.
func TestAuthoritiesOfSomebodyElseFollowOneAnotherWithoutAWorkerLosingTrust(t *testing.T) {
	var all workers
	var relay relayed
	s := state{foreign: true}
	for step := range 500 {
		now := start.Add(time.Duration(step) * day)
		if step%60 == 0 {
			s.authority = authorityOf(t, now, 90*day)
		}
		var err error
		if s, err = decide(s, names, now).carryOut(s, names, now); err != nil {
			t.Fatal(err)
		}
		all.judge(t, now, 4*day, s)
		if step >= 70 {
			relay.look(t, now, s)
		}
	}
}

func TestSecretsKeepTheState(t *testing.T) {
	s := after(t, authorityLifetime-announce+10*day, nil)
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
	foreign := newSecret("n", AuthoritySecretName)
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
