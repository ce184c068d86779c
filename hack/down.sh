#!/usr/bin/env bash
# Removes every local cluster of this checkout, with what it stored, and .local. Compiled programs stay.
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/lib.sh

shopt -s nullglob
for settings in .local/*/cluster.json; do
	need_root down
	[[ -x bin/localcluster ]] || CGO_ENABLED=0 go build -C hack/localcluster -o "$PWD/bin/localcluster" .
	bin/localcluster down --dir "$(dirname "$settings")"
done
rm -rf .local
