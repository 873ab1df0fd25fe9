"""A node that holdfast has closed and a peer, joined by a link, over IPv4 and IPv6: what the peer
sends, and what comes back."""
import concurrent.futures
import contextlib
import errno
import select
import socket
import struct
import time

import harness

STATION = {4: '192.0.2.2', 6: '2001:db8::2'}
HOSTILE = {4: '192.0.2.3', 6: '2001:db8:a::3'}  # the same peer, by an address in another /64
NODE = {4: '192.0.2.1', 6: '2001:db8::1'}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
ICMP = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
ECHO = {4: 8, 6: 128}
REPLY = {4: 0, 6: 129}
SILENCE_S = 0.5   # nothing has come within that time: all is on one machine
PATIENCE_S = 30   # for what must come, on a machine that does much else


def each(probe, ports):
    """What every port comes to, all at once: most of them are silent."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return set(pool.map(probe, ports))


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def wait_for(condition):
    """Until it holds, or for so long that it never will."""
    end = time.monotonic() + PATIENCE_S
    while not (held := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return held


class Link:
    """The node is `node`, at up0; the peer `peer`, at up1, with both addresses."""

    def __init__(self, role, addresses=True):
        self.node, self.peer = harness.Node(role), harness.Namespace('peer')
        harness.run('ip', 'link', 'add', 'up0', 'netns', self.node.name, 'type', 'veth', 'peer',
                   'name', 'up1', 'netns', self.peer.name)
        for space, link in ((self.node, 'up0'), (self.peer, 'up1')):
            for name in ('accept_dad', 'dad_transmits'):
                space.run('sysctl', '-qw', f'net.ipv6.conf.{link}.{name}=0')
            space.run('ip', 'link', 'set', link, 'up')
        self.peer.run('sysctl', '-qw', 'net.ipv6.conf.up1.accept_redirects=0')
        for address in (STATION, HOSTILE):
            self.address(self.peer, 'up1', address)
        if addresses:
            self.give_addresses()

    @staticmethod
    def address(space, link, address):
        space.run('ip', 'address', 'add', f'{address[4]}/24', 'dev', link)
        space.run('ip', 'address', 'add', f'{address[6]}/64', 'dev', link, 'nodad')

    def give_addresses(self):
        self.address(self.node, 'up0', NODE)
        self.node.run('ip', '-6', 'route', 'add', '2001:db8:a::/64', 'dev', 'up0')

    def mac(self):
        return self.node.run('cat', '/sys/class/net/up0/address').strip()

    @staticmethod
    def sock(space, version, kind=socket.SOCK_STREAM, protocol=0):
        with space.entered():
            made = socket.socket(FAMILY[version], kind, protocol)
        if kind != socket.SOCK_RAW:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if version == 6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return made

    @contextlib.contextmanager
    def listening(self, *ports, backlog=16):
        """The node listens on TCP and UDP, both families: what is closed is closed by the
        firewall."""
        with contextlib.ExitStack() as stack:
            udp = {}
            for version in (4, 6):
                for port in ports:
                    stream = stack.enter_context(self.sock(self.node, version))
                    stream.bind(('', port))
                    stream.listen(backlog)
                    udp[version, port] = stack.enter_context(
                        self.sock(self.node, version, socket.SOCK_DGRAM))
                    udp[version, port].bind(('', port))
            yield udp

    def tcp(self, version, port, source=STATION, space=None, target=NODE, source_port=0):
        """What a connection comes to: open, reset, unreachable or silent."""
        with self.sock(space or self.peer, version) as stream:
            stream.bind((source[version], source_port))
            stream.settimeout(SILENCE_S)
            try:
                stream.connect((target[version], port))
                return 'open'
            except ConnectionRefusedError:
                return 'reset'
            except (TimeoutError, socket.timeout):
                return 'silent'
            except OSError as error:
                return errno.errorcode[error.errno]

    def udp(self, sockets, version, port, source=STATION):
        """What a datagram comes to: open, unreachable or silent."""
        with self.sock(self.peer, version, socket.SOCK_DGRAM) as sender:
            sender.bind((source[version], 0))
            sender.connect((NODE[version], port))
            sender.send(b'hello')
            ready, _, _ = select.select([sockets[version, port], sender], [], [], SILENCE_S)
            if sockets[version, port] in ready:
                sockets[version, port].recv(100)
                return 'open'
            if not ready:
                return 'silent'
            try:
                sender.recv(100)
            except ConnectionRefusedError:
                return 'unreachable'
            return 'answered'

    @contextlib.contextmanager
    def wire(self):
        """All that reaches the peer's end of the link."""
        with self.peer.entered():
            tap_socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
            tap_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            tap_socket.bind(('up1', 3))
        with tap_socket:
            yield tap_socket
