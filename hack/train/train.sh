#!/bin/bash
# Trains khocr's recogniser.
#
#   train.sh --data DIR [--work DIR] [--pages N] [--lines N] [--from TRAINEDDATA] [--width N] [--rates LIST] [--seed N]
#
# DIR holds corpus/ and train/ (see pages.py). --pages are made to learn from (12000), --lines are learned (130000, which is
# each once; both cores of a small machine do some 30 a second). --from is the model to begin with: Debian's of the Khmer
# script, or an earlier result, whose training it goes on with. --width widens the last LSTM of its network to so many outputs.
# --rates are the learning rates, of as many stages. --work (.local/train) holds pages, lines and checkpoints: called again
# after an interruption it goes on where it stood. The result is WORK/khocr.traineddata. Ten minutes suffice to try: --pages 500
# --lines 9000.
set -euo pipefail
cd "$(dirname "$0")/../.."

data='' work=.local/train pages=12000 lines=130000 width=0 rates='0.0007 0.0007 0.0003 0.0001' seed=1
from=/usr/share/tesseract-ocr/5/tessdata/Khmer.traineddata
while [ $# -gt 0 ]; do
	case $1 in
	--data | --work | --pages | --lines | --from | --width | --rates | --seed) declare "${1#--}=$2"; shift 2 ;;
	*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
	esac
done
[[ -d $data/corpus ]] || { echo "train.sh: --data must name a folder that has corpus/ and train/" >&2; exit 2; }
read -ra stages <<< "$rates"
learners=2
if [[ ! "$pages $lines $width $seed" =~ ^[1-9][0-9]*\ [1-9][0-9]*\ [0-9]+\ [0-9]+$ || ! "$rates " =~ ^((0?\.[0-9]+)\ +)+$ ]] ||
	((lines < 100 * learners * ${#stages[@]})); then
	echo "train.sh: --pages, --lines, --width and --seed must be whole numbers, --rates parts of one, and each stage has at least 100 lines for each of $learners learners" >&2
	exit 2
fi

# Whatever still runs of a call before holds the lock, too.
mkdir -p "$work"
exec 9> "$work/lock"
flock --nonblock 9 || { echo "train.sh: $work is in use" >&2; exit 1; }
settings="--pages $pages --lines $lines --width $width --rates '$rates' --seed $seed --from $(cksum < "$from")"
[ -f "$work/settings" ] || echo "$settings" > "$work/settings"
[ "$settings" = "$(cat "$work/settings")" ] || {
	echo "train.sh: $work is of another training: $(cat "$work/settings"), not $settings" >&2
	exit 1
}

# A second thread gains a third, a second learner more. What comes out depends on how many there are.
export OMP_THREAD_LIMIT=1
go build -o "$work/train" ./hack/train
[ -d "$work/base" ] || {
	rm -rf "$work/base.new"
	"$work/train" base --from "$from" --width "$width" --out "$work/base.new"
	mv "$work/base.new" "$work/base"
}

[ -d "$work/limon" ] || {
	rm -rf "$work/limon.new"
	"$work/train" limon --data "$data" --out "$work/limon.new"
	mv "$work/limon.new" "$work/limon"
}

# cut FOLDER PAGES...: makes the pages that pages.py is told, and FOLDER with their lines, unless it is there. Their images take a
# hundred times the room of the lines.
cut() {
	local lined=$1
	[ -d "$lined" ] && return
	rm -rf "$work/pages" "$lined.new"
	/usr/bin/python3 hack/train/pages.py --data "$data" --limon "$work/limon" --out "$work/pages" "${@:2}"
	"$work/train" lines --pages "$work/pages" --out "$lined.new"
	mv "$lined.new" "$lined"
	rm -rf "$work/pages"
}
batch=500
for ((first = 0; first < pages; first += batch)); do
	cut "$work/lines/$(printf %05d "$first")" --seed "$seed" --from "$first" --to $((first + batch < pages ? first + batch : pages))
done
# Each learner of each stage has lines of its own.
find "$work/lines" -name '*.lstmf' -not -path '*.new/*' | LC_ALL=C sort |
	split --number "r/$((learners * ${#stages[@]}))" --suffix-length 3 --numeric-suffixes - "$work/list-"
# Lines of text that is never learned, in the same styles, tell which state is the best.
cut "$work/unseen" --seed "unseen $seed" --to 120 --held-back
find "$work/unseen" -name '*.lstmf' | sort > "$work/unseen.list"

# finish NETWORK NAME: makes NAME.traineddata of it, with weights of 8 bits.
finish() {
	lstmtraining --stop_training --convert_to_int --continue_from "$1" --traineddata "$work/base/khocr.traineddata" --model_output "$2.new"
	mv "$2.new" "$2.traineddata"
}

# learn STAGE RATE: learns lines at a learning rate, or what is left of them. All learners begin where the stage before ended; it
# ends with the mean of what they became.
learn() {
	local stage=$work/stage-$1 rate=$2 start=("${last[@]}") i
	last=(--continue_from "$stage/mean.lstm")
	[ -f "$stage/mean.traineddata" ] && return
	mkdir -p "$stage"
	for ((i = 0; i < learners; i++)); do
		# Its own checkpoint, which the trainer finds by itself, comes before what it is told to continue from.
		lstmtraining "${start[@]}" --reset_learning_rate --traineddata "$work/base/khocr.traineddata" --model_output "$stage/learner-$i" \
			--train_listfile "$work/list-$(printf %03d $((($1 - 1) * learners + i)))" --learning_rate "$rate" \
			--max_iterations $((lines / learners / ${#stages[@]})) &>> "$stage/learner-$i.log" &
	done
	for ((i = 0; i < learners; i++)); do
		wait -n || { tail "$stage"/*.log >&2; exit 1; }
	done
	for ((i = 0; i < learners; i++)); do
		finish "$stage/learner-${i}_checkpoint" "$stage/learner-$i"
	done
	"$work/train" mean --out "$stage/mean.lstm" "$stage"/learner-*.traineddata
	find "$stage" -name 'learner-*_[0-9]*' -delete
	{ echo "stage $rate $learners"; grep '^At iteration' "$stage/learner-0.log" || true; } > "$stage/log"
	finish "$stage/mean.lstm" "$stage/mean"
}
trap 'jobs -p | xargs --no-run-if-empty kill 2> /dev/null || true' EXIT
last=(--continue_from "$work/base/base.lstm" --old_traineddata "$work/base/base.traineddata")
for i in "${!stages[@]}"; do
	echo "Learning at ${stages[i]}, stage $((i + 1)) of ${#stages[@]}"
	learn $((i + 1)) "${stages[i]}"
	tail -n 1 "$work/stage-$((i + 1))/log"
done
cat "$work"/stage-*/log > "$work/log"

# The state that reads unseen text best, which is not always the last.
for i in "${!stages[@]}"; do
	state=$work/stage-$((i + 1))/mean.traineddata
	wrong=$(lstmeval --model "$state" --eval_listfile "$work/unseen.list" 2>&1 | sed -n 's/.*BCER eval=\([0-9.]*\).*/\1/p')
	[ -n "$wrong" ] || { echo "train.sh: $state cannot be evaluated" >&2; exit 1; }
	echo "$wrong $state"
done | sort -n | tee "$work/states"
read -r wrong state < "$work/states"
cp "$state" "$work/khocr.new"
mv "$work/khocr.new" "$work/khocr.traineddata"
echo "$work/khocr.traineddata: $wrong % of the characters of unseen text are wrong"
