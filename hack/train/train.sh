#!/bin/bash
# Trains khocr's recogniser.
#
#   train.sh --data DIR [--work DIR] [--pages N] [--lines N] [--from TRAINEDDATA] [--width N] [--seed N]
#
# DIR holds corpus/ and train/ (see pages.py). --pages are made to learn from (12000), --lines are learned (400000; both cores
# of a small machine do some 27 a second). --from is the model to begin with: Debian's of the Khmer script, or an earlier
# result, whose training it goes on with. --width widens the last LSTM of its network to so many outputs. --work (.local/train) holds
# pages, lines and checkpoints: called again after an interruption it goes on where it stood. The result is WORK/khocr.traineddata.
# Ten minutes suffice to try: --pages 500 --lines 9000.
set -euo pipefail
cd "$(dirname "$0")/../.."

data='' work=.local/train pages=12000 lines=400000 from=/usr/share/tesseract-ocr/5/tessdata/Khmer.traineddata width=0 seed=1
while [ $# -gt 0 ]; do
	case $1 in
	--data | --work | --pages | --lines | --from | --width | --seed) declare "${1#--}=$2"; shift 2 ;;
	*) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
	esac
done
[[ -d $data/corpus ]] || { echo "train.sh: --data must name a folder that has corpus/ and train/" >&2; exit 2; }
mkdir -p "$work"

# A second thread gains a third, more gain nothing. Threads that sleep while they wait (OMP_WAIT_POLICY=passive) cost three quarters.
export OMP_THREAD_LIMIT=2
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
find "$work/lines" -name '*.lstmf' | sort > "$work/list"
# Lines of text that is never learned, in the same styles, tell which state is the best.
cut "$work/unseen" --seed "unseen $seed" --to 120 --held-back
find "$work/unseen" -name '*.lstmf' | sort > "$work/unseen.list"

# learn STAGE PERCENT RATE: learns a part of the lines at a learning rate, or what is left of it.
learn() {
	local stage=$work/stage-$1 rate=$3 count=$((lines * $2 / 100))
	[ -f "$stage/done" ] && { last=$stage/m_checkpoint; return; }
	mkdir -p "$stage"
	echo "stage $rate" >> "$work/log"
	local start=(--continue_from "$work/base/base.lstm" --old_traineddata "$work/base/base.traineddata" --reset_learning_rate)
	[ -n "$last" ] && start=(--continue_from "$last" --reset_learning_rate)
	# Its own checkpoint, which the trainer finds by itself, comes before what it is told to continue from.
	lstmtraining "${start[@]}" --traineddata "$work/base/khocr.traineddata" --model_output "$stage/m" --train_listfile "$work/list" \
		--learning_rate "$rate" --max_iterations "$count" 2>&1 | tee -a "$work/log" | { grep --line-buffered '^At iteration' || true; }
	find "$stage" -name 'm_[0-9]*' -delete
	touch "$stage/done"
	last=$stage/m_checkpoint
}
last=''
learn 1 50 0.0007
learn 2 30 0.0003
learn 3 20 0.0001

# finish NETWORK NAME: makes WORK/NAME.traineddata of it, with weights of 8 bits.
finish() {
	lstmtraining --stop_training --convert_to_int --continue_from "$1" --traineddata "$work/base/khocr.traineddata" --model_output "$work/$2.traineddata"
}
for stage in 1 2 3; do
	finish "$work/stage-$stage/m_checkpoint" "stage-$stage"
done
"$work/train" mean --out "$work/mean.lstm" "$work/stage-2.traineddata" "$work/stage-3.traineddata"
finish "$work/mean.lstm" mean

# The state that reads unseen text best, which is not always the last.
for state in stage-1 stage-2 stage-3 mean; do
	echo "$(lstmeval --model "$work/$state.traineddata" --eval_listfile "$work/unseen.list" 2>&1 | sed -n 's/.*BCER eval=\([0-9.]*\).*/\1/p') $state"
done | sort -n | tee "$work/states"
best=$(head -1 "$work/states")
cp "$work/${best#* }.traineddata" "$work/khocr.traineddata"
echo "$work/khocr.traineddata: ${best% *} % of the characters of unseen text are wrong"
