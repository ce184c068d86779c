#!/usr/bin/env bash
# Backs up what khocr on the cluster of KUBECONFIG keeps, but for Secrets, into a file that only you may read. All goes on.
# Usage: backup.sh FILE [FLAG...]    flags of `apigateway backup`, such as --store=URL
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

[[ -n ${KUBECONFIG:-} ]] || die "name the cluster: make backup KUBECONFIG=FILE FILE=khocr.tar.gz"
[[ -n ${1:-} ]] || die "name the file: make backup FILE=khocr.tar.gz"
umask 077
# What has the name is whole.
trap 'rm -f "$1.part"' EXIT
kubectl --namespace khocr-system exec deployment/khocr-gateway -- /usr/local/bin/apigateway backup "${@:2}" >"$1.part"
gzip --test "$1.part" || die "the connection to the gateway has lost the end of the backup: try again"
mv "$1.part" "$1"
