#!/usr/bin/env bash
# Applies a kustomization to the cluster of KUBECONFIG with the images that are named, and waits until khocr is ready.
# Usage: deploy.sh BASE NAME=IMAGE...    for example deploy.sh config/default manager=registry.example.com/manager:v1 ...
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

base="$1"
shift

[[ -n ${KUBECONFIG:-} ]] || die "name the cluster: make deploy KUBECONFIG=FILE"

# The names of the images go into a kustomization of its own, so that nothing in config/ changes.
overlay=".local/deploy/$(basename "$base")"
mkdir -p "$overlay"
cp config/default/worker_image.yaml "$overlay"
{
	printf 'resources:\n- ../../../%s\nconfigurations:\n- worker_image.yaml\nimages:\n' "$base"
	for pair in "$@"; do
		image="${pair#*=}"
		printf -- '- name: khocr/%s\n  newName: %s\n  newTag: "%s"\n' "${pair%%=*}" "${image%:*}" "${image##*:}"
	done
} >"$overlay/kustomization.yaml"

# Its list of everything that it looked at would bury what matters.
apply() { kubectl apply --server-side --force-conflicts --field-manager=khocr-deploy "$@" >/dev/null; }

# Resources of a kind can be made only once the API server serves the kind.
apply --kustomize config/crd
kubectl wait --for=condition=Established --timeout=60s --filename <(kubectl kustomize config/crd) >/dev/null
apply --kustomize "$overlay"

# The relay is there with the component config/ai.
for deployment in khocr-manager khocr-gateway $(kubectl --namespace khocr-system get deployment khocr-relay --ignore-not-found --output=jsonpath='{.metadata.name}'); do
	kubectl --namespace khocr-system rollout status --timeout=180s "deployment/$deployment" || {
		kubectl --namespace khocr-system get pods
		die "$deployment is not ready; kubectl --namespace khocr-system describe pods tells why"
	}
done
