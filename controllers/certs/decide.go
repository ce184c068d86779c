// Package certs keeps the certificates of the gateway's internal port: an authority of khocr's own, and a server
// certificate signed by it, each in a Secret of khocr's namespace. Beside them it keeps the platform's key, which is made
// once and never renewed.
//
// Worker pods trust the authority from the moment they are made until they end, so a new authority is made known a year
// before it signs anything, and an old one stays known until it expires. The authority's key never leaves its Secret.
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
	leaf            *pair
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
	// lookAgain is the time after which the plan would be another one.
	lookAgain time.Duration
}

// decide says what to do about the certificates.
func decide(s state, names []string, now time.Time) plan {
	var p plan
	signing, next := s.authority, s.next
	if next != nil && !usable(next.certificate, now, succeed) {
		next = nil
	}
	if signing == nil || !usable(signing.certificate, now, succeed) {
		p.promote, p.makeAuthority = next != nil, next == nil
		signing, next = next, nil
	}
	if p.makeAuthority {
		p.makeLeaf = true
		p.lookAgain = leafLifetime * 2 / 3
		return p
	}
	p.makeNext = next == nil && !usable(signing.certificate, now, announce)
	p.makeLeaf = s.leaf == nil || !covers(s.leaf.certificate, names, signing.certificate, now)

	renewal := now.Add(leafLifetime * 2 / 3)
	if !p.makeLeaf {
		renewal = renewalOf(s.leaf.certificate)
	}
	for _, moment := range []time.Time{signing.certificate.NotAfter.Add(-announce), signing.certificate.NotAfter.Add(-succeed)} {
		if moment.After(now) && moment.Before(renewal) {
			renewal = moment
		}
	}
	p.lookAgain = renewal.Sub(now)
	return p
}

// usable tells whether a certificate is valid, and stays so for more than the given time.
func usable(certificate *x509.Certificate, now time.Time, remaining time.Duration) bool {
	return !now.Before(certificate.NotBefore) && now.Add(remaining).Before(certificate.NotAfter)
}

// covers tells whether a server certificate is for all of the names, by the authority, and not due for renewal.
func covers(leaf *x509.Certificate, names []string, authority *x509.Certificate, now time.Time) bool {
	if leaf.CheckSignatureFrom(authority) != nil || now.Before(leaf.NotBefore) || !now.Before(renewalOf(leaf)) {
		return false
	}
	for _, name := range names {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}

// renewalOf a server certificate is when a third of its life is left.
func renewalOf(leaf *x509.Certificate) time.Time {
	return leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3)
}

// trusted are the authorities that workers shall trust: those that sign or will, and earlier ones that have not expired.
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
	for _, certificate := range s.bundle {
		add(certificate)
	}
	return bundle
}

// carryOut makes what the plan asks for, and gives the new state.
func (p plan) carryOut(s state, names []string, now time.Time) (state, error) {
	var err error
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
