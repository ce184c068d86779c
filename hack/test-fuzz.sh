#!/usr/bin/env bash
# Runs every fuzz target, one after the other, for FUZZTIME each, and fails at the end if one of them found something. A
# target is found by its name, so a new one needs no entry anywhere.
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

targets="$(go test -list='^Fuzz' ./... | awk '/^Fuzz/ { names[n++] = $1 } /^ok/ { for (i = 0; i < n; i++) print $2, names[i]; n = 0 }')"
[[ -n "$targets" ]] || die "there is no fuzz target"

found=""
while read -r package name; do
	say "$package $name"
	# Every input that reaches something new is made smaller, which takes most of the time unless it is bounded.
	go test -run='^$' -fuzz="^$name\$" -fuzztime="${FUZZTIME:-30s}" -fuzzminimizetime=10x "$package" </dev/null || found+=" $package.$name"
done <<<"$targets"

[[ -z "$found" ]] || die "something was found by$found: the inputs are kept in testdata/fuzz of the packages"
