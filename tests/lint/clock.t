#!/usr/bin/python3
"""No test judges by the wall clock: in no assertion is a time that has passed held to be short. A
test waits for conditions, with limits that a busy machine keeps, and counts events.

Every test in Python is parsed. A name or function is of time when what it is set to, or returns, is a
difference with a clock in it, or another one of time; an assertion is a call of ok() or same(), or
assert. That a time is long enough may be asserted: no machine makes it shorter."""
import ast
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from tap import Tap  # noqa: E402

CLOCKS = {'monotonic', 'time', 'perf_counter', 'monotonic_ns', 'time_ns', 'perf_counter_ns'}
PROBES = {  # and what is found in each
    'begun = time.monotonic()\ntook = time.monotonic() - begun\ntap.ok(took < 1, "")': 1,
    'begun = time.monotonic()\nassert time.monotonic() - begun <= 1': 1,
    'def wait():\n    return time.time() - begun\nt.ok(x and 3 > wait(), "")': 1,
    'def wait():\n    return time.time() - begun\ntook = wait()\nt.ok(0.1 < took < 9, "")': 1,
    'self.took_s = time.monotonic() - begun\ntap.ok(self.took_s < 3, "")': 1,
    'report["s"] = time.monotonic() - begun\ntap.ok(report["s"] < 3, "")': 1,
    'took = time.monotonic() - begun\ntap.ok(took >= 1, "")': 0,
    'until = time.monotonic() + 30\nwhile time.monotonic() < until:\n    pass': 0,
    'tap.ok(count < 3, "")': 0,
}


def reads_clock(tree):
    return any(isinstance(node, ast.Call) and
               (node.func.attr if isinstance(node.func, ast.Attribute) else
                getattr(node.func, 'id', None)) in CLOCKS for node in ast.walk(tree))


def label(node):
    """A name, an attribute's or a subscript's; None for what is not followed."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return node.slice.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, 'id', None)


def is_of_time(tree, known):
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and reads_clock(node.left):
            return True
        if label(node) in known and label(node) is not None:
            return True
    return False


def names_of_time(tree):
    """Until there are no more: each may be of time by another."""
    known, before = set(), None
    while before != known:
        before = set(known)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and not isinstance(node.value, (ast.Dict, ast.List)) and \
                    is_of_time(node.value, known):
                known |= {label(target) for target in node.targets if label(target)}
            if isinstance(node, ast.FunctionDef) and any(
                    isinstance(part, ast.Return) and part.value and is_of_time(part.value, known)
                    for part in ast.walk(node)):
                known.add(node.name)
    return known


def assertions(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node.test
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and \
                node.func.attr in ('ok', 'same'):
            yield from node.args


def faults(text):
    """The lines on which a time must be short."""
    tree = ast.parse(text)
    known = names_of_time(tree)
    found = set()
    for assertion in assertions(tree):
        for node in ast.walk(assertion):
            if not isinstance(node, ast.Compare):
                continue
            sides = [node.left, *node.comparators]
            for left, operator, right in zip(sides, node.ops, sides[1:]):
                short = left if isinstance(operator, (ast.Lt, ast.LtE)) else \
                    right if isinstance(operator, (ast.Gt, ast.GtE)) else None
                if short is not None and is_of_time(short, known):
                    found.add(node.lineno)
    return found


def is_python(path):
    with open(path, encoding='utf-8') as file:
        return path.endswith('.py') or 'python' in file.readline()


tap = Tap()
tap.same({probe: len(faults(probe)) for probe in PROBES}, PROBES, 'a time that must be short is found, others are not')
for path in sorted(glob.glob('tests/**/*.t', recursive=True) + glob.glob('tests/**/*.py', recursive=True)):
    if is_python(path):
        with open(path, encoding='utf-8') as file:
            lines = faults(file.read())
        tap.same(lines, set(), f'{path} judges by no clock')
tap.done()
