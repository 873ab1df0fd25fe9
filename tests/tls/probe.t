#!/usr/bin/python3
"""`holdfast probe` against servers of others in wrong configurations: each is found, suite by suite as
sslscan finds them; and against listeners that are no TLS servers. A responder that only answers hellos
stands for servers with suites that no library here implements any more."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import BUILD, Front, PATIENCE_S, Tap, ports

HOLDFAST = os.environ.get('HOLDFAST', os.path.join(BUILD, 'holdfast'))
MATRIX_CONNECTIONS = 300
VERSIONS = ['SSL 3.0', 'TLS 1.0', 'TLS 1.1', 'TLS 1.2', 'TLS 1.3']
ALL = 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'
tap = Tap()
folder = tempfile.TemporaryDirectory(prefix='holdfast-probe-')
running = []


# --- the node whose policy is held against them ---

def node(*settings):
    """The root folder of a Conferencing Node with these settings."""
    root = tempfile.mkdtemp(dir=folder.name)
    os.makedirs(f'{root}/etc/holdfast')
    with open(f'{root}/etc/holdfast/role', 'w') as file:
        file.write('conferencing\n')
    subprocess.run([HOLDFAST, '--root', root, 'set', *settings], check=True, capture_output=True)
    return root


DEFAULTS = node('tls.cbc=yes')


def run(place, *options, root=DEFAULTS):
    return subprocess.run([HOLDFAST, '--root', root, 'probe', str(place), *options],
                          capture_output=True, text=True, timeout=120, check=False)


class Probed:
    """One probe as JSON."""

    def __init__(self, port, *options, host='localhost', **named):
        done = run(f'{host}:{port}', '--format', 'json', *options, **named)
        self.code, self.said = done.returncode, done.stderr + done.stdout
        report = json.loads(done.stdout) if done.stdout else {'versions': [], 'findings': []}
        self.report = report
        self.versions = {one['version']: one for one in report['versions'] if one['accepted']}
        self.suites = {name: {suite['id'] for suite in one['suites']}
                       for name, one in self.versions.items()}
        self.faults = [one['text'] for one in report['findings'] if one['fault']]
        self.notes = [one['text'] for one in report['findings'] if not one['fault']]
        self.settings = {one['text']: one['setting'] for one in report['findings']}

    def finds(self, text):
        return any(text in fault for fault in self.faults)


# --- servers ---

def certificate(name, *options, key=('rsa:2048',)):
    words = ['-pkeyopt', f'ec_paramgen_curve:{key[1]}'] if len(key) > 1 else []
    subprocess.run(['openssl', 'req', '-x509', '-nodes', '-newkey', key[0], *words, '-keyout',
                    f'{folder.name}/{name}.key', '-out', f'{folder.name}/{name}.crt', *options],
                   check=True, capture_output=True)
    return ['-cert', f'{folder.name}/{name}.crt', '-key', f'{folder.name}/{name}.key']


LOCALHOST = ('-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost')
RSA = certificate('rsa', '-days', '30', *LOCALHOST)
ECDSA = certificate('ecdsa', '-days', '30', *LOCALHOST, key=('ec', 'P-256'))


def start(port, *words):
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    running.append(process)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return port
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f'{words[0]} does not listen on port {port}')


def openssl(*options, pair=RSA):
    port = next(ports)
    return start(port, 'openssl', 's_server', '-accept', str(port), *pair, '-quiet', *options)


def gnutls(priority, pair=RSA):
    port = next(ports)
    return start(port, 'gnutls-serv', '--port', str(port), '--x509certfile', pair[1],
                 '--x509keyfile', pair[3], '--priority', priority, '--quiet')


def nginx(*lines, pair=RSA):
    port = next(ports)
    path = tempfile.mkdtemp(dir=folder.name)
    with open(f'{path}/nginx.conf', 'w') as file:
        # One process: a worker would outlive the master that is killed at the end.
        file.write('daemon off; master_process off; error_log /dev/null; pid %s/pid;\n'
                   'events {}\nhttp { access_log off;\nserver { listen 127.0.0.1:%d ssl;\n'
                   'ssl_certificate %s; ssl_certificate_key %s;\n%s\n} }\n'
                   % (path, port, pair[1], pair[3], '\n'.join(lines)))
    return start(port, 'nginx', '-p', path, '-c', f'{path}/nginx.conf', '-e', '/dev/null')


class Listener(threading.Thread):
    """A listener that does with each connection what `act` does."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act = act
        self.socket = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.open, self.most, self.count = 0, 0, 0
        self.lock = threading.Lock()
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=self.socket.accept()[:1], daemon=True).start()

    def serve(self, connection):
        with self.lock:
            self.open += 1
            self.count += 1
            self.most = max(self.most, self.open)
        try:
            self.act(connection)
        except OSError:
            pass
        connection.close()
        with self.lock:
            self.open -= 1


def offered(connection):
    """Version and suites of a ClientHello."""
    head = connection.recv(5, socket.MSG_WAITALL)
    body = connection.recv(struct.unpack('>H', head[3:])[0], socket.MSG_WAITALL)
    version = struct.unpack('>H', body[4:6])[0]
    at = 39 + body[38]
    size = struct.unpack('>H', body[at:at + 2])[0]
    return version, struct.unpack(f'>{size // 2}H', body[at + 2:at + 2 + size])


def answer(version, suite):
    """ServerHello and ServerHelloDone, each in a record of its own."""
    body = struct.pack('>H', version) + bytes(32) + b'\0' + struct.pack('>HB', suite, 0)
    messages = (b'\2' + struct.pack('>I', len(body))[1:] + body, b'\x0e\0\0\0')
    return b''.join(struct.pack('>BHH', 22, version, len(one)) + one for one in messages)


def responder(version, *suites):
    """A server of one version that prefers the suites in this order."""
    def act(connection):
        theirs, codes = offered(connection)
        chosen = [suite for suite in suites if suite in codes] if theirs == version else []
        connection.sendall(answer(version, chosen[0]) if chosen else b'\x15\3\0\0\2\2\x28')
    return Listener(act)


# --- what the judge of others finds ---

def sslscan(port):
    said = subprocess.run(['sslscan', '--no-colour', '--show-cipher-ids', f'localhost:{port}'],
                          capture_output=True, text=True, timeout=120, check=False).stdout
    found = {}
    for line in said.splitlines():
        words = line.split()
        if words[:1] in (['Accepted'], ['Preferred']):
            version = words[1].replace('SSLv3', 'SSL 3.0').replace('TLSv', 'TLS ')
            found.setdefault(version, set()).add(int(words[4], 16))
    return found


def agrees(port, name):
    probed = Probed(port)
    tap.same(probed.suites, sslscan(port), f'{name}: suite by suite as sslscan finds')
    count = probed.report.get('connections', MATRIX_CONNECTIONS + 1)
    tap.ok(count <= MATRIX_CONNECTIONS, f'{name}: the whole matrix in at most {MATRIX_CONNECTIONS} connections', count)
    return probed


# --- wrong configurations ---

def all_of_openssl():
    port = openssl('-cipher', ALL)
    probed = agrees(port, 'openssl with everything on')
    tap.same(sorted(probed.versions), VERSIONS[1:], 'openssl: all its versions')
    held = Probed(port, '--surface', 'sip-in')
    tap.same(held.code, 1, 'held against a surface, that is 1')
    for text, setting in (('TLS 1.0 is accepted', 'tls.legacy'),
                          ('TLS 1.1 is accepted', 'tls.legacy'),
                          ('TLS_RSA_WITH_AES_128_CBC_SHA is accepted with TLS 1.2',
                           'tls.aes128_sha'),
                          ('TLS_DH_anon_WITH_AES_128_CBC_SHA is accepted with TLS 1.2', None),
                          ('TLS_RSA_WITH_NULL_SHA256 is accepted with TLS 1.2', None),
                          ('TLS_RSA_WITH_AES_256_GCM_SHA384 is accepted with TLS 1.2', None),
                          ("the client's order of suites decides with TLS 1.2", None),
                          ('the group x448 is accepted', None)):
        tap.ok(text in held.faults, f'found: {text}', held.said)
        tap.same(held.settings.get(text, ''), setting, f'decided by {setting}')
    tap.ok(not any('ECDSA' in note for note in held.notes),
           'what an RSA key excludes is not missed', held.notes)


def all_of_gnutls():
    port = gnutls('NORMAL:+VERS-ALL:+3DES-CBC:+ANON-ECDH:+ANON-DH:+RSA')
    agrees(port, 'gnutls with 3DES and anonymous')
    held = Probed(port, '--surface', 'https-in')
    for text in ('TLS_RSA_WITH_3DES_EDE_CBC_SHA is accepted with TLS 1.2',
                 'TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA is accepted with TLS 1.0',
                 'TLS_DH_anon_WITH_3DES_EDE_CBC_SHA is accepted with TLS 1.2',
                 'TLS_AES_128_CCM_SHA256 is accepted with TLS 1.3'):
        tap.ok(text in held.faults, f'found: {text}', held.said)
    agrees(gnutls('NORMAL:-VERS-ALL:+VERS-TLS1.3', pair=ECDSA), 'gnutls with TLS 1.3 alone')
    agrees(gnutls('NORMAL:%SERVER_PRECEDENCE', pair=ECDSA), 'gnutls with an ECDSA key')


def all_of_nginx():
    old = ('ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;', f'ssl_ciphers {ALL};')
    port = nginx(*old, 'ssl_prefer_server_ciphers off;')
    held = agrees(port, 'nginx with everything on')
    tap.ok(held.finds("the client's order"), "nginx: the client's order is found", held.said)
    port = nginx(*old, 'ssl_prefer_server_ciphers on;')
    held = agrees(port, "nginx with the server's order")
    tap.ok(not held.finds("the client's order"), "nginx: the server's order is found", held.said)
    right = nginx('ssl_protocols TLSv1.2 TLSv1.3;', 'ssl_prefer_server_ciphers on;',
                  'ssl_ecdh_curve secp384r1:prime256v1:X25519;',
                  'ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256;',
                  pair=ECDSA)
    held = Probed(right, '--surface', 'https-in')
    tap.same((held.code, held.faults), (0, []), 'nginx as the policy asks agrees, and that is 0')
    tap.ok('TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 is permitted with TLS 1.2 and not offered'
           in held.notes, 'what it does not offer is a note', held.said)
    tap.same(sorted(held.report['groups']), ['secp256r1', 'secp384r1', 'x25519'], 'its groups')
    fips = node('security.fips=yes')
    held = Probed(right, '--surface', 'https-in', root=fips)
    tap.ok('the group x25519 is accepted' in held.faults, 'the policy is that of the settings',
           held.said)


def signatures():
    """RFC 9155: no key exchange is signed by SHA-1, neither for a client that says that it takes
    nothing else nor for one that says nothing."""
    servers = {'an RSA key': (RSA, 'rsa_pkcs1_sha1'), 'an ECDSA key': (ECDSA, 'ecdsa_sha1')}
    for kind, (pair, scheme) in servers.items():
        for name, make in (('openssl', lambda pair, level: openssl('-cipher', level, '-serverpref',
                                                                   pair=pair)),
                           ('nginx', lambda pair, level: nginx(f'ssl_ciphers {level};', pair=pair))):
            suites = 'ECDHE+AESGCM:DHE+AESGCM:AES128-GCM-SHA256'
            for surface in (('--surface', 'sip-in'), ()):
                held = Probed(make(pair, f'{suites}:@SECLEVEL=0'), *surface)
                tap.ok(f'a key exchange of TLS 1.2 is signed by {scheme}' in held.faults,
                       f'{name} with {kind} that signs by SHA-1 is found {surface}', held.said)
                tap.ok(scheme in held.report['signatures'], 'and its scheme is among its signatures',
                       held.said)
            held = Probed(make(pair, f'{suites}:@SECLEVEL=2'), '--surface', 'sip-in')
            wrong = [fault for fault in held.faults if 'signed by' in fault]
            tap.same(wrong, [], f'{name} with {kind} that refuses SHA-1 is no fault')
    both = openssl('-cipher', 'ECDHE:@SECLEVEL=0', *(word.replace('-cert', '-dcert').replace(
        '-key', '-dkey') for word in ECDSA))
    held = Probed(both, '--surface', 'sip-in')
    tap.same([scheme for scheme in ('rsa_pkcs1_sha1', 'ecdsa_sha1')
              if f'a key exchange of TLS 1.2 is signed by {scheme}' in held.faults],
             ['rsa_pkcs1_sha1', 'ecdsa_sha1'], 'a server with two keys is asked for both')
    edwards = certificate('edwards', '-days', '30', *LOCALHOST, key=('ed25519',))
    held = Probed(openssl('-tls1_2', pair=edwards), '--surface', 'sip-in')
    tap.ok('a key exchange of TLS 1.2 is signed by ed25519' in held.faults,
           'a scheme that the policy has not is found', held.said)


def master_secret():
    """FIPS mode asks for RFC 7627, which a server may take and yet serve who has it not."""
    fips = node('security.fips=yes')
    suites = 'ECDHE-RSA-AES256-GCM-SHA384'
    endpoint_by_fips = Front(settings=('security.fips=yes',))
    for name, port, taken, without in (
            ('openssl', openssl('-tls1_2', '-cipher', suites), True, True),
            ('gnutls that has none', gnutls('NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH'),
             False, True),
            ('the endpoint in FIPS mode', endpoint_by_fips.port, True, False)):
        held = Probed(port, '--surface', 'sip-in', root=fips)
        found = held.versions['TLS 1.2']
        tap.same((found['extended_master_secret'], found['plain_master_secret']), (taken, without),
                 f'{name}: whether it takes the extended master secret, and serves without')
        fault = 'TLS 1.2 is served without the extended master secret (RFC 7627) in FIPS mode'
        tap.same(fault in held.faults, without, f'{name}: which is a fault in FIPS mode')
        if without:
            tap.same(held.settings[fault], 'security.fips', 'by that setting')
        for root, surface in ((DEFAULTS, ('--surface', 'sip-in')), (fips, ())):
            held = Probed(port, *surface, root=root)
            tap.ok(fault not in held.faults, 'and none elsewhere', held.said)
    endpoint_by_fips.stop()


def no_library_has_them():
    suites = {0x0005: 'TLS_RSA_WITH_RC4_128_SHA', 0x0003: 'TLS_RSA_EXPORT_WITH_RC4_40_MD5',
              0x0009: 'TLS_RSA_WITH_DES_CBC_SHA', 0x0002: 'TLS_RSA_WITH_NULL_SHA',
              0x001B: 'TLS_DH_anon_WITH_3DES_EDE_CBC_SHA', 0x0096: 'TLS_RSA_WITH_SEED_CBC_SHA'}
    for version, name in ((0x0300, 'SSL 3.0'), (0x0301, 'TLS 1.0'), (0x0303, 'TLS 1.2')):
        listener = responder(version, *suites)
        held = Probed(listener.port, '--surface', 'https-in', host='127.0.0.1')
        tap.same([suite['name'] for suite in held.versions[name]['suites']],
                 list(suites.values()), f'{name}: RC4, export, DES, NULL and SEED, in their order')
        tap.same(held.versions[name]['server_order'], True, f"{name}: the server's order")
        tap.same(sorted(held.versions), [name], f'{name} and no other version')
        wrong = [f'{suite} is accepted with {name}' for suite in suites.values()]
        tap.same([text for text in wrong if text in held.faults], wrong, 'each is a fault')
        tap.ok(listener.most <= 10, 'never more than ten connections at once', listener.most)


# --- wrong certificates ---

def signed(name, authority, days, *extensions):
    """A certificate of `name` by an authority, as a pair; its own where there is none."""
    path = f'{folder.name}/{name}'
    with open(f'{path}.ext', 'w') as file:
        file.write('\n'.join(extensions))
    subprocess.run(['openssl', 'req', '-new', '-nodes', '-newkey', 'rsa:2048', '-subj',
                    f'/CN={name}', '-keyout', f'{path}.key', '-out', f'{path}.csr'], check=True,
                   capture_output=True)
    by = ['-CA', f'{authority}.crt', '-CAkey', f'{authority}.key'] if authority \
        else ['-signkey', f'{path}.key']
    subprocess.run(['openssl', 'x509', '-req', '-in', f'{path}.csr', '-days', str(days), *by,
                    '-CAcreateserial', '-extfile', f'{path}.ext', '-out', f'{path}.crt'],
                   check=True, capture_output=True)
    return path


def wrong_certificates():
    authority = 'basicConstraints=critical,CA:true'
    root = signed('root', None, 30, authority)
    issuing = signed('issuing', root, 30, authority)
    leaf = signed('leaf', issuing, 30, 'subjectAltName=DNS:localhost')
    chains = {'whole': [issuing], 'with its root': [issuing, root], 'short': [],
              'out of order': [root, issuing]}
    found = {}
    for name, behind in chains.items():
        with open(f'{folder.name}/chain', 'w') as file:
            file.writelines(open(f'{path}.crt').read() for path in behind)
        found[name] = Probed(openssl('-serverpref', *(['-cert_chain', f'{folder.name}/chain']
                                                      if behind else []),
                                     pair=['-cert', f'{leaf}.crt', '-key', f'{leaf}.key']))
    tap.same([found[name].faults for name in ('whole', 'with its root')], [[], []],
             'a chain in order is no fault, with or without its root')
    tap.ok(found['short'].finds('the chain is incomplete'), 'a short chain is found',
           found['short'].said)
    tap.ok(found['out of order'].finds('out of order'), 'a chain out of order is found',
           found['out of order'].said)
    other = certificate('other', '-days', '30', '-subj', '/CN=other.example', '-addext',
                        'subjectAltName=DNS:other.example')
    tap.ok(Probed(openssl(pair=other)).finds('does not name localhost but DNS:other.example'),
           'a wrong name is found')
    tap.ok(not Probed(openssl(pair=other), host='127.0.0.1').finds('does not name'),
           'and is no fault where no name was asked for')
    old = signed('expired', None, -1, 'subjectAltName=DNS:localhost')
    for version in '-tls1_2', '-tls1_3':
        expired = openssl(version, pair=['-cert', f'{old}.crt', '-key', f'{old}.key'])
        tap.ok(Probed(expired).finds('the certificate expired on'),
               f'an expired certificate is found, {version[1:]}')


# --- listeners that are no TLS servers ---

def refused(port, words, name, host='127.0.0.1'):
    done = run(f'{host}:{port}')
    tap.ok(done.returncode == 2 and words in done.stderr and not done.stdout,
           f'{name} is 2, with the reason', done.returncode, done.stderr, done.stdout)


def dribble(connection):
    for byte in answer(0x0303, 0xC02F):
        connection.sendall(bytes([byte]))
        time.sleep(0.3)


def no_servers():
    closed = socket.create_server(('127.0.0.1', 0))
    port = closed.getsockname()[1]
    closed.close()
    refused(port, 'Connection refused', 'a closed port')
    refused(port, 'Connection refused', 'one of IPv6', host='[::1]')
    refused(Listener(lambda connection: time.sleep(600)).port, 'sends nothing', 'a mute listener')
    refused(Listener(dribble).port, 'does not finish in time', 'one byte now and then')
    refused(Listener(lambda connection: connection.sendall(b'220 mail.example ESMTP\r\n' * 9)).port,
            'not answer in TLS', 'another protocol')
    refused(Listener(lambda connection: connection.sendall(b'\x16\3\3\xff\xff' + bytes(99999))).port,
            'not answer in TLS', 'garbage in a record')
    refused(Listener(lambda connection: connection.sendall(answer(0x0303, 5)[:40])).port, 'not answer in TLS',
            'half an answer')
    refused(Listener(lambda connection: None).port, 'without an answer', 'a listener that hangs up')
    refused(Listener(lambda connection: connection.sendall(b'\x15\3\0\0\2\2\x28')).port,
            'refuses every ClientHello', 'a server that refuses everything')
    for words in (['localhost'], ['localhost:0'], ['localhost:65536'], ['::1:443'], [':443'],
                  ['localhost:x'], ['[]:1'], ['no.such.invalid:443'], ['localhost:1', 'more'], [],
                  ['localhost:1', '--surface', 'srtp'], ['localhost:1', '--format', 'xml']):
        done = subprocess.run([HOLDFAST, 'probe', *words], capture_output=True, text=True,
                              timeout=120, check=False)
        tap.ok(done.returncode == 2 and done.stderr.count('\n') == 1, f'{words}: one line, and 2',
               done.returncode, done.stderr)


# --- the endpoint, by each policy ---

def endpoint():
    everything = ('https.legacy_inbound=yes', 'tls.aes128_sha=yes', 'tls.cbc=yes')
    for name, settings in {'the defaults': ('tls.cbc=yes',), 'CBC off': ('tls.cbc=no',),
                           'all that is old': everything,
                           'FIPS mode': ('security.fips=yes', *everything)}.items():
        for rsa in False, True:
            title = f"the endpoint, {name}, {'RSA' if rsa else 'ECDSA'}"
            front = Front(settings=settings, rsa=rsa)
            held = Probed(front.port, '--surface', 'https-in', root=node(*settings))
            tap.same((held.code, held.faults), (0, []), f'{title}: it agrees with its policy')
            # sslscan has no extended master secret: it is refused TLS 1.2 in FIPS mode.
            seen = {version: suites for version, suites in held.suites.items()
                    if name != 'FIPS mode' or version == 'TLS 1.3'}
            tap.same(seen, sslscan(front.port), f'{title}: suite by suite as sslscan finds')
            missed = [note for note in held.notes
                      if 'not offered' in note or 'no handshake' in note]
            tap.same(missed, [], f'{title}: all that is permitted is offered and proved')
            front.stop()
    strict = node('security.fips=yes')
    front = Front(settings=everything)
    held = Probed(front.port, '--surface', 'https-in', root=strict)
    for text in ('TLS 1.0 is accepted', 'the group x25519 is accepted',
                 'TLS_CHACHA20_POLY1305_SHA256 is accepted with TLS 1.3'):
        tap.ok(text in held.faults, f'held against FIPS mode: {text}', held.said)
    front.stop()


# --- hosts ---

def several_addresses():
    """A name whose listener is at one of its addresses alone, as hosts(5) in a mount namespace of
    its own has it."""
    pair = signed('dual', None, 30)
    cases = (('dual', '::1', '127.0.0.1'), ('two', '127.0.0.2', '127.0.0.1'),
             ('three', '127.0.0.2', '127.0.0.3', '127.0.0.1'), ('six', '127.0.0.1', '::1'))
    with open(f'{folder.name}/hosts', 'w') as file:
        file.writelines(f'{address} {name}\n' for name, *addresses in cases
                        for address in addresses)
        file.write('127.0.0.2 none\n127.0.0.3 none\n')
    for there, names in (('127.0.0.1', ('dual', 'two', 'three', 'dual.', 'six')), ('[::1]', ('six',))):
        port = next(ports)
        running.append(subprocess.Popen(
            ['openssl', 's_server', '-accept', f'{there}:{port}', '-cert', f'{pair}.crt', '-key',
             f'{pair}.key', '-quiet'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL))
        wait_for_port(there, port)
        for name in names:
            done = with_hosts(f'{name}:{port}')
            tap.ok('TLS 1.3: accepted' in done.stdout, f'{name}: the address that answers is found',
                   done.stdout, done.stderr)
        done = with_hosts(f'none:{port}')
        tap.ok(done.returncode == 2 and '127.0.0.2: ' in done.stderr and '127.0.0.3: ' in done.stderr,
               'where none answers the reason of each is told', done.stderr)


def with_hosts(place):
    return subprocess.run(
        ['unshare', '--mount', '--propagation', 'private', 'sh', '-c',
         'mount --bind "$0" /etc/hosts && exec "$@"', f'{folder.name}/hosts', HOLDFAST, 'probe', place,
         '--timeout', '60'], capture_output=True, text=True, timeout=120, check=False)


def wait_for_port(host, port):
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection((host.strip('[]'), port)).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def hosts_by_rfc():
    for place in ('[127.0.0.1]:1', '[localhost]:1', '127.1:1', '1.2.3:1', '0x7f.0.0.1:1', 'a-:1',
                  'a..b:1', 'a_b:1', '::1:1', 'localhost:0', 'localhost:65536', 'localhost:+1',
                  'localhost:01', 'localhost:', 'localhost', ':1', '.:1', '[::1%]:1', '[::1:1', '[]:1',
                  f'{"a" * 64}:1', f'{"a." * 127}a:1', '127.0.0.1.:1'):
        done = run(place)
        tap.ok(done.returncode == 2 and 'is not HOST:PORT' in done.stderr, f'{place[:20]} is no host',
               done.returncode, done.stderr)
    for place in ('localhost:1', 'localhost.:1', '127.0.0.1:1', '[::1]:1', '[fe80::1%lo]:1'):
        done = run(place)
        tap.ok(done.returncode == 2 and 'HOST:PORT' not in done.stderr and
               'no such host' not in done.stderr, f'{place} is one', done.stderr)


# --- a budget of handshakes ---

def budget():
    front = Front(settings=('https.legacy_inbound=yes', 'tls.aes128_sha=yes'), rsa=True)
    wanted = Probed(front.port)
    front.stop()
    front = Front(settings=('https.legacy_inbound=yes', 'tls.aes128_sha=yes'), rsa=True,
                  handshakes_per_address_s=20)
    found = Probed(front.port)
    tap.same(found.suites, wanted.suites,
             'a listener with a budget of 20 handshakes a second is found out whole')
    tap.same({name: one['server_order'] for name, one in found.versions.items()},
             dict.fromkeys(VERSIONS[1:], True), "and the server's order")


try:
    all_of_openssl()
    all_of_gnutls()
    all_of_nginx()
    signatures()
    master_secret()
    no_library_has_them()
    wrong_certificates()
    no_servers()
    several_addresses()
    hosts_by_rfc()
    endpoint()
    budget()
finally:
    for server in running:
        server.kill()
        server.wait()
    folder.cleanup()
tap.done()
