#!/usr/bin/env bash
# Prints the figures that khocr is held to: the packages' own benchmarks, the sizes of the images, and what the running
# demo does beside tesseract on the same page.
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

[[ -e .local/demo.env ]] || die "the platform is measured while it runs: make demo"
hack/packages.sh

say "Packages"
KUBEBUILDER_ASSETS="$PWD/bin/k8s" go test -run='^$' -bench=. -skip=Scale -benchmem ./... | grep -e '^Benchmark' -e '^pkg:' -e FAIL

say "Images"
make --no-print-directory images | grep MB

say "Platform"
set -a
# shellcheck source=/dev/null
source .local/demo.env
go run ./hack/bench platform
