#!/usr/bin/env bash
# Starts a Kubernetes on this machine with khocr on it, converts a document through the public API, and leaves it running.
# Run again, it puts right what is missing or changed.
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

environment=.local/demo.env

explain() {
	local status=$?
	[[ $status -eq 0 ]] && return
	cat >&2 <<-TEXT

		The demo stopped on its way. What to look at:
		  .local/demo/logs/                  the cluster's own logs
		  bin/k8s/kubectl --kubeconfig .local/demo.kubeconfig get pods -A
		  bin/k8s/kubectl --kubeconfig .local/demo.kubeconfig -n khocr-system logs deploy/khocr-manager
		  bin/k8s/kubectl --kubeconfig .local/demo.kubeconfig -n khocr-system logs deploy/khocr-gateway
		make demo goes on from here; make down removes everything, for a fresh start.
	TEXT
}

# forward prints how the public API is reached from this machine: as before, else on port 8080 if nobody listens there.
forward() {
	local address=127.0.0.1:8080
	if [[ -e .local/demo/cluster.json ]]; then
		address="$(jq -r '.forwards[0].address' <(bin/localcluster status --dir .local/demo --json))"
	elif (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then
		address=127.0.0.1:0
	fi
	printf '%s=30080\n' "$address"
}

# new_key prints a key. Its digest is taken where the manifest is made, since keys are kept from run to run.
new_key() { bin/khocr keys new --org demo --name demo 2>&1 >/dev/null | grep ^khocr_; }

# write_environment keeps the keys of an earlier run.
write_environment() (
	umask 077
	# shellcheck source=/dev/null
	[[ -e $environment ]] && source "$environment"
	cat >"$environment.new" <<-TEXT
		KHOCR_URL=$1
		KHOCR_KEY_FREE=${KHOCR_KEY_FREE:-$(new_key)}
		KHOCR_KEY_STANDARD=${KHOCR_KEY_STANDARD:-$(new_key)}
		KHOCR_KEY_ENTERPRISE=${KHOCR_KEY_ENTERPRISE:-$(new_key)}
		KUBECONFIG=$PWD/.local/demo.kubeconfig
	TEXT
	mv "$environment.new" "$environment"
)

# organization PLAN NAME-IN-KHMER KEY prints the manifest of a customer. Only the key's digest is in it.
organization() {
	cat <<-TEXT
		---
		apiVersion: ocr.openplp.com/v1alpha1
		kind: Organization
		metadata:
		  name: demo-$1
		spec:
		  planRef: $1
		  displayName: {en: Demo ($1), km: "$2"}
		  apiKeys:
		  - name: demo
		    sha256: "$(bin/khocr keys hash <<<"$3")"
	TEXT
}

api() { curl --silent --show-error --header "X-API-Key: $KHOCR_KEY_STANDARD" "$@"; }

# wait_for_key returns when the gateway has heard of the organization.
wait_for_key() {
	local tries
	for ((tries = 0; tries < 120; tries++)); do
		# A job that is not there is told only to those who may know.
		[[ $(api --output /dev/null --write-out '%{http_code}' "$KHOCR_URL/api/v1/jobs/000000000000") == 404 ]] && return
		sleep 0.25
	done
	die "the gateway at $KHOCR_URL does not accept the demo's key"
}

# convert FILE prints the document's text, and its progress on the way.
convert() {
	local answer id job status
	answer="$(api --fail-with-body "$KHOCR_URL/api/v1/convert" --form "file=@$1" --form output_format=text)" ||
		die "the document was not accepted: $answer"
	id="$(jq -r .job_id <<<"$answer")"
	echo "job_id $id"
	while :; do
		job="$(api --fail-with-body "$KHOCR_URL/api/v1/jobs/$id")" || die "the job cannot be read: $job"
		status="$(jq -r .status <<<"$job")"
		progress_bar "$(jq -r '.progress | floor' <<<"$job")" "$status $(jq -r .elapsed_seconds <<<"$job") s"
		case "$status" in
		COMPLETED) break ;;
		FAILED | CANCELLED) printf '\n' && die "the job ended as $job" ;;
		esac
		sleep 0.3
	done
	printf '\n\n'
	api --fail-with-body "$KHOCR_URL/api/v1/jobs/$id/result"
	printf '\n'
}

progress_bar() {
	local width=40 filled
	filled=$((width * $1 / 100))
	[[ -t 1 || $1 -eq 100 ]] || return 0
	printf '\r[%s%s] %3d %%  %-24s' "$(printf '%*s' "$filled" '' | tr ' ' '#')" "$(printf '%*s' $((width - filled)) '')" "$1" "$2"
}

need_root demo
need_programs
trap explain EXIT
started=$SECONDS

say "Building (the first time takes minutes: Kubernetes is compiled from source)"
hack/packages.sh build image cluster demo
make --no-print-directory images cluster-programs

say "Starting Kubernetes and khocr"
start_cluster demo "$(forward)"
write_environment "$(cluster_url demo)"
# shellcheck source=/dev/null
source "$environment"
{
	organization free "សាកល្បង (ឥតគិតថ្លៃ)" "$KHOCR_KEY_FREE"
	organization standard "សាកល្បង (ស្តង់ដារ)" "$KHOCR_KEY_STANDARD"
	organization enterprise "សាកល្បង (សហគ្រាស)" "$KHOCR_KEY_ENTERPRISE"
} | kubectl apply --server-side --filename -
kubectl wait --for=condition=Ready --timeout=60s ocrmodels --all
kubectl wait --for=condition=Ready --timeout=60s organizations demo-free demo-standard demo-enterprise
wait_for_key

say "Converting test/testdata/sample.pdf"
convert test/testdata/sample.pdf

say "kubectl get ocrjobs -A"
kubectl get ocrjobs --all-namespaces
say "kubectl get organizations"
kubectl get organizations

say "khocr runs (after $((SECONDS - started)) s)"
cat <<TEXT
Page          $KHOCR_URL/
Public API    $KHOCR_URL/api/v1
Kubernetes    bin/k8s/kubectl --kubeconfig .local/demo.kubeconfig get ocrjobs -A
Free          $KHOCR_KEY_FREE
Standard      $KHOCR_KEY_STANDARD
Enterprise    $KHOCR_KEY_ENTERPRISE
All of it     $environment

Convert a document of yours: open the page in a browser and sign in with a key of the three, or
  bin/khocr convert document.pdf --format docx        with KHOCR_URL and KHOCR_API_KEY in the environment
  curl -X POST $KHOCR_URL/api/v1/convert -H "X-API-Key: $KHOCR_KEY_STANDARD" -F "file=@document.pdf"
Or without the public API:
  bin/k8s/kubectl --kubeconfig .local/demo.kubeconfig apply -f config/samples/ocrjob_url.yaml
Stop and remove everything: make down
TEXT
