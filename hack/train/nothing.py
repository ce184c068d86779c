"""Pages that show nothing to read: dirt, pictures, drawings, other scripts. Each is a function of random generators that
returns ink (255 is black)."""
import math
import subprocess

import numpy
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFilter, ImageFont

# Scripts that Cambodian papers have beside Khmer and Latin, their blocks, and some that a scan may have at all.
SCRIPTS = [('th', 0x0E01, 0x0E5B), ('lo', 0x0E81, 0x0EDD), ('my', 0x1000, 0x1049), ('hi', 0x0905, 0x094C), ('ta', 0x0B85, 0x0BCC),
           ('ar', 0x0621, 0x064A), ('he', 0x05D0, 0x05EA), ('zh-cn', 0x4E00, 0x9FA5), ('ko', 0xAC00, 0xD7A3), ('ja', 0x3041, 0x30F6)]


def dirt(rng, noise, width, height):
    """Specks of some pixels each, from a few to very many."""
    page = numpy.zeros((height, width), dtype=numpy.uint8)
    count, size = int(10 ** rng.uniform(1.5, 4.3)), rng.uniform(1, 5)
    for y, x, tall, wide in zip(noise.integers(0, height, count), noise.integers(0, width, count),
                                noise.geometric(1 / size, count), noise.geometric(1 / size, count)):
        page[y:y + tall, x:x + wide] = 255
    return Image.fromarray(page)


def clouds(rng, noise, width, height):
    """A picture's light and dark, whose amplitude falls with the frequency as that of photographs does (1/f)."""
    waves = numpy.fft.rfft2(noise.normal(0, 1, (height, width)))
    frequency = numpy.hypot(numpy.fft.fftfreq(height)[:, None], numpy.fft.rfftfreq(width)[None, :])
    picture = numpy.fft.irfft2(waves / numpy.maximum(frequency, 1 / height) ** rng.uniform(0.7, 1.6), s=(height, width))
    picture = (picture - picture.mean()) / picture.std()
    if rng.random() < 0.3:
        return Image.fromarray(numpy.where(picture > rng.uniform(0, 1.5), 255, 0).astype(numpy.uint8))
    return Image.fromarray(numpy.clip(110 + 60 * picture, 0, 255).astype(numpy.uint8))


def halftone(rng, noise, width, height):
    """A picture in dots, as newspapers print it."""
    grey = numpy.asarray(clouds(rng, noise, width, height), dtype=numpy.float32) / 255
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float32)
    pitch, angle = rng.uniform(4, 14), rng.uniform(0, math.pi / 2)
    across, down = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    screen = (numpy.cos(2 * math.pi * across / pitch) + numpy.cos(2 * math.pi * down / pitch)) / 4 + 0.5
    return Image.fromarray(numpy.where(grey > screen, 255, 0).astype(numpy.uint8))


def drawing(rng, noise, width, height):
    """Lines, arcs, boxes and scrawls."""
    page = Image.new('L', (width, height))
    pen = ImageDraw.Draw(page)
    for _ in range(rng.randint(3, 60)):
        x, y, reach = rng.uniform(0, width), rng.uniform(0, height), 10 ** rng.uniform(0.8, 2.6)
        thick, ink = rng.randint(1, 6), rng.randint(120, 255)
        box = [x, y, x + rng.uniform(0.3, 1) * reach, y + rng.uniform(0.1, 1) * reach]
        kind = rng.randrange(5)
        if kind == 0:
            pen.line([x, y, x + rng.uniform(-reach, reach), y + rng.uniform(-reach, reach)], fill=ink, width=thick)
        elif kind == 1:
            pen.arc(box, rng.uniform(0, 360), rng.uniform(0, 720), fill=ink, width=thick)
        elif kind == 2:
            pen.rectangle(box, outline=ink, width=thick)
        elif kind == 3:
            pen.ellipse(box, fill=ink)
        else:
            points, step = [(x, y)], reach / 8
            for _ in range(rng.randint(4, 40)):
                points.append((points[-1][0] + rng.gauss(step / 3, step), points[-1][1] + rng.gauss(0, step)))
            pen.line(points, fill=ink, width=thick, joint='curve')
    return page


def texture(rng, noise, width, height):
    """Cloth, bricks, waves: something that repeats."""
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float32)
    picture = numpy.zeros((height, width), dtype=numpy.float32)
    for _ in range(rng.randint(1, 3)):
        angle, pitch = rng.uniform(0, math.pi), rng.uniform(5, 60)
        bend = rng.uniform(0, 6) * numpy.sin(2 * math.pi * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) / rng.uniform(20, 300))
        picture += numpy.sin(2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / pitch + bend)
    picture += noise.normal(0, 0.2, picture.shape)
    return Image.fromarray(numpy.where(picture > rng.uniform(-0.5, 1.2), 255, 0).astype(numpy.uint8)).filter(
        ImageFilter.GaussianBlur(rng.uniform(0, 1.5)))


class Foreign:
    """Other scripts, in the fonts that are installed."""

    def __init__(self):
        self.faces = []
        for language, first, last in SCRIPTS:
            found = subprocess.run(['fc-list', f':lang={language}', 'file'], check=True, capture_output=True, text=True).stdout
            faces = []
            for path in sorted(line.split(':')[0] for line in found.splitlines()):
                has = [code for code in TTFont(path, fontNumber=0, lazy=True).getBestCmap() if first <= code <= last]
                if len(has) > 20:
                    faces.append((path, sorted(has)))
            if faces:
                self.faces.append(faces)

    def __call__(self, rng, noise, width, height):
        path, letters = rng.choice(rng.choice(self.faces))
        size = rng.randint(18, 60)
        font = ImageFont.truetype(path, size)
        # A text has few different letters, and those again and again.
        some = rng.sample(letters, min(len(letters), rng.choice([20, 40, 200])))
        page = Image.new('L', (width, height))
        pen = ImageDraw.Draw(page)
        y = size
        while y < height - 2 * size:
            line = ' '.join(''.join(chr(rng.choice(some)) for _ in range(rng.randint(1, 12))) for _ in range(rng.randint(1, 9)))
            while line and font.getlength(line) > width - 2 * size:
                line = line[:-1]
            pen.text((size, y), line, font=font, fill=255)
            y += rng.uniform(1.5, 2.2) * size
        return page


def drawer():
    """A function of a random generator that draws such a page."""
    kinds = [dirt, dirt, clouds, halftone, drawing, drawing, texture]
    foreign = Foreign()

    def draw(rng):
        noise = numpy.random.default_rng(rng.getrandbits(64))
        width, height = rng.randint(400, 1400), rng.randint(300, 1000)
        kind = rng.choice(kinds + [foreign] * 5 if foreign.faces else kinds)
        return kind(rng, noise, width, height)
    return draw

