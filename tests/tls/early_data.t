#!/usr/bin/python3
"""Early data of TLS 1.3 (RFC 8446, 4.2.10), which the endpoint never accepts: it is skipped, up to
18 KiB of records, and the handshake goes on. Behind a HelloRetryRequest the type of a record says what
it is, otherwise that it does not decrypt. Nothing is skipped for a client that has not announced early
data, behind the first record that decrypts, or behind the second ClientHello.

The cases are those of tlsfuzzer's test-tls13-0rtt-garbage, the bound on both sides, and openssl with
sessions that claim early data."""
import base64
import os
import subprocess
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import PATIENCE_S, Front, Tap
from raw import (ALERT, BAD_RECORD_MAC, CCS, CLIENT_HELLO, DATA, FINISHED, HANDSHAKE,
                 ILLEGAL_PARAMETER, KEY_UPDATE, P256, PROTOCOL_VERSION, RECORD_OVERFLOW, TLS11, TLS12,
                 TLS13, UNEXPECTED_MESSAGE, X448, Raw, Share, codes, extension, key_shares, message,
                 vector)

SERVED = 'HTTP/1.1 200 OK'
ANNOUNCED = extension(42)
BOUND, RECORD_HEAD = 16384 + 2048, 5  # the heads count too
REST = BOUND - (RECORD_HEAD + 16384) - RECORD_HEAD  # what fits behind a record of 16384 bytes
A_TICKET, A_BINDER = os.urandom(320), os.urandom(32)
PSK = extension(41, vector(2, vector(2, A_TICKET) + bytes(4)) + vector(2, vector(1, A_BINDER)))
tap = Tap()


def record(kind, data):
    return bytes([kind]) + b'\x03\x03' + vector(2, data)


MIDDLEBOX = record(CCS, b'\x01')


def garbage(*sizes):
    return b''.join(record(DATA, os.urandom(size)) for size in sizes)


def fatal(number):
    return ('fatal', number, 'closed')


def attempt(front, version, act):
    with Raw(front, version) as client:
        try:
            return act(client)
        except ConnectionAbortedError as error:
            return ('fatal', error.args[1], *client.end())
        except Exception as error:  # the case fails, and the next one runs
            return f'{type(error).__name__}: {error}'


# --- the ways of a handshake; each goes on where `act` takes over ---

def send_hello(client, behind=b'', announced=ANNOUNCED, **how):
    """A hello with a ticket of another server's, and `behind` in the same write."""
    how = {'groups': (P256,), 'more': announced + PSK, **how}
    whole = message(CLIENT_HELLO, client.hello(session=bytes(range(32)), **how))
    client.transcript += whole
    client.raw(b'\x16\x03\x01' + vector(2, whole) + behind)


def read_flight(client):
    client.parse_server_hello(client.read_message()[1])
    client.read_flight13()
    client.outbound = client.handshake_keys


def finish(client):
    client.send(FINISHED, client.verify_data13(client.client_secret))
    client.outbound = client.application


def straight(behind, act, **how):
    """`behind` follows the hello at once."""
    def whole(client):
        send_hello(client, behind, **how)
        read_flight(client)
        return act(client)
    return whole


def late(behind, act, **how):
    """`behind` arrives after the server's flight was read."""
    def whole(client):
        send_hello(client, **how)
        read_flight(client)
        client.raw(behind)
        return act(client)
    return whole


def send_second_hello(client, behind, **how):
    """With a share of the group that the server asked for; early data is not announced again."""
    share = Share(client.read_retry())
    shares = key_shares((share.group, share.public))
    send_hello(client, behind, **{'announced': b'', 'groups': (X448, P256), 'shares': shares, **how})
    client.shares = [share]


def retried(behind, act, between=b'', second=b'', again=b'', **how):
    """`behind` follows the first hello, `between` the HelloRetryRequest, `second` the second hello."""
    def whole(client):
        send_hello(client, behind, groups=(X448, P256), **how)
        client.raw(between)
        send_second_hello(client, second, announced=again)
        read_flight(client)
        return act(client)
    return whole


def refused_before_second_hello(behind, **how):
    def whole(client):
        send_hello(client, behind, groups=(X448, P256), **how)
        client.read_retry()
        return client.end()
    return whole


def in_two_records(between, act):
    """The second hello in two records, with `between` between them."""
    def whole(client):
        send_hello(client, garbage(64), groups=(X448, P256))
        share = Share(client.read_retry())
        body = client.hello(session=bytes(range(32)), groups=(X448, P256), more=PSK,
                            shares=key_shares((share.group, share.public)))
        client.shares = [share]
        data = message(CLIENT_HELLO, body)
        client.transcript += data
        client.raw(record(HANDSHAKE, data[:100]) + between + record(HANDSHAKE, data[100:]))
        return act(client)
    return whole


def ask(client):
    finish(client)
    return client.asks()


end = Raw.end


def break_finished(client):
    """A record that does not decrypt, between two that carry one Finished; all in one write."""
    data = message(FINISHED, client.verify_data13(client.client_secret))
    first, second = (record(*client.outbound.seal(HANDSHAKE, part, TLS12))
                     for part in (data[:20], data[20:]))
    client.raw(first + garbage(64) + second)
    return client.end()


def finish_and(act):
    def whole(client):
        finish(client)
        act(client)
        return client.end()
    return whole


def ask_and(act):
    def whole(client):
        finish(client)
        client.asks()
        act(client)
        return client.end()
    return whole


def take_next_key(client):
    client.record(HANDSHAKE, message(KEY_UPDATE, b'\0'))
    client.outbound.update()
    client.raw(garbage(64))


# --- what is asked of either way ---

def of_either_way(front, title, way, refused, manner):
    for what, behind in (
            ('16384 bytes in a record', garbage(16384)),
            ('in two records', garbage(8192, 8192)),
            ('with a change of ciphers in between', garbage(8192) + MIDDLEBOX + garbage(8192)),
            ('behind a change of ciphers', MIDDLEBOX + garbage(16384)),
            ('of one byte', garbage(1)),
            ('in the largest record', garbage(16384 + 256)),
            ('in 93 records, 16 KiB of data', garbage(*[176 + 17] * 93)),
            ('to the last byte of the bound', garbage(16384, REST)),
            ('in 3071 records of a byte', garbage(*[1] * 3071))):
        tap.same(attempt(front, TLS13, way(behind, ask)), SERVED,
                 f'{title}: early data {what} is skipped {manner}')
    for number, what, behind in (
            (UNEXPECTED_MESSAGE, 'of one byte over the bound', garbage(16384, REST + 1)),
            (UNEXPECTED_MESSAGE, 'in 3073 records of a byte', garbage(*[1] * 3073)),
            (UNEXPECTED_MESSAGE, 'with a record of no bytes', garbage(64, 0)),
            (RECORD_OVERFLOW, 'with a record that is too long', garbage(64) + garbage(16384 + 257))):
        tap.same(attempt(front, TLS13, refused(behind)), fatal(number),
                 f'{title}: early data {what} is refused {manner}')
    said = attempt(front, TLS13, refused(garbage(*[16384] * 4)))
    tap.same(said[:2], ('fatal', UNEXPECTED_MESSAGE),  # what was not read may reset the connection
             f'{title}: four times as much early data is refused {manner}')
    tap.same(attempt(front, TLS13, way(garbage(64), break_finished)), fatal(BAD_RECORD_MAC),
             f'{title}: what does not decrypt within Finished is refused {manner}')
    for what, act in (('behind Finished', finish_and(lambda c: c.raw(garbage(64)))),
                      ('behind a request', ask_and(lambda c: c.raw(garbage(64)))),
                      ('behind a KeyUpdate', ask_and(take_next_key))):
        tap.same(attempt(front, TLS13, way(garbage(64), act)), fatal(BAD_RECORD_MAC),
                 f'{title}: what does not decrypt {what} is refused {manner}')


def not_announced(front, title):
    for name, way in (('at once', straight), ('later', late)):
        tap.same(attempt(front, TLS13, way(b'', ask, announced=b'')), SERVED,
                 f'{title}: a ticket of another server\'s is passed over ({name})')
        tap.same(attempt(front, TLS13, way(garbage(64), end, announced=b'')), fatal(BAD_RECORD_MAC),
                 f'{title}: early data that is not announced is refused ({name})')
    tap.same(attempt(front, TLS13, refused_before_second_hello(garbage(64), announced=b'')),
             fatal(UNEXPECTED_MESSAGE), f'{title}: and before the second hello')


def of_other_types(front, title):
    """What is skipped is data by its outer type."""
    for kind in HANDSHAKE, ALERT:
        sent = record(kind, b'\x63' + os.urandom(63))
        said = attempt(front, TLS13, straight(sent, end))
        tap.ok(said[0] == 'fatal' and said[-1] == 'closed',
               f'{title}: a record of type {kind} that does not decrypt is refused', said)


def behind_the_second_hello(front, title):
    tap.same(attempt(front, TLS13, retried(b'', ask)), SERVED,
             f'{title}: a hello that has no share of the group is asked for another')
    tap.same(attempt(front, TLS13, retried(garbage(64), ask, between=MIDDLEBOX + garbage(64))), SERVED,
             f'{title}: early data on both sides of HelloRetryRequest is skipped')
    tap.same(attempt(front, TLS13, retried(garbage(64), end, second=garbage(64))),
             fatal(BAD_RECORD_MAC), f'{title}: early data behind the second hello is refused')
    tap.same(attempt(front, TLS13, in_two_records(b'', lambda c: (read_flight(c), ask(c))[1])), SERVED,
             f'{title}: a second hello in two records is read')
    tap.same(attempt(front, TLS13, in_two_records(garbage(64), end)), fatal(UNEXPECTED_MESSAGE),
             f'{title}: and is refused with early data between them')
    tap.same(attempt(front, TLS13, retried(garbage(64), end, again=ANNOUNCED)),
             fatal(ILLEGAL_PARAMETER), f'{title}: a second hello that announces it again is refused')


def of_older_versions(front, title, versions):
    """A client that announced early data gives up when an older version is chosen (RFC 8446, D.3). The
    heads of its records have another version than TLS 1.1 has."""
    for version, alert in versions.items():
        def whole(client, version=version):
            listed = extension(43, vector(1, codes((0x0305, version))))
            send_hello(client, garbage(16384), more=listed + ANNOUNCED + PSK)
            client.parse_server_hello(client.read_message()[1])
            client.read_flight12()
            return client.end()
        tap.same(attempt(front, version, whole), fatal(alert),
                 f'{title}: early data is refused where version {version:#06x} is chosen')


# --- openssl ---

def read_der(data):
    """Head, content and what follows of the first element."""
    size, at = data[1], 2
    if size & 0x80:
        at += size & 0x7f
        size = int.from_bytes(data[2:at], 'big')
    return data[:at], data[at:at + size], data[at + size:]


def claim_early_data(path):
    """Writes into a session of openssl's that its ticket allows 16 KiB of early data: element 15 of
    the sequence."""
    with open(path, encoding='ascii') as file:
        first, *lines, last = file.read().splitlines()
    rest, parts = read_der(base64.b64decode(''.join(lines)))[1], []
    while rest:
        head, body, rest = read_der(rest)
        parts.append(head + body)
    before = [part for part in parts if part[0] < 0xaf]
    whole = b''.join([*before, bytes.fromhex('af0402024000'), *parts[len(before):]])
    encoded = base64.encodebytes(b'\x30\x82' + vector(2, whole)).decode()
    with open(path, 'w', encoding='ascii') as file:
        file.write(f'{first}\n{encoded}{last}\n')


def by_openssl(front, title):
    """Early data of all sizes that s_client sends, under a ticket that the endpoint takes."""
    session, early = (os.path.join(front.folder, name) for name in ('session', 'early'))

    def client(*words):
        done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{front.port}', '-tls1_3',
                               '-ign_eof', *words], capture_output=True, timeout=PATIENCE_S,
                              input=b'GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        return done.stdout + done.stderr

    for groups, manner in (('P-256', 'at once'), ('X448:P-256', 'behind a HelloRetryRequest')):
        for size in 1, 500, 16384:
            client('-groups', 'P-256', '-sess_out', session)
            claim_early_data(session)
            with open(early, 'wb') as file:
                file.write(b'x' * size)
            said = client('-groups', groups, '-sess_in', session, '-early_data', early)
            tap.ok(all(part in said for part in (b'Early data was rejected', b'\nReused, ', b'200 OK')),
                   f'{title}: {size} bytes of openssl\'s are skipped {manner}, and its session goes on',
                   said[-1500:])


with tap:
    tls12 = {TLS12: UNEXPECTED_MESSAGE}
    for name, settings, older in (
            ('defaults', (), tls12), ('the guide, FIPS mode', ('guide',), tls12),
            ('TLS 1.0 too', ('https.legacy_inbound=yes',), {**tls12, TLS11: PROTOCOL_VERSION})):
        served = Front(settings=settings)
        of_either_way(served, name, straight, lambda behind: straight(behind, end), 'behind the hello')
        of_either_way(served, name, late, lambda behind: late(behind, end),
                      'behind the server\'s flight')
        of_either_way(served, name, retried, refused_before_second_hello, 'before the second hello')
        not_announced(served, name)
        of_other_types(served, name)
        behind_the_second_hello(served, name)
        of_older_versions(served, name, older)
        by_openssl(served, name)
        tap.ok(served.alive(), f'{name}: the endpoint has outlived all of it')
        served.stop()
