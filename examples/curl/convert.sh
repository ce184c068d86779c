#!/usr/bin/env bash
# Converts one document: hands it in, waits for its end, and leaves NAME.docx and NAME.json in this folder.
# Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... convert.sh FILE
set -euo pipefail

file=${1:?usage: convert.sh FILE}
name=$(basename "${file%.*}")
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# api makes a request whose answer is left in $answer. A refusal is told in both languages, and ends the program.
# The key is no argument of curl, where everybody on the machine would see it.
api() {
	curl --silent --show-error --fail-with-body --retry 5 --retry-max-time 300 --output "$answer" \
		--header @<(printf 'X-API-Key: %s' "$KHOCR_API_KEY") "$@" && return
	jq --raw-output '"\(.code): \(.detail)\n\(.message_km)៖ \(.detail_km)"' "$answer" >&2 || true
	exit 1
}

# quoted is the name of a file as --form takes it, with whatever stands in it.
quoted() {
	local name=${1//\\/\\\\}
	printf '"%s"' "${name//\"/\\\"}"
}

api "$KHOCR_URL/api/v1/convert" --form "file=@$(quoted "$file")" --form output_format=docx
job=$(jq --raw-output .job_id "$answer")
echo "Job ID: $job"

status=QUEUED
until [[ $status =~ ^(COMPLETED|FAILED|CANCELLED)$ ]]; do
	# The answer comes when the job has ended, and after a minute at the latest.
	api "$KHOCR_URL/api/v1/jobs/$job?wait=60s"
	status=$(jq --raw-output .status "$answer")
done
if [[ $status != COMPLETED ]]; then
	jq --raw-output '"\(.status): \(.error.message // "")\n\(.error.message_km // "")"' "$answer" >&2
	exit 1
fi

for format in docx json; do
	api "$KHOCR_URL/api/v1/jobs/$job/result?format=$format"
	cp "$answer" "$name.$format"
	echo "$name.$format"
done
