#!/usr/bin/python3
"""Flows: none outlives the rule that admitted it, whatever closed it, over IPv4 and IPv6; those that
a rule still admits, and those that the node began, go on."""
import contextlib
import select
import socket

import harness
from link import HOSTILE, NODE, PATIENCE_S, SILENCE_S, STATION, Link, wait_for

harness.needs()
tap = harness.Tap()
STATIONS = 'health.stations = 192.0.2.2\nhealth.stations = 2001:db8::2\n'
OPEN = STATIONS + 'global.ssh = yes\n'


class Flow:
    """A connection from the peer to the node, with the node's end of it."""

    def __init__(self, link, version, port, source=STATION, udp=False):
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        self.name = f"{'udp' if udp else 'tcp'} {port} over IPv{version} from {source[version]}"
        self.far = link.sock(link.peer, version, kind)
        self.far.bind((source[version], 0))
        self.server = link.sock(link.node, version, kind)
        self.server.bind((NODE[version], port))
        self.far.settimeout(PATIENCE_S)
        if udp:
            self.far.connect((NODE[version], port))
            self.far.send(b'hello')
            _, sender = self.server.recvfrom(100)
            self.near = self.server
            self.near.connect(sender)
            self.near.send(b'hello')
            self.far.recv(100)
        else:
            self.server.listen(1)
            self.far.connect((NODE[version], port))
            self.near, _ = self.server.accept()
            self.server.close()

    def passes(self):
        """Whether what the peer sends arrives."""
        with contextlib.suppress(OSError):
            self.far.send(b'still here')
        if not select.select([self.near], [], [], SILENCE_S)[0]:
            return False
        with contextlib.suppress(OSError):
            return self.near.recv(100) == b'still here'
        return False

    def revives(self):
        """Whether it passes again once the node's end has sent something."""
        with contextlib.suppress(OSError):
            self.near.send(b'from the node')
        return self.passes()

    def close(self):
        for one in (self.far, self.near, self.server):
            one.close()


class Own(Flow):
    """A connection that the node began."""

    def __init__(self, link, version, port, udp=False):
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        self.name = f"the node's own {'udp' if udp else 'tcp'} flow over IPv{version}"
        self.server = link.sock(link.peer, version, kind)
        self.server.bind((STATION[version], port))
        self.near = link.sock(link.node, version, kind)
        self.near.settimeout(PATIENCE_S)
        if udp:
            self.near.bind((NODE[version], 0))
            self.near.connect((STATION[version], port))
            self.near.send(b'hello')
            _, sender = self.server.recvfrom(100)
            self.far = self.server
            self.far.connect(sender)
        else:
            self.server.listen(1)
            self.near.connect((STATION[version], port))
            self.far, _ = self.server.accept()


def row(link):
    return link.node.rows('firewall.flows')['firewall.flows']


def both(make):
    return [make(version) for version in (4, 6)]


def closes(link, before, after, closed, kept, name):
    """What `closed` makes ends by the change of settings, what `kept` makes does not."""
    link.node.settings(before)
    link.node.boot()
    with contextlib.ExitStack() as stack:
        end, stay = both(closed), both(kept)
        own = both(lambda v: Own(link, v, 7777)) + both(lambda v: Own(link, v, 7778, udp=True))
        for flow in end + stay + own:
            stack.callback(flow.close)
            tap.ok(flow.passes(), f'{name}: {flow.name} passes before')
        got = row(link)
        tap.ok(got['verdict'] == 'pass' and 'all admitted' in got['observed'],
               f'{name}: all flows are admitted before', got)
        link.node.settings(after)
        got = row(link)
        tap.ok(got['verdict'] == 'fail' and got['observed'].startswith(f'{len(end)} of ') and
               all(f'{flow.far.getsockname()[1]} -> ' in got['observed'] for flow in end),
               f'{name}: check names those that no rule admits', got)
        link.node.boot()
        got = row(link)
        tap.ok(got['verdict'] == 'pass' and 'all admitted' in got['observed'],
               f'{name}: none of them is left afterwards', got)
        for flow in end:
            tap.ok(not flow.passes(), f'{name}: {flow.name} has ended')
            if 'udp' not in flow.name:
                tap.ok(not flow.revives(), f"{name}: the node's next packet does not revive it")
        for flow in stay + own:
            tap.ok(flow.passes(), f'{name}: {flow.name} goes on')


def drift(link):
    """Somebody opened a port for a while."""
    link.node.settings(OPEN)
    link.node.boot()
    link.node.run('nft', 'insert', 'rule', 'inet', 'holdfast', 'input', 'tcp', 'dport', '2323',
                  'accept')
    flows = both(lambda v: Flow(link, v, 2323, HOSTILE))
    tap.ok(all(flow.passes() for flow in flows), 'drift: a port that somebody opened passes')
    link.node.boot()
    tap.ok(not any(flow.passes() for flow in flows),
           'drift: with the rule its flows have ended')
    tap.same(row(link)['verdict'], 'pass', 'drift: none of them is left')
    for flow in flows:
        flow.close()


def first_load():
    """Flows that were tracked before Holdfast's table stood."""
    link = Link('conferencing')
    link.node.run('nft', '-f', '-', input='table inet t { chain c { type filter hook input priority '
                  '0;\nct state established accept\n}\n}\n')
    flows = both(lambda v: Flow(link, v, 8080)) + both(lambda v: Flow(link, v, 22))
    tap.ok(all(flow.passes() for flow in flows), 'first load: what was open passes')
    link.node.settings(OPEN)
    link.node.boot()
    tap.same([flow.passes() for flow in flows], [False, False, True, True],
             'first load: what no rule admits has ended, what one admits goes on')
    for flow in flows:
        flow.close()


def many(link):
    """More than are named."""
    link.node.settings(OPEN)
    link.node.boot()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(link.sock(link.node, 4))
        server.bind((NODE[4], 22))
        server.listen(512)
        for _ in range(300):
            far = stack.enter_context(link.sock(link.peer, 4))
            far.settimeout(PATIENCE_S)
            far.connect((NODE[4], 22))
        link.node.settings(STATIONS + 'global.ssh = no\n')
        got = row(link)
        tap.ok(got['observed'].startswith('300 of ') and len(got['observed']) < 1000,
               'three hundred flows are counted, the first of them named', got)
        link.node.boot()
        got = row(link)
        tap.ok(got['verdict'] == 'pass', 'and ended', got)


for role in ('conferencing', 'management'):
    link = Link(role)
    closes(link, OPEN, STATIONS + 'global.ssh = no\n', lambda v: Flow(link, v, 22),
           lambda v: Flow(link, v, 9443), f'{role}, global.ssh')
    closes(link, STATIONS + ''.join(f'health.stations = {HOSTILE[v]}\n' for v in (4, 6)), STATIONS,
           lambda v: Flow(link, v, 9443, HOSTILE), lambda v: Flow(link, v, 9443, STATION),
           f'{role}, a station')
    closes(link, STATIONS + 'snmp.mode = v2c_read_only\n', STATIONS,
           lambda v: Flow(link, v, 161, udp=True), lambda v: Flow(link, v, 443), f'{role}, SNMP')
    drift(link)
link = Link('conferencing')
closes(link, STATIONS, STATIONS + 'sip.tcp_port = 6060\n', lambda v: Flow(link, v, 5060),
       lambda v: Flow(link, v, 5061), 'a port that moved')
closes(link, STATIONS, STATIONS + 'global.media_port_start = 45000\n',
       lambda v: Flow(link, v, 41000, udp=True), lambda v: Flow(link, v, 46000, udp=True),
       'a range that shrank')
many(link)
first_load()
tap.done()
