// Package certs keeps the certificates of what khocr serves inside the cluster, the gateway's internal port and the metrics:
// an authority of khocr's own, and server certificates signed by it, each in a Secret of khocr's namespace. A Secret that
// somebody else manages, such as cert-manager, is used as it is and never written. Beside them it keeps the platform's
// key, which is made once and never renewed.
//
// Worker pods trust the authorities that were known when they were made until they end. So a new authority is made known
// before it signs anything, by a year where nobody interferes, and an old one stays known until nothing that it has signed
// can be shown any more. An authority's key never leaves its Secret.
package certs

import (
	"crypto/x509"
	"slices"
	"time"
)

const (
	authorityLifetime = 10 * 365 * 24 * time.Hour
	leafLifetime      = 90 * 24 * time.Hour
	// announce is how long before its end an authority gets a successor, which workers are told to trust.
	announce = 2 * 365 * 24 * time.Hour
	// succeed is how long before its end an authority signs no more and its successor does.
	succeed = 365 * 24 * time.Hour
	// clockSkew is how far the clocks of nodes may lie behind.
	clockSkew = 5 * time.Minute
)

// state is what the Secrets hold. What is missing or cannot be read is nil.
type state struct {
	// authority signs; next will.
	authority, next *pair
	// foreign tells that the authority is somebody else's to make and to renew.
	foreign bool
	leaf    *pair
	// bundle are the authorities that are trusted.
	bundle []*x509.Certificate
}

// plan is what is to be done about a state, in this order.
type plan struct {
	// promote makes the next authority the signing one.
	promote bool
	// makeAuthority and makeNext ask for new ones.
	makeAuthority, makeNext bool
	makeLeaf                bool
}

// decide says what to do about the certificates. An authority that is foreign must be usable.
func decide(s state, names []string, now time.Time) plan {
	var p plan
	signing, next := s.authority, s.next
	if !s.foreign {
		if next != nil && !usable(next.certificate, now, succeed) {
			next = nil
		}
		if signing == nil || !usable(signing.certificate, now, succeed) {
			p.promote, p.makeAuthority = next != nil, next == nil
			signing, next = next, nil
		}
		p.makeNext = signing != nil && next == nil && !usable(signing.certificate, now, announce)
	}
	p.makeLeaf = s.leaf == nil || !covers(s.leaf.certificate, names, now) ||
		!now.Before(renewalOf(s.leaf.certificate, signing, trusted(s, now)))
	return p
}

// usable tells whether a certificate is valid, and stays so for more than the given time.
func usable(certificate *x509.Certificate, now time.Time, remaining time.Duration) bool {
	return !now.Before(certificate.NotBefore) && now.Add(remaining).Before(certificate.NotAfter)
}

// covers tells whether a server certificate has begun and is for all of the names.
func covers(leaf *x509.Certificate, names []string, now time.Time) bool {
	return !now.Before(leaf.NotBefore) &&
		!slices.ContainsFunc(names, func(name string) bool { return leaf.VerifyHostname(name) != nil })
}

// renewalOf a server certificate is when a third of its life is left. If its authority signs no more, but is trusted, it is
// when a sixth is left: so workers have got to know the new authority for a sixth of that life before they see anything
// signed by it, whenever the authorities changed. What nobody trusts is due at once.
func renewalOf(leaf *x509.Certificate, signing *pair, trusted []*x509.Certificate) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	switch {
	case signing != nil && leaf.CheckSignatureFrom(signing.certificate) == nil:
		if !leaf.NotAfter.Before(signing.certificate.NotAfter) {
			return leaf.NotAfter // another one would last no longer
		}
		return leaf.NotAfter.Add(-life / 3)
	case slices.ContainsFunc(trusted, func(authority *x509.Certificate) bool { return leaf.CheckSignatureFrom(authority) == nil }):
		return leaf.NotAfter.Add(-life / 6)
	}
	return time.Time{}
}

// trusted are the authorities that workers shall trust: those that sign or will, and earlier ones as long as a gateway may
// show what they have signed. A certificate by an earlier one was replaced when a sixth of its life was left at the most.
func trusted(s state, now time.Time) []*x509.Certificate {
	var bundle []*x509.Certificate
	add := func(certificate *x509.Certificate) {
		if now.Before(certificate.NotAfter) && !slices.ContainsFunc(bundle, certificate.Equal) {
			bundle = append(bundle, certificate)
		}
	}
	for _, authority := range []*pair{s.authority, s.next} {
		if authority != nil {
			add(authority.certificate)
		}
	}
	if s.authority != nil && s.leaf != nil && s.leaf.certificate.CheckSignatureFrom(s.authority.certificate) == nil &&
		now.After(s.leaf.certificate.NotBefore.Add(clockSkew+leafLifetime/6)) {
		return bundle
	}
	for _, certificate := range s.bundle {
		add(certificate)
	}
	return bundle
}

// carryOut makes what the plan asks for, and gives the new state.
func (p plan) carryOut(s state, names []string, now time.Time) (state, error) {
	var err error
	s.bundle = trusted(s, now)
	if p.promote {
		s.authority, s.next = s.next, nil
	}
	if p.makeAuthority {
		s.next = nil
		if s.authority, err = newAuthority(now); err != nil {
			return s, err
		}
	}
	if p.makeNext {
		if s.next, err = newAuthority(now); err != nil {
			return s, err
		}
	}
	if p.makeLeaf {
		if s.leaf, err = newLeaf(now, names, s.authority); err != nil {
			return s, err
		}
	}
	s.bundle = trusted(s, now)
	return s, nil
}
