#!/usr/bin/env bash
# Converts every PDF of a folder to Word, each beside its document. A file that fails holds up no other. Run again it goes on:
# what is there is not fetched again, and a document that was handed in is not read a second time.
# Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... folder.sh FOLDER
set -euo pipefail
shopt -s nullglob

folder=${1:?usage: folder.sh FOLDER}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# api makes a request whose answer is left in $answer. A refusal is told in both languages. curl waits as long as the API asks
# for, unless that is more than five minutes: a month that is used up is not waited for.
api() {
	curl --silent --show-error --fail-with-body --retry 20 --retry-max-time 300 --output "$answer" \
		--header @<(printf 'X-API-Key: %s' "$KHOCR_API_KEY") "$@" && return
	jq --raw-output '"\(.code): \(.detail)\n\(.message_km)៖ \(.detail_km)"' "$answer" >&2 || true
	return 1
}

# quoted is the name of a file as --form takes it, with whatever stands in it.
quoted() {
	local name=${1//\\/\\\\}
	printf '"%s"' "${name//\"/\\\"}"
}

# fetch waits for the end of a job, and writes its result: whole, or under no name that counts.
fetch() {
	local job=$1 out=$2 status=QUEUED
	until [[ $status =~ ^(COMPLETED|FAILED|CANCELLED)$ ]]; do
		api "$KHOCR_URL/api/v1/jobs/$job?wait=60s" || return
		status=$(jq --raw-output .status "$answer")
	done
	if [[ $status != COMPLETED ]]; then
		jq --raw-output '"\(.error.message // .status)\n\(.error.message_km // "")"' "$answer" >&2
		return 1
	fi
	api "$KHOCR_URL/api/v1/jobs/$job/result?format=docx" && cp "$answer" "$out.part" && mv "$out.part" "$out"
}

# All are handed in first: the platform works on as many at once as the plan allows.
declare -A jobs
failed=0
for file in "$folder"/*.pdf; do
	[[ -e ${file%.pdf}.docx ]] && continue
	read -r digest _ < <(sha256sum <"$file")
	if api "$KHOCR_URL/api/v1/convert" --form "file=@$(quoted "$file")" --form output_format=docx --header "Idempotency-Key: $digest"; then
		jobs[$file]=$(jq --raw-output .job_id "$answer")
	else
		echo "$file: failed" >&2
		failed=1
	fi
done
for file in "${!jobs[@]}"; do
	if fetch "${jobs[$file]}" "${file%.pdf}.docx"; then
		echo "${file%.pdf}.docx"
	else
		echo "$file: failed" >&2
		failed=1
	fi
done
exit "$failed"
