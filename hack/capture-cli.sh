#!/usr/bin/env bash
# Records what a terminal shows while `khocr convert` converts a folder, is interrupted, and goes on.
# Usage: capture-cli.sh FILE [LANGUAGE]    in en, or km
# The platform is that of KHOCR_URL, used with KHOCR_API_KEY. DOCUMENTS is the folder; test/testdata if it is not set.
set -euo pipefail
cd "$(dirname "$0")/.."

capture="${1:?usage: capture-cli.sh FILE [LANGUAGE]}"
language="${2:-en}"
: "${KHOCR_URL:?names no platform}" "${KHOCR_API_KEY:?is no key}"
documents="${DOCUMENTS:-test/testdata}"

command -v tmux >/dev/null || { echo "tmux is not installed: make packages" >&2; exit 1; }
[[ -x bin/khocr ]] || { echo "bin/khocr is not there: make build" >&2; exit 1; }

work="$(mktemp -d)"
socket="$work/tmux"
screen() { tmux -S "$socket" "$@"; }
finish() {
	screen kill-server 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT

mkdir "$work/scans" "$work/bin"
find "$documents" -maxdepth 1 -type f \( -name '*.pdf' -o -name '*.png' -o -name '*.jpg' -o -name '*.tiff' \) \
	! -name 'crash*' ! -name 'hang*' -exec cp {} "$work/scans" \;
cp bin/khocr "$work/bin/khocr"

# wait_for PATTERN: until the screen shows it.
wait_for() {
	local tries
	for ((tries = 0; tries < 3000; tries++)); do
		if screen capture-pane -p -t cli -S - | grep --quiet --extended-regexp -- "$1"; then return; fi
		sleep 0.1
	done
	echo "The screen never showed $1:" >&2
	screen capture-pane -p -t cli -S - >&2
	exit 1
}

# shot TITLE: what is on the screen, with all that has left it at the top.
shot() {
	{
		printf '### %s\n\n' "$1"
		screen capture-pane -p -t cli -S - | sed -e 's/[[:space:]]*$//' | awk 'NF { for (; blank > 0; blank--) print ""; print; next } { blank++ }'
		echo
	} >>"$work/capture"
}

# The key is in the environment of the shell, and never on the screen.
export KHOCR_URL KHOCR_API_KEY XDG_STATE_HOME="$work/state" PATH="$work/bin:$PATH" LC_ALL=C.UTF-8
screen -u -f /dev/null new-session -d -s cli -x 120 -y 40 -c "$work" "env PS1='\$ ' bash --norc --noprofile"
wait_for '^\$'
command="khocr convert scans --format docx --out results --lang $language"

screen send-keys -t cli "$command" Enter
wait_for '(done|រួចរាល់)[:៖] '
shot "At work"
screen send-keys -t cli C-c
wait_for '(goes on where it stopped|បន្តពីកន្លែងដែលបានឈប់)'
wait_for '^\$ *$'
shot "Interrupted"
screen send-keys -t cli clear Enter
screen clear-history -t cli
screen send-keys -t cli "$command" Enter
wait_for '^khocr: .*( left|នៅសល់ [0-9]+)'
shot "Gone on with"
cp "$work/capture" "$capture"
