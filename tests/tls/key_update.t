#!/usr/bin/python3
"""KeyUpdate in TLS 1.3 (RFC 8446, 4.6.3 and 7.2): a client may take its next key at any time after the
handshake, and may ask the endpoint to do so too, which answers under its former key. What is no
KeyUpdate is refused by the alert that is due."""
import os
import subprocess
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import PATIENCE_S, Front, Tap
from raw import (ALERT, CLIENT_HELLO, DATA, DECODE_ERROR, HANDSHAKE, ILLEGAL_PARAMETER, KEY_UPDATE,
                 P256, TICKET, TLS10, TLS13, UNEXPECTED_MESSAGE, Raw, message)

SERVED = 'HTTP/1.1 200 OK'
NOT_REQUESTED, REQUESTED = b'\0', b'\1'
ROUNDS = 200
REQUEST = b'GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n'
tap = Tap()


def attempt(act):
    try:
        return act()
    except ConnectionAbortedError as error:
        return ('alert', *error.args)
    except Exception as error:  # the case fails, and the next one runs
        return f'{type(error).__name__}: {error}'


def update(client, request, behind=b''):
    """Sends a KeyUpdate, with `behind` in its record, and takes the next key to send by."""
    client.record(HANDSHAKE, message(KEY_UPDATE, request) + behind)
    client.outbound.update()


def read_update(client):
    """The endpoint's own, behind which it sends by its next key; tickets before it are passed over."""
    while True:
        kind, data = client.read()
        if kind == ALERT:
            raise ConnectionAbortedError(*data)
        if kind == HANDSHAKE and data[0] != TICKET:
            return data


def opened(front, **how):
    client = Raw(front, TLS13)
    client.shake(groups=(P256,), **how)
    return client


def sealed(client, kind, data):
    """One record as bytes, under the client's keys."""
    kind, data = client.outbound.seal(kind, data, 0x0303)
    return bytes([kind]) + b'\x03\x03' + len(data).to_bytes(2, 'big') + data


def served(front, **how):
    with opened(front, **how) as client:
        update(client, NOT_REQUESTED)
        first = client.asks()
        update(client, REQUESTED)
        said = read_update(client)
        return first, said, client.asks()


def many(front):
    with opened(front) as client:
        for each in range(ROUNDS):
            update(client, REQUESTED if each % 3 else NOT_REQUESTED)
            if each % 3 and read_update(client) != message(KEY_UPDATE, NOT_REQUESTED):
                return 'another answer'
            if client.asks() != SERVED:
                return 'not served'
    return 'served'


def in_one_write(front):
    """KeyUpdates and a request that come together are all read."""
    with opened(front) as client:
        data = b''
        for request in (REQUESTED, NOT_REQUESTED, REQUESTED):
            data += sealed(client, HANDSHAKE, message(KEY_UPDATE, request))
            client.outbound.update()
        client.raw(data + sealed(client, DATA, REQUEST))
        return [read_update(client) for _ in range(2)], client.answer()


def in_pieces(front):
    """A KeyUpdate in two records; the library wants the whole head of a message in the first."""
    with opened(front) as client:
        data = message(KEY_UPDATE, REQUESTED)
        client.record(HANDSHAKE, data[:4])
        client.record(HANDSHAKE, data[4:])
        client.outbound.update()
        return read_update(client), client.asks()


def between_two_requests(front):
    with opened(front) as client:
        first = client.asks()
        update(client, REQUESTED)
        read_update(client)
        return first, client.asks()


def refused(front, act):
    def whole():
        with opened(front) as client:
            act(client)
            return client.end()
    return attempt(whole)


def in_handshake(front):
    with Raw(front, TLS13) as client:
        client.send(CLIENT_HELLO, client.hello(groups=(P256,)), version=TLS10)
        client.parse_server_hello(client.read_message()[1])
        client.read_flight13()
        client.outbound = client.handshake_keys
        client.record(HANDSHAKE, message(KEY_UPDATE, NOT_REQUESTED))
        return client.end()


def by_former_key(client):
    """Says that it takes its next key, and does not."""
    client.record(HANDSHAKE, message(KEY_UPDATE, NOT_REQUESTED))
    client.record(DATA, REQUEST)


def flood(client):
    """With no byte of data in between."""
    for _ in range(100):
        update(client, NOT_REQUESTED)


def openssl(front, letter):
    """s_client in its interactive manner: the letter alone in a line, then a request."""
    with subprocess.Popen(['openssl', 's_client', '-connect', f'127.0.0.1:{front.port}', '-tls1_3'],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as client:
        os.set_blocking(client.stdout.fileno(), False)
        said, until = b'', time.monotonic() + PATIENCE_S
        steps = [(b'Verify return code', letter.encode() + b'\n'), (b'KEYUPDATE', REQUEST),
                 (b'200 OK', letter.encode() + b'\n'), (b'KEYUPDATE', REQUEST), (b'200 OK', None)]
        at = 0
        while steps and time.monotonic() < until and client.poll() is None:
            said += client.stdout.read() or b''
            mark, line = steps[0]
            if mark in said[at:]:
                at = said.index(mark, at) + len(mark)
                steps.pop(0)
                if line:
                    client.stdin.write(line)
                    client.stdin.flush()
            else:
                time.sleep(0.02)
        client.kill()
    return not steps, said


with tap:
    for title, settings in (('defaults', ()), ('the guide, FIPS mode', ('guide',))):
        front = Front(settings=settings)
        answer = message(KEY_UPDATE, NOT_REQUESTED)
        for suite in (0x1301, 0x1302):
            tap.same(attempt(lambda: served(front, suites=(suite,))), (SERVED, answer, SERVED),
                     f'{title}: {suite:#06x}: a client takes its next key, and has the endpoint do so too')
        tap.same(attempt(lambda: many(front)), 'served', f'{title}: {ROUNDS} times on one connection')
        tap.same(attempt(lambda: in_one_write(front)), ([answer, answer], SERVED),
                 f'{title}: three of them and a request in one write')
        tap.same(attempt(lambda: in_pieces(front)), (answer, SERVED), f'{title}: one in two records')
        tap.same(attempt(lambda: between_two_requests(front)), (SERVED, SERVED),
                 f'{title}: one between two requests')
        for letter in 'kK':
            done, said = openssl(front, letter)
            tap.ok(done, f'{title}: openssl s_client updates its key twice ({letter})', said[-800:])
        for number, what, act in (
                (20, 'by a client that keeps its former key', by_former_key),
                (ILLEGAL_PARAMETER, 'with a value that it has not', lambda c: update(c, b'\x02')),
                (ILLEGAL_PARAMETER, 'with 255', lambda c: update(c, b'\xff')),
                (DECODE_ERROR, 'without a value', lambda c: update(c, b'')),
                (DECODE_ERROR, 'with two values', lambda c: update(c, b'\0\0')),
                (UNEXPECTED_MESSAGE, 'with another behind it in its record',
                 lambda c: update(c, NOT_REQUESTED, message(KEY_UPDATE, NOT_REQUESTED))),
                (UNEXPECTED_MESSAGE, 'with half a message behind it',
                 lambda c: update(c, NOT_REQUESTED, b'\x18')),
                (UNEXPECTED_MESSAGE, 'without end', flood)):
            tap.same(refused(front, act), ('fatal', number, 'closed'),
                     f'{title}: a KeyUpdate {what} is refused')
        tap.same(attempt(lambda: in_handshake(front)), ('fatal', UNEXPECTED_MESSAGE, 'closed'),
                 f'{title}: one in the handshake is refused')
        tap.ok(front.alive(), f'{title}: the endpoint has outlived all of it')
        front.stop()
