#!/usr/bin/env python3
"""Makes pages to learn from: NAME.png and NAME.tsv, which has a line of the page a line, its width in pixels (0 where it is
not known) and its text.

Two thirds of them are drawn: text of corpora, rare words, numbers, forms and Latin, in the Khmer fonts that are installed and,
where their folder is given, in those of Limon, in which most Cambodian laws are printed. The others are pages of PDFs whose
text is known. Each is then printed, scanned, faxed or photographed, so to speak. A page depends on the seed and its number
alone. Some show nothing to read, so that dirt and pictures are not taken for text.

A twentieth of all text is never learned: --held-back makes pages of that. To measure with, --measure makes NAME.png and NAME.txt of
it: clean pages, each in a font of its own (fonts), of Latin, numbers and both scripts in a line (mixed); or pages that show
nothing to read, and an empty text (nothing).

usage: pages.py --data DIR --out DIR [--from N] [--to N] [--seed N] [--jobs N] [--faces PATTERN] [--limon DIR]
                [--held-back] [--measure fonts|mixed|nothing]

DIR has corpus/*.txt (text, or a word and a tab) and train/NAME.pdf with train/NAME-pNNN.txt.
Needs Pillow with raqm, numpy, fontTools, fontconfig and poppler's pdftoppm.
"""
import argparse
import collections
import glob
import io
import logging
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import zlib

from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

import limon
import nothing
import phrases
from wear import wear

LATIN = ['Liberation Serif', 'Liberation Sans', 'Liberation Mono', 'DejaVu Serif', 'DejaVu Sans', 'FreeSerif', 'FreeSans']

# The part of the drawn pages that are in Limon, where its faces are at hand.
IN_LIMON = 1 / 3

# What stands for a line that shows no text, on a page of such lines.
NO_TEXT = '\ufffc'

# The part of all pages that show nothing to read, or stand on their head or side.
NOTHING = 0.06

# A syllable as it may be printed: a letter, subscripts, a shifter, a vowel, signs. Anything else of Khmer is a slip of the typist.
SYLLABLE = re.compile(
    '[\u1780-\u17b3]\u17cc?(?:\u17d2[\u1780-\u17b3]){0,2}[\u17c9\u17ca]?[\u17b6-\u17c5]?[\u17c6\u17cb\u17cd-\u17d1\u17dd]?[\u17c6\u17c7\u17c8]?')
UNIT = re.compile(SYLLABLE.pattern + '|.')
KHMER = re.compile('[\u1780-\u17ff]')
# A letter, a subscript that may be typed last, and a vowel above.
SUBSCRIPT_AND_VOWEL = re.compile('[\u1780-\u17a2]\u17d2[\u1780-\u1799\u179b-\u17a2][\u17b7-\u17ba]')
# What leads from a title to its page: nobody counts the dots.
LEADER = re.compile(r'([^\w\s])\1{3}')
# What is drawn in one type.
RUN = re.compile('[\x21-\x7e]+|[^\x21-\x7e]+')
# What the tables of fonts say of the places of marks, and of forms that depend on neighbours (OpenType).
MARKS = ['mark', 'mkmk', 'abvm', 'blwm', 'pres', 'abvs', 'blws', 'psts', 'clig', 'liga']
# The marks that are wrong where no syllable holds them.
MARK = re.compile('[\u17b4-\u17d3\u17dd]')


def units(text):
    """Pieces of text between which a line may end, or none if it holds what cannot be printed."""
    found = UNIT.findall(text)
    return [] if any(MARK.match(unit) for unit in found) else found


def is_held_back(text):
    """Whether a line of a corpus, or a page of a PDF, is never learned."""
    return zlib.crc32(text.encode()) % 20 == 0


class Corpus:
    """Text to draw, all that is held back or all else."""

    def __init__(self, folder, held_back):
        self.held_back = held_back
        self.prose, words = [], set()
        for path in sorted(glob.glob(os.path.join(folder, 'corpus', '*.txt'))):
            with open(path, encoding='utf-8-sig') as file:
                for line in file:
                    text, tab, _ = line.partition('\t')
                    if tab:
                        words.add(text.strip())
                    else:
                        self.add(line)
        for _, _, text in sources(folder):
            self.add(text)
        for line in self.prose:
            words.update(word for word in line if KHMER.match(word))
        # A word for each letter with its subscripts, and for each syllable, however rare.
        self.holding = collections.defaultdict(list)
        for word in sorted(words):
            for unit in set(units(word)):
                self.holding[unit].append(word)
                self.holding[re.sub('[^\u1780-\u17b3\u17d2].*', '', unit)].append(word)
        self.holding.pop('', None)
        self.rare = sorted(unit for unit in self.holding if KHMER.match(unit))

    def add(self, text):
        if is_held_back(text) != self.held_back:
            return
        tokens = [token for token in text.replace('\u200b', '').split() if units(token) and not LEADER.search(token)]
        if tokens:
            self.prose.append(tokens)

    def words(self, rng, other):
        """An endless stream of words as they stand in a text, after each with up to a third's chance one of another kind."""
        while True:
            line = rng.choice(self.prose)
            for token in line:
                # Too rare in texts to be told from ១, which it resembles in print.
                again = KHMER.match(token[-1]) and rng.random() < 0.04
                yield token + rng.choice(['ៗ', 'ៗ', ' ៗ', 'ៗ ។']) if again else token
                if rng.random() < other / 3:
                    yield rng.choice(phrases.ALL)(rng)

    def rarities(self, rng):
        while True:
            yield rng.choice(self.holding[rng.choice(self.rare)])
            if rng.random() < 0.2:
                yield rng.choice(phrases.ALL)(rng)


# Streams of words to measure with, by what they are of.
MIXED = {
    'latin': lambda corpus, rng: iter(lambda: rng.choice(phrases.LATIN)(rng), None),
    'digits': lambda corpus, rng: iter(lambda: rng.choice(phrases.NUMBERS)(rng), None),
    'both': lambda corpus, rng: corpus.words(rng, 1),
}


def streams(corpus, rng):
    """A stream of words, of one of the kinds."""
    kind = rng.random()
    if kind < 0.52:
        return corpus.words(rng, rng.random() ** 3)
    if kind < 0.7:
        return corpus.rarities(rng)
    if kind < 0.87:
        return iter(lambda: rng.choice(phrases.ALL)(rng), None)
    return iter(lambda: rng.choice(phrases.LATIN)(rng), None)


class Face:
    """A font file and what it can draw."""

    def __init__(self, path):
        self.path = path
        self.has = set(TTFont(path, fontNumber=0, lazy=True).getBestCmap())

    def can(self, text):
        return all(ord(character) in self.has for character in text)

    def font(self, size):
        return ImageFont.truetype(self.path, size, layout_engine=ImageFont.Layout.RAQM)


class LimonFace:
    """A Limon font, which has glyphs for the syllables that are known to be typed in it."""

    # Its letters look as large as those of a font for Unicode of this part of its size: legacySize of worker/engine.
    size = 0.57

    def __init__(self, path):
        self.has, self.file = limon.spellings(path), limon.font(path)

    def can(self, text):
        # ៖ behind a letter would be ៈ.
        return all(unit in self.has for unit in units(text)) and not re.search('[\u1780-\u17b3]\u17d6', text)

    def font(self, size):
        return ImageFont.truetype(io.BytesIO(self.file), round(size / self.size), layout_engine=ImageFont.Layout.BASIC)

    def glyphs(self, text, habit, early_vowels):
        """What those type whose habits are such, from 0 to 1, and who may type a vowel above before a subscript."""
        typed = ''
        for unit in units(text):
            left = habit * sum(count for _, count in self.has[unit])
            for glyphs, count in self.has[unit]:
                left -= count
                if left < 0:
                    break
            if early_vowels and len(glyphs) == 3 and SUBSCRIPT_AND_VOWEL.fullmatch(unit):
                glyphs = glyphs[0] + glyphs[2] + glyphs[1]
            typed += glyphs
        return typed


def installed(pattern):
    lines = subprocess.run(['fc-list', pattern, 'file'], check=True, capture_output=True, text=True).stdout.splitlines()
    # Those of that name are Mondulkiri for proof-reading: spaces are seen, and a letter may be a dotted circle.
    return [Face(path) for path in sorted(line.split(':')[0] for line in lines) if 'Mo5V56' not in path]


class Pen:
    """Draws lines in one face, size and style."""

    def __init__(self, rng, faces, latin, size=None):
        self.face = rng.choice(faces)
        # Times and its like for Latin, as word processors do, or the Khmer font's own.
        self.latin = rng.choice(latin) if rng.random() < 0.6 else None
        self.size = size or int(18 * 3.6 ** rng.random())
        self.bold = 1 if rng.random() < 0.08 and self.size > 32 else 0
        self.lean = rng.uniform(0.12, 0.3) if rng.random() < 0.18 else 0.0
        self.spacing = rng.uniform(0.03, 0.25) * self.size if rng.random() < 0.07 else 0.0
        self.space = rng.uniform(0.7, 1.6)
        self.underline = rng.random() < 0.03
        # As programs and fonts print that place marks badly: they stand where they would without a letter.
        self.features = ['-' + feature for feature in MARKS if rng.random() < 0.6] if rng.random() < 0.12 else None
        self.fonts = {}
        self.widths = {}

    def plain(self):
        """The same pen without its style."""
        self.bold, self.lean, self.spacing, self.space, self.underline, self.features = 0, 0.0, 0.0, 1.0, False, None
        return self

    # How much larger than the line its glyphs are drawn.
    fine = 1

    def font(self, text):
        own = self.latin if self.latin and text.isascii() and self.latin.can(text) else self.face
        return self.sized(own)

    def sized(self, face):
        if face not in self.fonts:
            self.fonts[face] = face.font(self.size * self.fine)
        return self.fonts[face]

    def glyphs(self, text):
        """What is drawn for a text."""
        return text

    def spelt(self, word):
        """The word as it is read when it was drawn."""
        return word

    def can(self, text):
        return self.face.can(text) or bool(self.latin and all(
            self.face.can(part) or self.latin.can(part) for part in re.findall('[\x21-\x7e]+|[^\x21-\x7e]', text)))

    def width(self, unit):
        if unit not in self.widths:
            self.widths[unit] = self.font(unit).getlength(self.glyphs(unit), features=self.features) / self.fine + self.spacing
        return self.widths[unit]

    def gap(self):
        return self.space * self.size * 0.28

    def draw(self, text):
        """The line as ink on nothing (255 is black), and the room above its baseline."""
        runs = []
        for word in text.split(' '):
            runs.append(RUN.findall(word))
        above, below = int(1.5 * self.size), int(1.3 * self.size)
        length = sum(self.width(unit) for run in runs for part in run for unit in self.parts(part)) + self.gap() * len(runs)
        fine = self.fine
        image = Image.new('L', ((int(length * 1.2) + 4 * self.size) * fine, (above + below) * fine))
        pen, x = ImageDraw.Draw(image), float(self.size)
        for run in runs:
            for part in run:
                for unit in self.parts(part):
                    self.strike(pen, x * fine, above * fine, unit)
                    x += self.width(unit)
            x += self.gap()
        if self.underline:
            y = above + int(0.35 * self.size)
            pen.line([(self.size * fine, y * fine), ((x - self.gap()) * fine, y * fine)], fill=255, width=max(1, self.size // 24) * fine)
        image = image.reduce(fine)
        if self.lean:
            image = image.transform(image.size, Image.Transform.AFFINE, (1, self.lean, -self.lean * above, 0, 1, 0),
                                    Image.Resampling.BILINEAR)
        box = image.getbbox()
        return (image.crop((box[0], 0, box[2], image.height)), above) if box else (None, above)

    def strike(self, pen, x, y, unit):
        pen.text((x, y), self.glyphs(unit), fill=255, font=self.font(unit), anchor='ls', stroke_width=self.bold, features=self.features)

    def parts(self, part):
        """What is drawn in one stroke: a run, or each syllable where letters are spaced."""
        return units(part) if self.spacing else [part]


class LimonPen(Pen):
    """A pen that draws in a Limon face, and what that has not in one for Latin."""

    # The spacing of glyphs is exact in print; a pixel of small type is a third of a stem.
    fine = 4

    def __init__(self, rng, faces, latin, size=None):
        super().__init__(rng, faces, latin, size)
        # Muol and the face of the text most, as they have most glyphs.
        self.face = rng.choices(faces, [len(face.has) for face in faces])[0]
        self.latin = rng.choice(latin)
        self.habit = rng.random()
        # Some type the vowel before the subscript: it prints the same but for the subscript's place.
        self.early_vowels = rng.random() < 0.2
        self.features = None
        # As justified lines have. The pages of PDFs have wider gaps, at which the cutter may take a narrow line for two.
        self.space = rng.uniform(0.7, 2.0)
        # Bold is struck twice, this far apart.
        self.bold = rng.uniform(0.015, 0.05) * self.size if rng.random() < 0.15 else 0.0

    def font(self, text):
        return self.sized(self.face if self.face.can(text) else self.latin)

    def glyphs(self, text):
        return self.face.glyphs(text, self.habit, self.early_vowels) if self.face.can(text) else text

    def spelt(self, word):
        return limon.spelt(word)

    def can(self, text):
        return all(self.face.can(run) or not KHMER.search(run) and self.latin.can(run) for run in RUN.findall(text))

    def strike(self, pen, x, y, unit):
        for offset in (0, self.bold * self.fine) if self.bold else (0,):
            pen.text((x + offset, y), self.glyphs(unit), fill=255, font=self.font(unit), anchor='ls')


# Faces that are drawn twice as often as others, which look less like them.
HARD = re.compile('muolpali|RataV|bokor|freehand|fasthand')


def pen_of(rng, faces, latin, size=None):
    return (LimonPen if isinstance(faces[0], LimonFace) else Pen)(rng, faces, latin, size)


def compose(rng, stream, pen, width):
    """A line of words that is at most as wide as it should be."""
    line, used = '', 0.0
    for word in stream:
        word = pen.spelt(word)
        if not pen.can(word) or not units(word):
            continue
        used += pen.gap() if line else 0
        room = width - used
        pieces, taken = units(word), 0
        for unit in pieces:
            if room < pen.width(unit):
                break
            room -= pen.width(unit)
            taken += 1
        if taken < len(pieces) and not KHMER.match(word):
            taken = 0
        if taken:
            line += (' ' if line else '') + ''.join(pieces[:taken])
        used = width - room
        if taken < len(pieces):
            break
    return line


def headed(rng, first, rest, pen, other):
    """A line whose first word is in another type, as the numbers of articles are."""
    if not other.can(first):
        return pen.draw(first + ' ' + rest)
    parts, gap = [other.draw(first), pen.draw(rest)], int(rng.uniform(0.2, 1.5) * pen.size)
    if any(part is None for part, _ in parts):
        return None, 0
    line = Image.new('L', (sum(part.width for part, _ in parts) + gap, parts[0][0].height))
    line.paste(parts[0][0], (0, 0))
    line.paste(parts[1][0], (parts[0][0].width + gap, 0))
    return line, parts[0][1]


def drawn(rng, pens, streams):
    """A page of lines and their widths and texts. pens makes a pen of a size or None, streams a stream of words."""
    pen = pens(None)
    width = int(pen.size * rng.uniform(8, 40))
    width = max(300, min(width, 1800))
    pitch = rng.uniform(1.75, 2.6) * pen.size
    count = max(3, min(int(rng.uniform(900, 1500) / pitch), 16))
    margin = int(1.5 * pen.size) + 30
    page = Image.new('L', (width + 2 * margin, int(pitch * count) + 2 * margin))
    lines, y = [], margin + pitch * 0.6
    stream = streams()
    align = rng.choice(['left', 'left', 'centre'])
    for _ in range(count):
        if rng.random() < 0.12:
            stream = streams()
        if rng.random() < 0.15:
            pen = pens(pen.size)
        text = compose(rng, stream, pen, width * (1 if rng.random() < 0.7 else rng.uniform(0.1, 1)))
        first, _, rest = text.partition(' ')
        if rest and rng.random() < 0.25:
            line, above = headed(rng, first, rest, pen, pens(pen.size))
        elif text:
            line, above = pen.draw(text)
        else:
            continue
        if line is None:
            continue
        x = margin + (int((width - line.width) / 2) if align == 'centre' else int(rng.random() < 0.15) * pen.size)
        if x < 10 or x + line.width > page.width - 10:
            continue
        page.paste(255, (int(x), int(y) - above), line)
        lines.append((line.width, text))
        y += pitch
    if rng.random() < 0.06:
        rules(rng, page)
    return page.crop((0, 0, page.width, int(y + margin))), lines


def rules(rng, page):
    """A frame around the page's text."""
    pen, edge, width = ImageDraw.Draw(page), rng.randint(4, 20), rng.randint(1, 4)
    pen.rectangle([edge, edge, page.width - edge, page.height - edge], outline=255, width=width)


def sources(folder):
    """Pages of PDFs: the path, the number of the page, and its text."""
    for path in sorted(glob.glob(os.path.join(folder, 'train', '*.txt'))):
        name, number = re.match('(.*)-p(\\d+)\\.txt$', path).groups()
        with open(path, encoding='utf-8-sig') as file:
            yield name + '.pdf', int(number), file.read()


def printed(rng):
    """A page of a PDF, and its lines."""
    path, number, text = rng.choice(SOURCES)
    dpi = rng.choice([110, 130, 150, 150, 180, 200, 200, 250])
    shown = subprocess.run(['pdftoppm', '-r', str(dpi), '-gray', '-f', str(number), '-l', str(number), path],
                           check=True, capture_output=True).stdout
    page = Image.open(io.BytesIO(shown)).point(lambda grey: 255 - grey)
    if rng.random() < 0.4:
        # As an oblique type.
        lean = rng.uniform(0.1, 0.28)
        page = page.transform((page.width + round(lean * page.height), page.height), Image.Transform.AFFINE,
                              (1, lean, -lean * page.height, 0, 1, 0), Image.Resampling.BICUBIC)
    if rng.random() < 0.1:
        page = page.filter(ImageFilter.MaxFilter(3))
    return page, [(0, line.strip()) for line in text.splitlines() if line.strip()]


def styled(rng):
    """A page in all styles and of all kinds of text."""
    faces = LIMONS if LIMONS and (not FACES or rng.random() < IN_LIMON) else FACES
    return drawn(rng, lambda size: pen_of(rng, faces, LATINS, size), lambda: streams(CORPUS, rng))


def unreadable(rng):
    """A page that shows nothing to read, whatever lines are found on it."""
    if rng.random() < 0.6:
        page = DRAW_NOTHING(rng)
    else:
        page, _ = printed(rng) if SOURCES and rng.random() < 0.3 else styled(rng)
        page = page.transpose(rng.choice([Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270]))
    return page, [(0, NO_TEXT)]


def learned(number):
    """Makes a page to learn from."""
    rng = random.Random(f'{ARGUMENTS.seed}/{number}')
    lines = []
    while not lines:
        if rng.random() < NOTHING:
            name, (page, lines) = 'nothing', unreadable(rng)
        elif SOURCES and rng.random() < ARGUMENTS.real:
            name, (page, lines) = 'print', printed(rng)
        else:
            name, (page, lines) = 'drawn', styled(rng)
    page, scale, kind = wear(rng, page)
    save(f'{number:05d}-{name}-{kind}', page, 'tsv', [f'{width * scale:.0f}\t{text}' for width, text in lines])


def measured(number):
    """Makes a page to measure with."""
    rng = random.Random(f'{ARGUMENTS.seed}/{number}')
    if ARGUMENTS.measure == 'nothing':
        page, _, kind = wear(rng, DRAW_NOTHING(rng))
        save(f'{kind}-{number:05d}', page, 'txt', [])
        return
    face, kind = FACES[number % len(FACES)], rng.choice(list(MIXED))
    name = os.path.basename(face.path).partition('.')[0].replace('-', '_') if ARGUMENTS.measure == 'fonts' else kind
    lines = []
    while not lines:
        page, lines = drawn(rng, lambda size: Pen(rng, [face], LATINS, size).plain(),
                            lambda: MIXED[kind](CORPUS, rng) if ARGUMENTS.measure == 'mixed' else CORPUS.words(rng, 0))
    save(f'{name}-{number:05d}', ImageOps.invert(page), 'txt', [text for _, text in lines])


def save(name, page, kind, lines):
    page.save(os.path.join(ARGUMENTS.out, name + '.png'), compress_level=1)
    with open(os.path.join(ARGUMENTS.out, f'{name}.{kind}'), 'w', encoding='utf-8') as file:
        file.writelines(line + '\n' for line in lines)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--data', required=True)
    parser.add_argument('--out', required=True)
    parser.add_argument('--from', type=int, default=0, dest='first')
    parser.add_argument('--to', type=int, default=100)
    parser.add_argument('--seed', default='1')
    parser.add_argument('--real', type=float, default=0.35, help='the part that are pages of PDFs')
    parser.add_argument('--held-back', action='store_true', help='of text that is never learned')
    parser.add_argument('--measure', choices=['fonts', 'mixed', 'nothing'], help='make pages to measure with')
    parser.add_argument('--faces', default=':lang=km', help='the Khmer fonts to draw in, as fontconfig names them')
    parser.add_argument('--limon', help='a folder that train limon made, whose faces to draw in too')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    ARGUMENTS = parser.parse_args()
    logging.getLogger('fontTools').setLevel(logging.ERROR)
    DRAW_NOTHING = nothing.drawer()
    HELD_BACK = ARGUMENTS.held_back or bool(ARGUMENTS.measure)
    CORPUS, FACES = Corpus(ARGUMENTS.data, HELD_BACK), installed(ARGUMENTS.faces)
    if not ARGUMENTS.measure:
        FACES += [face for face in FACES if HARD.search(face.path)]
    LIMONS = [LimonFace(path) for path in limon.faces(ARGUMENTS.limon)] if ARGUMENTS.limon else []
    LATINS = [face for name in LATIN for face in installed(name)]
    SOURCES = [source for source in sources(ARGUMENTS.data) if is_held_back(source[2]) == HELD_BACK]
    os.makedirs(ARGUMENTS.out, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaving the pool ends its processes
    with multiprocessing.Pool(ARGUMENTS.jobs) as pool:
        for _ in pool.imap_unordered(measured if ARGUMENTS.measure else learned, range(ARGUMENTS.first, ARGUMENTS.to), chunksize=4):
            pass
