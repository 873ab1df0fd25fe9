#!/usr/bin/env python3
"""What the settings of a case become, text for text: tests/golden has a file a case, in this form:

    a sentence
    role: management | conferencing
    output: the words of a command, or a path below the root as it is after a boot
    setting = value, a line a setting
    ---
    the expected text, with VERSION for the program's

`tests/cli/golden.t --update` writes the expected texts anew: read the difference before you believe it."""
import glob
import os
import re
import sys

from harness import Node, Tap


class Case:
    def __init__(self, path):
        self.path = path
        with open(path, encoding='utf-8') as file:
            self.head, _, self.expected = file.read().partition('---\n')
        self.sentence, role, output, *self.settings = self.head.splitlines()
        self.role, self.output = role.removeprefix('role: '), output.removeprefix('output: ')

    def text(self):
        node = InNoNetwork(self.role)
        if self.settings:
            node.must('import', '--yes', '-', stdin=None, input='\n'.join(self.settings) + '\n')
        if not self.output.startswith('/'):
            return node.must(*self.output.split())
        node.run('boot')
        return re.sub(r'(holdfast )\d+\.\d+\.\d+', r'\1VERSION', node.read(self.output[1:]))

    def update(self):
        text = self.text()
        with open(self.path, 'w', encoding='utf-8') as file:
            file.write(f'{self.head}---\n{text}')


class InNoNetwork(Node):
    """A node in a network of its own, which a boot may have."""

    def argv(self, *words):
        return ['unshare', '-n', *super().argv(*words)]

    def must(self, *words, **more):
        result = self.run(*words, **more)
        if result.returncode:
            raise RuntimeError(f"{' '.join(words)}: {result.stderr}")
        return result.stdout


def difference(one, other):
    """The first line that differs, and its number."""
    pairs = zip(one.splitlines() + ['(end)'], other.splitlines() + ['(end)'])
    return next((f'line {number}: {a!r}, not {b!r}'
                 for number, (a, b) in enumerate(pairs, 1) if a != b), '')


cases = [Case(path) for path in sorted(glob.glob('tests/golden/*'))]
if sys.argv[1:] == ['--update']:
    for case in cases:
        case.update()
    sys.exit()
with Tap() as t:
    t.ok(cases, 'there are cases')
    for case in cases:
        text = case.text()
        t.ok(text == case.expected, f'{os.path.basename(case.path)}: {case.sentence}',
             difference(text, case.expected))
