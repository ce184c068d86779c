#!/usr/bin/env bash
# Prints the figures that khocr is held to: the packages' own benchmarks, the sizes of the images, and what the running
# demo does beside tesseract on the same page.
# Usage: bench.sh [DATA]    (also the accuracy on every folder below DATA that has documents and truths)
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

[[ -e .local/demo.env ]] || die "the platform is measured while it runs: make demo"
make --no-print-directory packages

say "Packages"
KUBEBUILDER_ASSETS="$PWD/bin/k8s" go test -run='^$' -bench=. -skip=Scale -benchmem ./... | grep -e '^Benchmark' -e '^pkg:' -e FAIL

say "Images"
make --no-print-directory images | grep MB

say "Platform"
set -a
# shellcheck source=/dev/null
source .local/demo.env
go run ./hack/bench platform

[[ -n "${1:-}" ]] || exit 0
find -H "$1" -type f \( -iname '*.png' -o -iname '*.jp*g' -o -iname '*.tif*' -o -iname '*.pdf' \) -printf '%h\n' | sort -u |
	while read -r folder; do
		compgen -G "$folder/*.txt" >/dev/null || continue
		say "Accuracy: $folder"
		go run ./hack/bench accuracy --data "$folder" </dev/null | sed -n '/^set /,$p'
	done
