#!/usr/bin/env bash
# Installs what is missing of the Debian packages in packages.txt when run as root; else says how.
# Usage: packages.sh [PURPOSE...]    (all purposes where none is named)
set -euo pipefail

list="$(dirname "$0")/packages.txt"

wanted() {
	local purposes=" $* "
	while read -r purpose package _; do
		[[ -z $purpose || $purpose == \#* ]] && continue
		[[ $# -eq 0 || $purposes == *" $purpose "* ]] && printf '%s\n' "$package"
	done <"$list"
	return 0
}

installed() {
	[[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

if ! command -v dpkg-query >/dev/null; then
	printf 'This is not a Debian system. Install what Debian calls:\n  %s\n' "$(wanted "$@" | xargs)" >&2
	exit 1
fi

missing=()
for package in $(wanted "$@"); do
	installed "$package" || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if [[ $EUID -ne 0 ]]; then
	printf 'Packages are missing. As root:\n  apt-get install --no-install-recommends %s\n' "${missing[*]}" >&2
	exit 1
fi

echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install --yes --quiet --quiet --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}")
# The package lists of a fresh machine may be missing or old.
"${install[@]}" || { apt-get update --quiet --quiet && "${install[@]}"; }
