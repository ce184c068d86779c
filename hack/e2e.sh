#!/usr/bin/env bash
# Runs the end-to-end tests on a cluster of their own, and removes it whatever comes of them.
# Usage: e2e.sh [FLAG...]    flags of go test, for example -run=TestConvert -v
# BIN, IMAGES and TAGS of the environment choose another build of the images, as they do for make. SEVERAL=true tests two gateways
# over S3 and Redis, which hack/several.sh e2e starts again if a test has killed them.
# KHOCR_E2E_STORE_SIZE is that of the file system in memory on which all volumes lie; 512m if it is not set.
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

logs=.local/e2e-logs

# What cannot be had of a broken cluster must not keep it from being removed.
keep_logs() {
	rm -rf "$logs"
	mkdir -p "$logs"
	cp -r .local/e2e/logs "$logs/cluster" || true
	kubectl get events --all-namespaces --sort-by=.lastTimestamp >"$logs/events.txt" || true
	kubectl get pods,ocrjobs,organizations --all-namespaces --output=yaml >"$logs/objects.yaml" || true
	kubectl get pods --all-namespaces --no-headers --output=custom-columns=NS:.metadata.namespace,NAME:.metadata.name |
		while read -r namespace name; do
			kubectl --namespace "$namespace" logs "$name" --all-containers >"$logs/$namespace.$name.log" || true
			kubectl --namespace "$namespace" logs "$name" --all-containers --previous >"$logs/$namespace.$name.previous.log" 2>/dev/null || true
		done || true
	find "$logs" -empty -delete
	echo "Logs of the failed run: $logs" >&2
}

finish() {
	local status=$?
	trap - EXIT
	[[ $status -eq 0 ]] || keep_logs
	bin/localcluster down --dir .local/e2e || status=1
	rm -f .local/e2e.kubeconfig
	exit "$status"
}

need_root test-e2e
need_programs
make --no-print-directory packages
make --no-print-directory images cluster-programs

# A run that was killed may have left its cluster.
bin/localcluster down --dir .local/e2e
trap finish EXIT
trap 'exit 130' INT TERM

say "Starting a cluster for the tests"
start_cluster e2e 127.0.0.1:0=30080 "${KHOCR_E2E_STORE_SIZE:-512m}"

say "Testing"
export KHOCR_E2E_KUBECONFIG="$KUBECONFIG"
export KHOCR_E2E_KUBECTL="$PWD/bin/k8s/kubectl"
KHOCR_E2E_URL="$(cluster_url e2e)"
export KHOCR_E2E_URL
# For tests that break the cluster itself.
export KHOCR_E2E_CLUSTER="$PWD/.local/e2e"
export KHOCR_E2E_LOCALCLUSTER="$PWD/bin/localcluster"
go test ./test/e2e -count=1 -timeout=45m "$@"
