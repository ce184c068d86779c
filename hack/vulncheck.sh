#!/usr/bin/env bash
# Looks up what modules of this checkout use in Go's database of vulnerabilities, and names what is reached by their code.
# Usage: vulncheck.sh MODULE...    folders of modules
# GOVULNDB names another database than https://vuln.go.dev, such as a copy of it, file:///srv/vulndb.
# Ends with 3 where something is vulnerable. Ends with 69 where the database is out of reach: nothing was checked then.
set -euo pipefail
cd "$(dirname "$0")/.."

database="${GOVULNDB:-https://vuln.go.dev}"
if ! problem="$(curl --fail --silent --show-error --location --max-time 30 --output /dev/null "$database/index/modules.json" 2>&1)"; then
	printf 'NOT CHECKED: the database of vulnerabilities at %s is out of reach (%s).\nName a copy of it by GOVULNDB.\n' "$database" "$problem" >&2
	exit 69
fi

govulncheck="$(go tool -modfile=hack/tools/go.mod -n govulncheck)"
found=0
for module in "$@"; do
	echo "$module:"
	status=0
	"$govulncheck" -C "$module" -db "$database" ./... || status=$?
	case $status in
	0) ;;
	3) found=3 ;;
	*) exit "$status" ;;
	esac
done
exit "$found"
