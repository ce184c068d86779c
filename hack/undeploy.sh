#!/usr/bin/env bash
# Removes khocr from the cluster of KUBECONFIG, with all jobs, organizations and documents. The manager goes last: it alone
# can settle what jobs and organizations have left in the ledger, and take their finalizers off.
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

# Nobody means the cluster that happens to be the current one.
[[ -n ${KUBECONFIG:-} ]] || die "name the cluster: make undeploy KUBECONFIG=FILE"

served() { kubectl get crd "$1.ocr.openplp.com" >/dev/null 2>&1; }

# No new work comes in while the old is drained.
kubectl --namespace khocr-system scale deployment khocr-gateway --replicas=0 2>/dev/null || true
if served ocrjobs; then
	kubectl delete ocrjobs --all --all-namespaces --timeout=300s
fi
if served organizations; then
	kubectl delete organizations --all --timeout=300s
fi

base=config/default
kubectl get namespace khocr-samples >/dev/null 2>&1 && base=config/local
kubectl delete --kustomize "$base" --ignore-not-found --timeout=300s
