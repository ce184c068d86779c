#!/usr/bin/env bash
# Puts the trained data that the engine is shipped with into a folder: khocr's own, and links to Debian's.
# Usage: tessdata.sh FOLDER
set -euo pipefail

folder=$1
debian=/usr/share/tesseract-ocr/5/tessdata
mkdir -p "$folder/script"
ln -sfr "$(dirname "$0")/../worker/tessdata/khocr.traineddata" "$folder/"
ln -sf "$debian/eng.traineddata" "$debian/khm.traineddata" "$folder/"
ln -sf "$debian/Khmer.traineddata" "$folder/script/"
