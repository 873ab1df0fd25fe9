#!/usr/bin/env python3
"""The reports of check: JSON judged by its schema, text, exit codes, and failing closed."""
import json
import re
import subprocess

import jsonschema

from ground import Node, Tap

SCHEMA = 'agent/report/checks.schema.json'
def json_report(t, node):
    with open(SCHEMA) as file:
        schema = json.load(file)
    result = node.run('check', '--format', 'json')
    report = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    faults = [fault.message for fault in
              jsonschema.Draft202012Validator(schema).iter_errors(report)]
    t.same(faults, [], 'the JSON report is as its schema says')
    ids = [row['id'] for row in report['rows']]
    t.same(len(ids), len(set(ids)), 'no two rows have the same id')
    t.same(sum(report['counts'].values()), len(ids), 'the counts are those of the rows')
    t.same({row['domain'] for row in report['rows']}, {'sysctl', 'accounts', 'firewall', 'guide'},
           'every domain has rows')
    only = json.loads(node.run('check', '--format', 'json', '--id', 'guide.net.*').stdout)['rows']
    t.ok(only and all(row['id'].startswith('guide.net.') for row in only),
         '--id takes the rows whose id matches', only)


def text_report(t, node):
    short, whole = node.run('check'), node.run('check', '--all')
    t.ok('guide.tls.cbc' not in short.stdout and 'guide.tls.cbc' in whole.stdout,
         'passing rows are shown with --all alone')
    t.ok('guide.security.fips' in short.stdout and 'should be: yes' in short.stdout,
         'a row that falls short says what should be', short.stdout[:500])
    t.ok(re.search(r'\d+ rows, \d+ pass', short.stdout.splitlines()[-1]),
         'the last line counts', short.stdout.splitlines()[-1])


def exit_codes(t, node):
    t.same(node.run('check').returncode, 1, 'what falls short is 1')
    t.same(node.run('check', '--format', 'xml').returncode, 2, 'an unknown format is 2')
    with open('/dev/full', 'w') as full:
        result = subprocess.run(node.argv('check'), stdout=full, stderr=subprocess.PIPE, text=True,
                                check=False)
    t.ok(result.returncode == 2 and 'No space left' in result.stderr,
         'a report that cannot be written is 2 and says why', result.stderr)


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
    closed(t)
