#!/usr/bin/env python3
"""The endpoint's pages as `holdfast run` serves them, judged by those who read them: metrics by
promtool, the status page by an HTML parser, health as a station sees it."""
import html.parser
import json
import os
import re
import ssl
import subprocess
import time
import urllib.request

import harness
import tables

PORT = 9443
PATIENCE_S = 120
VOID = {'meta', 'br', 'link', 'img', 'hr'}
HOSTILE = 'Warning: <script>alert(1)</script> & "quotes"'


class Page(html.parser.HTMLParser):
    """Whether every element is closed in order, and which there are."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.attributes, self.crossed = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)


def get(node, path, **headers):
    request = urllib.request.Request(f'https://127.0.0.1:{PORT}{path}', headers=headers)
    with node.entered():
        try:
            with urllib.request.urlopen(request, timeout=60,
                                        context=ssl._create_unverified_context()) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()


def wait_until_served(node):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            if get(node, '/live')[0] == 200:
                return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def metrics(t, node):
    _, headers, text = get(node, '/metrics')
    t.ok(headers['Content-Type'].startswith('text/plain; version=0.0.4'),
         'metrics are in the Prometheus format')
    result = subprocess.run(['promtool', 'check', 'metrics'], input=text, text=True,
                            capture_output=True, check=False)
    t.ok(result.returncode == 0, 'promtool finds nothing to say of them',
         result.stdout + result.stderr)
    t.ok(re.search(r'^holdfast_check\{domain="firewall",id="firewall.table",verdict="pass"\} 1$',
                   text, re.M), 'each row is a gauge')
    t.ok(re.search(r'^holdfast_certificate_expiry_time_seconds [1-9]\d+$', text, re.M),
         'the expiry of the certificate is a gauge')
    _, headers, text = get(node, '/metrics', Accept='application/openmetrics-text; version=1.0.0')
    t.ok(headers['Content-Type'].startswith('application/openmetrics-text') and
         text.endswith('# EOF\n') and text.count('# EOF') == 1, 'and OpenMetrics where asked for')


def status_page(t, node):
    _, headers, text = get(node, '/')
    page = Page(text)
    t.same((page.crossed, page.open), ([], []), 'the status page closes what it opens')
    t.ok('script' not in page.elements and not any(
        name in ('src', 'href', 'style') or name.startswith('on') for name, _ in page.attributes),
        'it has no script and nothing from elsewhere', page.attributes)
    t.ok(('lang', 'en') in page.attributes and ('scope', 'col') in page.attributes,
         'its language and its tables are told to readers')
    log = text[text.index('Newest events'):]
    numbers = [int(number) for number in re.findall(r'<tr><th scope="row">(\d+)</th>', log)]
    t.ok(numbers and numbers == sorted(numbers, reverse=True) and numbers[-1] >= 1 and
         '<td>boot</td>' in log, 'it shows the newest events, the newest first', log)
    t.ok('&lt;script&gt;alert(1)' in text, 'a hostile setting is shown as text', text[:500])
    t.ok("default-src 'none'" in headers['Content-Security-Policy'],
         'its policy allows nothing from elsewhere', headers['Content-Security-Policy'])


def shown_heads(node):
    """Revision, and number and hash of the newest event, as each page shows them."""
    health = ' '.join(json.loads(get(node, '/health')[2])['notes'])
    page, text = get(node, '/')[2], get(node, '/metrics')[2]
    report = json.loads(get(node, '/checks')[2])
    yield '/health', re.search(r'revision (\d+),.* event (\d+), head ([0-9a-f]{64})\b', health)
    yield '/', re.search(r'Settings revision</dt><dd>(\d+)</dd>.*Newest event</dt><dd>(\d+)</dd>.*'
                         r'Head of the event log</dt><dd>(\w+)</dd>', page, re.S)
    yield '/metrics', re.search(r'(?=.*^holdfast_settings_revision (\d+)$)'
                                r'(?=.*^holdfast_log_sequence (\d+)$)'
                                r'(?=.*^holdfast_log_head{hash="(\w+)"} 1$)', text, re.M | re.S)
    yield '/checks', re.match(r'(\d+) (\d+) (\w+)$',
                              '{revision} {event} {head}'.format_map(report))


def verified(node):
    """The same, as the commands print them."""
    log = node.holdfast('events', '--verify').stdout
    revision = json.loads(node.holdfast('check', '--format', 'json').stdout)['revision']
    number, head = re.match(r'events: (\d+) verified, last hash ([0-9a-f]{64})$', log).groups()
    return str(revision), number, head


def heads(t, node):
    """A walk may write an event in between: all must agree at some time."""
    until = time.monotonic() + PATIENCE_S
    while True:
        wanted = verified(node)
        found = {path: match and match.groups() for path, match in shown_heads(node)}
        if set(found.values()) == {wanted} or time.monotonic() > until:
            break
        time.sleep(0.2)
    for path, got in found.items():
        t.same(got, wanted, f'{path} shows the revision and the head of the log that '
               '"events --verify" prints')


def health(t, node):
    status, headers, text = get(node, '/health')
    report = json.loads(text)
    t.same((status, report['status']), (200, 'warn'),
           'settings that fail of the guide make the health warn, which is 200')
    t.same(set(report['checks']), {f'{name}:failing' for name in tables.domains()},
           'with one check a domain')
    t.same(headers['Content-Type'], 'application/health+json', 'in the type of health documents')
    node.run('nft', 'add', 'table', 'inet', 'stranger')
    node.run('nft', 'add', 'chain', 'inet', 'stranger', 'input',
             '{ type filter hook input priority -300; policy accept; }')
    until = time.monotonic() + PATIENCE_S
    while get(node, '/health')[0] != 503 and time.monotonic() < until:
        time.sleep(0.05)
    status, _, text = get(node, '/health')
    t.same((status, json.loads(text)['status']), (503, 'fail'),
           'a row that nothing sets right makes it fail, which is 503')
    rows = json.loads(get(node, '/checks')[2])['checks']
    row = next(row for row in rows if row['id'] == 'firewall.other_tables')
    t.ok('stranger' in row['observed'], 'and /checks names what it is', row)


def main():
    harness.needs()
    t = harness.Tap()
    node = harness.Node('management')
    os.symlink('/proc', f'{node.root}/proc')
    node.settings(f'health.stations = 127.0.0.1/32\nglobal.login_banner = {HOSTILE}\n')
    node.boot()
    with node.entered():
        daemon = subprocess.Popen([harness.HOLDFAST, '--root', node.root, 'run'],
                                  stderr=subprocess.DEVNULL)
    try:
        t.ok(wait_until_served(node), 'the endpoint is up')
        metrics(t, node)
        status_page(t, node)
        heads(t, node)
        health(t, node)
    finally:
        daemon.terminate()
        daemon.wait()
    t.done()


main()
