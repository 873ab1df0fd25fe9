#!/usr/bin/python3
"""HTTP at the endpoint: pages, conditions, methods, and requests that try to be two things."""
import os
import ssl
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap, read_answer, statuses

tap = Tap()
front = Front()

# --- pages ---

health = front.get('/health')
tap.same(health.status, 200, 'a page is served')
tap.same(health['content-type'], 'application/health+json', 'with its type')
tap.same(health['content-length'], str(len(health.body)), 'with its length')
tap.same((health['cache-control'], health['x-content-type-options']), ('no-store', 'nosniff'),
         'it is neither cached nor sniffed')
tap.same((health['strict-transport-security'], health['referrer-policy']),
         ('max-age=31536000', 'same-origin'), "it carries the snapshot's headers")
tap.ok('content-security-policy' not in health.headers, 'a policy of content is for HTML')
tap.ok("default-src 'none'" in (front.get('/')['content-security-policy'] or ''), 'HTML has it')
tap.same((front.get('/empty').status, front.get('/empty').body), (200, b''), 'an empty page')
tap.same(len(front.get('/big').body), 600012, 'a page larger than any buffer comes whole')
tap.same(front.get('/health?verbose=1').status, 200, 'a query does not change the page')
for path in ('/nothing', '/health/', '//health', '/%68ealth', '/health%00', '/../health', '/./'):
    tap.same(front.get(path).status, 404, f'{path} is not there')

for path in ('/', '/health', '/big', '/metrics', '/nothing'):
    got, head = front.get(path), front.get(path, method='HEAD')
    for answer in got, head:
        answer.headers.pop('date')
    tap.same((head.status, head.headers, head.body), (got.status, got.headers, b''),
             f'HEAD {path} is GET without a body')

# --- conditions and choices ---

tag = health['etag']
tap.ok(tag and tag[0] == tag[-1] == '"' and len(tag) > 30, 'a page has a strong entity tag', tag)
for given in (tag, 'W/' + tag, '*', '"x", ' + tag):
    answer = front.get('/health', 'If-None-Match: ' + given)
    tap.same((answer.status, answer.body, answer['etag']), (304, b'', tag),
             f'If-None-Match: {given[:8]}...: not modified')
tap.same(front.get('/health', 'If-None-Match: "x"').status, 200, 'another tag: the page')
front.tell('publish 2')
while front.get('/health')['etag'] == tag:
    pass
tap.same(front.get('/health', 'If-None-Match: ' + tag).status, 200, 'a new snapshot: the page')
metrics = front.get('/metrics', 'Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1')
tap.same((metrics['content-type'][:29], metrics['vary']),
         ('application/openmetrics-text;', 'Accept'), 'OpenMetrics where it is asked for')
tap.same(front.get('/metrics', 'Accept: */*')['content-type'], 'text/plain; version=0.0.4',
         'the older text where it is not')

# --- one connection, many requests ---

GET = b'GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n'
CLOSE = b'GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
with front.tls() as client:
    for _ in range(50):
        client.sendall(GET)
        answer = read_answer(client)
        if (answer.status, answer.body) != (200, b'live\n'):
            break
    tap.same((answer.status, answer.body), (200, b'live\n'), 'fifty requests on one connection')
tap.same(statuses(front.talk(GET * 200 + CLOSE)), [200] * 201, 'two hundred pipelined requests')
BIG = b'GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n'
tap.same(statuses(front.talk(BIG * 20 + CLOSE)), [200] * 21, 'pipelined requests of large pages')
with front.tls() as client:
    for byte in CLOSE:
        client.sendall(bytes([byte]))
    tap.same(read_answer(client).status, 200, 'a head in records of one byte')



def ask_with_the_handshake():
    """The end of the handshake and a request in one segment: the first bytes of the answer."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = front.context().wrap_bio(incoming, outgoing, server_hostname='localhost')
    with front.connect() as client:
        client.settimeout(3)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.sendall(outgoing.read())
                incoming.write(client.recv(65536))
        tls.write(b'GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n')
        client.sendall(outgoing.read())
        while True:
            try:
                return tls.read(12)
            except ssl.SSLWantReadError:
                incoming.write(client.recv(65536))


tap.same([ask_with_the_handshake() for _ in range(20)], [b'HTTP/1.1 200'] * 20,
         'a request that comes with the end of the handshake is answered at once')

# --- a snapshot is replaced while it is read ---

with front.tls() as client:
    client.sendall(BIG)
    first = client.recv(1000)
    for generation in range(3, 40):
        front.tell(f'publish {generation}')
    while b'"releaseId":"39"' not in front.get('/health').body:
        pass
    rest = b''
    while len(rest) + len(first) < 600000:
        rest += client.recv(65536)
    body = (first + rest).partition(b'\r\n\r\n')[2]
    tap.ok(set(line[8:] for line in body.splitlines()[:-1]) == {b'generation 2'},
           'an answer that has begun shows one generation to its end')
front.tell('garbage')
front.tell('publish 40')
while b'"releaseId":"40"' not in front.get('/health').body:
    pass
tap.ok(front.alive(), 'a snapshot that is none is refused, and the next one shown')

# --- methods ---

for method in ('POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'get', 'GETS'):
    answer = front.get('/health', method=method)
    tap.same((answer.status, answer['allow']), (405, 'GET, HEAD'), f'{method} is not allowed')
answer = front.talk(b'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n' + GET)
tap.same(statuses(answer), [405], 'CONNECT opens nothing')
answer = front.talk(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n' + GET)
tap.same(statuses(answer), [405], "a request in another's body is never read")

# --- requests that could be read in two ways: refused, and nothing behind them is answered ---

HOST = b'Host: localhost\r\n'
AMBIGUOUS = {
    'length and chunks': b'GET /live HTTP/1.1\r\n' + HOST + b'Content-Length: 4\r\n'
                         b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'chunks and length': b'GET /live HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\r\n'
                         b'Content-Length: 0\r\n\r\n0\r\n\r\n',
    'two lengths': b'GET /live HTTP/1.1\r\n' + HOST + b'Content-Length: 0\r\n'
                   b'Content-Length: 38\r\n\r\n',
    'one length twice': b'GET /live HTTP/1.1\r\n' + HOST + b'Content-Length: 38\r\n'
                        b'Content-Length: 38\r\n\r\n',
    'a list of lengths': b'GET /live HTTP/1.1\r\n' + HOST + b'Content-Length: 0, 38\r\n\r\n',
    'a signed length': b'GET /live HTTP/1.1\r\n' + HOST + b'Content-Length: +38\r\n\r\n',
    'a hexadecimal length': b'GET /live HTTP/1.1\r\n' + HOST + b'Content-Length: 0x26\r\n\r\n',
    'an enormous length': b'GET /live HTTP/1.1\r\n' + HOST + b'Content-Length: 1' + b'0' * 30
                          + b'\r\n\r\n',
    'a body': b'GET /live HTTP/1.1\r\n' + HOST + b'Content-Length: 38\r\n\r\n',
    'a body by chunks': b'GET /live HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\r\n\r\n'
                        b'26\r\n',
    'a bad chunk': b'GET /live HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n',
    'an unknown coding': b'GET /live HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: xchunked\r\n\r\n',
    'a space before the colon': b'GET /live HTTP/1.1\r\n' + HOST + b'Content-Length : 38\r\n\r\n',
    'a folded field': b'GET /live HTTP/1.1\r\n' + HOST + b'X: a\r\n b\r\n\r\n',
    'a folded coding': b'GET /live HTTP/1.1\r\n' + HOST + b'Transfer-Encoding:\r\n chunked\r\n\r\n',
    'white space before the first field': b'GET /live HTTP/1.1\r\n ' + HOST + b'\r\n',
    'bare line feeds': b'GET /live HTTP/1.1\nHost: localhost\n\n',
    'one bare line feed': b'GET /live HTTP/1.1\r\nHost: localhost\nX: a\r\n\r\n',
    'a bare carriage return': b'GET /live HTTP/1.1\r\nHost: localhost\r\nX: a\rY: b\r\n\r\n',
    'a NUL in a field': b'GET /live HTTP/1.1\r\n' + HOST + b'X: a\0b\r\n\r\n',
    'a NUL in the path': b'GET /live\0 HTTP/1.1\r\n' + HOST + b'\r\n',
    'no host': b'GET /live HTTP/1.1\r\n\r\n',
    'two hosts': b'GET /live HTTP/1.1\r\n' + HOST + b'Host: other\r\n\r\n',
    'an absolute form': b'GET https://localhost/live HTTP/1.1\r\n' + HOST + b'\r\n',
    'a star': b'GET * HTTP/1.1\r\n' + HOST + b'\r\n',
    'a path without its slash': b'GET live HTTP/1.1\r\n' + HOST + b'\r\n',
    'two spaces': b'GET  /live HTTP/1.1\r\n' + HOST + b'\r\n',
    'a space in the path': b'GET /li ve HTTP/1.1\r\n' + HOST + b'\r\n',
    'a tab for a space': b'GET\t/live HTTP/1.1\r\n' + HOST + b'\r\n',
    'no version': b'GET /live\r\n' + HOST + b'\r\n',
    'another protocol': b'GET /live ICY/1.1\r\n' + HOST + b'\r\n',
    'a version of two': b'GET /live HTTP/2.0\r\n' + HOST + b'\r\n',
    'a field without a colon': b'GET /live HTTP/1.1\r\n' + HOST + b'Nonsense\r\n\r\n',
    'a field without a name': b'GET /live HTTP/1.1\r\n' + HOST + b': x\r\n\r\n',
    'the preface of HTTP/2': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
}
for name, request in AMBIGUOUS.items():
    before = front.alive()
    found = statuses(front.talk(request + CLOSE))
    tap.ok(before and found in ([], [400], [405], [413], [505]), f'{name}: refused, nothing behind it read',
           found)

for name, request in (('no head', b'GET /live\r\n\r\n'), ('no host', b'GET /live HTTP/1.1\r\n\r\n'),
                      ('another version', b'GET /live HTTP/2.0\r\n' + HOST + b'\r\n')):
    said = front.talk(request)
    tap.ok(said.count(b'\r\nStrict-Transport-Security: max-age=31536000\r\n') == 1
           and statuses(said) in ([400], [505]), f'{name}: HSTS on a refusal too', said)

# --- heads that are too long ---

long = front.get('/live', 'X: ' + 'a' * 7900)
tap.same(long.status, 200, 'a head of less than 8 KiB is read')
for name, field in (('one long field', 'X: ' + 'a' * 8300), ('a field of 1 MB', 'X: ' + 'a' * 10**6),
                    ('many fields', '\r\n'.join(f'X{i}: a' for i in range(2000))),
                    ('a long path', None)):
    answer = front.get('/live', field) if field else front.get('/' + 'a' * 9000)
    tap.ok(answer.status in (400, 414, 431), f'{name}: refused', answer.status)
tap.same(front.get('/live', 'X: ' + 'a' * 8300).status, 431, 'a field too long says 431')

# --- a snapshot too old ---

front.tell('stale')
while front.get('/health').status == 200:
    pass
health = front.get('/health')
tap.same((health.status, health.body), (503, b'{"status":"fail"}\n'), 'a stale node fails')
tap.same(front.get('/live').status, 200, 'and lives')

tap.ok(front.counted('refused_requests', 50) >= 50, 'what was refused is counted', front.counts)
tap.ok(front.alive(), 'the front stands all of it, with system calls that kill')
tap.done()
