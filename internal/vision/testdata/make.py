"""Draws the pages of truth/ in many conditions, has the engine read them, and keeps what it read in pages/. Run by make.sh.

The texts are ours. A line of a file is a printed line; tables and columns are drawn from the lists below, and their truth is written too.
"""
import json
import os
import pathlib
import random
import subprocess
import tempfile

import cairo
import gi

gi.require_version("Pango", "1.0")
gi.require_version("PangoCairo", "1.0")
from gi.repository import Pango, PangoCairo
from PIL import Image, ImageFilter

ROOT = pathlib.Path(__file__).resolve().parents[3]
DPI = 150
WIDTH, HEIGHT = 1240, 1754

TABLE = [
    ["ល.រ", "ឈ្មោះសៀវភៅ", "ចំនួន", "តម្លៃ"],
    ["១", "រឿងព្រេងខ្មែរ", "២៥", "១២០០០"],
    ["២", "វចនានុក្រម", "៨", "៤៥០០០"],
    ["៣", "ប្រវត្តិវិទ្យា", "១៤", "១៨៥០០"],
    ["៤", "ភូមិវិទ្យា", "៣០", "១៥០០០"],
    ["៥", "គណិតវិទ្យា", "៤២", "៩៥០០"],
    ["៦", "កសិកម្ម", "១១", "២១០០០"],
    ["", "សរុប", "១៣០", "១២១០០០"],
]
DIGITS = [
    ["2025-01-03", "1,250.00", "318.40"], ["2025-01-09", "740.50", "1,058.90"], ["2025-01-14", "96.15", "962.75"],
    ["2025-01-22", "2,300.00", "3,262.75"], ["2025-02-01", "415.80", "2,846.95"], ["2025-02-11", "68.25", "2,778.70"],
    ["2025-02-19", "1,900.00", "878.70"], ["2025-02-27", "533.35", "345.35"],
]


def text(context, at, words, size=12):
    layout = PangoCairo.create_layout(context)
    PangoCairo.context_set_resolution(layout.get_context(), 72)
    layout.set_font_description(Pango.FontDescription(f"Khmer OS Battambang, DejaVu Sans {size}"))
    layout.set_text(words, -1)
    context.move_to(*at)
    PangoCairo.show_layout(context, layout)
    return layout.get_pixel_size()[1]


def drawn(draw):
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, WIDTH, HEIGHT)
    context = cairo.Context(surface)
    context.set_source_rgb(1, 1, 1)
    context.paint()
    context.set_source_rgb(0, 0, 0)
    context.scale(DPI / 72, DPI / 72)
    draw(context)
    surface.flush()
    return Image.frombuffer("RGBA", (WIDTH, HEIGHT), bytes(surface.get_data()), "raw", "BGRA", surface.get_stride(), 1).convert("L")


def running(lines, left=62.0, size=12):
    def draw(context):
        y = 70.0
        for line in lines:
            y += text(context, (left, y), line, size)
    return draw


def cells(rows, places, pitch=30):
    def draw(context):
        for i, row in enumerate(rows):
            for place, cell in zip(places, row):
                text(context, (place, 80 + pitch * i), cell)
    return draw


def columns(left, right):
    def draw(context):
        running(left, 50, 10)(context)
        running(right, 310, 10)(context)
    return draw


def worn(image, blur, noise, seed):
    """The image as a bad copy: soft, and with spots."""
    image = image.filter(ImageFilter.GaussianBlur(blur))
    source = random.Random(seed)
    pixels = bytearray(image.tobytes())
    for i in range(len(pixels)):
        pixels[i] = min(255, max(0, int(pixels[i] + source.gauss(0, noise))))
    return Image.frombytes("L", image.size, bytes(pixels))


class Engine:
    """The engine, asked by the protocol of worker/wire."""

    def read(self, image):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in ("results", "work"):
                (folder / name).mkdir()
            image.save(folder / "page.png", dpi=(DPI, DPI))
            ask, asked = os.pipe(), os.pipe()
            def descriptors():
                os.dup2(ask[0], 103), os.dup2(asked[1], 104)
                os.dup2(103, 3), os.dup2(104, 4)
            environment = {**os.environ, "TESSDATA_PREFIX": str(ROOT / "bin/tessdata"), "OMP_THREAD_LIMIT": "1"}
            engine = subprocess.Popen([ROOT / "bin/engine"], preexec_fn=descriptors, close_fds=False, env=environment)
            os.close(ask[0]), os.close(asked[1])
            answers = os.fdopen(asked[0])
            def order(what):
                os.write(ask[1], json.dumps(what).encode() + b"\n")
                return json.loads(answers.readline())
            order({"open": {"path": str(folder / "page.png"), "results": str(folder / "results"), "work": str(folder / "work"), "max_file_bytes": 1 << 30}})
            answer = order({"page": {"number": 1, "mode": "auto", "correct": True, "trained_data": "khocr", "model": "khmer"}})
            os.close(ask[1])
            engine.wait()
            return answer["page"]


def keep(name, image):
    page = Engine().read(image)
    page["ms"], page["processed_at"] = 0, "2026-01-01T00:00:00Z"
    with open(f"pages/{name}.json", "w", encoding="utf-8") as file:
        json.dump(page, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")
    print(name, page["confidence"], len(page["lines"]))


def write(name, lines):
    with open(f"truth/{name}.txt", "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in lines))


def main():
    os.chdir(pathlib.Path(__file__).parent)
    sentences = (ROOT / "test/testdata/sentences.txt").read_text(encoding="utf-8").splitlines()
    left, right = sentences[:12], sentences[12:24]
    write("table", [" ".join(filter(None, row)) for row in TABLE])
    write("digits", [" ".join(row) for row in DIGITS])
    write("columns", left + right)
    pages = {
        "table": cells(TABLE, (70, 130, 320, 430)), "digits": cells(DIGITS, (80, 220, 360), 24), "columns": columns(left, right),
    }
    for name in ("letter", "dense", "short", "mixed", "english", "instruction", "apology", "list"):
        pages[name] = running(pathlib.Path(f"truth/{name}.txt").read_text(encoding="utf-8").splitlines())
    images = {name: drawn(draw) for name, draw in pages.items()}
    for name, image in images.items():
        keep(name, image)
    for condition, blur, noise, names in (
        ("worn", 1.0, 30, ("letter", "dense", "table", "mixed", "digits", "columns")),
        ("poor", 1.3, 40, ("letter", "dense", "table")),
        ("lost", 2.2, 60, ("letter", "table")),
    ):
        for seed, name in enumerate(names):
            keep(f"{name}-{condition}", worn(images[name], blur, noise, seed))


main()
