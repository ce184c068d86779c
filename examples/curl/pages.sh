#!/usr/bin/env bash
# Prints the text of a document page after page, while the others are still being read.
# Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... pages.sh FILE
set -euo pipefail

file=${1:?usage: pages.sh FILE}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

request() {
	curl --silent --show-error --fail-with-body --header @<(printf 'X-API-Key: %s' "$KHOCR_API_KEY") "$@"
}

# quoted is the name of a file as --form takes it, with whatever stands in it.
quoted() {
	local name=${1//\\/\\\\}
	printf '"%s"' "${name//\"/\\\"}"
}

# page prints a page; it fails while the page is not there yet.
page() {
	request --output "$answer" "$KHOCR_URL/api/v1/jobs/$job/pages/$1" 2>/dev/null &&
		jq --raw-output '"--- page \(.page)", .text' "$answer"
}

if ! request --output "$answer" "$KHOCR_URL/api/v1/convert" --form "file=@$(quoted "$file")"; then
	jq --raw-output '"\(.code): \(.detail)\n\(.message_km)៖ \(.detail_km)"' "$answer" >&2 || true
	exit 1
fi
job=$(jq --raw-output .job_id "$answer")

# Each event tells how the job stands; the stream closes after the last one.
next=1
status=
while IFS= read -r line; do
	[[ $line == data:* ]] || continue
	status=$(jq --raw-output .status <<<"${line#data:}")
	while page "$next"; do next=$((next + 1)); done
done < <(request --no-buffer "$KHOCR_URL/api/v1/jobs/$job/events")
if [[ $status != COMPLETED ]]; then
	echo "the job is ${status:-unknown}" >&2
	exit 1
fi
