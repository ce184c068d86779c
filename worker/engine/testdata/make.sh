#!/bin/sh
# Makes the images beside it anew from three lines of a test document: one of each kind that can be sent. Needs, from
# Debian: python3-pil libtiff-tools imagemagick.
set -eu
cd "$(dirname "$0")"
/usr/bin/python3 - <<'PYTHON'
from PIL import Image
source = Image.open("../../../test/testdata/image.png").convert("L").crop((0, 300, 800, 534))
colours, inked, where = source.convert("RGB"), source.point(lambda v: 255 - v), {"dpi": (200, 200)}
black = source.point(lambda v: 255 if v > 128 else 0).convert("1")
colours.convert("CMYK").save("cmyk.jpg", quality=25, **where)
source.save("progressive.jpg", quality=25, progressive=True, **where)
for orientation, turn in {3: Image.ROTATE_180, 5: Image.TRANSPOSE, 6: Image.ROTATE_90,
                          8: Image.ROTATE_270}.items():
    exif = Image.Exif()
    exif[0x0112] = orientation
    source.transpose(turn).save(f"orientation{orientation}.jpg", quality=25, exif=exif, **where)
colours.quantize(8).save("palette.png", **where)
black.save("bilevel.png", **where)
Image.merge("LA", (Image.new("L", source.size, 0), inked.quantize(8).convert("L"))).save("alpha.png", **where)
black.save("g4.tiff", compression="group4", save_all=True, append_images=[black.transpose(Image.ROTATE_180), black], **where)
colours.quantize(8).convert("RGB").save("lzw.tiff", compression="tiff_lzw", **where)
source.quantize(8).save("palette.tiff", compression="tiff_lzw", **where)
source.save("jpeg.tiff", compression="jpeg", quality=25, **where)
PYTHON
convert palette.png -strip -density 200 -units PixelsPerInch -colorspace Gray -depth 16 -define png:bit-depth=16 -define png:color-type=0 grey16.png
convert palette.png -strip -density 200 -units PixelsPerInch -interlace PNG interlaced.png
tiffcp -t -w 256 -l 256 -c lzw lzw.tiff tiles.tiff
tiffcp -B -r 64 -c lzw:2 lzw.tiff big-endian.tiff
tiffcp -t -w 256 -l 256 -c jpeg:40 lzw.tiff jpeg-tiles.tiff
tiffcp -f lsb2msb -c g4 g4.tiff reversed.tiff
tiffcp -c g3:2d g4.tiff g3.tiff
