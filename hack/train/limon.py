"""Limon fonts and what prints a syllable in them, as `train limon` takes them out of PDFs."""
import glob
import io
import logging
import os
import re

from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

# Where glyphs stand in the fonts that are made: the character of a glyph is this and its place in the font.
FIRST = 0xE000


def faces(folder):
    """The paths of the faces, without the ends of their files."""
    return sorted(path.removesuffix('.tsv') for path in glob.glob(os.path.join(folder, '*.tsv')))


# Faces whose glyphs stand in the same places, and look alike enough to lend one that no PDF has of the other, such as ៗ.
LENDERS = {'LimonS1': 'LimonS5'}


def lender(face):
    folder, name = os.path.split(face)
    other = os.path.join(folder, LENDERS.get(name, ''))
    return other if os.path.exists(other + '.tsv') else None


def spellings(face):
    """Of each syllable the strings that print it, and how often they were seen to, at least once."""
    table = spellings(lender(face)) if lender(face) else {}
    with open(face + '.tsv', encoding='utf-8') as file:
        for line in file:
            text, glyphs, count = line.rstrip('\n').split('\t')
            spelling = ''.join(chr(FIRST + int(glyph)) for glyph in glyphs.split()), max(1, int(count))
            if spelling not in table.setdefault(text, []):
                table[text].append(spelling)
    return table


def font(face):
    """A font file of all glyphs of a face. Each PDF has those of its own text, in the same places."""
    parts = [opened(path) for name in [face, lender(face)] if name for path in sorted(glob.glob(glob.escape(name) + '-*.ttf'))]
    whole = max(parts, key=lambda part: part['maxp'].numGlyphs)
    for part in parts:
        for name in part.getGlyphOrder():
            if part['glyf'][name].numberOfContours and not whole['glyf'][name].numberOfContours:
                whole['glyf'][name] = part['glyf'][name]
                whole['hmtx'][name] = part['hmtx'][name]
    characters = CmapSubtable.newSubtable(4)
    characters.platformID, characters.platEncID, characters.language = 3, 1, 0
    characters.cmap = {FIRST + place: name for place, name in enumerate(whole.getGlyphOrder())}
    whole['cmap'] = newTable('cmap')
    whole['cmap'].tableVersion, whole['cmap'].tables = 0, [characters]
    out = io.BytesIO()
    whole.save(out)
    return out.getvalue()


def opened(path):
    # Writers of PDFs leave out dates, and the measures of what comes behind the last glyph that is used.
    logging.getLogger('fontTools').setLevel(logging.ERROR)
    part = TTFont(path)
    if 'post' in part:
        del part['post']  # names of glyphs
    part.setGlyphOrder([f'g{place}' for place in range(part['maxp'].numGlyphs)])
    measured = part['hhea'].numberOfHMetrics
    measures = newTable('hmtx')
    measures.decompile(part.reader['hmtx'].ljust(4 * measured + 2 * (part['maxp'].numGlyphs - measured), b'\0'), part)
    part['hmtx'] = measures
    return part


# Ro below a letter is written behind other subscripts.
EARLY_RO = re.compile('(\u17d2\u179a)(\u17d2[\u1780-\u17a2])')


def spelt(word):
    """The word as it is read from the fonts, which have one subscript for ដ and ត."""
    return EARLY_RO.sub(r'\2\1', word.replace('\u17d2\u178a', '\u17d2\u178f'))
