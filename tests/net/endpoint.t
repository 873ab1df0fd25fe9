#!/usr/bin/env python3
"""The daemon knows who serves the health port by the process and the key, not by the port: strangers
at the port, processes that die, stop or cannot live. And the endpoint's certificate follows what it
was made from: names, rules for keys, the clock."""
import ctypes
import hashlib
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import tempfile
import time

import harness

PORT = 9443
PATIENCE_S = 60


def wait_for(condition, patience_s=PATIENCE_S):
    """What the condition gave once it was true, or what it gave last."""
    until = time.monotonic() + patience_s
    while True:
        found = condition()
        if found or time.monotonic() > until:
            return found
        time.sleep(0.05)


class Lab:
    """A node and its daemon."""

    count = 0

    def __init__(self, settings='', prefix=''):
        Lab.count += 1
        self.node = harness.Node('management', f'endpoint{Lab.count}')
        self.node.settings('health.stations = 127.0.0.1/32\n' + settings)
        self.node.boot()
        self.prefix, self.process = prefix, None

    def start(self):
        with self.node.entered():
            self.process = subprocess.Popen(
                ['bash', '-c', f'{self.prefix} exec {harness.HOLDFAST} --root {self.node.root} run'],
                stderr=subprocess.DEVNULL)
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def endpoint(self):
        for number in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{number}/cmdline', 'rb') as file:
                    words = file.read()
                with open(f'/proc/{number}/stat') as file:
                    fields = file.read().split()
                if words == b'holdfast\0endpoint\0' and int(fields[3]) == self.process.pid:
                    return int(number)
            except OSError:
                pass
        return None

    def row(self, name='tls.health.served'):
        return self.node.rows(name)[name]

    def verdict(self, name='tls.health.served'):
        return self.row(name)['verdict']

    def events(self, kind='endpoint'):
        lines = self.node.holdfast('events').stdout.splitlines()
        return [line for line in lines if re.match(rf'\s*\d+\s+\S+\s+{kind}\b', line)]

    def connect(self, **how):
        context = ssl._create_unverified_context()
        if 'ciphers' in how:
            context.set_ciphers(how['ciphers'])
        with self.node.entered():
            return context.wrap_socket(socket.create_connection(('127.0.0.1', PORT), 10))

    def certificate(self):
        """In DER, or b'' where nothing serves."""
        try:
            with self.connect() as connection:
                return connection.getpeercert(True)
        except OSError:
            return b''

    def shown(self, *what):
        done = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', *what],
                              input=wait_for(self.certificate), capture_output=True, check=False)
        return done.stdout.decode()

    def page(self, path):
        with self.connect() as connection:
            connection.sendall(f'GET {path} HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n'.encode())
            return b''.join(iter(lambda: connection.recv(65536), b'')).decode().split('\r\n\r\n', 1)[1]


def fingerprint(der):
    return ':'.join(f'{byte:02X}' for byte in hashlib.sha256(der).digest())


def pair(folder, *more):
    names = [f'{folder}/stranger.crt', f'{folder}/stranger.key']
    subprocess.run(['openssl', 'req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-subj', '/CN=node.local', '-addext',
                    'subjectAltName=DNS:node.local,DNS:node', '-out', names[0], '-keyout', names[1],
                    *more], check=True, capture_output=True)
    return names


def a_port_that_is_taken(t):
    lab = Lab()
    with lab.node.entered():
        other = socket.socket()
        other.bind(('127.0.0.1', PORT))  # bound, and listening to nobody
    with lab:
        t.ok(wait_for(lambda: lab.verdict() == 'fail'), 'a port that another program has bound fails',
             lab.row())
        t.ok('port 9443' in lab.row()['observed'], 'and the row names the port', lab.row())
        t.ok(lab.events(), 'and it is an event')
        t.same({row['verdict'] for name, row in lab.node.rows('tls.health.*').items()} & {
            'not_applicable', 'pass'}, set(), 'no row of the health port passes or does not apply')
        other.close()
        t.ok(wait_for(lambda: lab.verdict() == 'pass'), 'once the port is free the endpoint serves',
             lab.row())
        t.ok(fingerprint(lab.certificate()) in lab.row()['observed'],
             'and its row shows the certificate that is served', lab.row())


def a_stranger_with_tls(t):
    lab = Lab()
    crt, key = pair(lab.node.root)
    with lab.node.entered():
        stranger = subprocess.Popen(['openssl', 's_server', '-accept', f'127.0.0.1:{PORT}', '-cert',
                                     crt, '-key', key, '-quiet', '-tls1_3'], stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lab.certificate)
    try:
        with lab:
            t.ok(wait_for(lambda: lab.verdict() == 'fail'),
                 'a stranger who speaks TLS at the port fails', lab.row())
            wait_for(lambda: os.path.exists(f'{lab.node.root}/run/holdfast/probe'))
            rows = lab.node.rows('tls.health.*')
            t.same({row['verdict'] for name, row in rows.items() if name != 'tls.health.served'},
                   {'error'}, "and what the stranger offers is not taken for the endpoint's")
    finally:
        stranger.terminate()
        stranger.wait()


def a_stranger_by_redirection(t):
    """The endpoint runs, and the kernel sends its clients elsewhere."""
    lab = Lab()
    crt, key = pair(lab.node.root)
    with lab:
        wait_for(lambda: lab.verdict() == 'pass')
        with lab.node.entered():
            stranger = subprocess.Popen(['openssl', 's_server', '-accept', '127.0.0.1:9444', '-cert',
                                         crt, '-key', key, '-quiet', '-tls1_3'],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        lab.node.run('nft', 'add table ip elsewhere; add chain ip elsewhere out { type nat hook output '
                     f'priority -100; }}; add rule ip elsewhere out tcp dport {PORT} redirect to :9444')
        lab.node.store('net.accept_icmpv6_multicast_echo=no')  # has the node probed again
        t.ok(wait_for(lambda: lab.verdict() == 'fail' and 'another certificate' in
                      lab.row()['observed']), 'a certificate that is not ours fails', lab.row())
        stranger.terminate()
        stranger.wait()


def a_process_that_dies(t):
    lab = Lab()
    with lab:
        wait_for(lambda: lab.verdict() == 'pass')
        old = lab.endpoint()
        os.kill(old, signal.SIGKILL)
        with lab.node.entered(), socket.socket() as thief:
            try:
                thief.bind(('127.0.0.1', PORT))
                taken = True
            except OSError:
                taken = False
        t.ok(not taken, 'while it is started again nobody gets its port')
        t.ok(wait_for(lambda: lab.events()) and 'signal 9' in lab.events()[0], 'its end is an event',
             lab.events())
        t.ok(wait_for(lambda: lab.endpoint() not in (None, old) and lab.verdict() == 'pass'),
             'it is started again', lab.row())
        for name in 'renamed', 'again':
            old = lab.endpoint()
            lab.node.holdfast('set', f'node.hostname={name}')
            t.ok(wait_for(lambda: lab.endpoint() not in (None, old) and lab.verdict() == 'pass'),
                 'a new name starts it anew', lab.row())
    again = [line for line in lab.events() if 'answers again' in line]
    t.ok(len(again) == 1 and 'repeated' not in again[0], 'that it answers again is said of its end alone',
         lab.events())


def a_process_that_is_stopped(t):
    lab = Lab()
    with lab:
        wait_for(lambda: lab.verdict() == 'pass')
        old = lab.endpoint()
        os.kill(old, signal.SIGSTOP)
        t.ok(wait_for(lambda: 'stopped' in ''.join(lab.events())), 'a stop is an event', lab.events())
        t.ok(wait_for(lambda: lab.endpoint() not in (None, old) and lab.verdict() == 'pass'),
             'a process that was stopped is replaced', lab.row())
        t.ok(wait_for(lab.certificate), 'and the endpoint serves')


def held(pid):
    """A debugger that has taken the process says nothing to its parent."""
    for request in (0x4206, 0x4207):  # PTRACE_SEIZE, PTRACE_INTERRUPT
        if harness.libc.ptrace(request, pid, None, None):
            raise OSError(ctypes.get_errno(), 'ptrace')
    os.waitpid(pid, 0x40000000)  # __WALL


def is_gone(pid):
    """Its tracer, too, has to take note of its end."""
    try:
        return os.waitpid(pid, os.WNOHANG | 0x40000000)[0] == pid
    except ChildProcessError:
        return True


def a_process_that_does_not_answer(t):
    lab = Lab()
    with lab:
        wait_for(lambda: lab.verdict() == 'pass')
        old = lab.endpoint()
        held(old)
        t.ok(wait_for(lambda: is_gone(old)), 'a process that gives no sign of life is ended')
        t.ok(wait_for(lambda: 'does not answer' in ''.join(lab.events())), 'which is an event',
             lab.events())
        t.ok(wait_for(lambda: lab.endpoint() not in (None, old) and lab.verdict() == 'pass'),
             'and another one serves', lab.row())


def a_prober_that_dies(t):
    lab = Lab()

    def kill_prober():
        for number in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{number}/stat') as file:
                    ours = int(file.read().split()[3]) == lab.process.pid
                with open(f'/proc/{number}/cmdline', 'rb') as file:
                    if ours and file.read() == b'holdfast\0prober\0':
                        os.kill(int(number), signal.SIGKILL)
            except OSError:
                pass
        return lab.verdict('tls.health.suites') == 'error'
    with lab:
        t.ok(wait_for(kill_prober), 'probes that never come to their end are errors',
             lab.row('tls.health.suites'))
        t.ok(lab.events('prober'), 'and an event')
        t.ok(wait_for(lambda: lab.verdict('tls.health.suites') == 'pass'),
             'the next one is soon, and its rows pass', lab.row('tls.health.suites'))


def a_daemon_that_dies(t):
    lab = Lab()
    with lab:
        wait_for(lambda: lab.verdict() == 'pass')
        lab.process.kill()
        lab.process.wait()
        t.ok(wait_for(lambda: lab.verdict() == 'fail'), "the daemon's own end fails", lab.row())


def one_that_cannot_live(t):
    """Ten of its ends; the clock of its starts is the daemon's own."""
    lab = Lab(prefix='ulimit -n 300;')
    with lab:
        t.ok(wait_for(lambda: lab.verdict() == 'fail'), 'a process that cannot live fails', lab.row())
        t.ok(wait_for(lambda: any('repeated 4 times' in line for line in lab.events())),
             'its ends are counted', lab.events())
        t.ok(len(lab.events()) <= 4, 'and are few events', lab.events())
    t.ok(lab.node.holdfast('events', '--verify').returncode == 0, 'in a whole chain')


# --- the certificate ---

def follows_names(t):
    lab = Lab()
    with lab:
        before = wait_for(lab.certificate)
        t.ok('node.local' in lab.shown('-ext', 'subjectAltName'), 'it names the node', before)
        lab.node.store('node.hostname=meet7', 'node.domain=example.org',
                          'node.address=192.0.2.7/24', 'node.address6=2001:db8::7/64')
        t.ok(wait_for(lambda: lab.certificate() not in (b'', before)), 'other names make it anew')
        names = lab.shown('-ext', 'subjectAltName')
        t.ok(all(name in names for name in ('DNS:meet7.example.org', 'DNS:meet7', '192.0.2.7',
                                            '2001:DB8:0:0:0:0:0:7')), 'with all of them', names)
        t.ok(any('names or addresses' in line and fingerprint(lab.certificate()) in line
                 for line in lab.events('certificate')), 'in an event with its fingerprint',
             lab.events('certificate'))
        now = lab.certificate()
        lab.node.store('net.accept_icmpv6_multicast_echo=no')
        lab.node.store('node.hostname=meet7')
        lab.stop()
        lab.start()
        t.same(wait_for(lab.certificate), now, 'it stays while they do, over a restart too')
        t.ok(wait_for(lambda: 'self-signed' in lab.row('tls.health.certificate')['observed']),
             'its row says that it is self-signed', lab.row('tls.health.certificate'))
        row = lab.row('tls.health.certificate')
        t.ok(row['verdict'] == 'fail' and fingerprint(now) in row['observed'],
             'and which fingerprint to compare', row)


def is_advice(t, lab):
    """Nothing but the certificate and the guide fails."""
    health = json.loads(lab.page('/health'))
    t.same(health['checks']['tls:failing'][0]['status'], 'warn',
           'a self-signed certificate is no failure of the node')


def is_shown(t):
    lab = Lab()
    with lab:
        print_of = fingerprint(wait_for(lab.certificate))
        wait_for(lambda: lab.verdict('tls.health.certificate') == 'fail')
        wait_for(lambda: 'self-signed' in lab.page('/checks'))
        is_advice(t, lab)
        for path in ('/health', '/metrics', '/'):
            t.ok(print_of in lab.page(path), f'{path} shows its SHA-256')
        with open(f'{lab.node.root}/run/holdfast/fingerprint') as file:
            t.same(file.read().strip(), print_of, 'and there is a file for the console')
    t.ok(not os.path.exists(f'{lab.node.root}/run/holdfast/fingerprint'),
         'which goes when nothing is served any more')


def suits_strict_clients(t, lab):
    """Those of CNSA (RFC 9151), who take P-384 and SHA-384 alone."""
    for version, suite in (('-tls1_3', ('-ciphersuites', 'TLS_AES_256_GCM_SHA384')),
                           ('-tls1_2', ('-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384'))):
        done = lab.node.try_run('openssl', 's_client', '-connect', f'127.0.0.1:{PORT}', version, *suite,
                                '-groups', 'P-384', '-sigalgs', 'ECDSA+SHA384', input='')
        t.ok('Peer signing digest: SHA384' in done.stdout, f'{version}: a client of CNSA connects',
             done.stdout[-600:], done.stderr[-600:])


def follows_key_rules(t):
    lab = Lab()
    with lab:
        before = wait_for(lab.certificate)
        t.ok('P-384' in lab.shown('-text') and 'ecdsa-with-SHA384' in lab.shown('-text'),
             'its key is on the first group of the policy', lab.shown('-text'))
        suits_strict_clients(t, lab)
        lab.node.store('security.fips=yes')
        t.ok(wait_for(lambda: lab.certificate() not in (b'', before)), 'FIPS mode makes it anew')
        t.ok(any('rules for its key' in line for line in lab.events('certificate')),
             'in an event', lab.events('certificate'))
        inside = wait_for(lab.certificate)
        lab.node.store('security.fips=no')
        t.ok(wait_for(lambda: lab.certificate() not in (b'', inside)), 'and so does its end')


def object_hash(name, data):
    field = lambda value: struct.pack('>Q', len(value)) + value
    return hashlib.sha256(field(name.encode()) + field(data)).digest()


def store(lab, **objects):
    """As another program, or an older one, left them; None takes one away."""
    database = sqlite3.connect(f'{lab.node.root}/var/lib/holdfast/state.db')
    with database:
        for name, data in objects.items():
            name = 'endpoint.' + name
            database.execute('DELETE FROM objects WHERE name = ?', (name,))
            if data is not None:
                database.execute('INSERT INTO objects (name, data, hash) VALUES (?, ?, ?)',
                                 (name, data, object_hash(name, data)))
    database.close()


def signed(folder, begin, end, authority=False):
    """A pair for node.local, valid as given, self-signed or issued by an authority."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        config = f'{place}/config'
        with open(config, 'w') as file:
            file.write(f'[ca]\ndefault_ca=a\n[a]\ndir={place}\ndatabase={place}/index\nserial={place}/serial\n'
                       f'new_certs_dir={place}\ndefault_md=sha256\npolicy=p\nunique_subject=no\nx509_extensions=x\n'
                       '[p]\ncommonName=supplied\n[x]\nsubjectAltName=DNS:node.local\n'
                       '[req]\ndistinguished_name=d\n[d]\n')
        open(f'{place}/index', 'w').close()
        with open(f'{place}/serial', 'w') as file:
            file.write('4711\n')

        def openssl(*words):
            subprocess.run(['openssl', *words], check=True, capture_output=True)
        for name in ('ca', 'node'):
            openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', f'{place}/{name}.key')
        openssl('req', '-new', '-config', config, '-subj', '/CN=node.local', '-key', f'{place}/node.key',
                '-out', f'{place}/csr')
        openssl('req', '-x509', '-config', config, '-subj', '/CN=Authority', '-key', f'{place}/ca.key',
                '-out', f'{place}/ca.crt')
        issuer = ['-cert', f'{place}/ca.crt', '-keyfile', f'{place}/ca.key'] if authority else [
            '-selfsign', '-keyfile', f'{place}/node.key']
        openssl('ca', '-batch', '-notext', '-config', config, '-startdate', begin, '-enddate', end, '-in',
                f'{place}/csr', '-out', f'{place}/crt', *issuer)
        return [open(f'{place}/{name}', 'rb').read() for name in ('crt', 'node.key')]


def moment(days):
    return time.strftime('%Y%m%d%H%M%SZ', time.gmtime(time.time() + days * 86400))


def follows_the_clock(t):
    """Certificates as the node would have made them by another clock, or long ago."""
    cases = (('an expired one is made anew', -826, -1, False),
             ('one of a clock that was ahead is made anew', 3, 300, False),
             ('one of 1970 is made anew', -20000, -19600, False),
             ('one past two thirds of its life is made anew', -270, 120, False),
             ('one that is valid for too long is made anew', -1, 825, False),
             ('one that an authority issued is not touched', -270, 100, True),
             ('not even once it has expired', -270, -1, True))
    lab = Lab()
    with lab:
        wait_for(lab.certificate)
    for name, begin, end, authority in cases:
        crt, key = signed(lab.node.root, moment(begin), moment(end), authority)
        der = subprocess.run(['openssl', 'x509', '-outform', 'DER'], input=crt, capture_output=True,
                             check=True).stdout
        store(lab, certificate=crt, key=key, origin=None)
        with lab:
            served = wait_for(lab.certificate)
            t.ok((served == der) == authority, name, lab.events('certificate')[-1:])
    crt, key = signed(lab.node.root, moment(-400), moment(-1))
    store(lab, certificate=crt, key=key, origin=b'imported\n')
    with lab:
        t.ok('notAfter' in lab.shown('-enddate') and lab.shown('-checkend', '0').strip().endswith(
            'will expire'), 'a self-signed one that was imported is not touched either')


def stored(lab):
    database = sqlite3.connect(f'{lab.node.root}/var/lib/holdfast/state.db')
    found = dict(database.execute("SELECT name, data FROM objects WHERE name LIKE 'endpoint.%'"))
    database.close()
    return found


def damage(lab, name):
    """Changes an object behind its hash's back."""
    database = sqlite3.connect(f'{lab.node.root}/var/lib/holdfast/state.db')
    with database:
        database.execute("UPDATE objects SET data = CAST('damaged' AS BLOB) WHERE name = ?", ('endpoint.' + name,))
    database.close()


def made_by_openssl(*algorithm):
    """A self-signed pair with a key that this program has no code for."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(['openssl', 'genpkey', *algorithm, '-out', f'{place}/key'], check=True, capture_output=True)
        subprocess.run(['openssl', 'req', '-x509', '-key', f'{place}/key', '-subj', '/CN=node.local', '-days', '300',
                        '-out', f'{place}/crt'], check=True, capture_output=True)
        return [open(f'{place}/{name}', 'rb').read() for name in ('crt', 'key')]


def keeps_what_it_cannot_read(t):
    """What somebody has imported is not written over, whatever is wrong with it."""
    lab = Lab()
    with lab:
        wait_for(lab.certificate)
    ed25519 = made_by_openssl('-algorithm', 'ED25519')
    good = signed(lab.node.root, moment(-1), moment(300))
    cases = (('of Ed25519', ed25519, b'imported\n', None),
             ('on secp256k1', made_by_openssl('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'),
              b'imported\n', None),
             ('that is no certificate', (b'no certificate', good[1]), b'imported\n', None),
             ('without a key', (good[0], None), b'imported\n', None),
             ('that is damaged', good, b'imported\n', 'certificate'),
             ('whose key is damaged', good, b'imported\n', 'key'))
    for name, (crt, key), origin, damaged in cases:
        store(lab, certificate=crt, key=key, origin=origin)
        if damaged:
            damage(lab, damaged)
        before = stored(lab)
        with lab:
            t.ok(wait_for(lambda: lab.verdict() == 'fail' and 'imported' in lab.row()['observed']),
                 f'an imported certificate {name} is not served, and its row says so', lab.row())
            t.same(lab.certificate(), b'', 'and no other in its place')
        t.same(stored(lab), before, 'and what is stored stays as it is')
    for name, origin, damaged in (('with a damaged origin', b'imported\n', 'origin'),
                                  ('without an origin, that cannot be read', None, 'certificate')):
        store(lab, certificate=good[0], key=good[1], origin=origin)
        damage(lab, damaged)
        before = stored(lab)
        with lab:
            lab.node.holdfast('set', 'node.hostname=renamed')
            t.ok(wait_for(lab.certificate), f'one {name} is replaced in memory')
        t.same(stored(lab), before, 'and what is stored stays as it is')


def survives_damage(t):
    lab = Lab()
    with lab:
        wait_for(lab.certificate)
    store(lab, certificate=b'no certificate')
    with lab:
        t.ok(wait_for(lab.certificate), 'a certificate that cannot be read is made anew')
    _, key = signed(lab.node.root, moment(-1), moment(300))
    store(lab, key=key)
    with lab:
        t.ok(wait_for(lambda: lab.verdict() == 'fail' and 'ended' in lab.row()['observed']),
             'a key that somebody else has stored is not replaced, and its row fails', lab.row())


def main():
    harness.needs()
    t = harness.Tap()
    for test in (a_port_that_is_taken, a_stranger_with_tls, a_stranger_by_redirection,
                 a_process_that_dies, a_process_that_is_stopped,
                 a_process_that_does_not_answer, a_prober_that_dies, a_daemon_that_dies,
                 one_that_cannot_live, follows_names, is_shown, follows_key_rules,
                 follows_the_clock, keeps_what_it_cannot_read, survives_damage):
        test(t)
    t.done()


main()
