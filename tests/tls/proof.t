#!/usr/bin/env python3
"""What `holdfast probe` proves by whole handshakes, and what certificates say: against openssl's server
with every suite that it has, against one whose signatures are spoilt on the way, and against one that
falls silent in the middle."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import BUILD, PATIENCE_S, Tap, ports

HOLDFAST = os.environ.get('HOLDFAST', os.path.join(BUILD, 'holdfast'))
ALL = ['-cipher', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0']
FEW = 3  # suites of a whole handshake, with its signals
ALERT, HANDSHAKE, KEY_EXCHANGE, HELLO_DONE = 21, 22, 12, 14
tap = Tap()
folder = tempfile.TemporaryDirectory(prefix='holdfast-proof-')
running = []


def path(name):
    return os.path.join(folder.name, name)


def openssl(*words):
    subprocess.run(['openssl', *words], check=True, capture_output=True)


def issue(name, *options, key=('rsa:2048',), ca=None, names='DNS:localhost'):
    """A key and a certificate, signed by `ca` or by itself."""
    words = ['-pkeyopt', 'ec_paramgen_curve:' + key[1]] if len(key) > 1 else []
    signer = ['-CA', path(ca + '.crt'), '-CAkey', path(ca + '.key')] if ca else []
    openssl('req', '-x509', '-nodes', '-newkey', key[0], *words, '-subj', '/CN=' + name, '-days',
            '30', '-keyout', path(name + '.key'), '-out', path(name + '.crt'), '-addext',
            'subjectAltName=' + names, *signer, *options)
    return ['-cert', path(name + '.crt'), '-key', path(name + '.key')]


def start(*options):
    """An openssl s_server; its port."""
    port = next(ports)
    running.append(subprocess.Popen(
        ['openssl', 's_server', '-accept', str(port), '-quiet', *options], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return port
        except OSError:
            time.sleep(0.05)
    raise RuntimeError('openssl s_server does not listen: ' + ' '.join(options))


def probe(port):
    done = subprocess.run([HOLDFAST, 'probe', 'localhost:%d' % port, '--format', 'json',
                           '--timeout', '60'], capture_output=True, text=True, timeout=120,
                          check=False)
    report = json.loads(done.stdout) if done.stdout else {'versions': [], 'findings': []}
    report['versions'] = {one['version']: one for one in report['versions'] if one['accepted']}
    report['newest'] = max(report['versions'], default=None)
    report['said'] = done.stderr
    return report


def proved(report, version):
    """The names of the suites by what became of them."""
    names = {True: set(), False: set(), None: set()}
    for suite in report['versions'].get(version, {'suites': []})['suites']:
        names[suite['proved']].add(suite['name'])
    return names


def faults(report):
    return [one['text'] for one in report['findings'] if one['fault']]


# --- a wire that is not to be trusted ---

class Wire:
    """Passes bytes on between a client and the server at `port`; what the server says goes through
    `change`, record by record, which returns what the client gets, or None for no more at all."""

    def __init__(self, port, change):
        self.to, self.change, self.kept = port, change, []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            self.carry(self.listener.accept()[0])

    def carry(self, client):
        server = socket.create_connection(('127.0.0.1', self.to))
        threading.Thread(target=self.upward, args=(client, server), daemon=True).start()
        threading.Thread(target=self.downward, args=(client, server), daemon=True).start()

    @staticmethod
    def upward(client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def downward(self, client, server):
        stream = server.makefile('rb')
        try:
            while len(head := stream.read(5)) == 5:
                record = self.change(head, stream.read(int.from_bytes(head[3:], 'big')))
                if record is None:
                    self.kept.append(client)  # open, and silent
                    return
                client.sendall(record)
            client.close()
        except OSError:
            pass


def spoil_signatures(head, body):
    """The last byte of a ServerKeyExchange is one of its signature's."""
    at = 0
    changed = bytearray(body)
    while head[0] == HANDSHAKE and at + 4 <= len(body) and body[at] <= 20:
        end = at + 4 + int.from_bytes(body[at + 1:at + 4], 'big')
        if body[at] == KEY_EXCHANGE and end <= len(body):
            changed[end - 1] ^= 1
        at = end
    return head + bytes(changed)


def fall_silent(head, body):
    """After the server's first flight nothing comes any more; a refusal is passed on."""
    passed = head[0] == ALERT or (head[0] == HANDSHAKE and body[0] <= HELLO_DONE)
    return head + body if passed else None


def is_plain(hello):
    """A hello of TLS 1.2 without the extended master secret (extension 23)."""
    newer = b'\x00\x2b\x00\x03\x02' in hello
    return hello[9:11] == b'\x03\x03' and b'\x00\x17\x00\x00' not in hello and not newer


class Gate(Wire):
    """Keeps clients without the extended master secret from the server: it closes
    without a word, says nothing, or closes on them and each that follows."""

    def __init__(self, port, kind):
        self.kind, self.shut = kind, False
        super().__init__(port, lambda head, body: head + body)

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            hello = client.recv(65536, socket.MSG_PEEK)
            plain = is_plain(hello)
            self.shut |= plain and self.kind == 'later'
            if plain and self.kind == 'silent':
                self.kept.append(client)
            elif self.shut or (plain and self.kind == 'closed'):
                client.close()
            else:
                self.carry(client)


class Switch(Wire):
    """Shows a scan, whose hellos offer many suites, the server at `port`, and whole handshakes, with
    few, the one at `other`."""

    def __init__(self, port, other):
        self.ports = port, other
        super().__init__(port, lambda head, body: head + body)

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            hello = client.recv(65536, socket.MSG_PEEK)
            at = 44 + hello[43] if len(hello) > 43 else 0
            self.to = self.ports[int.from_bytes(hello[at:at + 2], 'big') <= 2 * FEW]
            self.carry(client)


# --- tests ---

RSA = issue('rsa')
ECDSA = issue('ecdsa', key=('ec', 'P-256'))


def suites():
    for kind, pair in (('an RSA key', RSA), ('an ECDSA key', ECDSA)):
        report = probe(start(*pair, *ALL))
        for version in ('TLS 1.0', 'TLS 1.1', 'TLS 1.2', 'TLS 1.3'):
            found = proved(report, version)
            tap.ok(found[True] and not found[False],
                   '%s, %s: no handshake that was begun failed' % (kind, version), found)
            ours = {name for name in found[None] if '_AES_' in name and '_anon_' not in name and
                    '_CCM' not in name and not (version < 'TLS 1.2' and '_DHE_' in name)}
            tap.ok(not ours, '%s, %s: every AES suite with a certificate is proved' %
                   (kind, version), ours)


def resumption():
    for name, wanted, options in (('tickets', True, ['-no_cache']),
                                  ('session ids', True, ['-no_ticket', '-tls1_2']),
                                  ('nothing', False, ['-no_ticket', '-no_cache', '-num_tickets',
                                                      '0'])):
        for version, one in probe(start(*ECDSA, *options))['versions'].items():
            tap.ok(one['resumption'] is wanted, '%s by %s: resumption is %s' %
                   (version, name, wanted), one['resumption'])


def not_to_be_trusted():
    port = start(*RSA, '-tls1_2', '-cipher', 'ECDHE')
    tap.ok(proved(probe(port), 'TLS 1.2')[True], 'the server itself is proved')
    report = probe(Wire(port, spoil_signatures).port)
    found = proved(report, 'TLS 1.2')
    tap.ok(found[False] and not found[True], 'a wrong signature over the key exchange proves nothing',
           found)
    tap.ok(any('no handshake came to its end' in one['text'] for one in report['findings']),
           'and is told', report['findings'])
    report = probe(Wire(port, fall_silent).port)
    found = proved(report, 'TLS 1.2') | {'said': report['said']}
    tap.ok(found[None] and not found[True] and not found[False],
           'a server that falls silent is neither proved nor said to fail', found)
    tap.same([one['text'] for one in report['findings'] if 'no handshake' in one['text']], [],
             'and no finding says so')
    tap.same(report.get('proof_complete'), False, 'but the report says that the proof is not complete')


def plain_secret():
    """A client without the extended master secret is answered, closed, or kept waiting."""
    port = start(*RSA, '-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256')
    for name, wanted in (('none', True), ('closed', False), ('silent', None)):
        gate = Gate(port, name)
        found = probe(gate.port)['versions']['TLS 1.2']
        tap.same((found['extended_master_secret'], found['plain_master_secret']), (True, wanted),
                 'a client without the extended master secret: %s' % name)
    tap.same(probe(Gate(port, 'later').port)['versions']['TLS 1.2']
             ['plain_master_secret'], None, 'a server that closes on each from then on is not asked')


def key_proved():
    """By a handshake with the certificate that is reported, in each version and by each stack."""
    other = issue('stranger')
    for version in '-tls1_1', '-tls1_2', '-tls1_3':
        words = (version, '-cipher', 'ECDHE:@SECLEVEL=0')
        port = start(*RSA, *words)
        tap.same(probe(port)['certificate']['key_proved'], True,
                 '%s: a server with its certificate proves the key' % version[1:])
        tap.same(probe(port)['proof_complete'], True, '%s: and all is proved' % version[1:])
        if version == '-tls1_3':
            continue  # its certificate is seen in whole handshakes alone
        report = probe(Switch(port, start(*other, *words)).port)
        shown = report['certificate']
        tap.ok('CN=rsa' in shown['subject'] and proved(report, report['newest'])[True],
               '%s: one that shows it to a scan alone is shaken hands with' % version[1:], report)
        tap.same(shown['key_proved'], False, 'and does not prove it')


def certificates():
    issue('root', '-addext', 'keyUsage=keyCertSign')
    issue('middle', '-addext', 'keyUsage=keyCertSign', ca='root')
    leaf = issue('leaf', '-addext', 'basicConstraints=critical,CA:FALSE', ca='middle')
    chains = {'whole': ('middle', 'root'), 'without its root': ('middle',),
              'out of order': ('root', 'middle'), 'short': ()}
    wanted = {'whole': None, 'without its root': None, 'out of order': 'out of order',
              'short': 'chain is incomplete'}
    for name, parts in chains.items():
        with open(path('chain'), 'w', encoding='ascii') as out:
            for part in parts:
                with open(path(part + '.crt'), encoding='ascii') as one:
                    out.write(one.read())
        for version in ('-tls1_2', '-tls1_3'):
            options = ['-cert_chain', path('chain')] if parts else []
            report = probe(start(*leaf, version, *options))
            told = [fault for fault in faults(report) if 'chain' in fault]
            good = not told if wanted[name] is None else any(wanted[name] in one for one in told)
            tap.ok(good, '%s: a chain that is %s' % (version[1:], name),
                   (told, report.get('certificate')))
    facts = probe(start(*leaf))['certificate']
    tap.ok('CN=leaf' in facts['subject'] and 'CN=middle' in facts['issuer'] and
           facts['names'] == 'DNS:localhost' and facts['named'] and facts['key'] == 'RSA 2048' and
           facts['signature'] == 'SHA256', 'subject, issuer, names, key and signature', facts)
    for text, pair in (('key is too weak', issue('weak', key=('rsa:1024',))),
                       ('signature is too weak', issue('sha1', '-sha1', ca='root')),
                       ('does not name', issue('other', names='DNS:other.example'))):
        told = faults(probe(start(*pair, *ALL)))
        tap.ok(any(text in one for one in told), 'a certificate whose %s' % text, told)


try:
    suites()
    resumption()
    not_to_be_trusted()
    plain_secret()
    key_proved()
    certificates()
finally:
    for process in running:
        process.kill()
        process.wait()
tap.done()
