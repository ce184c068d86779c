"""What printers, scanners, fax machines and cameras do to a page."""
import io
import math

import numpy
from PIL import Image, ImageFilter


def wear(rng, ink):
    """Wears a page, given as ink (255 is black). Returns the grey page, how much larger it became, and the kind's name."""
    kind = rng.choices(['clean', 'scan', 'fax', 'photo'], [3, 4, 2, 2])[0]
    scale = 1.0
    if rng.random() < 0.6:
        scale = rng.uniform(0.55, 1.0)
        ink = ink.resize((round(ink.width * scale), round(ink.height * scale)), rng.choice(
            [Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.BOX, Image.Resampling.LANCZOS]))
    noise = numpy.random.default_rng(rng.getrandbits(64))
    return {'clean': clean, 'scan': scan, 'fax': fax, 'photo': photo}[kind](rng, noise, ink), scale, kind


def clean(rng, noise, ink):
    """As a program draws it, at times compressed or in black and white."""
    grey = numpy.asarray(ink, dtype=numpy.float32)
    if rng.random() < 0.25:
        grey = numpy.where(grey > rng.uniform(60, 180), 255, 0)
    grey = 255 - grey * rng.uniform(0.5, 1)
    if rng.random() < 0.15:
        grey[noise.random(grey.shape) < rng.uniform(0, 0.02)] = 0
    return compressed(rng, picture(grey)) if rng.random() < 0.2 else picture(grey)


def scan(rng, noise, ink):
    grey = numpy.asarray(tilted(rng, blurred(rng, worn(rng, noise, ink), 0.2, 1.1), 1.2), dtype=numpy.float32)
    if rng.random() < 0.15:
        grey = numpy.maximum(grey, shine_through(rng, grey))
    paper, black = rng.uniform(185, 255), rng.uniform(0, 110)
    page = paper + (black - paper) * grey / 255
    page += noise.normal(0, rng.uniform(1, 12), page.shape).astype(numpy.float32)
    if rng.random() < 0.1:
        page = stamped(rng, page)
    if rng.random() < 0.2:
        page = lined(rng, page)
    page = picture(page)
    return compressed(rng, page) if rng.random() < 0.5 else page


def fax(rng, noise, ink):
    """Black and white, with the dirt and the eaten edges of a cheap machine."""
    grey = numpy.asarray(tilted(rng, blurred(rng, worn(rng, noise, ink), 0.3, 0.9), 1.2), dtype=numpy.float32)
    grey = grey + noise.normal(0, rng.uniform(5, 45), grey.shape)
    page = numpy.where(grey > rng.uniform(80, 170), 0, 255).astype(numpy.float32)
    specks = noise.random(page.shape)
    share = rng.uniform(0, 0.004)
    page[specks < share] = 0
    page[specks > 1 - share] = 255
    page = picture(page)
    if rng.random() < 0.15:
        page = page.filter(ImageFilter.MinFilter(3))
    if rng.random() < 0.3:
        # Half of the rows, as a fax has.
        page = page.resize((page.width, page.height // 2), Image.Resampling.NEAREST).resize(page.size, Image.Resampling.NEAREST)
    return page


def photo(rng, noise, ink):
    ink = blurred(rng, curled(rng, tilted(rng, worn(rng, noise, ink), 2.5)), 0.4, 1.5)
    grey = numpy.asarray(ink, dtype=numpy.float32)
    paper, black = rng.uniform(170, 245), rng.uniform(10, 100)
    page = paper + (black - paper) * grey / 255
    page *= light(rng, page.shape)
    page += noise.normal(0, rng.uniform(2, 10), page.shape).astype(numpy.float32)
    return compressed(rng, picture(page))


def picture(grey):
    return Image.fromarray(numpy.clip(grey, 0, 255).astype(numpy.uint8))


def worn(rng, noise, ink):
    """Toner that spread, or that did not hold."""
    chance = rng.random()
    if chance < 0.08:
        return ink.filter(ImageFilter.MaxFilter(3))
    if chance < 0.14:
        return Image.blend(ink, ink.filter(ImageFilter.MinFilter(3)), rng.uniform(0.3, 0.9))
    if chance < 0.3:
        # Patches of a few pixels that took less.
        patches = noise.normal(0, 1, (ink.height // 3 + 1, ink.width // 3 + 1))
        patches = numpy.clip(1.3 - rng.uniform(0.1, 0.5) * numpy.abs(patches), 0, 1)
        mask = Image.fromarray((patches * 255).astype(numpy.uint8)).resize(ink.size, Image.Resampling.BILINEAR)
        return picture(numpy.asarray(ink, dtype=numpy.float32) * numpy.asarray(mask, dtype=numpy.float32) / 255)
    return ink


def blurred(rng, image, least, most):
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(least, most))) if rng.random() < 0.85 else image


def tilted(rng, ink, most):
    return ink.rotate(rng.gauss(0, most / 2), Image.Resampling.BICUBIC, expand=True) if rng.random() < 0.7 else ink


def curled(rng, ink):
    """A sheet that does not lie flat."""
    high = rng.uniform(0, 0.012) * ink.height
    phase, waves = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 1)
    strips, mesh = 24, []
    wave = [high * math.sin(phase + 2 * math.pi * waves * i / strips) for i in range(strips + 1)]
    for i in range(strips):
        left, right = i * ink.width // strips, (i + 1) * ink.width // strips
        mesh.append(((left, 0, right, ink.height), (
            left, wave[i], left, ink.height + wave[i], right, ink.height + wave[i + 1], right, wave[i + 1])))
    return ink.transform(ink.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)


def light(rng, shape):
    """Light that falls from one side, and perhaps a shadow."""
    y, x = numpy.mgrid[0:1:shape[0] * 1j, 0:1:shape[1] * 1j].astype(numpy.float32)
    angle = rng.uniform(0, 2 * math.pi)
    fall = 1 - rng.uniform(0, 0.4) * ((x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle) + 0.5)
    if rng.random() < 0.4:
        edge = (x - rng.random()) * math.cos(angle + 1) + (y - rng.random()) * math.sin(angle + 1)
        fall *= 1 - rng.uniform(0.1, 0.4) / (1 + numpy.exp(-edge * rng.uniform(8, 60)))
    return fall


def shine_through(rng, grey):
    """The other side of the sheet."""
    behind = Image.fromarray(grey.astype(numpy.uint8)[:, ::-1]).filter(ImageFilter.GaussianBlur(rng.uniform(1, 3)))
    return numpy.roll(numpy.asarray(behind, dtype=numpy.float32), rng.randint(5, 40), axis=0) * rng.uniform(0.1, 0.35)


def stamped(rng, page):
    """A round stamp in a colour that prints grey."""
    height, width = page.shape
    radius = rng.uniform(60, 160)
    y, x = numpy.ogrid[0:height, 0:width]
    far = numpy.hypot(y - rng.uniform(0, height), x - rng.uniform(0, width))
    ring = (numpy.abs(far - radius) < rng.uniform(2, 5)) | (numpy.abs(far - 0.7 * radius) < 2)
    return numpy.where(ring, numpy.minimum(page, rng.uniform(90, 190)), page)


def lined(rng, page):
    """Streaks of a dirty glass or of the feed."""
    for _ in range(rng.randint(1, 3)):
        x = rng.randrange(page.shape[1])
        page[:, x:x + rng.randint(1, 2)] -= rng.uniform(20, 90)
    return page


def compressed(rng, page):
    held = io.BytesIO()
    page.save(held, 'JPEG', quality=rng.randint(25, 85))
    return Image.open(held).convert('L')
