#!/usr/bin/python3
"""Where net.drop_closed_ports says yes, nothing that leaves the node tells of a closed port: not
from an admitted port without a listener, nor about a foreign destination or a fragment. Where it
says no, the same packets are answered, so that the silence is the rule's and not the wire's."""
import re
import select
import socket
import struct
import time

import harness
from link import ECHO, FAMILY, ICMP, NODE, PATIENCE_S, REPLY, STATION, Link, checksum

harness.needs()
tap = harness.Tap()
ALL = '''health.stations = 192.0.2.2
health.stations = 2001:db8::2
ipsec.peers = 192.0.2.2
ipsec.peers = 2001:db8::2
snmp.mode = v2c_read_only
global.http_external = yes
'''
SYN, RST, ACK = 2, 4, 16
ERRORS = {4: (3, 11, 12), 6: (1, 3, 4)}  # ICMP types: unreachable, time exceeded, parameters


def admitted(node):
    """Every range of ports that the node's own rules admit: {(protocol, port), ...}, its ends and
    its middle."""
    ports = set()
    for protocol, first, last in re.findall(r'(tcp|udp) dport (\d+)(?:-(\d+))? accept$',
                                            node.holdfast('firewall').stdout, re.M):
        first, last = int(first), int(last or first)
        ports |= {(protocol, port) for port in (first, (first + last) // 2, last)}
    return sorted(ports)


def tcp_packet(version, source_port, port, flags):
    packet = struct.pack('!HHIIBBHHH', source_port, port, 1000, 0, 5 << 4, flags, 64000, 0, 0)
    pseudo = b''.join(socket.inet_pton(FAMILY[version], address[version])
                      for address in (STATION, NODE)) + struct.pack('!II', len(packet), 6)
    return packet[:16] + struct.pack('!H', checksum(pseudo + packet)) + packet[18:]


def send_tcp(link, version, source_port, port, flags):
    with link.sock(link.peer, version, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.bind((STATION[version], 0))
        raw.sendto(tcp_packet(version, source_port, port, flags), (NODE[version], 0))


def said(data, version):
    """What a packet of the node says of closed ports, or None."""
    header = (data[0] & 15) * 4 if version == 4 else 40
    protocol = data[9] if version == 4 else data[6]
    if protocol == socket.IPPROTO_TCP and data[header + 13] & RST:
        return f"reset from {struct.unpack('!H', data[header:header + 2])[0]}"
    if protocol == ICMP[version] and data[header] in ERRORS[version]:
        return f'ICMP error {data[header]} {data[header + 1]}'
    return None


def heard(tap_socket, until):
    """What the node says until the condition holds (it is asked after each packet), and what is
    still under way then."""
    words, end, fulfilled = [], time.monotonic() + PATIENCE_S, False
    while time.monotonic() < end:
        ready = select.select([tap_socket], [], [], 0.3)[0]
        if ready:
            data, origin = tap_socket.recvfrom(4000)
            version = {0x0800: 4, 0x86dd: 6}.get(origin[1])
            if origin[2] == socket.PACKET_OUTGOING or not version:
                continue
            words += [said(data, version)] if said(data, version) else []
            fulfilled = fulfilled or until(version, data)
        elif fulfilled:
            return words
        else:
            fulfilled = until(None, None)
    return words + ['no end in sight']


def ping(link, version):
    """A fence: what was asked before has been dealt with when this is answered."""
    with link.sock(link.peer, version, socket.SOCK_RAW, ICMP[version]) as raw:
        raw.bind((STATION[version], 0))
        body = struct.pack('!BBHHH', ECHO[version], 0, 0, 0x4846, 1)
        if version == 4:
            body = body[:2] + struct.pack('!H', checksum(body)) + body[4:]
        raw.sendto(body, (NODE[version], 0))


def answered(version):
    def is_reply(of, data):
        header = 20 if version == 4 else 40
        return of == version and data[header] == REPLY[version]
    return is_reply


def ask(link, version, ports, source_port):
    """A SYN, a stray ACK or a datagram to each port."""
    for number, (protocol, port) in enumerate(ports):
        if protocol == 'tcp':
            send_tcp(link, version, source_port + 2 * number, port, SYN)
            send_tcp(link, version, source_port + 2 * number + 1, port, ACK)
            continue
        with link.sock(link.peer, version, socket.SOCK_DGRAM) as sender:
            sender.bind((STATION[version], 0))
            sender.sendto(b'hello', (NODE[version], port))


def ports(link, role, setting):
    """SYN, stray ACK and datagram to each admitted port, none of which has a listener."""
    ranges = admitted(link.node)
    tap.ok(len(ranges) >= 6, f'{role}: there are admitted ports', ranges)
    for version in (4, 6):
        with link.wire() as tap_socket:
            ask(link, version, ranges, 20000)
            ping(link, version)
            words = heard(tap_socket, answered(version))
        if setting == 'yes':
            tap.same(words, [], f'{role}: admitted ports without a listener are silent over '
                     f'IPv{version}')
        else:
            tap.ok(len(words) >= len(ranges), f'{role}, no: each of them answers over '
                   f'IPv{version}', (len(ranges), words))


def foreign_destinations(link, role, setting):
    """Packets to others, by way of the node, forwarding or not."""
    link.peer.run('ip', 'route', 'replace', '203.0.113.0/24', 'via', NODE[4])
    link.peer.run('ip', '-6', 'route', 'replace', '2001:db8:77::/64', 'via', NODE[6])
    for forward in '01':
        link.node.run('sysctl', '-qw', f'net.ipv4.ip_forward={forward}')
        link.node.run('sysctl', '-qw', f'net.ipv6.conf.all.forwarding={forward}')
        for version, target in ((4, '203.0.113.9'), (6, '2001:db8:77::9')):
            with link.wire() as tap_socket:
                for port in (22, 443, 45000):
                    with link.sock(link.peer, version, socket.SOCK_DGRAM) as sender:
                        sender.bind((STATION[version], 0))
                        sender.sendto(b'hello', (target, port))
                ping(link, version)
                words = heard(tap_socket, answered(version))
            if setting == 'yes':
                tap.same(words, [], f'{role}: IPv{version}: a foreign destination is met with '
                         f'silence, forwarding {forward}')
            elif version == 6 and forward == '0':
                tap.ok(words, f'{role}, no: IPv6: a foreign destination is unreachable', words)
    link.node.run('sysctl', '-qw', 'net.ipv4.ip_forward=0')
    link.node.run('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0')


def given_up(link):
    """How many reassemblies the node has given up."""
    total = 0
    for path in ('/proc/net/snmp', '/proc/net/snmp6'):
        text = link.node.run('cat', path)
        if path.endswith('6'):
            total += int(re.search(r'Ip6ReasmTimeout\s+(\d+)', text).group(1))
        else:
            head, values = [line.split() for line in text.splitlines() if line.startswith('Ip:')]
            total += int(values[head.index('ReasmTimeout')])
    return total


def fragments(link, role, setting):
    """The first fragment of a datagram, and never another."""
    for key in ('net.ipv4.ipfrag_time', 'net.ipv6.ip6frag_time',
                'net.netfilter.nf_conntrack_frag6_timeout'):
        link.node.run('sysctl', '-qw', f'{key}=1')
    datagram = struct.pack('!HHHH', 4000, 443, 2000, 0) + bytes(64)
    for version in (4, 6):
        before = given_up(link)
        with link.wire() as tap_socket:
            if version == 4:
                source, target = (socket.inet_aton(a[4]) for a in (STATION, NODE))
                packet = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(datagram), 77, 0x2000, 64,
                                     17, 0) + source + target + datagram
                protocol = socket.IPPROTO_RAW
            else:
                packet = struct.pack('!BBHI', 17, 0, 1, 77) + datagram
                protocol = 44
            with link.sock(link.peer, version, socket.SOCK_RAW, protocol) as raw:
                raw.bind((STATION[version], 0))
                raw.sendto(packet, (NODE[version], 0))
            words = heard(tap_socket, lambda *_: given_up(link) > before)
        if setting == 'yes':
            tap.same(words, [], f'{role}: IPv{version}: a fragment whose rest never comes is met '
                     'with silence')
        else:
            tap.ok(any('ICMP error' in word for word in words),
                   f'{role}, no: IPv{version}: such a fragment is an error', words)


def unknown_options(link, role):
    """A hop-by-hop option that asks for an error is looked at before any hook."""
    option = struct.pack('!BBBBHH', 17, 0, 0x80 | 0x3e, 4, 0, 0)
    datagram = struct.pack('!HHHH', 4000, 443, 8, 0)
    header = struct.pack('!IHBB', 6 << 28, len(option + datagram), 0, 64) + b''.join(
        socket.inet_pton(socket.AF_INET6, address[6]) for address in (STATION, NODE))
    with link.wire() as tap_socket:
        with link.sock(link.peer, 6, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            raw.sendto(header + option + datagram, (NODE[6], 0))
        ping(link, 6)
        words = heard(tap_socket, answered(6))
    tap.same(words, [], f'{role}: an unknown hop-by-hop option is met with silence')


def before_addresses(role):
    """The link is up, the node's addresses are not yet set."""
    link = Link(role, addresses=False)
    link.node.settings(ALL)
    link.node.boot()
    for version, target in ((4, NODE[4]), (6, NODE[6])):
        link.peer.run('ip', f'-{version}', 'neighbour', 'replace', target, 'lladdr', link.mac(),
                      'dev', 'up1')
    with link.wire() as tap_socket:
        for version in (4, 6):
            for port in (22, 9443, 45000):
                send_tcp(link, version, 31000, port, SYN)
        link.give_addresses()
        ping(link, 6)
        words = heard(tap_socket, answered(6))
    tap.same(words, [], f'{role}: before its addresses are set the node says nothing')


def what_must_work(link):
    """Silence is not deafness: connections that stood are reset, one's own closed ports refuse."""
    linger = struct.pack('ii', 1, 0)
    for version in (4, 6):
        with link.sock(link.node, version) as server:
            server.bind(('', 5061))
            server.listen(4)
            with link.sock(link.peer, version) as client:
                client.bind((STATION[version], 0))
                client.settimeout(PATIENCE_S)
                client.connect((NODE[version], 5061))
                served, _ = server.accept()
                served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                served.close()
                try:
                    outcome = repr(client.recv(10))
                except OSError as error:
                    outcome = type(error).__name__
        tap.same(outcome, 'ConnectionResetError',
                 f'IPv{version}: a connection that stood is reset by its end')
        loopback = {4: '127.0.0.1', 6: '::1'}
        tap.same(link.tcp(version, 45001, loopback, link.node, loopback), 'reset',
                 f'IPv{version}: a closed port is refused on loopback')


def own_silence(role, setting):
    link = Link(role)
    link.node.settings(ALL + f'net.drop_closed_ports = {setting}\n')
    link.node.boot()
    for key in ('net.ipv4.icmp_ratelimit', 'net.ipv6.icmp.ratelimit'):
        link.node.run('sysctl', '-qw', f'{key}=0')
    ports(link, role, setting)
    foreign_destinations(link, role, setting)
    fragments(link, role, setting)
    if setting == 'yes':
        unknown_options(link, role)
        if role == 'conferencing':
            what_must_work(link)


for role in ('conferencing', 'management'):
    own_silence(role, 'yes')
    before_addresses(role)
own_silence('conferencing', 'no')
tap.done()
