// Package khmer knows how Khmer is written: which code points make one cluster, whether a cluster can be right, and
// whether the text that a page carries can be trusted. It works on text alone: it never opens a document.
package khmer

import (
	"iter"
	"unicode/utf8"
)

// Code points that decide about clusters (The Unicode Standard, section 16.4).
const (
	coeng            = '\u17D2'
	firstBase        = '\u1780' // consonants to U+17A2, independent vowels from there
	lastBase         = '\u17B3'
	firstMark        = '\u17B4' // inherent vowels, dependent vowels, signs
	lastMark         = '\u17D1'
	viriam           = '\u17D3'
	atthacan         = '\u17DD'
	dottedCircle     = '\u25CC'
	zeroWidthNonJoin = '\u200C'
	zeroWidthJoin    = '\u200D'
)

// Cluster is what a reader sees as one written unit: a base with the subscripts, shifters, vowels and signs that belong
// to it, or any one other character.
type Cluster struct {
	Text string
	// Khmer is true where the cluster is a Khmer letter with its marks, or the remains of one.
	Khmer bool
	// Valid is false where the cluster begins with a dependent vowel or a sign, or where a coeng is not followed by a
	// letter that it could put below. Always true outside Khmer.
	Valid bool
}

// Clusters yields the clusters of the text in order; joined they are the text. Invalid UTF-8 counts as U+FFFD.
func Clusters(text string) iter.Seq[Cluster] {
	return func(yield func(Cluster) bool) {
		for len(text) > 0 {
			cluster := next(text)
			if !yield(cluster) {
				return
			}
			text = text[len(cluster.Text):]
		}
	}
}

// next is the first cluster of a text that is not empty.
func next(text string) Cluster {
	first, size := utf8.DecodeRuneInString(text)
	if !isBase(first) && !isDependent(first) {
		return Cluster{Text: text[:size], Valid: true}
	}
	valid, end := isBase(first), 0
	if valid {
		end = size
	}
	for end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		switch {
		case r == coeng:
			end += size
			below, size := utf8.DecodeRuneInString(text[end:])
			if !isBase(below) || below == dottedCircle {
				valid = false
				continue
			}
			end += size
		case isDependent(r), end > 0 && (r == zeroWidthJoin || r == zeroWidthNonJoin):
			end += size
		default:
			return Cluster{Text: text[:end], Khmer: true, Valid: valid}
		}
	}
	return Cluster{Text: text, Khmer: true, Valid: valid}
}

// BeginsInside tells whether the text cannot stand at the beginning of a word because its first character belongs to
// a cluster that began before.
func BeginsInside(text string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	return isDependent(first)
}

func isBase(r rune) bool {
	return r >= firstBase && r <= lastBase || r == dottedCircle
}

// isDependent tells whether r needs a base before it.
func isDependent(r rune) bool {
	return r >= firstMark && r <= lastMark || r == coeng || r == viriam || r == atthacan
}
