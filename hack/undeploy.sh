#!/usr/bin/env bash
# Removes khocr from the cluster of KUBECONFIG, with all jobs, organizations and documents. The manager goes last: it settles
# what jobs and organizations have left in the ledger, and takes their finalizers off. Where it is gone, or does not get on,
# the finalizers are taken off here. May be run again wherever it was interrupted.
# Usage: undeploy.sh [SECONDS]    without any progress, after which the manager is not waited for any longer
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

# More than the minute that the ledger leaves to a worker's last report.
patience="${1:-120}"

# Nobody means the cluster that happens to be the current one.
[[ -n ${KUBECONFIG:-} ]] || die "name the cluster: make undeploy KUBECONFIG=FILE"
kubectl get namespaces --output=name >/dev/null || die "the cluster of $KUBECONFIG does not answer"

served() { [[ -n $(kubectl get crd "$1.ocr.openplp.com" --ignore-not-found --output=name) ]]; }

manager_available() {
	local replicas
	replicas="$(kubectl --namespace khocr-system get deployment khocr-manager --ignore-not-found --output=jsonpath='{.status.availableReplicas}')"
	[[ ${replicas:-0} -gt 0 ]]
}

# left KIND prints what there is of a kind, one a line. A kind that was deleted goes with the last of it.
left() {
	kubectl get "$1.ocr.openplp.com" --all-namespaces \
		--output=jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}' || ! served "$1" || die "$1 cannot be listed"
}

delete_all() { kubectl delete "$1.ocr.openplp.com" --all --all-namespaces --wait=false || ! served "$1"; }

# drain KIND deletes all of a kind and waits as long as the manager gets on with letting it go. What stays is for force.
drain() {
	local before now since=$SECONDS
	delete_all "$1"
	before="$(left "$1")"
	while [[ -n $before ]] && ((SECONDS - since < patience)); do
		sleep 1
		now="$(left "$1")"
		[[ $now == "$before" ]] || since=$SECONDS
		before="$now"
	done
}

# force KIND FINALIZER deletes all of a kind, and takes the finalizer off that the manager would.
force() {
	local tries trouble remaining
	delete_all "$1"
	# The API server goes on refusing for a moment after a policy is gone.
	for ((tries = 0; tries < 60; tries++)); do
		trouble="$(release "$1" "$2" 2>&1 >/dev/null)" || true
		remaining="$(left "$1")"
		[[ -n $remaining ]] || return 0
		sleep 1
	done
	die "these $1 cannot be removed: $remaining"$'\n'"$trouble"
}

# release KIND FINALIZER takes a finalizer off wherever it is, and leaves those of others.
release() {
	# shellcheck disable=SC2016 # the variables are the template's
	local template='{{range .items}}{{$meta := .metadata}}{{range $index, $finalizer := .metadata.finalizers}}
		{{- if eq $finalizer "FINALIZER"}}{{$index}} {{$meta.name}} {{with $meta.namespace}}{{.}}{{end}}{{"\n"}}{{end}}
		{{- end}}{{end}}'
	kubectl get "$1.ocr.openplp.com" --all-namespaces --output=go-template="${template/FINALIZER/$2}" |
		while read -r index name namespace; do
			kubectl patch "$1.ocr.openplp.com" "$name" ${namespace:+--namespace="$namespace"} --type=json --patch="[
				{\"op\": \"test\", \"path\": \"/metadata/finalizers/$index\", \"value\": \"$2\"},
				{\"op\": \"remove\", \"path\": \"/metadata/finalizers/$index\"}]" || true
		done
}

# No new work comes in while the old is drained.
kubectl --namespace khocr-system scale deployment khocr-gateway --replicas=0 2>/dev/null || true

declare -A finalizers=([ocrjobs]=ledger [organizations]=drain)
kinds=()
for kind in ocrjobs organizations; do
	if served "$kind"; then kinds+=("$kind"); fi
done

if manager_available; then
	for kind in "${kinds[@]}"; do
		say "Deleting all $kind"
		drain "$kind"
	done
fi

remaining=""
for kind in "${kinds[@]}"; do
	remaining+="$(left "$kind")"
done
if [[ -n $remaining ]]; then
	say "The manager is gone or does not get on: taking the finalizers off without it"
	kubectl --namespace khocr-system scale deployment khocr-manager --replicas=0 2>/dev/null || true
	kubectl delete --kustomize config/admission --ignore-not-found
	for kind in "${kinds[@]}"; do
		force "$kind" "ocr.openplp.com/${finalizers[$kind]}"
	done
fi

# The garbage collector takes them too, unless the kind of their owner is gone before it gets that far.
say "Deleting the namespaces of organizations"
kubectl delete namespaces --selector=app.kubernetes.io/managed-by=khocr-manager,ocr.openplp.com/organization --wait=false

say "Deleting the platform"
# Of the component config/ai, whether or not it is there, what lies outside of the platform's namespace.
kubectl delete --filename config/ai/rbac.yaml --ignore-not-found
base=config/default
if kubectl get namespace khocr-samples >/dev/null 2>&1; then base=config/local; fi
# Plans and models go with their kinds. Named one by one they would be an error once these are gone.
mkdir -p .local/undeploy
cat >.local/undeploy/kustomization.yaml <<TEXT
resources:
- ../../$base
patches:
- target: {group: ocr.openplp.com, kind: Plan|OcrModel}
  patch: |-
    \$patch: delete
    kind: any
    metadata: {name: any}
TEXT
kubectl delete --kustomize .local/undeploy --ignore-not-found --timeout=300s
