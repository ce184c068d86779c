#!/usr/bin/env bash
# Fails when generated files are not what their sources generate, and names them. Works in a dirty tree too: it
# compares with what lies there, not with the last commit.
set -euo pipefail
cd "$(dirname "$0")/.."

generated=(api config/crd/bases config/rbac/role.yaml config/monitoring/prometheus_rule.yaml client)
before="$(mktemp -d)"
trap 'rm -rf "$before"' EXIT
cp --parents -r "${generated[@]}" "$before"

make --no-print-directory generate

stale=0
for path in "${generated[@]}"; do
	diff --recursive --brief "$before/$path" "$path" || stale=1
done
if [[ $stale -ne 0 ]]; then
	echo "Generated files were out of date. They are right now: commit them." >&2
	exit 1
fi
