#!/usr/bin/env python3
"""Drift under a running daemon: when it was last seen stands in the metrics, and a row that nothing
sets right is one event, not one a walk."""
import json
import os
import re
import signal
import ssl
import subprocess
import time
import urllib.request

import harness

PORT = 9443
PATIENCE_S = 120
WALKS = 3


def get(node, path):
    with node.entered():
        with urllib.request.urlopen(f'https://127.0.0.1:{PORT}{path}', timeout=60,
                                    context=ssl._create_unverified_context()) as answer:
            return answer.read().decode()


def wait_for(found):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            if found():
                return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def report(node):
    return json.loads(get(node, '/checks'))


def row(node, name):
    return next(row for row in report(node)['checks'] if row['id'] == name)


def last_drift_s(node):
    return int(float(re.search(r'^holdfast_last_drift_time_seconds (\S+)$', get(node, '/metrics'), re.M)[1]))


def events(node, name):
    return [line for line in node.holdfast('events').stdout.splitlines() if f'{name} is ' in line]


def walks(node, daemon):
    """Asks for some walks, one after the other."""
    for _ in range(WALKS):
        before = report(node)['generation']
        daemon.send_signal(signal.SIGHUP)
        if not wait_for(lambda: report(node)['generation'] > before):
            return False
    return True


def last(t, node):
    t.same(last_drift_s(node), 0, 'before any drift there is no time of it')
    before_s = int(time.time())
    node.run('nft', 'delete', 'table', 'inet', 'holdfast')
    t.ok(wait_for(lambda: last_drift_s(node) > 0), 'after one there is')
    t.ok(before_s <= last_drift_s(node) <= int(time.time()), 'and it is the time of the drift',
         before_s, last_drift_s(node), int(time.time()))


def told_once(t, node, daemon):
    node.run('nft', 'add', 'table', 'inet', 'theirs')
    node.run('nft', 'add', 'chain', 'inet', 'theirs', 'input',
             '{ type filter hook input priority 7; policy accept; }')
    t.ok(wait_for(lambda: row(node, 'firewall.other_tables')['verdict'] == 'fail'),
         'a table of others is a row that nothing sets right')
    t.ok(walks(node, daemon), 'the daemon looks again and again')
    t.same(len(events(node, 'firewall.other_tables')), 1, 'and tells it once')
    node.run('nft', 'delete', 'table', 'inet', 'theirs')
    t.ok(wait_for(lambda: row(node, 'firewall.other_tables')['verdict'] == 'pass'), 'it goes')
    node.run('nft', 'add', 'table', 'inet', 'theirs')
    node.run('nft', 'add', 'chain', 'inet', 'theirs', 'input',
             '{ type filter hook input priority 7; policy accept; }')
    t.ok(wait_for(lambda: len(events(node, 'firewall.other_tables')) == 2), 'and is told when it comes back',
         events(node, 'firewall.other_tables'))


def main():
    harness.needs()
    node = harness.Node('management')
    os.symlink('/proc', f'{node.root}/proc')
    node.settings('health.stations = 127.0.0.1/32\n')
    node.boot()
    with node.entered():
        daemon = subprocess.Popen([harness.HOLDFAST, '--root', node.root, 'run'],
                                  stderr=subprocess.DEVNULL)
    try:
        with harness.Tap() as t:
            t.ok(wait_for(lambda: get(node, '/live')), 'the endpoint is up')
            last(t, node)
            told_once(t, node, daemon)
    finally:
        daemon.terminate()
        daemon.wait()


main()
