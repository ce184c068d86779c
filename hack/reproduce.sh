#!/usr/bin/env bash
# Builds the images once more, from a copy of this checkout in another folder, with nothing in Go's build cache, and compares:
# an image's tag is its digest. `make images` comes first.
# Usage: reproduce.sh IMAGES    the folder that it has left them in
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

[[ -f $1/refs ]] || die "there are no images in $1: make images"
elsewhere="$(mktemp -d)"
trap 'rm -rf "$elsewhere"' EXIT
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- | tar --extract --directory="$elsewhere"
GOCACHE="$elsewhere/.cache" make --no-print-directory -C "$elsewhere" images BIN=bin IMAGES=images
diff "$1/refs" "$elsewhere/images/refs" || die "the images differ"
say "Built twice, the same"
