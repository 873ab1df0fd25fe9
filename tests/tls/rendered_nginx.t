#!/usr/bin/env python3
"""nginx with the node's file, by requests: which are refused, from whom, and which fields every
answer has, errors too, whatever the server blocks look like. What is at work is known by its
upstream, which this test is."""
import contextlib
import os
import socket
import ssl
import struct
import time

from endpoint import IPV6_FREEBIND
from services import (FILES, PATIENCE_S, Server, Tap, folder, make_certificates, own_files, render,
                      run)

PORT, NAMED, BUSY, VERIFIED, OWN, LIMITED, UPSTREAM, CLOSED = 8443, 8444, 8445, 8446, 8447, 8448, 9000, 9001
SIZE = 64 << 20  # of a page that no socket's buffers hold
BLOCK = '''
    server {{
        listen 0.0.0.0:{port} ssl; listen [::]:{port} ssl;
        ssl_certificate {folder}/rsa.pem; ssl_certificate_key {folder}/rsa.key;
        root {folder}/www;
        {block}
        location /slow {{ proxy_pass http://127.0.0.1:{upstream}; }}
        location /gone {{ proxy_pass http://127.0.0.1:{closed}; }}
    }}
'''
NGINX = '''
pid {folder}/nginx.pid; error_log {folder}/nginx.log; daemon off; master_process off;
events {{}}
http {{
    access_log off;
    include {files}/nginx.conf;
    limit_req_zone $request_id zone=own:1m rate=1r/m;
    {blocks}
}}
'''
REPEATED = '''add_header X-Own 1 always;
        add_header Strict-Transport-Security max-age=31536000 always;
        add_header Referrer-Policy same-origin always;'''
BLOCKS = {
    PORT: '',
    NAMED: 'server_name one.example two.example;',
    BUSY: 'server_name one.example; limit_req zone=own; location /deep { location /deep/er { return 200; } }',
    VERIFIED: 'ssl_client_certificate {folder}/rsa.pem; ssl_verify_client optional; ssl_verify_depth 3;',
    OWN: REPEATED,
    LIMITED: 'location / { limit_rate 1k; limit_except GET { deny all; } }',
}
tap = Tap()


# --- clients ---


class Client:
    """A TLS connection from an address of its own."""

    def __init__(self, source='10.0.0.1', port=PORT, pair=None):
        family = socket.AF_INET6 if ':' in source else socket.AF_INET
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if pair:
            context.load_cert_chain(f'{folder}/{pair}.pem', f'{folder}/{pair}.key')
        plain = socket.socket(family)
        plain.settimeout(PATIENCE_S)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if family == socket.AF_INET6:  # any of the local network's, as IPv4 has them
            plain.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        plain.bind((source, 0))
        plain.connect(('::1' if family == socket.AF_INET6 else '127.0.0.1', port))
        self.socket = context.wrap_socket(plain)
        self.seen = b''

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())
        return self

    def get(self, path, more=''):
        return self.send(f'GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n')

    def head(self):
        """The next answer's head; what follows it stays to be read."""
        while b'\r\n\r\n' not in self.seen:
            data = self.socket.recv(65536)
            if not data:
                break
            self.seen += data
        head, _, self.seen = self.seen.partition(b'\r\n\r\n')
        return head.decode()

    def status(self):
        return int(self.head().split(' ')[1])

    def count_to_end(self):
        count = len(self.seen)
        self.seen = b''
        while data := self.socket.recv(1 << 20):
            count += len(data)
        return count

    def close(self):
        """With a reset: nothing that was not read is waited for."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(source='10.0.0.1', port=PORT, path='/', pair=None):
    with Client(source, port, pair) as client:
        return client.get(path, 'Connection: close\r\n').status()


def wait_for(condition):
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


class Work:
    """Requests that are at work: each has come through to the upstream, which does not answer."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', UPSTREAM), backlog=64)
        self.listener.settimeout(PATIENCE_S)
        self.held = []

    def begin(self, source='10.0.0.1', port=PORT, pair=None):
        client = Client(source, port, pair).get('/slow')
        upstream = self.listener.accept()[0]
        upstream.settimeout(PATIENCE_S)
        self.held.append((client, upstream))

    def end(self):
        """The client of the first one goes, which nginx lets the upstream know."""
        client, upstream = self.held.pop(0)
        client.close()
        while upstream.recv(65536):
            pass
        upstream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self.held:
            self.end()
        self.listener.close()


@contextlib.contextmanager
def nginx(*settings):
    render(settings)
    path = f'{folder}/nginx.conf'
    blocks = ''.join(BLOCK.format(port=port, folder=folder, upstream=UPSTREAM, closed=CLOSED,
                                  block=block.replace('{folder}', folder))
                     for port, block in BLOCKS.items())
    with open(path, 'w') as file:
        file.write(NGINX.format(folder=folder, files=FILES, blocks=blocks))
    try:
        with Server(LIMITED, 'nginx', '-p', folder, '-c', path):
            yield
    finally:
        run('umount', '/run/holdfast')


# --- limits ---


def limit_of_all():
    with nginx('web.max_sessions=4'), Work() as work:
        for port in PORT, NAMED, BUSY:
            work.begin(port=port)
        tap.same([ask(port=port) for port in BLOCKS], [503] * len(BLOCKS),
                 'requests are counted over all server blocks, and one source leaves a quarter to others')
        tap.same(ask('10.0.0.2', LIMITED), 200, 'who are served')
        work.begin('10.0.0.2', OWN)
        tap.same([ask(source, port) for source in ('10.0.0.3', '2001:db8::1') for port in BLOCKS],
                 [503] * 2 * len(BLOCKS), 'when all are at work anybody is refused, in every server block')
        work.end()
        tap.ok(wait_for(lambda: ask('10.0.0.3') == 200), 'and served when one has ended')


def limit_of_each():
    with nginx('web.max_sessions_per_user=2'), Work() as work:
        for address in '2001:db8:a0a:a0a:1::1', '2001:db8:a0a:a0a:a00:1:a00:1':
            work.begin(address)
        tap.same([ask('2001:db8:a0a:a0a::7'), ask('2001:db8:a0a:a0b::7'), ask('2001:db8:a0b:a0a::7')],
                 [503, 200, 200], 'addresses of one /64 are one source, another /64 is another')
        for _ in range(2):
            work.begin('10.0.0.1', NAMED)
        tap.same([ask('10.0.0.1'), ask('10.0.0.2'), ask('10.0.1.1')], [503, 200, 200],
                 'each IPv4 address is a source of its own')
        tap.same([ask('10.0.0.1', port) for port in BLOCKS], [503] * len(BLOCKS),
                 'in every server block')


def limit_of_each_user():
    with nginx('web.max_sessions=100', 'web.max_sessions_per_user=2'), Work() as work:
        for number in range(2):
            work.begin(f'10.0.0.{number}', VERIFIED, 'one')
        tap.same([ask('10.0.0.9', VERIFIED, pair='one'), ask('10.0.0.9', VERIFIED, pair='two'),
                  ask('10.0.0.0', VERIFIED)], [503, 200, 200],
                 'who shows a certificate that is verified is one user from wherever, and no source')
        for _ in range(2):
            work.begin('10.0.0.9', VERIFIED)
        tap.same([ask('10.0.0.9', VERIFIED), ask('10.0.0.9', VERIFIED, pair='two')], [503, 200],
                 'and is served where the rest of its source is not')
        tap.same(ask('10.0.0.9', VERIFIED, pair='stranger'), 400, 'one by somebody else makes no user')


def no_limit():
    with nginx(), Work() as work:
        for number in range(12):
            work.begin(port=(PORT, NAMED)[number % 2])
        tap.same(ask(), 200, 'without limits nothing is counted')


def what_is_no_request():
    with nginx('web.max_sessions=2', 'web.max_sessions_per_user=2'), contextlib.ExitStack() as stack:
        idle = [stack.enter_context(Client()) for _ in range(6)]
        tap.same([client.get('/').status() for client in idle], [200] * 6,
                 'connections that wait for their next request are none at work')
        tap.same([idle[0].get('/missing').status() for _ in range(1)] + [ask()], [404, 200], 'nor is one after an error')
        for client in idle[1:]:
            client.send('GET / HTTP/1.1\r\nHost: x\r\nX-Slow:')
        tap.same(ask(), 200, 'nor one whose head is not whole')


def slow_clients():
    with nginx('web.max_sessions_per_user=1'), Work() as work:
        with Client() as client:
            client.send('POST /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\n')
            tap.ok(wait_for(lambda: ask() == 503), 'a request whose body has not come is at work')
            refused = []
            for _ in range(4):
                client.send('x')
                refused.append(ask())
            tap.same(refused, [503] * 4, 'and stays so from byte to byte')
            client.send('x')
            upstream = work.listener.accept()[0]
            upstream.settimeout(PATIENCE_S)
            seen = b''
            while not seen.endswith(b'\r\n\r\nxxxxx'):
                seen += upstream.recv(65536)
            upstream.sendall(b'HTTP/1.0 200 OK\r\n\r\n')
            upstream.close()
            tap.same(client.status(), 200, 'until its last byte is answered')
        tap.ok(wait_for(lambda: ask() == 200), 'then its place is free')
        with Client() as client:
            tap.same(client.get('/large', 'Connection: close\r\n').status(), 200, 'a large page begins')
            tap.same([ask() for _ in range(3)], [503] * 3, 'while it is not read it is at work')
            tap.same(client.count_to_end(), SIZE, 'it is read to its end, byte for byte')
        tap.ok(wait_for(lambda: ask() == 200), 'then its place is free, too')


# --- headers ---


REQUESTS = [  # each fits into one record of TLS, so that nothing of it stays unread
    (200, 'a page', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    (200, 'a page by HEAD', 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'),
    (200, 'a page by HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'),
    (206, 'a part of it', 'GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n'),
    (304, 'one that is known', 'GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n'),
    (301, 'a folder', 'GET /folder HTTP/1.1\r\nHost: x\r\n\r\n'),
    (403, 'its list', 'GET /folder/ HTTP/1.1\r\nHost: x\r\n\r\n'),
    (404, 'nothing', 'GET /missing HTTP/1.1\r\nHost: x\r\n\r\n'),
    (405, 'a method', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'),
    (400, 'two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'),
    (400, 'no host', 'GET / HTTP/1.1\r\n\r\n'),
    (400, 'no request', '\x01\x02\r\n\r\n'),
    (400, 'a large head', f'GET / HTTP/1.1\r\nHost: x\r\nX: {"x" * 10000}\r\n\r\n'),
    (414, 'a long line', f'GET /{"x" * 10000} HTTP/1.1\r\nHost: x\r\n\r\n'),
    (413, 'a large body', 'POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n'),
    (501, 'a coding', 'GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n'),
    (505, 'a version', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n'),
    (502, 'an upstream that is gone', 'GET /gone HTTP/1.1\r\nHost: x\r\n\r\n'),
]
FIELDS = ['Referrer-Policy: same-origin', 'Strict-Transport-Security: max-age=31536000']


def fields_of(head):
    return sorted(line for line in head.split('\r\n')
                  if line.lower().startswith(('referrer-policy:', 'strict-transport-security:')))


def headers():
    with nginx('web.max_sessions=100'):
        for port, where in (PORT, 'defaults'), (OWN, 'a block that repeats them beside its own'):
            for status, name, text in REQUESTS:
                with Client(port=port) as client:
                    head = client.send(text).head()
                tap.same((head.split(' ')[1:2], fields_of(head)), ([str(status)], FIELDS),
                         f'{where}: {status}, for {name}, has the headers, each once')
        with Client() as client:
            head = client.get('/', 'Range: bytes=9999-\r\n').head()
        tap.same((head.split(' ')[1], sorted(set(fields_of(head)))), ('416', FIELDS),
                 'so has a part that there is not, which nginx 1.22 gives them twice')
        with Client() as client:
            heads = [client.send(text).head() for text in
                     ('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n', 'HEAD /missing HTTP/1.1\r\nHost: x\r\n\r\n') * 3]
        tap.same([fields_of(head) for head in heads], [FIELDS] * 6, 'each answer on a connection has them')
        with socket.create_connection(('127.0.0.1', PORT), PATIENCE_S) as plain:
            plain.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
            head = plain.recv(65536).decode()
        tap.ok(head.startswith('HTTP/1.1 400'), 'who speaks no TLS is refused', head)
    with nginx('web.max_sessions_per_user=1'), Work() as work:
        work.begin()
        with Client() as client:
            head = client.get('/').head()
        tap.same((head.split(' ')[1], fields_of(head)), ('503', FIELDS), 'an answer beyond the limit has them')
    with nginx('http.referrer_policy=no', 'http.hsts_preload=yes'), Client() as client:
        tap.same(fields_of(client.get('/').head()),
                 ['Strict-Transport-Security: max-age=31536000; includeSubDomains; preload'],
                 'other answers of the settings are other headers')


def make_site():
    make_certificates()
    os.makedirs(f'{folder}/www/folder')
    with open(f'{folder}/www/index.html', 'w') as file:
        file.write('page\n')
    with open(f'{folder}/www/large', 'wb') as file:
        file.truncate(SIZE)
    for name in 'one', 'two':
        run('openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', f'/CN={name}',
            '-keyout', f'{folder}/{name}.key', '-out', f'{folder}/{name}.csr')
        run('openssl', 'x509', '-req', '-days', '2', '-in', f'{folder}/{name}.csr', '-CA', f'{folder}/rsa.pem',
            '-CAkey', f'{folder}/rsa.key', '-CAcreateserial', '-out', f'{folder}/{name}.pem')
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
        '-subj', '/CN=one', '-keyout', f'{folder}/stranger.key', '-out', f'{folder}/stranger.pem')


own_files()
make_site()
limit_of_all()
limit_of_each()
limit_of_each_user()
no_limit()
what_is_no_request()
slow_clients()
headers()
tap.done()
