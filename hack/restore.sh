#!/usr/bin/env bash
# Makes again what a backup holds, on the cluster of KUBECONFIG, before khocr is installed there. May be run again where it was
# interrupted.
# Usage: restore.sh FILE IMAGE    a backup, and the image of the gateway
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

[[ -n ${KUBECONFIG:-} ]] || die "name the cluster: make restore KUBECONFIG=FILE FILE=khocr.tar.gz"
[[ -r ${1:-} ]] || die "name the backup: make restore FILE=khocr.tar.gz"
system=(kubectl --namespace khocr-system)
[[ -z $("${system[@]}" get deployments khocr-manager khocr-gateway --ignore-not-found --output=name) ]] ||
	die "khocr runs on this cluster already: a backup is restored first, and khocr deployed after it"

overlay=.local/restore
mkdir -p "$overlay"
printf 'resources:\n- ../../config/restore\nimages:\n- name: khocr/apigateway\n  newName: %s\n  newTag: "%s"\n' "${2%:*}" "${2##*:}" \
	>"$overlay/kustomization.yaml"

apply() { kubectl apply --server-side --field-manager=khocr-deploy "$@" >/dev/null; }
apply --kustomize config/crd
kubectl wait --for=condition=Established --timeout=60s --filename <(kubectl kustomize config/crd) >/dev/null
apply --filename config/default/namespace.yaml
# One that is there already may be larger, or of another class.
[[ -n $("${system[@]}" get persistentvolumeclaim khocr-store --ignore-not-found --output=name) ]] || apply --filename config/gateway/store.yaml

clean_up() { kubectl delete --kustomize "$overlay" --ignore-not-found --timeout=60s >/dev/null; }
clean_up
trap clean_up EXIT
apply --kustomize "$overlay"
"${system[@]}" wait --for=jsonpath='{.status.phase}'=Running --timeout=300s pod/khocr-restore >/dev/null
"${system[@]}" attach --quiet --stdin pod/khocr-restore <"$1" || true # its end tells more than the connection's
"${system[@]}" wait --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s pod/khocr-restore >/dev/null || {
	"${system[@]}" logs khocr-restore
	die "the backup is not restored; deploy nothing yet"
}
say "The backup is restored. Now the Secrets, then make deploy: see docs/operators.md"
