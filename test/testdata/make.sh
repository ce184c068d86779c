#!/bin/sh
# Makes the test documents beside it anew: byte for byte the same with the same versions of the tools. Needs, from Debian:
# python3-gi python3-gi-cairo python3-cairo gir1.2-pango-1.0 python3-pil fonts-khmeros fonts-dejavu-core qpdf.
set -eu
cd "$(dirname "$0")"
exec /usr/bin/python3 make.py
