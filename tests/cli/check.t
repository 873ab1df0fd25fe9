#!/usr/bin/env python3
"""The reports of check: JSON judged by its schema, text, exit codes, and failing closed."""
import json
import os
import re
import subprocess

import jsonschema

from harness import Node, Tap
import tables

SCHEMA = 'agent/report/checks.schema.json'
# What the guide wants of the wizard's answers that the defaults are not; firmware/demo.conf has the
# other settings.
ANSWERS = ('security.fips=yes', 'security.disable_admin=yes', 'net.ipv6_dad=no', 'rtcp.fir=yes',
           'net.accept_icmpv6_multicast_echo=no', 'web.max_sessions=100',
           'web.max_sessions_per_user=10', 'sip_tls.aes128_sha_outbound=no')


def json_report(t, node):
    with open(SCHEMA) as file:
        schema = json.load(file)
    result = node.run('check', '--format', 'json')
    report = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    faults = [fault.message for fault in
              jsonschema.Draft202012Validator(schema).iter_errors(report)]
    t.same(faults, [], 'the JSON report is as its schema says')
    ids = [row['id'] for row in report['checks']]
    t.same(len(ids), len(set(ids)), 'no two rows have the same id')
    t.same(sum(report['counts'].values()), len(ids), 'the counts are those of the rows')
    t.same({row['domain'] for row in report['checks']},
           set(tables.domains()),
           'every domain has rows')
    only = json.loads(node.run('check', '--format', 'json', '--id', 'guide.net.*').stdout)['checks']
    t.ok(only and all(row['id'].startswith('guide.net.') for row in only),
         '--id takes the rows whose id matches', only)


def text_report(t, node):
    short, whole = node.run('check'), node.run('check', '--all')
    t.ok('guide.tls.cbc' not in short.stdout and 'guide.tls.cbc' in whole.stdout,
         'passing rows are shown with --all alone')
    t.ok('guide.security.fips' in short.stdout and 'expected: yes' in short.stdout,
         'a row that fails says what should be', short.stdout[:500])
    t.ok(re.search(r'\d+ checks, \d+ pass', short.stdout.splitlines()[-1]),
         'the last line counts', short.stdout.splitlines()[-1])


def exit_codes(t, node):
    t.same(node.run('check').returncode, 1, 'what fails is 1')
    t.same(node.run('check', '--format', 'xml').returncode, 2, 'an unknown format is 2')
    with open('/dev/full', 'w') as full:
        result = subprocess.run(node.argv('check'), stdout=full, stderr=subprocess.PIPE, text=True,
                                check=False)
    t.ok(result.returncode == 2 and 'No space left' in result.stderr,
         'a report that cannot be written is 2 and says why', result.stderr)


def choice(t, node):
    result = node.run('check', '--id', 'guide.tls.cbc', '--all')
    t.ok('guide.tls.cbc' in result.stdout and result.stdout.count('guide.') == 1,
         '--id shows one row, passing or not', result.stdout)
    result = node.run('check', '--id', 'guide.tls.cbs')
    t.ok(result.returncode == 2 and not result.stdout and 'guide.tls.cbs' in result.stderr,
         'an id that no row has is 2, not silence', result)
    everything = json.loads(node.run('check', '--format', 'json', '--id', '*').stdout)['checks']
    t.same(len(everything), len(json.loads(node.run('check', '--format', 'json').stdout)['checks']),
           '* takes every row')


def all_holds(t):
    """A node that holds, below a root whose kernel has no keys at all."""
    node = Node()
    os.makedirs(node.path('proc/sys'))
    for words in (('import', 'firmware/demo.conf'), ('set', '--yes', *ANSWERS)):
        result = node.run(*words)
        t.same((result.returncode, result.stderr), (0, ''), f"{words[0]} takes the guide's values")
    t.same(node.run('check').returncode, 1, 'an answer that waits for a boot fails')
    node.run('boot')
    result = node.run('check')
    t.ok(result.returncode == 0 and result.stdout.splitlines()[-1].startswith('pass: '),
         'where all holds check is 0', result.stdout)


def streams(t):
    """With its streams closed a program gets their numbers for the files that it opens."""
    node = Node()
    state = node.path('var/lib/holdfast')
    for closed_ones in ('<&- >&- 2>&-', '>&- 2>&-', '>&-', '2>&-'):
        name = 'quiet%d' % len(closed_ones)
        subprocess.run(['sh', '-c', f'"$@" {closed_ones}', 'sh',
                        *node.argv('set', f'node.hostname={name}')], stderr=subprocess.DEVNULL,
                       check=False)
        t.same(node.get('node.hostname'), name, f'a setting is stored with {closed_ones}')
    for name in os.listdir(state):
        with open(f'{state}/{name}', 'rb') as file:
            t.ok(b'stored as' not in file.read(), f'no message is written into {name}')
    result = subprocess.run(['sh', '-c', '"$@" >&-', 'sh', *node.argv('check')],
                            stderr=subprocess.PIPE, text=True, check=False)
    t.ok(result.returncode == 2 and 'Bad file descriptor' in result.stderr,
         'a report that has nowhere to go is 2', result)
    t.same(node.run('events', '--verify').returncode, 0, 'and the state is whole')


def hostile(t):
    """Settings that look like markup, in every format; what is no text is refused before."""
    node = Node()
    banner = '<script>"\\\'‮🔒 &amp;'
    t.same(node.run('set', f'global.login_banner={banner}').returncode, 0, 'a strange text is stored')
    report = json.loads(node.run('check', '--format', 'json', '--id', '*login_banner').stdout)
    t.same(report['checks'][0]['observed'], banner, 'and is the same in JSON')
    for text in (b'\x1b[2J', b'\xff', b'\xc2\x9b2J', b'a\nb'):
        result = subprocess.run([os.fsencode(word) for word in node.argv('set')] +
                                [b'global.login_banner=' + text], capture_output=True, check=False)
        t.ok(result.returncode == 2 and text not in result.stderr,
             f'{text!r} is refused and not shown', result)


def closed(t):
    node = Node()
    node.run('set', 'node.hostname=kept')
    with open(node.path('var/lib/holdfast/state.db'), 'r+b') as file:
        file.write(b'garbage' * 100)
    result = node.run('check')
    t.ok(result.returncode == 1 and result.stdout.startswith('FAILED CLOSED: '),
         'a node that fails closed says so in the first line', result.stdout[:200])
    t.ok('kept (management' in result.stdout, 'with the name last known', result.stdout[:200])
    report = json.loads(node.run('check', '--format', 'json').stdout)
    t.ok(report['status'] == 'fail' and report['reason'], 'and is failing for programs')


with Tap() as t:
    node = Node()
    json_report(t, node)
    text_report(t, node)
    exit_codes(t, node)
    choice(t, node)
    all_holds(t)
    streams(t)
    hostile(t)
    closed(t)
