#!/usr/bin/python3
"""Places for connections: whoever holds them and does nothing gives way, the fullest source first;
each station and the node itself have a share that others cannot use up, and the probe too; who is
no station is closed. No limit of time can help here: all of them are an hour. What decides is
whether the first try is served, and what was counted."""
import os
import subprocess
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap, ended, read_answer

tap = Tap()
HOUR = 3600 * 1000
FOREVER = {'handshake_ms': HOUR, 'head_ms': HOUR, 'idle_ms': HOUR, 'life_ms': HOUR}
GET = b'GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n'
BIG = b'GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n'
SOURCES = 20


def front_for(*stations, **limits):
    return Front(settings=['health.stations=' + '\n'.join(stations)] if stations else (),
                 **{**FOREVER, **limits})


def ask(client):
    client.sendall(GET)
    return read_answer(client).status


def come_and_ask(front, source, **place):
    """The first try decides."""
    try:
        with front.tls(source, **place) as client:
            return ask(client)
    except OSError as error:
        return error


# --- crowds that do nothing, from twenty addresses ---

def silent(front, context, source):
    return front.connect(source)


def half_a_hello(front, context, source):
    client = front.connect(source)
    client.sendall(b'\x16\x03\x01\x02\x00\x01\x00')
    return client


def finished(front, context, source):
    return context.wrap_socket(front.connect(source), server_hostname='localhost')


def half_a_head(front, context, source):
    client = finished(front, context, source)
    client.sendall(GET[:-1])
    return client


def slow_reader(front, context, source):
    client = finished(front, context, source)
    client.sendall(BIG * 9)
    return client


def asked_once(front, context, source):
    client = finished(front, context, source)
    ask(client)
    return client


def gather(front, kind, count, address):
    """So many that come and stay, whoever of them may."""
    context, crowd = front.context(), []
    for i in range(count):
        try:
            crowd.append(kind(front, context, address.format(1 + i % SOURCES)))
        except OSError:
            pass  # its source is full, or its place was another's before it was done
    return crowd


for kind, count in ((silent, 1000), (half_a_hello, 1000), (finished, 200), (half_a_head, 200),
                    (slow_reader, 200), (asked_once, 200)):
    for address, here, there, stations in (
            ('10.0.1.{}', '10.0.2.1', '10.0.2.2', ['10.0.0.0/8']),
            ('2001:db8:1:{}::1', '2001:db8:2::1', '2001:db8:2:1::1', ['2001:db8::/32']))[
                :2 if kind in (silent, asked_once) else 1]:
        front = front_for(*stations)
        known = front.tls(here)
        ask(known)
        crowd = gather(front, kind, count, address)
        name = f'{kind.__name__}, {address}'
        tap.same([come_and_ask(front, there) for _ in range(5)], [200] * 5, f'{name}: a station that comes is served')
        tap.same(ask(known), 200, f'{name}: one that was there before, too')
        tap.ok(front.counted('gave_way', 1) and front.counts['timed_out'] == 0, f'{name}: who gave way is counted',
               front.counts)
        front.stop()

# --- one IPv6 network is one source ---

front = front_for('2001:db8::/32')
context = front.context()
held = [finished(front, context, f'2001:db8:1::{i:x}') for i in range(1, 11)]
tap.same(ended(front.connect('2001:db8:1::ffff:1')), b'', 'ten places are all that a /64 has')
tap.same(come_and_ask(front, '2001:db8:1:1::1'), 200, 'the next /64 has its own')
tap.same((ask(held[0]), front.counted('refused_address', 1)), (200, 1), 'the ten keep theirs')
front.stop()

# --- shares ---


def fill(front, sources, count=100):
    """Places that are in use: each has just asked."""
    context = front.context()
    held = [finished(front, context, sources.format(1 + i // 2)) for i in range(count)]
    for client in held:
        ask(client)
    return held


SHARES = ['10.1.0.0/16', '10.2.0.0/16', '2001:db8::/48', '127.5.0.0/16']
for name, source, place in (('another station', '10.2.0.1', {}), ('a station of IPv6', '2001:db8::9', {}),
                            ('one of a narrower network', '127.5.0.1', {}), ('the node', '127.0.0.1', {}),
                            ('the node by IPv6', '::1', {}), ('the probe', '127.0.0.2', {'port': 999}),
                            ('the probe by IPv6', '::1', {'port': 998})):
    front = front_for(*SHARES)
    held = fill(front, '10.1.0.{}')
    tap.same(come_and_ask(front, source, **place), 200, f'{name} has a share that a station cannot use up')
    front.stop()
front = front_for(*SHARES)
kept = finished(front, front.context(), '10.2.0.1')
held = fill(front, '10.1.0.{}', 99)
tap.same(come_and_ask(front, '10.1.0.99'), 200, 'a station whose share is full takes a place of its own share')
tap.same(ask(kept), 200, "never one of another's, however long that is idle")
front.stop()

front = front_for('10.1.0.0/16', *(f'10.2.0.{i}/32' for i in range(1, 150)))
kept = finished(front, front.context(), '10.2.0.1')
held = fill(front, '10.1.0.{}', 99)
tap.same(come_and_ask(front, '10.1.0.99'), 200, 'of more stations than places each has one place')
tap.same((ask(kept), come_and_ask(front, '10.2.0.149')), (200, 200), 'that another station cannot have')
front.stop()

# --- the probe and local processes ---

front = front_for(handshakes_per_address_s=5)
held = [client for i in range(100) for client in [front.connect(f'127.0.0.{2 + i // 10}')]]
context = front.context()
tap.same([come_and_ask(front, '127.0.0.2', port=1000 + i) for i in range(5)], [200] * 5,
         'where local processes hold all places and budgets the probe is served')
nobody = subprocess.run(['setpriv', '--reuid=65534', '--clear-groups', sys.executable, '-c',
                         "import socket; socket.socket().bind(('127.0.0.2', 1001))"],
                        capture_output=True, text=True, check=False)
tap.ok('PermissionError' in nobody.stderr, 'a local process cannot have its port', nobody.stderr)
front.stop()

# --- strangers, and stations that change ---

front = front_for('10.1.0.0/16', '2001:db8:1::/48')
for source in '10.2.0.1', '10.255.0.1', '2001:db8:2::1':
    tap.same(ended(front.connect(source)), b'', f'{source}: no station, closed without a word')
tap.same(front.counted('refused_unknown', 3), 3, 'and counted')
stays, goes = front.tls('10.1.0.1'), front.tls('2001:db8:1::1')
local = front.tls('127.0.0.1')
waits = front.connect('2001:db8:1::2')
tap.same([ask(client) for client in (stays, goes, local)], [200] * 3, 'stations and the node are served')
front.tell('stations 10.3.0.0/16 10.1.0.0/24')
tap.same((ended(goes), ended(waits)), (b'', b''), 'connections of a station that was removed end')
tap.same((ask(stays), ask(local)), (200, 200), 'those of others go on')
tap.same(come_and_ask(front, '10.3.0.1'), 200, 'a new station is served')
tap.same((ended(front.connect('10.1.1.1')), ended(front.connect('2001:db8:1::1'))), (b'', b''),
         'former ones are not')
front.tell('stations ')
tap.same((ended(stays), ask(local)), (b'', 200), 'without a station the node alone is')
tap.ok(front.alive(), 'the front stands it, with system calls that kill')
front.stop()

# --- a scanner sees all that is there ---


def accepted(**limits):
    scanned = Front(**limits)
    found = subprocess.run(['sslscan', '--no-colour', f'127.0.0.1:{scanned.port}'], capture_output=True, text=True,
                           check=False).stdout
    delayed = scanned.counted('delayed', 1) if 'handshakes_per_address_s' in limits else 0
    scanned.stop()
    return [line for line in found.splitlines() if line.startswith(('Accepted', 'Preferred'))], delayed


everything, _ = accepted()
within_budget, delayed = accepted(handshakes_per_address_s=5)
tap.ok(len(everything) > 3 and within_budget == everything and delayed,
       'sslscan finds the same suites where it must wait for its budget', everything, within_budget, delayed)

front = Front(handshakes_per_address_s=20)
clients = [front.connect('127.0.0.1') for _ in range(40)]
context = front.context()
done = []
for client in clients:
    with context.wrap_socket(client, server_hostname='localhost') as served:
        done.append(served.version())
tap.same(done, ['TLSv1.3'] * 40, 'forty connections at once from one address: each is served')
front.stop()
tap.done()
