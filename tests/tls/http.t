#!/usr/bin/python3
"""HTTP at the endpoint: pages, conditions, methods, and requests that try to be two things."""
import os
import ssl
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Answer, Front, Tap, read_answer, statuses

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
    tap.same((answer.status, answer.body, answer['etag'], answer['content-length']),
             (304, b'', tag, None), f'If-None-Match: {given[:8]}...: not modified')
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


def is_station(source):
    try:
        return front.get('/live', source=source).status == 200
    except OSError:
        return False


front.tell('unknown 41')
front.tell('stations 10.1.0.0/16')  # is read behind it
while front.alive() and not is_station('10.1.0.1'):
    pass
tap.ok(b'"releaseId":"40"' in front.get('/health').body, 'a snapshot in a message of another kind is not shown')

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


def is_whole_refusal(said, allowed):
    """One answer with such a status, and all that every page of ours carries."""
    answer = Answer(said)
    return (statuses(said) == [answer.status] and answer.status in allowed
            and answer['content-type'] == 'text/plain; charset=utf-8'
            and answer['content-length'] == str(len(answer.body)) and b'<' not in answer.body
            and (answer['cache-control'], answer['x-content-type-options']) == ('no-store', 'nosniff')
            and (answer['strict-transport-security'], answer['referrer-policy'])
            == ('max-age=31536000', 'same-origin') and answer['connection'] == 'close')


def refused(name, request, *allowed):
    """Answered once, and nothing behind it is."""
    said = front.talk(request)
    tap.ok(is_whole_refusal(said, allowed), f'{name}: refused by a page of ours, nothing behind it '
           'read', said)


for name, request in AMBIGUOUS.items():
    refused(name, request + CLOSE, 400, 405, 505)


def with_fields(*fields, target='/live', version='1.1'):
    return f'GET {target} HTTP/{version}\r\n'.encode() + b''.join(
        field.encode('latin-1') + b'\r\n' for field in fields) + b'\r\n'


for host in ('a b', 'user@a', 'user:x@a', 'a:99999999', 'a:65536', 'a:0', 'a:-1', 'a:1x', 'a:1:2', '::1',
             '[::1', '[]', '[::1]x', '[::1]:x', '[::1%25lo]', '[1.2.3.4]', '[::g]', '[fe80::1%lo]',
             '[v1]', '[v.1]', 'a/b', 'a?b', 'a#b', 'a%zz', 'a%4', 'a\\b', 'a"b', '<a>', 'a[1]', '',
             ':443', ' ', 'a\tb', '\xe9', 'a, b', 'https://a'):
    refused(f'Host: {host!r}', with_fields('Host: ' + host) + CLOSE, 400)
for host in ('a', 'A.Example', 'a:443', 'a:65535', 'a:', '127.0.0.1:8443', '[::1]', '[::1]:443', '[v1.a:b]',
             '[::ffff:192.0.2.1]', 'a_b', 'a%20b', "a-._~!$&'()*+,;=", '\ta \t'):
    said = front.talk(with_fields('Host: ' + host) + CLOSE)
    tap.same(statuses(said), [200, 200], f'Host: {host!r} is served')
tap.same(statuses(front.talk(with_fields(version='1.0'))), [200], 'HTTP/1.0 needs no host')
refused('HTTP/1.0 with two hosts', with_fields('Host: a', 'Host: a', version='1.0'), 400)
for name in ('a b', 'a(b', 'a)b', 'a\\b', 'a/b', 'a"b', 'a,b', 'a;b', 'a<b', 'a=b', 'a?b', 'a@b', 'a[b', 'a{b',
             '\xc3\xa9', '\x7f', '', ' a', 'a '):
    refused(f'a field {name!r}', with_fields('Host: a', name + ': x') + CLOSE, 400)
tap.same(front.get('/live', "!#$%&'*+-.^_`|~09Az: x").status, 200, 'every character of a token is one')
for value in ('a\0b', 'a\x01', 'a\x7f', 'a\x1b[0m'):
    refused(f'a value {value!r}', with_fields('Host: a', 'X: ' + value) + CLOSE, 400)
tap.same(front.get('/live', 'X: \t \xe9\t"', 'Y:').status, 200, 'tabs, other bytes, and nothing at all')

# --- the target in its absolute form (RFC 9112, 3.2.2) ---

for target in ('https://localhost/live', 'http://localhost/live', 'HTTPS://[::1]:8443/live?x=https://b',
               'https://other:1/live', 'https://a:/live'):
    for host in 'localhost', 'another', '':
        said = front.talk(with_fields('Host: ' + host, target=target) + CLOSE)
        tap.same(statuses(said), [200, 200], f'{target}, Host: {host!r} is served')
for target in ('https://localhost', 'https://localhost?x', 'https://localhost/'):
    tap.ok(front.get(target).body.startswith(b'<!doctype'), f'{target} is the first page')
tap.same((front.get('https://localhost/live', method='HEAD').status,
          front.get('https://localhost/nothing').status), (200, 404), 'HEAD, and what is not there')
for target in ('https:///live', 'https://', 'https:/live', 'https:live', 'https://u@localhost/live',
               'https://localhost:99999/live', 'https://[::1/live', 'https://a b/live', 'ftp://localhost/live',
               'httpss://localhost/live', '//localhost/live#x', '/live#x', 'https://:443/live', 'localhost:443',
               'https://a%zz/live', '/caf\xe9'):
    said = front.talk(f'GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode('latin-1') + CLOSE)
    tap.ok(is_whole_refusal(said, [400]), f'{target}: refused', said)
refused('an absolute form without Host', with_fields(target='https://localhost/live') + CLOSE, 400)
refused('an absolute form with a bad Host', with_fields('Host: a b', target='https://localhost/live'), 400)

# --- fields on several lines are one list (RFC 9110, 5.3) ---

tap.same(front.get('/metrics', 'Accept: text/html', 'accept: application/openmetrics-text')
         ['content-type'][:29], 'application/openmetrics-text;', 'Accept on two lines')
tap.same(front.get('/metrics', 'Accept:', 'Accept: text/html', 'ACCEPT: application/openmetrics-text;q=0')
         ['content-type'], 'text/plain; version=0.0.4', 'and what a later line refuses is refused')
tag = front.get('/live')['etag']
for fields in (('"x"', tag), (tag, '"x"'), ('', tag), ('"x", "y"', '"z",W/' + tag)):
    answer = front.get('/live', *('If-None-Match: ' + field for field in fields))
    tap.same((answer.status, answer['content-length'], answer.body), (304, None, b''),
             f'If-None-Match on lines {fields}: not modified')
tap.same(front.get('/live', 'If-None-Match: "x"', 'If-None-Match: "y"').status, 200, 'neither line matches')
tap.same(statuses(front.talk(with_fields('Host: a', 'Connection: x, keep-alive', 'Connection: y , Close')
                             + CLOSE)), [200], 'Connection on two lines')
tap.same(statuses(front.talk(with_fields('Connection: x', 'Connection: Keep-Alive', version='1.0') + CLOSE)),
         [200, 200], 'and of HTTP/1.0')

# --- empty lines before a request (RFC 9112, 2.2) ---

for count in 1, 2, 4:
    tap.same(statuses(front.talk(b'\r\n' * count + GET + b'\r\n' * count + CLOSE)), [200, 200],
             f'{count} empty lines before a request are ignored')
with front.tls() as client:
    for part in b'\r\n', GET, b'\r', b'\n', GET:
        client.sendall(part)
        if part == GET:
            tap.same(read_answer(client).status, 200, 'also where they come in records of their own')
refused('many empty lines', b'\r\n' * 5 + CLOSE, 400)
refused('an empty line that is none', b'\n' + CLOSE, 400)

# --- heads that are too long ---

HEAD_MAX = 8192
EMPTY_X = len(with_fields('Host: localhost', 'Connection: close', 'X: '))
for size, status in ((HEAD_MAX, 200), (HEAD_MAX + 1, 431)):
    tap.same(front.get('/live', 'X: ' + 'a' * (size - EMPTY_X)).status, status, f'a head of {size} bytes: {status}')
for name, request, *allowed in (
        ('one long field', with_fields('Host: a', 'X: ' + 'a' * 8300), 431),
        ('a field of 1 MB', with_fields('Host: a', 'X: ' + 'a' * 10**6), 431),
        ('a long name', with_fields('Host: a', 'X' * 10**5), 431),
        ('many fields', with_fields('Host: a', *(f'X{i}: a' for i in range(2000))), 431),
        ('a long path', with_fields('Host: a', target='/' + 'a' * 9000), 414),
        ('a long query', with_fields('Host: a', target='/?' + 'a' * 9000), 414),
        ('a line that does not end', b'A' * 16384, 414),
        ('a megabyte of it', b'A' * 2**20, 414),
        ('a line that means nothing', b'A' * 7000 + b'\r\n\r\n', 400),
        ('a short one', b'A\r\n', 400), ('no head', b'GET /live\r\n\r\n', 400),
        ('no host', b'GET /live HTTP/1.1\r\n\r\n', 400),
        ('another version', b'GET /live HTTP/2.0\r\n' + HOST + b'\r\n', 505),
        ('a version that is none', b'GET /live HTTP/1.x\r\n' + HOST + b'\r\n', 400),
        ('another protocol', b'SSH-2.0-x\r\n', 400), ('a null', bytes(3) + b'\r\n', 400),
        ('a TLS record', b'\x16\x03\x01\x00\x01\n', 400)):
    refused(name, request, *allowed)
tap.same(statuses(front.talk(b'GET /live HTTP/1.2\r\n' + HOST + b'\r\n' + CLOSE)), [200, 200],
         'a minor version above ours is ours')
head = front.talk(b'HEAD /live HTTP/1.1\r\n\r\n')
tap.ok(statuses(head[:12] + b'\r\n\r\n') == [400] and head.endswith(b'\r\n\r\n'), 'a refused HEAD has no body', head)

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
