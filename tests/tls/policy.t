#!/usr/bin/python3
"""The endpoint offers what the policy's record of surface https-in says, and nothing else: versions,
suites in order, groups, signatures and headers, for the guide's values, the defaults, everything
old switched on, and FIPS mode, with an ECDSA and an RSA certificate; clients of before TLS 1.2;
session tickets and their keys. Judged by openssl and sslscan, with system calls that kill."""
import os
import re
import subprocess
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, PATIENCE_S, Tap

tap = Tap()
WEAK = 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'
REQUEST = 'GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
OLD = ('https.legacy_inbound=yes', 'tls.aes128_sha=yes', 'tls.cbc=yes', 'http.hsts_preload=yes')
FIPS = ('security.fips=yes', *OLD)
#             settings        CBC   old  FIPS
PROFILES = {
    "the guide's values": (('guide',), True, False, True),
    'the defaults': ((), True, False, False),
    'CBC off': (('tls.cbc=no', 'http.referrer_policy=no'), False, False, False),
    'all that is old': (OLD, True, True, False),
    'FIPS mode': (FIPS, True, False, True),
}
GROUPS = ['P-384', 'P-256', 'X25519', 'P-521']


def client(front, *options, text='Q\n'):
    """What s_client says about one connection."""
    done = subprocess.run(
        ['openssl', 's_client', '-connect', f'127.0.0.1:{front.port}', '-servername', 'localhost',
         *options], input=text, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


def suite(said):
    found = re.search(r'^(?:New|Reused), [^,]+, Cipher is (\S+)', said, re.M)
    return found.group(1) if found and found.group(1) != '(NONE)' else None


def page(front, *options, path='/live'):
    return client(front, *options, '-ign_eof', text=REQUEST.format(path))


def expected(rsa, cbc, old, fips):
    """spec/crypto.md's table, with OpenSSL's names, by version."""
    kind = 'RSA' if rsa else 'ECDSA'
    new = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256']
    found = [f'ECDHE-{kind}-AES256-GCM-SHA384', f'ECDHE-{kind}-CHACHA20-POLY1305',
             f'ECDHE-{kind}-AES128-GCM-SHA256']
    found += ['DHE-RSA-AES256-GCM-SHA384', 'DHE-RSA-AES128-GCM-SHA256'] if rsa else []
    if cbc:
        found += [f'ECDHE-{kind}-AES256-SHA384', f'ECDHE-{kind}-AES128-SHA256']
        found += ['DHE-RSA-AES256-SHA256', 'DHE-RSA-AES128-SHA256'] if rsa else []
    before = ['AES128-SHA'] if rsa else []
    before += [f'ECDHE-{kind}-AES256-SHA', f'ECDHE-{kind}-AES128-SHA']
    offered = {'TLSv1.3': new, 'TLSv1.2': found + (before if old else [])}
    if old:
        offered |= {'TLSv1.1': before, 'TLSv1.0': before}
    return {version: [name for name in names if not (fips and 'CHACHA' in name)]
            for version, names in offered.items()}


def scan(front):
    """What sslscan finds: versions, and the suites of each in the order that the server chose."""
    said = subprocess.run(['sslscan', '--no-colour', f'127.0.0.1:{front.port}'],
                          capture_output=True, text=True, timeout=120, check=False).stdout
    found = {}
    for version, name in re.findall(r'(?:Accepted|Preferred)\s+(\S+)\s+\d+ bits\s+(\S+)', said):
        found.setdefault(version, []).append(name)
    return re.findall(r'^(SSLv\d|TLSv[\d.]+)\s+enabled', said, re.M), found


def walk(front):
    """The suites of TLS 1.2 in the server's order, by openssl: each time all but those found."""
    found = []
    while True:
        said = client(front, '-tls1_2', '-cipher', ':'.join([WEAK, *(f'!{name}' for name in found)]))
        if not suite(said):
            return found
        found.append(suite(said))


def try_groups(front, name, fips):
    offered = [group for group in GROUPS if not (fips and group == 'X25519')]
    taken = [group for group in GROUPS
             if suite(client(front, '-tls1_3', '-groups', group))]
    tap.same(taken, offered, f'{name}: its groups and no others')
    for version, groups in (('-tls1_2', 'X25519:P-256:P-384'), ('-tls1_3', 'X448:P-256:P-384')):
        said = client(front, version, '-groups', groups)
        tap.ok('secp384r1' in said, f"{name}: the server's order of groups, {version[1:]}", said)


def try_order(front, name, offered):
    for version, word, option in (('TLSv1.3', '-tls1_3', '-ciphersuites'),
                                  ('TLSv1.2', '-tls1_2', '-cipher')):
        names = ':'.join(reversed(offered[version]))
        said = client(front, word, option, names, '-cipher', 'ALL:@SECLEVEL=0') \
            if option == '-ciphersuites' else client(front, word, option, names + ':@SECLEVEL=0')
        tap.same(suite(said), offered[version][0], f"{name}: the server's order, {version}")


def try_headers(front, name, settings):
    preload = '; includeSubDomains; preload' if 'http.hsts_preload=yes' in settings else ''
    referrer = None if 'http.referrer_policy=no' in settings else 'same-origin'
    answers = {'a page': front.get('/live'), 'what is not there': front.get('/nothing'),
               'a method': front.get('/live', method='POST'),
               'a body': front.get('/live', 'Content-Length: 3')}
    for what, answer in answers.items():
        tap.same((answer['Strict-Transport-Security'], answer['Referrer-Policy']),
                 ('max-age=31536000' + preload, referrer), f'{name}: the headers, {what}')


for name, (settings, cbc, old, fips) in PROFILES.items():
    for rsa in False, True:
        front = Front(settings=settings, rsa=rsa)
        title = f"{name}, {'RSA' if rsa else 'ECDSA'}"
        offered = expected(rsa, cbc, old, fips)
        versions, found = scan(front)
        if fips:  # sslscan has no extended master secret, and is refused TLS 1.2
            tap.ok('TLSv1.2' not in versions, f'{title}: TLS 1.2 with extended master secret alone')
            versions, found = [*versions, 'TLSv1.2'], {**found, 'TLSv1.2': walk(front)}
        tap.same(sorted(versions), sorted(offered), f'{title}: its versions and no others')
        tap.same(found, offered, f'{title}: its suites in order, and no others')
        try_order(front, title, offered)
        if not rsa:
            try_groups(front, title, fips)
            try_headers(front, title, settings)
        for scheme in ('ECDSA+SHA1', 'RSA+SHA1', 'RSA+MD5', 'RSA+SHA224'):
            said = client(front, '-tls1_2', '-sigalgs', scheme, '-cipher', 'ECDHE:@SECLEVEL=0')
            tap.same(suite(said), None, f'{title}: no signature by {scheme}')
        tap.ok(front.alive(), f'{title}: the front stands all of it')
        front.stop()

# --- below TLS 1.2 ---

for rsa in False, True:
    title = 'RSA' if rsa else 'ECDSA'
    front = Front(settings=OLD, rsa=rsa)
    wanted = expected(rsa, True, True, False)['TLSv1.0']
    for version, words in (('TLS 1.0', ('-tls1',)), ('TLS 1.1', ('-tls1_1',)),
                           ('1.1 or 1.0', ('-no_tls1_3', '-no_tls1_2', '-min_protocol', 'TLSv1'))):
        said = page(front, *words, '-cipher', WEAK)
        tap.ok('HTTP/1.1 200 OK' in said and '\nlive\n' in said, f'{version} gets a page, {title}',
               said)
        tap.same(suite(said), wanted[0], f"{version}: the server's first suite, {title}")
    for name in wanted:
        said = page(front, '-tls1', '-cipher', name + ':@SECLEVEL=0')
        tap.same((suite(said), '\nlive\n' in said), (name, True), f'{name} gets a page, {title}')
    said = page(front, '-tls1_1', '-cipher', WEAK, path='/big')
    tap.same(said.count(' generation 1\n'), 28572, f'and a large one, {title}')
    said = client(front, '-tls1_1', '-cipher', 'ECDHE:@SECLEVEL=0', '-groups', 'X25519:P-256:P-384')
    tap.ok('secp384r1' in said, f"the server's order of groups, {title}", said)
    said = client(front, '-tls1_1', '-cipher', WEAK, '-fallback_scsv')
    tap.ok('inappropriate fallback' in said, f'a client that fell back is told so, {title}', said)
    said = client(front, '-tls1_2', '-cipher', WEAK, '-fallback_scsv')
    tap.ok('inappropriate fallback' in said, f'from TLS 1.3 too, {title}', said)
    tap.same(suite(client(front, '-tls1_3')), 'TLS_AES_256_GCM_SHA384',
             f'who offers more gets more, {title}')
    tap.ok(front.alive(), f'the front stands old clients, {title}')
    front.stop()

front = Front()
for word in '-tls1', '-tls1_1':
    said = client(front, word, '-cipher', WEAK)
    tap.ok('alert protocol version' in said and not suite(said),
           f'{word[1:]}: refused with protocol_version where the setting is off', said)

# --- sessions ---


def take_session(front, word, path):
    """One session, kept in a file: the name of the key that seals its ticket."""
    page(front, word, '-sess_out', path)
    said = subprocess.run(['openssl', 'sess_id', '-in', path, '-noout', '-text'], text=True,
                          capture_output=True, check=False).stdout
    found = re.search(r'TLS session ticket:\s+0000 - ((?:[0-9a-f]{2}[ -]){4})', said)
    return found.group(1) if found else None


def is_resumed(front, word, path):
    said = page(front, word, '-sess_in', path)
    return '\nReused, ' in said and 'HTTP/1.1 200' in said


def next_key(front, name):
    """Waits until tickets are sealed by another key; its name."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = take_session(front, '-tls1_2', f'{front.folder}/now')
        if found != name:
            return found
        time.sleep(0.05)
    return name


WORDS = '-tls1_2', '-tls1_3'
front.stop()
front = Front(ticket_key_s=3)
paths = {word: f'{front.folder}/session{word}' for word in WORDS}
first = next_key(front, take_session(front, '-tls1_2', f'{front.folder}/now'))
names = {word: take_session(front, word, paths[word]) for word in WORDS}
tap.same(names, dict.fromkeys(WORDS, first), 'one key seals the tickets of both versions')
for word in WORDS:
    tap.ok(is_resumed(front, word, paths[word]), f'a session is resumed, {word[1:]}')
second = next_key(front, first)
tap.ok(second and second != first, 'the key changes', first, second)
for word in WORDS:
    tap.ok(is_resumed(front, word, paths[word]), f'and a ticket of before still counts, {word[1:]}')
third = next_key(front, second)
tap.ok(third not in (first, second), 'the key changes again', second, third)
for word in WORDS:
    tap.ok(not is_resumed(front, word, paths[word]), f'then it counts no more, {word[1:]}')
    tap.ok(suite(client(front, word, '-sess_in', paths[word])),
           f'and the client gets a new session, {word[1:]}')

other = Front(settings=('tls.cbc=no',))
path = f'{front.folder}/session'
for word in WORDS:
    take_session(front, word, path)
    tap.ok(not is_resumed(other, word, path),
           f'no session goes over to a front of another record, {word[1:]}')
tap.ok(front.alive() and other.alive(), 'the fronts stand all of it, with system calls that kill')
tap.done()
