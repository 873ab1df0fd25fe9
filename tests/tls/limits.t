#!/usr/bin/python3
"""The endpoint's limits: of time, of connections, of a source, and what is no TLS at all. Each
has its own counter; a refused client is closed without a word. Nothing here judges by the time that
it took: what has ended, and what was counted, decides."""
import os
import random
import select
import ssl
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap, ended, read_all, read_answer

tap = Tap()
GET = b'GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n'
HELLO = b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(500)
NEVER = 3600 * 1000
FOREVER = {'handshake_ms': NEVER, 'head_ms': NEVER, 'idle_ms': NEVER}


def are_open(clients):
    """Of each, whether nothing, not even an end, waits to be read."""
    said = select.select(clients, [], [], 0)[0]
    return [client not in said for client in clients]


def count_sent(client, data, pause_s=0.02):
    """How many bytes of it went out, one at a time, before the other end closed."""
    for sent, byte in enumerate(data):
        try:
            client.sendall(bytes([byte]))
        except OSError:
            return sent
        time.sleep(pause_s)
    return len(data)


# --- time ---

def one_limit(name, word, act):
    """A front of which one limit alone is short: the client ends, and as too slow."""
    limited = Front(**{**FOREVER, name: 400})
    tap.same(act(limited), b'', f'{word} is closed')
    tap.same((limited.counted('timed_out', 1), limited.counts['handshake_failures']), (1, 0),
             f'{word}: counted as too slow')
    limited.stop()


def silent(limited):
    return ended(limited.connect())


def half_a_hello(limited):
    client = limited.connect()
    client.sendall(HELLO[:11])
    return ended(client)


def hello_by_bytes(limited):
    """Ten seconds at the least, were the limit begun anew by each byte."""
    client = limited.connect()
    return b'' if count_sent(client, HELLO) < len(HELLO) else None


def idle(limited):
    return ended(limited.tls())


def half_a_head(limited):
    client = limited.tls()
    client.sendall(GET[:20])
    return ended(client)


def head_by_bytes(limited):
    client = limited.tls()
    return b'' if count_sent(client, b'G' * len(HELLO)) < len(HELLO) else None


def head_behind_a_return(limited):
    """A CR alone may begin an empty line, which is no head yet; what follows it here is one."""
    client = limited.tls()
    return b'' if count_sent(client, b'\r' * len(HELLO)) < len(HELLO) else None


def no_reader(limited):
    client = limited.tls()
    client.sendall(b'GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n' * 40)
    limited.counted('timed_out', 1)
    return b''


one_limit('handshake_ms', 'a client that says nothing', silent)
one_limit('handshake_ms', 'a handshake that stops', half_a_hello)
one_limit('handshake_ms', 'a handshake a byte at a time', hello_by_bytes)
one_limit('idle_ms', 'an idle client', idle)
one_limit('head_ms', 'a head that stops', half_a_head)
one_limit('head_ms', 'a head a byte at a time', head_by_bytes)
one_limit('head_ms', 'a head a byte at a time, behind a CR', head_behind_a_return)
one_limit('idle_ms', 'one that does not take its answers', no_reader)


def asks_for_longer_than_it_may_idle():
    """None where this machine was so busy that the client was idle after all."""
    limited = Front(idle_ms=1000)
    client = limited.tls()
    begun = last = time.monotonic()
    answer = longest = 0
    while last < begun + 2:
        client.sendall(GET)
        answer = read_answer(client).status
        now = time.monotonic()
        last, longest = now, max(longest, now - last)
        if answer != 200:
            break
        time.sleep(0.1)
    limited.stop()
    return answer if longest < 0.5 else None


for _ in range(20):
    status = asks_for_longer_than_it_may_idle()
    if status is not None:
        break
tap.same(status, 200, 'a client that asks now and then stays')

front = Front(life_ms=200)
client = front.tls()
answer = None
while not answer or answer['connection'] != 'close':
    client.sendall(GET)
    answer = read_answer(client)
    if answer.status != 200:
        break
tap.same((answer.status, answer['connection'], read_all(client)), (200, 'close', b''),
         'a client that never rests is closed behind an answer, when its connection is old')
front.stop()

# --- numbers ---

front = Front(**FOREVER)
SOURCES = [f'127.0.0.{i}' for i in range(2, 13)]
# Those of TLS 1.2 have no ticket left to read.
held = [front.tls(source, ssl.TLSVersion.TLSv1_2) for source in SOURCES[:10] for _ in range(10)]
tap.ok(all(are_open(held)), 'a hundred clients from ten addresses')
with front.tls(SOURCES[10]) as client:
    client.sendall(GET)
    tap.same(read_answer(client).status, 200, 'the hundred and first is served')
tap.same(are_open(held).count(False), 1, 'and one of the hundred, who asked nothing, gives way')
tap.same((front.counted('gave_way', 1), front.counts['refused_connections']), (1, 0), 'and is counted')
for client in held:
    client.close()
front.stop()

front = Front(**FOREVER)
STRANGERS = [f'127.0.1.{i}' for i in range(1, 11)]
held = [front.connect(STRANGERS[0])]
front.counted('connections', 1)  # the first by far
held += [front.connect(STRANGERS[i // 10]) for i in range(1, 100)]
with front.tls(SOURCES[10]) as client:
    tap.same(client.version(), 'TLSv1.3', 'after a hundred handshakes from ten addresses one is served')
tap.same(are_open(held), [False] + [True] * 99,
         'and the one who has said nothing for longest gives way')
for client in held:
    client.close()
front.stop()

front = Front(connections=2, **FOREVER)
for source in SOURCES[:2]:
    front.get('/live', source=source)
spoiled = front.connect(SOURCES[1])
spoiled.sendall(GET)
ended(spoiled)
longest = front.connect(SOURCES[0])
front.counted('connections', 4)
newer = front.connect(SOURCES[1])
front.counted('connections', 5)
tap.same(front.get('/live', source=SOURCES[2]).status, 200, 'both places are taken, and a third address is served')
tap.same(are_open([longest, newer]), [True, False],
         'an address whose last handshake failed gives way, though another is idle for longer')
front.stop()

front = Front(**FOREVER)
held = [front.tls(SOURCES[0]) for _ in range(10)]
tap.same(ended(front.connect(SOURCES[0])), b'', "an address's eleventh client is closed without a word")
tap.same(front.tls(SOURCES[1]).version(), 'TLSv1.3', "another address's first is served")
held[0].sendall(GET)
tap.same(read_answer(held[0]).status, 200, 'and the ten are too')
tap.same(front.counted('refused_address', 1), 1, 'the eleventh is counted')
for client in held:
    client.close()
front.stop()

# --- a budget of handshakes: who is beyond it waits ---

front = Front(handshakes_per_address_s=4)
clients = [front.connect(SOURCES[0]) for _ in range(12)]
first = front.tls(SOURCES[1])
tap.ok(first, 'another address has a budget of its own')
context = front.context()
tap.same([context.wrap_socket(client, server_hostname='localhost').version() for client in clients],
         ['TLSv1.3'] * 12, 'more handshakes than an address may have a second: all are finished')
tap.ok(front.counted('delayed', 1) >= 1 and front.counts.get('refused_rate') == 0,
       'some waited, and are counted', front.counts)
front.stop()
front = Front(**{**FOREVER, 'handshakes_per_address_s': 1, 'handshake_ms': 400})
clients = [front.connect(SOURCES[0]) for _ in range(9)]
tap.same([ended(client) for client in clients], [b''] * 9, 'who waits for too long is closed')
tap.ok(front.counted('refused_rate', 1) >= 1, 'and counted', front.counts)
front.stop()

# --- what is no TLS ---

front = Front()
for name, data in (('HTTP', GET), ('SSH', b'SSH-2.0-x\r\n'), ('zeroes', bytes(4000)),
                   ('ones', b'\xff' * 4000),
                   ('SSL 2', b'\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10' + bytes(37)),
                   ('a record that is too long', b'\x16\x03\x01\xff\xff' + bytes(70000)),
                   ('an alert', b'\x15\x03\x01\x00\x02\x02\x28'),
                   ('data before the handshake', b'\x17\x03\x03\x00\x10' + bytes(16))):
    client = front.connect()
    try:
        client.sendall(data)
    except OSError:
        pass
    said = ended(client)
    tap.ok(said is not None and b'HTTP' not in said, f'{name}: closed', said)
tap.ok(front.counted('handshake_failures', 8) >= 8, 'each is a failed handshake', front.counts)

noise = random.Random(1)
for _ in range(300):
    with front.connect() as client:
        data = bytearray(b'\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03' + noise.randbytes(249))
        try:
            client.sendall(data if noise.random() < 0.7 else noise.randbytes(noise.randrange(900)))
        except OSError:
            pass
# Another address asks: the clients of this one may not all be gone yet.
tap.same(front.get('/live', source=SOURCES[0]).status, 200, 'three hundred hellos of noise, and it still answers')
for _ in range(100):
    client = front.tls()
    wire = client.detach()
    with os.fdopen(wire, 'wb', buffering=0) as raw:
        try:
            raw.write(b'\x17\x03\x03' + len(b'x' * 40).to_bytes(2, 'big') + noise.randbytes(40))
        except OSError:
            pass
tap.same(front.get('/live', source=SOURCES[0]).status, 200, 'a hundred forged records, and it still answers')
for _ in range(30):
    client = front.tls()
    client.sendall(noise.randbytes(noise.randrange(1, 3000)))
    client.close()
tap.same(front.get('/live', source=SOURCES[0]).status, 200, 'noise in place of heads, and it still answers')
for _ in range(30):
    client = front.tls()
    client.sendall(b'GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n')
    client.recv(10)
    client.close()
tap.same(front.get('/live', source=SOURCES[0]).status, 200, 'clients that leave in the middle, and it still answers')
tap.ok(front.alive(), 'the front stands all of it, with system calls that kill')
descriptors = len(os.listdir(f'/proc/{front.pid}/fd'))
tap.ok(descriptors <= 9, 'and it has lost no descriptor', descriptors)
tap.done()
