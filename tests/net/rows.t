#!/usr/bin/env python3
"""Every row of a running node, of both roles, in and outside FIPS mode: one that passes shows what was
seen and no copy of what should be, and what it shows is held against the kernel, the files and the
endpoint by other means than Holdfast's."""
import hashlib
import json
import os
import re
import ssl
import subprocess
import time
import urllib.request

import harness
from rows import copied

PORT = 9443
PATIENCE_S = 120
LINK = 'rows0'
SETTINGS = ('health.port = 9443\nhealth.stations = 127.0.0.0/8\nhealth.stations = ::1/128\n'
            'location.mtu = 1400\nnode.address6 = 2001:db8::7/64\n')
LINE = re.compile(r'(?P<id>[a-z0-9._-]+) is (?P<is>.+), should be (?P<should>.+?)(?: \((?P<why>.+)\))?$')
LINE_MAX = 160 + 160 + 240 + 128


def sysctl(t, node, rows, words):
    """Every value that a row shows is what procfs has, at each place that it names."""
    wrong, places = [], 0
    with node.entered():
        for row in rows:
            key = row['id'].removeprefix('sysctl.').replace('.', '/')
            for value, names in re.findall(r'(-?\d+(?: \d+)?) (on [^;]+|in /proc[^;]+)', row['observed']):
                paths = [names.removeprefix('in ')] if names.startswith('in ') else [
                    f"/proc/sys/{key.replace('/if/', f'/{name}/')}"
                    for name in names.removeprefix('on ').split(', ')]
                for path in paths:
                    places += 1
                    with open(path) as file:
                        if file.read().split() != value.split():
                            wrong.append((row['id'], path, value))
    named = [row for row in rows if '.if.' in row['id'] and f', {LINK}' not in row['observed']]
    t.ok(places > len(rows) and not wrong, f'{words}: sysctl rows show what procfs has', wrong)
    t.same(named, [], f'{words}: and name the interface')


def firewall(t, node, rows, words):
    """Each rule's handle is that of the line that nft shows for it."""
    listing = node.run('nft', '-a', 'list', 'table', 'inet', 'holdfast')
    handles = dict(re.findall(r'^\t\t(.*) # handle (\d+)$', listing, re.M))
    handles = {handle: re.sub(r'packets \d+ bytes \d+', 'packets 0 bytes 0', line)
               for line, handle in handles.items()}
    counts = {chain: len(re.findall(r'# handle', body)) for chain, body in
              re.findall(r'^\tchain (\S+) \{ # handle \d+\n(.*?)^\t\}', listing, re.M | re.S)}
    rules = [row for row in rows if re.match(r'rule \d+ of \d+, handle', row['observed'])]
    wrong = [row for row in rules
             if handles.get(re.search(r'handle (\d+):', row['observed'])[1]) != row['expected'] or
             re.search(r' of (\d+),', row['observed'])[1] != str(counts[row['id'].split('.')[1]])]
    t.ok(len(rules) == sum(counts.values()) and not wrong,
         f'{words}: each firewall row names the rule that nft shows', len(rules), counts, wrong[:3])
    chains = {row['id'].removeprefix('firewall.chain.'): row['observed'] for row in rows
              if row['id'].startswith('firewall.chain.')}
    t.same({name: text.split()[0] for name, text in chains.items()},
           {name: str(count) for name, count in counts.items()}, f'{words}: each chain counts its rules')


def files(t, node, rows, words):
    wrong = []
    for row in rows:
        path = node.root + row['reason'].split(', from')[0]
        if row['observed'].startswith('SHA-256 '):
            with open(path, 'rb') as file:
                if row['observed'] != 'SHA-256 ' + hashlib.sha256(file.read()).hexdigest():
                    wrong.append(row)
        elif os.path.exists(path):
            wrong.append(row)
    t.ok(len(rows) > 5 and not wrong, f'{words}: files rows show the digest of the file', wrong)


def tls(t, node, rows, words):
    found = {row['id'].removeprefix('tls.health.'): row['observed'] for row in rows}
    with node.entered():
        pem = ssl.get_server_certificate(('127.0.0.1', PORT))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    t.ok(digest in found['served'].replace(':', '').upper(), f'{words}: who serves shows the certificate',
         found['served'])
    t.same(found['versions'], 'TLS 1.2, TLS 1.3', f'{words}: tls rows name the versions')
    t.ok(all(version in found[topic] for topic in ('order', 'sessions')
             for version in ('TLS 1.2', 'TLS 1.3')) and
         'TLS_AES_256_GCM_SHA384' in found['order'] and 'compression no' in found['sessions'],
         f'{words}: order and sessions too, with the suites and what was asked', found)
    t.ok('TLS_AES_256_GCM_SHA384, ' in found['suites'] and 'secp384r1' in found['groups'],
         f'{words}: suites and groups are named', found)


def ill_formed(lines):
    return [line for line in lines
            if not LINE.match(line) or len(line) > LINE_MAX or not line.isprintable()]


def boot_lines(t, node, words):
    """Boot names the checks that it cannot repair on the console."""
    node.run('nft', 'add', 'table', 'inet', 'rows_theirs')
    node.run('nft', 'add', 'chain', 'inet', 'rows_theirs', 'input',
             '{ type filter hook input priority 7; policy accept; }')
    lines = [line.removeprefix('holdfast: ') for line in node.holdfast('boot').stderr.splitlines()]
    node.run('nft', 'delete', 'table', 'inet', 'rows_theirs')
    t.ok(any(line.startswith('firewall.other_tables is inet rows_theirs input (input: policy accept), should be '
                             'none (no setting of Holdfast owns these ') for line in lines) and not ill_formed(lines),
         f'{words}: boot logs ID is OBSERVED, should be EXPECTED (reason)', lines)


def event_lines(node):
    """The rows that the log names, one by one."""
    found = []
    for line in node.holdfast('events').stdout.splitlines():
        head, named, rows = line.partition(' repaired; ')
        if named:
            found += [row for row in re.split(r'; (?=[a-z]+\.[a-z0-9._-]+ is |and more)', rows)
                      if row != 'and more']
    return found


def drift_lines(t, node, words):
    """What drifts under a running daemon is an event in the same words."""
    with node.entered():
        with open(f'/proc/sys/net/ipv4/conf/{LINK}/log_martians', 'w') as file:
            file.write('0\n')
    with open(f'{node.root}/run/holdfast/crypto/nginx.conf', 'a') as file:
        file.write('# drift\n')
    node.run('nft', 'delete', 'table', 'inet', 'holdfast')
    wanted = (f'sysctl.net.ipv4.conf.if.log_martians is 0 on {LINK}, should be 1 on all, default and every '
              'interface', 'files.nginx is line ', 'firewall.table is missing, should be table inet holdfast')
    until = time.monotonic() + PATIENCE_S
    lines = []
    while time.monotonic() < until and not all(
            any(line.startswith(start) for line in lines) for start in wanted):
        time.sleep(0.1)
        lines = event_lines(node)
    t.same([start for start in wanted if not any(line.startswith(start) for line in lines)], [],
           f'{words}: so does the log of what drifted')
    t.same(ill_formed(lines), [], f'{words}: of each row')


def page(node):
    """The rows as the endpoint shows them, whose process knows of its own key."""
    with node.entered():
        with urllib.request.urlopen(f'https://127.0.0.1:{PORT}/checks', timeout=60,
                                    context=ssl._create_unverified_context()) as answer:
            return json.loads(answer.read())['checks']


def wait_for_probe(node):
    until = time.monotonic() + PATIENCE_S
    rows = []
    while time.monotonic() < until:
        try:
            rows = page(node)
            if any(row['id'] == 'tls.health.sessions' and row['verdict'] == 'pass' for row in rows):
                return rows
        except OSError:
            pass
        time.sleep(0.1)
    return rows


def judged(t, node, rows, words, least):
    t.same(copied(rows), [], f'{words}: no passing row copies what should be')
    passing = {}
    for row in rows:
        if row['verdict'] == 'pass':
            passing.setdefault(row['domain'], []).append(row)
    t.ok(set(least) <= set(passing), f'{words}: rows of each domain pass', sorted(passing),
         [row for row in rows if row['domain'] not in passing][:5])
    return passing


def running(t, node, role, fips):
    words = f"{role}, FIPS mode {'on' if fips else 'off'}"
    node.set_role(role)
    node.settings(SETTINGS + f"security.fips = {'yes' if fips else 'no'}\n")
    boot_lines(t, node, words)
    with node.entered():
        daemon = subprocess.Popen([harness.HOLDFAST, '--root', node.root, 'run'],
                                  stderr=subprocess.DEVNULL)
    try:
        rows = wait_for_probe(node)
        least = ['sysctl', 'files', 'firewall', 'tls', 'guide', 'fips']
        passing = judged(t, node, rows, words, least)
        if set(least) <= set(passing):
            sysctl(t, node, passing['sysctl'], words)
            firewall(t, node, passing['firewall'], words)
            files(t, node, passing['files'], words)
            tls(t, node, passing['tls'], words)
        own = json.loads(node.holdfast('check', '--format', 'json').stdout)['checks']
        t.same(copied(own), [], f'{words}: nor does one of check')
        if fips:
            t.ok(any(row['id'] == 'fips.key' and 'bits' in row['observed'] for row in rows),
                 f'{words}: the key is named by its kind')
        drift_lines(t, node, words)
    finally:
        daemon.terminate()
        daemon.wait()


def accounts(t, node):
    """The administrator account is disabled at the next boot alone."""
    for name, text in (('passwd', 'root:x:0:0:root:/:/bin/sh\nadmin:x:1000:1000::/:/bin/sh\n'),
                       ('shadow', 'root:!:1::::::\nadmin:$6$a$b:1::::::\n'),
                       ('inittab', 'tty1::respawn:/sbin/getty tty1\n')):
        with open(f'{node.root}/etc/{name}', 'w') as file:
            file.write(text)
    node.settings(SETTINGS + 'security.disable_admin = yes\n')
    node.boot()
    rows = json.loads(node.holdfast('check', '--format', 'json').stdout)['checks']
    judged(t, node, rows, 'disabled administrator', ['accounts', 'sysctl', 'firewall'])


def main():
    harness.needs()
    node = harness.Node('management')
    peer = harness.Namespace('peer')
    os.symlink('/proc', f'{node.root}/proc')
    node.run('ip', 'link', 'add', LINK, 'mtu', '1400', 'type', 'veth', 'peer', 'name', LINK, 'netns',
             peer.name)
    node.run('ip', 'link', 'set', LINK, 'up')
    with harness.Tap() as t:
        for role in ('management', 'conferencing'):
            for fips in (False, True):
                running(t, node, role, fips)
        accounts(t, node)


main()
