#!/usr/bin/python3
"""What the endpoint says to one client never reaches another. Every client here takes only what its
own keys open: lawful clients ask again and again while others do, at every point of a connection, what
makes a TLS stack speak. In TLS 1.0 and 1.1 (BearSSL), 1.2 and 1.3 (mbedTLS). A client that begins
another handshake is ended and counted, and costs no memory."""
import os
import random
import re
import socket
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap
from raw import (ALERT, CCS, CLIENT_HELLO, DATA, HANDSHAKE, HEARTBEAT, NO_RENEGOTIATION, TLS10, TLS11,
                 TLS12, TLS13, Raw, message)

VERSIONS = {'TLS 1.3': TLS13, 'TLS 1.2': TLS12, 'TLS 1.1': TLS11, 'TLS 1.0': TLS10}
GROWTH_MAX_KB = 2048
tap = Tap()


def begin_again(client):
    client.record(HANDSHAKE, message(CLIENT_HELLO, client.hello()))


def begin_a_thousand(client):
    client.record(HANDSHAKE, message(CLIENT_HELLO, b'') * 1000)


def corrupt(client):
    client.outbound.number += 1
    client.record(DATA, b'GET')


ACTS = {
    'begins another handshake': begin_again,
    'begins a thousand handshakes in one record': begin_a_thousand,
    'asks for a handshake (HelloRequest)': lambda c: c.record(HANDSHAKE, message(0, b'')),
    'sends a handshake message of no known kind': lambda c: c.record(HANDSHAKE, message(99, b'x')),
    'sends a piece of a handshake message': lambda c: c.record(HANDSHAKE, b'\x01\x00'),
    'changes ciphers once more': lambda c: c.record(CCS, b'\x01'),
    'changes ciphers in clear': lambda c: c.record(CCS, b'\x01', clear=True),
    'warns': lambda c: c.record(ALERT, b'\x01\x5a'),
    'warns five hundred times': lambda c: [c.record(ALERT, b'\x01\x5a') for _ in range(500)],
    'sends a fatal alert': lambda c: c.record(ALERT, b'\x02\x28'),
    'sends an alert in clear': lambda c: c.record(ALERT, b'\x02\x28', clear=True),
    'says that it closes': lambda c: c.record(ALERT, b'\x01\x00'),
    'sends a heartbeat': lambda c: c.record(HEARTBEAT, b'\x01\x00\x01a' + bytes(16)),
    'sends an empty record': lambda c: c.raw(b'\x17\x03\x03\x00\x00'),
    'sends a record that is too long': lambda c: c.raw(b'\x17\x03\x03\xff\xff'),
    'sends a record with a wrong authentication': corrupt,
    'sends garbage': lambda c: c.raw(random.Random(1).randbytes(3000)),
    'asks for a key update': lambda c: c.record(HANDSHAKE, message(24, b'\x01')),
}


def attempt(act, client):
    """Its other end may be closed before all is sent."""
    try:
        act(client)
    except OSError:
        pass


def see_end(client):
    """Reads to the end: None, or why it is not a client's own."""
    try:
        client.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    try:
        client.end()
    except Exception as error:  # whatever it was, it was not for this client
        return f'{type(error).__name__}: {error}'
    return None


def open_clients(front):
    return {f'{name}, {number}': Raw(front, version, f'127.0.1.{number}').shake()
            for name, version in VERSIONS.items() for number in (1, 2)}


def all_served(clients):
    """Each asks: all send first, then each reads its answer. None, or who did not get it, and why."""
    for client in clients.values():
        client.get()
    for name, client in clients.items():
        try:
            if client.answer() != 'HTTP/1.1 200 OK':
                return f'{name}: no answer'
        except Exception as error:  # whatever it was, this client was harmed
            return f'{name}: {type(error).__name__}: {error}'
    return None


def resident_kb(front):
    return int(re.match(r'\d+', front.status('VmRSS')).group())


front = Front(settings=('https.legacy_inbound=yes',), connections_per_address=50)
with tap:
    victims = open_clients(front)
    tap.same(all_served(victims), None, 'lawful clients of every version are served')
    for name, version in VERSIONS.items():
        for what, act in ACTS.items():
            hostile = Raw(front, version, '127.0.0.66').shake()
            attempt(act, hostile)
            harmed = all_served(victims) or all_served(victims)
            late = Raw(front, version, '127.0.0.77').shake()
            harmed = harmed or all_served({'one who came later': late})
            late.socket.close()
            ok = tap.ok(harmed is None, f'{name}: one {what}: no other client sees of it', harmed)
            if not ok:
                victims = open_clients(front)
            tap.same(see_end(hostile), None, f'{name}: nor does one that {what} see of others')
            hostile.socket.close()

    # --- in the middle of a handshake ---

    for name, version in VERSIONS.items():
        for what, act in ACTS.items():
            hostile = Raw(front, version, '127.0.0.66')
            hostile.send(CLIENT_HELLO, hostile.hello(), version=TLS10)
            hostile.inbound = None
            attempt(act if act is not corrupt else begin_again, hostile)
            harmed = all_served(victims)
            if not tap.ok(harmed is None, f'{name}, in its handshake: one {what}: no other client '
                          'sees of it', harmed):
                victims = open_clients(front)
            hostile.socket.close()

    # --- all at once, in an order that no one chose ---

    chance = random.Random(8)
    harmed = None
    for _ in range(300):
        hostile = Raw(front, chance.choice(list(VERSIONS.values())), '127.0.0.66').shake()
        asking = chance.sample(list(victims), 3)
        for client in asking[:2]:
            victims[client].get()
        attempt(chance.choice(list(ACTS.values())), hostile)
        victims[asking[2]].get()
        for client in asking:
            try:
                victims[client].answer()
            except Exception as error:
                harmed = harmed or f'{client}: {error}'
        hostile.socket.close()
        if harmed:
            break
    tap.same(harmed, None, 'three hundred hostile clients among lawful ones: each reads its own alone')
    tap.ok(front.alive(), 'the endpoint has outlived them')

    front = Front(settings=('https.legacy_inbound=yes',))

    # --- another handshake ---

    for name in ('TLS 1.2', 'TLS 1.1', 'TLS 1.0'):
        before = front.counts.get('renegotiations', 0)
        client = Raw(front, VERSIONS[name]).shake()
        client.asks()
        begin_again(client)
        tap.same(client.end(), ('warning', NO_RENEGOTIATION, 'close', 'closed'),
                 f'{name}: a client that begins another handshake is told no, and ended')
        tap.same(front.counted('renegotiations', before + 1), before + 1, f'{name}: it is counted')
    client = Raw(front, TLS13).shake()
    client.asks()
    begin_again(client)
    tap.same(client.end()[0], 'fatal', 'TLS 1.3: a client that begins another handshake is ended')
    tap.same(front.counted('renegotiations', 4), 4, 'TLS 1.3: it is counted')

    # --- memory ---

    for _ in range(20):
        Raw(front, TLS12).shake().socket.close()
    before = resident_kb(front)
    for _ in range(200):
        client = Raw(front, TLS12).shake()
        try:
            for _ in range(20):
                begin_a_thousand(client)
        except OSError:
            pass
        client.socket.close()
    tap.ok(resident_kb(front) < before + GROWTH_MAX_KB, 'many that begin many cost no memory',
           before, resident_kb(front))
