#!/usr/bin/env bash
# Makes the PrometheusRule of the Prometheus Operator out of the rules for Prometheus itself, on standard output.
set -euo pipefail
cd "$(dirname "$0")/.."

cat <<'HEAD'
# Made of rules.yaml by `make generate`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: khocr
  namespace: khocr-system
  labels: {app.kubernetes.io/name: khocr}
spec:
HEAD
grep -v '^#' config/monitoring/rules.yaml | sed 's/^/  /'
