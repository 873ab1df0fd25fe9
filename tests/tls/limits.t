#!/usr/bin/python3
"""The endpoint's limits: of time, of connections, of an address, and what is no TLS at all. Each
has its own counter; a refused client is closed without a word."""
import os
import random
import select
import ssl
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap, read_all, read_answer

tap = Tap()
GET = b'GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n'


def closed(client, patience=10):
    """Waits for the end of a connection; what it said before, and after how long."""
    begun = time.monotonic()
    client.settimeout(patience)
    said = read_all(client)
    taken = time.monotonic() - begun
    return said, taken


def are_open(clients):
    """Of each, whether nothing, not even an end, waits to be read."""
    ended = select.select(clients, [], [], 0.05)[0]
    return [client not in ended for client in clients]


# --- time ---

front = Front(handshake_ms=400, head_ms=400, idle_ms=800)
said, taken = closed(front.connect())
tap.ok(said == b'' and 0.3 < taken < 2, 'a client that says nothing is closed', said, taken)
client = front.connect()
client.sendall(b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')
said, taken = closed(client)
tap.ok(said == b'' and 0.3 < taken < 2, 'a handshake that stops is closed', said, taken)
client = front.connect()
begun = time.monotonic()
try:
    for byte in b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(500):
        client.sendall(bytes([byte]))
        time.sleep(0.02)
except OSError:
    pass
tap.ok(time.monotonic() - begun < 2, 'a handshake a byte at a time is closed as early')
said, taken = closed(front.tls())
tap.ok(said == b'' and 0.6 < taken < 3, 'an idle client is closed', said, taken)
client = front.tls()
client.sendall(GET[:20])
said, taken = closed(client)
tap.ok(said == b'' and 0.3 < taken < 2, 'a head that stops is closed', said, taken)
client = front.tls()
begun = time.monotonic()
try:
    while time.monotonic() - begun < 5:
        client.sendall(b'GET /live HTTP/1.1\r\n'[:1] if time.monotonic() == begun else b'G')
        time.sleep(0.05)
except OSError:
    pass
tap.ok(time.monotonic() - begun < 2, 'a head a byte at a time is closed as early')
client = front.tls()
for _ in range(4):
    time.sleep(0.5)
    client.sendall(GET)
    answer = read_answer(client)
tap.same(answer.status, 200, 'a client that asks now and then stays')
client = front.tls()
client.sendall(b'GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n' * 40)
time.sleep(2)
tap.ok(front.counted('timed_out', 7) >= 7, 'one that does not take its answers is closed',
       front.counts)
front.stop()

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

front = Front()
SOURCES = [f'127.0.0.{i}' for i in range(2, 13)]
# Those of TLS 1.2 have no ticket left to read.
held = [front.tls(source, ssl.TLSVersion.TLSv1_2) for source in SOURCES[:10] for _ in range(10)]
time.sleep(0.1)
tap.ok(all(are_open(held)), 'a hundred clients from ten addresses')
said, taken = closed(front.connect(SOURCES[10]))
tap.ok(said == b'' and taken < 1, 'the hundred and first is closed without a word', said, taken)
tap.ok(front.counted('refused_connections', 1) == 1, 'and counted', front.counts)
for client in held:
    client.close()
time.sleep(0.2)
with front.tls() as client:
    tap.same(client.version(), 'TLSv1.3', 'when they are gone there is room')
time.sleep(0.2)
STRANGERS = [f'127.0.1.{i}' for i in range(1, 11)]
held = [front.connect(STRANGERS[0])]
time.sleep(0.1)  # the first by far
held += [front.connect(STRANGERS[i // 10]) for i in range(1, 100)]
time.sleep(0.2)
tap.ok(all(are_open(held)), 'a hundred handshakes from ten addresses')
with front.tls(SOURCES[10]) as client:
    tap.same(client.version(), 'TLSv1.3', 'the hundred and first is served')
tap.same(are_open(held), [False] + [True] * 99,
         'and the one who has said nothing for longest gives way')
for client in held:
    client.close()
time.sleep(0.2)
held = [front.tls(SOURCES[0]) for _ in range(10)]
said, taken = closed(front.connect(SOURCES[0]))
tap.ok(said == b'' and taken < 1, "an address's eleventh client is closed without a word")
tap.same(front.tls(SOURCES[1]).version(), 'TLSv1.3', "another address's first is served")
held[0].sendall(GET)
tap.same(read_answer(held[0]).status, 200, 'and the ten are too')
tap.same(front.counted('refused_address', 1), 1, 'the eleventh is counted')
for client in held:
    client.close()
front.stop()

front = Front(handshakes_per_address_s=5)
results = []
for _ in range(10):
    try:
        with front.tls(SOURCES[0]) as client:
            results.append(True)
    except OSError:
        results.append(False)
tap.same(results[:5], [True] * 5, 'as many handshakes a second as an address may have')
tap.ok(not all(results[5:]), 'and then no more', results)
tap.ok(front.tls(SOURCES[1]), 'another address still has its own')
tap.ok(front.counted('refused_rate', 1) >= 1, 'what was refused is counted', front.counts)
time.sleep(1)
tap.ok(front.tls(SOURCES[0]), 'a second later it may again')
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
    said, taken = closed(client)
    tap.ok(taken < 5 and b'HTTP' not in said, f'{name}: closed', said, taken)
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
