#!/usr/bin/python3
"""Floods: the limit of connections is each source's own, and counts none whose handshake did not
end, whatever sources claim."""
import contextlib
import socket
import struct
import time

import harness
from link import FAMILY, HOSTILE, NODE, PATIENCE_S, STATION, Link, checksum, wait_for

harness.needs()
tap = harness.Tap()
LIMIT = 256  # established by one source in a minute: agent/policy/listeners.c
SPOOFED = 2 * LIMIT
BASE = 'health.stations = 192.0.2.2\nweb.max_sessions = 2\n'


def syn(version, source, source_port):
    packet = struct.pack('!HHIIBBHHH', source_port, 443, 1000, 0, 5 << 4, 2, 64000, 0, 0)
    pseudo = b''.join(socket.inet_pton(FAMILY[version], address) for address in
                      (source, NODE[version])) + struct.pack('!II', len(packet), 6)
    packet = packet[:16] + struct.pack('!H', checksum(pseudo + packet)) + packet[18:]
    if version == 4:
        head = struct.pack('!BBHHHBBH', 0x45, 0, 40, source_port, 0, 64, 6, 0)
    else:
        head = struct.pack('!IHBB', 6 << 28, len(packet), 6, 64)
    return head + pseudo[:-8] + packet


def spoof(link, version, source):
    """SYNs of a source that never answers, each of them twice."""
    with link.sock(link.peer, version, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for _ in range(2):
            for number in range(SPOOFED):
                raw.sendto(syn(version, source, 20000 + number), (NODE[version], 0))


def connect(link, version, source):
    """A connection that the node's process has too, or None where it was refused."""
    stream = link.sock(link.peer, version)
    stream.settimeout(PATIENCE_S)
    stream.bind((source[version], 0))
    try:
        stream.connect((NODE[version], 443))
        stream.sendall(b'?')
        return stream if stream.recv(1) == b'!' else None
    except OSError:
        stream.close()
        return None


@contextlib.contextmanager
def echo_server(link):
    """Takes connections to port 443 and answers each byte, in a thread of its own."""
    import selectors
    import threading
    selector, stop = selectors.DefaultSelector(), threading.Event()
    servers = []
    for version in (4, 6):
        server = link.sock(link.node, version)
        server.bind(('', 443))
        server.listen(4096)
        servers.append(server)
        selector.register(server, selectors.EVENT_READ)

    def serve():
        while not stop.is_set():
            for key, _ in selector.select(0.1):
                if key.fileobj in servers:
                    stream, _ = key.fileobj.accept()
                    selector.register(stream, selectors.EVENT_READ)
                    continue
                try:
                    data = key.fileobj.recv(100)
                except OSError:
                    data = b''
                if data:
                    key.fileobj.sendall(b'!')
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for key in list(selector.get_map().values()):
            key.fileobj.close()


def spoofed(link, role):
    # The peer would reset what it did not ask for: whose address is forged may be anywhere.
    link.peer.run('nft', '-f', '-', input='table inet mute { chain out { type filter hook output '
                  'priority 0; policy accept;\ntcp flags rst drop\n}\n}\n')
    for version in (4, 6):
        spoof(link, version, STATION[version])
        spoof(link, version, {4: '192.0.2.99', 6: '2001:db8::99'}[version])
        stream = connect(link, version, STATION)
        tap.ok(stream, f'{role}: IPv{version}: {SPOOFED} forged SYNs, in its own name too, keep a '
               'station from nothing')
        if stream:
            stream.close()
    link.peer.run('nft', 'delete', 'table', 'inet', 'mute')


def held(link, role):
    for version in (4, 6):
        with contextlib.ExitStack() as stack:
            streams, begin = [], time.monotonic()
            while stream := connect(link, version, HOSTILE):
                streams.append(stack.enter_context(stream))
            most = LIMIT * (1 + (time.monotonic() - begin) / 60) + 2
            tap.ok(LIMIT <= len(streams) <= most, f'{role}: IPv{version}: one source has {LIMIT} '
                   'connections, and then only what the rate allows', (len(streams), most))
            if version == 6:
                link.peer.run('ip', 'address', 'add', '2001:db8:a::4/64', 'dev', 'up1', 'nodad')
                got = [bool(connect(link, 6, {6: '2001:db8:a::4'})) for _ in range(5)]
                tap.ok(not all(got), f'{role}: IPv6: from another address of its /64 too', got)
            other = connect(link, version, STATION)
            tap.ok(other, f'{role}: IPv{version}: another source is served')
            streams[0].sendall(b'?')
            tap.same(streams[0].recv(1), b'!', f'{role}: IPv{version}: those within the limit go on')
            if other:
                other.close()
        again = wait_for(lambda: connect(link, version, HOSTILE))
        tap.ok(again, f'{role}: IPv{version}: with time the source is served again')
        if again:
            again.close()


for role in ('management', 'conferencing'):
    link = Link(role)
    link.node.settings(BASE)
    link.node.boot()
    with echo_server(link):
        spoofed(link, role)
        held(link, role)
tap.done()
