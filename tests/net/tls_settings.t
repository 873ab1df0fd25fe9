#!/usr/bin/env python3
"""Answers about TLS reach the running node: the record of https-in, with the sessions that were
made under another one made void, and the headers, without any restart by hand."""
import subprocess
import time

import harness

PORT = 9443
PATIENCE_S = 120
REQUEST = 'GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'


def client(node, *words):
    """What openssl says about one request."""
    done = node.try_run('openssl', 's_client', '-connect', f'127.0.0.1:{PORT}', '-ign_eof', *words,
                        input=REQUEST)
    return done.stdout + done.stderr


def until(node, words, sign):
    """Asks until the answer has the sign in it: whether it came, and the last answer."""
    deadline = time.monotonic() + PATIENCE_S
    said = client(node, *words)
    while sign not in said and time.monotonic() < deadline:
        time.sleep(0.1)
        said = client(node, *words)
    return sign in said, said


def answer(t, node, words, sign, name):
    there, said = until(node, words, sign)
    t.ok(there, name, said)


def change(t, node, setting):
    result = node.holdfast('set', setting)
    t.ok(result.returncode == 0, f'{setting} is taken', result.stderr)


def main():
    t = harness.Tap()
    node = harness.Node('management')
    node.settings(f'health.port = {PORT}\nhealth.address = 127.0.0.1\nhealth.stations = '
                  '127.0.0.0/8\nhttp.hsts_preload = no\nhttps.legacy_inbound = no\n')
    old = ('-tls1', '-cipher', 'ALL:@SECLEVEL=0')
    session = f'{node.root}/session'
    process = subprocess.Popen(['ip', 'netns', 'exec', node.name, harness.HOLDFAST, '--root',
                                node.root, 'run'], stdout=subprocess.DEVNULL)
    try:
        answer(t, node, (), 'HTTP/1.1 200', 'the node answers')
        t.ok('alert protocol version' in client(node, *old), 'TLS 1.0 is refused')
        answer(t, node, (), 'Strict-Transport-Security: max-age=31536000',
               'with HSTS')
        for _ in range(2):
            client(node, '-tls1_2', '-sess_out', session)
        t.ok('\nReused, ' in client(node, '-tls1_2', '-sess_in', session),
             'a session is resumed as long as the record stays')
        change(t, node, 'https.legacy_inbound=yes')
        answer(t, node, old, 'HTTP/1.1 200', 'then TLS 1.0 gets a page')
        t.ok('\nNew, ' in client(node, '-tls1_2', '-sess_in', session),
             'and no session of before is resumed')
        change(t, node, 'http.hsts_preload=yes')
        answer(t, node, (), 'includeSubDomains; preload', 'HSTS consents to preloading')
        change(t, node, 'https.legacy_inbound=no')
        answer(t, node, old, 'alert protocol version', 'TLS 1.0 is refused again')
        change(t, node, 'tls.cbc=no')
        answer(t, node, ('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA256'),
               'alert handshake failure', 'a suite goes with its setting')
        change(t, node, 'http.referrer_policy=no')
        deadline = time.monotonic() + PATIENCE_S
        while 'Referrer-Policy' in client(node) and time.monotonic() < deadline:
            time.sleep(0.1)
        said = client(node)
        t.ok('HTTP/1.1 200' in said and 'Referrer-Policy' not in said,
             'Referrer-Policy goes with its setting', said)
    finally:
        process.terminate()
        process.wait()
    t.done()


main()
