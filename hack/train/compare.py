#!/usr/bin/env python3
"""Compares models on the same pages and prints what comes of it as tables.

usage: compare.py --data DIR [--work DIR] [--every N] [--jobs N] [--engine PATH] [MODEL...]

DIR has the sets law, law-degraded/*, constitution and udhr, corpus/ and train/. Beside them it measures on pages that it draws
(pages.py --measure) into WORK (.local/compare). A model is a name of Tesseract's, or one with "-" behind it, which is read
without correction; those of Debian and khocr where none is named. --every takes every Nth page only. With several --jobs it
is done sooner, and cores that share their caches make pages dearer.
"""
import argparse
import collections
import json
import os
import subprocess

SETS = ['law', 'law-degraded/scan200', 'law-degraded/fax200', 'law-degraded/photo', 'constitution', 'udhr']
DRAWN = {'fonts': 104, 'mixed': 60, 'nothing': 200}
# What the shipped model learned from has pages of these documents, though not those that are measured with.
LEARNED = {'civil', 'criminal'}
MODELS = ['khm', 'khm+eng', 'script/Khmer', 'khocr-', 'khocr']


def drawn(data, work):
    """Folders of drawn pages, made where they are not there yet."""
    for kind, count in DRAWN.items():
        folder = os.path.join(work, kind)
        if not os.path.isdir(folder):
            subprocess.run(['/usr/bin/python3', 'hack/train/pages.py', '--data', data, '--out', folder + '.new', '--measure', kind,
                            '--to', str(count), '--seed', 'measure'], check=True)
            os.rename(folder + '.new', folder)
        yield kind, folder


def measure(program, engine, folder, model, every, jobs):
    command = [program, 'accuracy', '--json', '--engine', engine, '--data', folder, '--model', model.rstrip('-'), '--every', str(every), '--jobs', str(jobs)]
    # A document that cannot be read counts, and makes it fail.
    return json.loads(subprocess.run(command + ['--correct=false'] * model.endswith('-'), check=False, stdout=subprocess.PIPE).stdout)


def percent(sums):
    """The share of wrong characters of sums of characters."""
    edits, length = sum(sum['score']['edits'] for sum in sums), sum(sum['score']['length'] for sum in sums)
    return f'{100 * edits / length:.2f}' if length else ''


def row(cells):
    print('| ' + ' | '.join(str(cell) for cell in cells) + ' |')


def table(title, models, rows):
    row([title] + models)
    row(['---'] * (1 + len(models)))
    for name, cells in rows.items():
        row([name] + [cells.get(model, '') for model in models])
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--data', required=True)
    parser.add_argument('--work', default='.local/compare')
    parser.add_argument('--every', type=int, default=1)
    parser.add_argument('--engine', default='bin/engine')
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('models', nargs='*')
    arguments = parser.parse_args()
    models = arguments.models or MODELS
    os.makedirs(arguments.work, exist_ok=True)
    program = os.path.join(arguments.work, 'bench')
    subprocess.run(['go', 'build', '-o', program, './hack/bench'], check=True)
    folders = dict(drawn(arguments.data, arguments.work)) | {name: os.path.join(arguments.data, name) for name in SETS}
    wrong, fonts, cost = (collections.defaultdict(dict) for _ in range(3))
    trust = {}
    for model in models:
        for name, folder in folders.items():
            report = measure(program, arguments.engine, folder, model, arguments.every, arguments.jobs)
            everything = report['all']
            cost[name][model] = f'{everything["cpu_seconds_per_page"]:.2f} s, {everything["peak_memory_mb"]:.0f} MB'
            if name == 'nothing':
                wrong['nothing: characters a page'][model] = f'{everything["blank"]["mean_invented_characters"]:.1f}'
                continue
            wrong[name][model] = percent([everything])
            parts = {part['set']: part for part in report['sets']}
            if name.startswith('law'):
                trust.setdefault(model, []).extend(report['reliability'])
                wrong[name + ', unlearned documents'][model] = percent([part for key, part in parts.items() if key not in LEARNED])
            if name == 'udhr':
                for key, part in parts.items():
                    wrong['udhr, ' + key.rpartition('KHM_')[2]][model] = percent([part])
            if name in ('fonts', 'mixed'):
                for key, part in parts.items():
                    fonts[key][model] = percent([part])
    table('wrong characters, %', models, wrong)
    table('drawn', models, fonts)
    table('CPU a page, peak memory', models, cost)
    for model in models:
        row([f'confidence, {model}, law', 'words', 'mean', 'right %'])
        row(['---'] * 4)
        bins = collections.defaultdict(list)
        for part in trust.get(model, []):
            bins[part['from'], part['to']].append(part)
        for (low, high), parts in sorted(bins.items()):
            words = sum(part['words'] for part in parts)
            mean, right = (sum(part[key] * part['words'] for part in parts) / max(words, 1) for key in ('mean_confidence', 'right_percent'))
            row([f'{low:g} to {high:g}', words, f'{mean:.1f}', f'{right:.1f}'])
        print()


if __name__ == '__main__':
    main()
