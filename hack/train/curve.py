#!/usr/bin/env python3
"""Draws how a training went: the share of characters that were wrong in the last thousand lines, by the lines learned.

usage: curve.py LOG > PICTURE.svg

LOG is that of train.sh, whose stages begin with "stage RATE LEARNERS" and go on with what the first learner says of its lines.
"""
import math
import re
import sys

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 860, 420, 60, 46, 30, 20
POINT = re.compile(r'^At iteration \d+/(\d+)/.*BCER train=([\d.]+)%')


def read(path):
    """Points of lines and percent, and where stages begin with their rates."""
    points, stages, before, last = [], [], 0, 0
    with open(path, encoding='utf-8') as log:
        for line in log:
            if line.startswith('stage '):
                before += last
                last = 0
                rate, learners = line.split()[1:]
                stages.append((before, rate))
            elif found := POINT.match(line):
                last = int(found[1]) * int(learners)
                # The first hundreds of a stage are means of too few.
                if int(found[1]) >= 1000:
                    points.append((before + last, float(found[2])))
    return points, stages


def picture(points, stages):
    most = max(lines for lines, _ in points)
    low, high = min(percent for _, percent in points) * 0.9, max(percent for _, percent in points) * 1.1

    def x(lines):
        return LEFT + (WIDTH - LEFT - RIGHT) * lines / most

    def y(percent):
        return TOP + (HEIGHT - TOP - BOTTOM) * math.log(high / percent) / math.log(high / low)

    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">'
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for percent in [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100]:
        if low <= percent <= high:
            yield f'<path d="M{LEFT} {y(percent):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            yield f'<text x="{LEFT - 8}" y="{y(percent) + 4:.1f}" text-anchor="end">{percent} %</text>'
    step = 10 ** math.floor(math.log10(most))
    step = step if most / step >= 4 else step / 4
    for i in range(int(most / step) + 1):
        yield f'<text x="{x(i * step):.1f}" y="{HEIGHT - 26}" text-anchor="middle">{i * step:,.0f}</text>'
    yield f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">lines learned</text>'
    for lines, rate in stages:
        yield f'<path d="M{x(lines):.1f} {TOP - 8}V{HEIGHT - BOTTOM}" stroke="#888" stroke-dasharray="4 4"/>'
        yield f'<text x="{x(lines) + 4:.1f}" y="{TOP - 10}" fill="#555">rate {rate}</text>'
    path = ' '.join(f'{x(lines):.1f},{y(percent):.1f}' for lines, percent in points)
    yield f'<polyline points="{path}" fill="none" stroke="#1565c0" stroke-width="1.5"/></svg>'


if __name__ == '__main__':
    print('\n'.join(picture(*read(sys.argv[1]))))
