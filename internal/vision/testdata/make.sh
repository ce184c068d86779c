#!/bin/sh
# Makes pages/ and the truth of its tables and columns anew, with the engine in bin/: see `make build`. Needs, from Debian:
# python3-gi python3-gi-cairo python3-cairo gir1.2-pango-1.0 python3-pil fonts-khmeros fonts-dejavu-core.
set -eu
cd "$(dirname "$0")"
exec /usr/bin/python3 make.py
