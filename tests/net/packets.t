#!/usr/bin/python3
"""What the firewall does to real packets: a peer in a namespace of its own sends them, over IPv4
and IPv6, to a node that holdfast has closed."""
import contextlib
import select
import socket
import struct
import time

import harness
from link import ECHO, FAMILY, HOSTILE, ICMP, NODE, REPLY, SILENCE_S, STATION, Link, checksum, each

ECHO_RATE = 20    # a second, and the burst: agent/firewall/input.c

tap = harness.Tap()
link = Link('conferencing')
node, peer = link.node, link.peer
sock, listening, tcp, udp, wire = link.sock, link.listening, link.tcp, link.udp, link.wire


def link_local(space, device):
    for _ in range(600):
        words = space.run('ip', '-6', 'address', 'show', 'dev', device, 'scope', 'link').split()
        if 'inet6' in words and 'tentative' not in words:
            return words[words.index('inet6') + 1].split('/')[0]
        time.sleep(0.05)
    raise RuntimeError(f'{device} has no link-local address')


def echoes(version, count, target=None, source=STATION):
    """How many of `count` echo requests of one flow, sent in one burst, are answered; and how long
    it took until the last answer."""
    with sock(peer, version, socket.SOCK_RAW, ICMP[version]) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        raw.bind((source[version], 0))
        identity = 0x4846
        begin = time.monotonic()
        for number in range(count):
            body = struct.pack('!BBHHH', ECHO[version], 0, 0, identity, number)
            if version == 4:
                body = body[:2] + struct.pack('!H', checksum(body)) + body[4:]
            raw.sendto(body, target or (NODE[version], 0))
        answered, end = 0, time.monotonic()
        while select.select([raw], [], [], SILENCE_S)[0]:
            data = raw.recv(2000)[20 if version == 4 else 0:]
            if data[0] == REPLY[version] and data[4:6] == struct.pack('!H', identity):
                answered, end = answered + 1, time.monotonic()
        return answered, end - begin


def refill():
    """Lets the echo rate's bucket fill up again."""
    time.sleep(1.2)


# --- the tests ---

BASE = ('health.stations = 192.0.2.2\nhealth.stations = 2001:db8::2/128\n'
        'ipsec.peers = 192.0.2.2\nipsec.peers = 2001:db8::2/128\n')
OPEN_TCP = (22, 443, 1720, 5060, 5061, 33000, 39999, 40000, 49999)
OPEN_UDP = (500, 1719, 5060, 33000, 39999, 40000, 49999)
CLOSED = (80, 32999, 50000, 12345)
PORTS = tuple(sorted({*OPEN_TCP, *OPEN_UDP, *CLOSED, 9443}))


def ports_are(closed_tcp, closed_udp, name):
    with listening(*PORTS) as sockets:
        for version in (4, 6):
            got = each(lambda port: tcp(version, port), OPEN_TCP)
            tap.same(got, {'open'}, f'{name}: IPv{version} TCP listeners are open')
            got = each(lambda port: udp(sockets, version, port), OPEN_UDP)
            tap.same(got, {'open'}, f'{name}: IPv{version} UDP listeners are open')
            got = each(lambda port: tcp(version, port), CLOSED)
            tap.same(got, {closed_tcp},
                     f'{name}: IPv{version} closed TCP ports: {closed_tcp}')
            got = each(lambda port: udp(sockets, version, port), CLOSED[:2])
            tap.same(got, {closed_udp},
                     f'{name}: IPv{version} closed UDP ports: {closed_udp}')
            tap.same(tcp(version, 9443), 'open',
                     f'{name}: IPv{version}: the health port is open to the station')
            tap.same(tcp(version, 9443, HOSTILE), closed_tcp,
                     f'{name}: IPv{version}: the health port is closed to a hostile peer')
            tap.same(udp(sockets, version, 500, HOSTILE), closed_udp,
                     f'{name}: IPv{version}: IKE is closed to who is no peer')
            tap.same((esp(version, STATION), esp(version, HOSTILE)), (True, False),
                     f'{name}: IPv{version}: ESP comes from the peers alone')


def esp(version, source):
    """Whether the node takes an ESP packet from there."""
    protocol = 50
    with sock(node, version, socket.SOCK_RAW, protocol) as taker, \
            sock(peer, version, socket.SOCK_RAW, protocol) as sender:
        sender.bind((source[version], 0))
        sender.sendto(bytes(40), (NODE[version], 0))
        return bool(select.select([taker], [], [], SILENCE_S)[0])


def nobody_is_a_peer():
    node.settings(BASE.split('ipsec')[0])
    node.boot()
    with listening(500) as sockets:
        for version in (4, 6):
            tap.same((udp(sockets, version, 500), esp(version, STATION)), ('silent', False),
                     f'without ipsec.peers neither IKE nor ESP is taken over IPv{version}')


def dropping():
    node.settings(BASE)
    node.boot()
    ports_are('silent', 'silent', 'dropping')


def rejecting():
    node.settings(BASE + 'net.drop_closed_ports = no\n')
    node.boot()
    ports_are('reset', 'unreachable', 'rejecting')


def outgoing():
    """Replies to the node's own connections come back, over neighbours found anew."""
    for version in (4, 6):
        node.run('ip', f'-{version}', 'neighbour', 'flush', 'dev', 'up0')
        with sock(peer, version) as server:
            server.bind((STATION[version], 7777))
            server.listen(4)
            tap.same(tcp(version, 7777, NODE, node, STATION), 'open',
                     f"the node's own IPv{version} connections work")


def neighbours():
    """Neighbour discovery begins at the peer: the node's answers and questions both pass."""
    for space, link in ((peer, 'up1'), (node, 'up0')):
        space.run('ip', 'neighbour', 'flush', 'dev', link)
    tap.same(tcp(6, 22), 'reset', 'a peer that asks for its neighbour finds the node')


def echo_rate():
    for version in (4, 6):
        refill()
        answered, _ = echoes(version, 5)
        tap.same(answered, 5, f'a few IPv{version} echo requests are answered')
        refill()
        answered, seconds = echoes(version, 200)
        most = ECHO_RATE * (1 + seconds) + 2
        tap.ok(ECHO_RATE <= answered <= most,
               f'a burst of IPv{version} echo requests in one flow is answered within the rate',
               f'{answered} answers in {seconds:.3f} s')


def echo_of_each_source():
    """Whoever floods is silenced alone, and gains nothing by sending to a group besides."""
    node.settings(BASE)
    node.boot()
    node.run('sysctl', '-qw', 'net.ipv6.icmp.echo_ignore_multicast=0')
    for version in (4, 6):
        refill()
        echoes(version, 400, source=HOSTILE)
        answered, _ = echoes(version, 5)
        tap.same(answered, 5, f'IPv{version}: a flood of another source silences no monitor')
    peer.run('sysctl', '-qw', 'net.ipv6.icmp.echo_ignore_multicast=1')  # or it answers itself
    with peer.entered():
        group = ('ff02::1', 0, 0, socket.if_nametoindex('up1'))
    refill()
    begin = time.monotonic()
    one, _ = echoes(6, 200)
    other, _ = echoes(6, 200, group)
    most = ECHO_RATE * (1 + time.monotonic() - begin) + 2
    tap.ok(ECHO_RATE <= one + other <= most,
           'IPv6: echo requests to a group are no second budget', (one, other, most))


def multicast_echo(setting, expected):
    node.settings(BASE + f'net.accept_icmpv6_multicast_echo = {setting}\n')
    node.boot()
    node.run('sysctl', '-qw', 'net.ipv6.icmp.echo_ignore_multicast=0')
    peer.run('sysctl', '-qw', 'net.ipv6.icmp.echo_ignore_multicast=1')  # or it answers itself
    with peer.entered():
        group = ('ff02::1', 0, 0, socket.if_nametoindex('up1'))
    refill()
    answered, _ = echoes(6, 3, group)
    tap.same(answered > 0, expected,
             f'net.accept_icmpv6_multicast_echo = {setting}: an echo request to ff02::1 is '
             f"{'answered' if expected else 'not answered'}, whatever the sysctl")


def redirect(quoted=b'', hop_limit=255):
    """The peer, as the node's gateway, names another gateway for 2001:db8:1::1."""
    gateway, own = link_local(peer, 'up1'), link_local(node, 'up0')
    node.run('ip', '-6', 'route', 'replace', '2001:db8:1::/64', 'via', gateway, 'dev', 'up0')
    better = socket.inet_pton(socket.AF_INET6, 'fe80::1234')
    target = socket.inet_pton(socket.AF_INET6, '2001:db8:1::1')
    body = struct.pack('!BBHI', 137, 0, 0, 0) + better + target
    if quoted:
        padded = quoted + bytes(-len(quoted) % 8)
        body += struct.pack('!BBHI', 4, len(padded) // 8 + 1, 0, 0) + padded
    with peer.entered():
        index = socket.if_nametoindex('up1')
    with sock(peer, 6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
        raw.bind((gateway, 0, 0, index))
        raw.sendto(body, (own, 0, 0, index))
    time.sleep(0.2)
    route = node.run('ip', '-6', 'route', 'get', '2001:db8:1::1')
    return 'fe80::1234' in route


def quoted_packet(asker):
    """A datagram of the node's own to 2001:db8:1::1, which makes the redirect a related packet."""
    asker.sendto(b'question', ('2001:db8:1::1', 20002))
    header = struct.pack('!IHBB', 0x60000000, 16, 17, 64)
    header += socket.inet_pton(socket.AF_INET6, NODE[6])
    header += socket.inet_pton(socket.AF_INET6, '2001:db8:1::1')
    return header + struct.pack('!HHHH', 20001, 20002, 16, 0) + b'question'


def redirects(setting, expected):
    node.settings(BASE + f'net.accept_icmpv6_redirects = {setting}\n')
    node.boot()
    for name in ('all', 'up0'):
        node.run('sysctl', '-qw', f'net.ipv6.conf.{name}.accept_redirects=1')
    for related in (False, True):
        node.run('ip', '-6', 'route', 'flush', 'cache')
        node.run('ip', '-6', 'route', 'replace', '2001:db8:1::/64', 'via',
                 link_local(peer, 'up1'), 'dev', 'up0')
        with sock(node, 6, socket.SOCK_DGRAM) as asker:
            asker.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'up0')
            asker.bind((NODE[6], 20001))
            taken = redirect(quoted_packet(asker) if related else b'')
        node.run('ip', '-6', 'route', 'delete', '2001:db8:1::/64')
        tap.same(taken, expected,
                 f'net.accept_icmpv6_redirects = {setting}: a redirect'
                 f"{' about a known flow' if related else ''} is "
                 f"{'followed' if expected else 'not followed'}, whatever the sysctl")
    if expected:
        tap.same(redirect(hop_limit=254), False, 'a redirect from beyond the link is not followed')


def arrives(kind, body, hop_limit):
    """Whether the node's own sockets see an ICMPv6 message of the peer, of that hop limit."""
    gateway, own = link_local(peer, 'up1'), link_local(node, 'up0')
    with peer.entered():
        index = socket.if_nametoindex('up1')
    with sock(node, 6, socket.SOCK_RAW, ICMP[6]) as taker, \
            sock(peer, 6, socket.SOCK_RAW, ICMP[6]) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
        raw.bind((gateway, 0, 0, index))
        raw.sendto(struct.pack('!BBH', kind, 0, 0) + body, (own, 0, 0, index))
        while select.select([taker], [], [], SILENCE_S)[0]:
            if taker.recv(2000)[0] == kind:
                return True
    return False


def on_link_alone():
    """Neighbour discovery of who is not on the link (RFC 4861, 11.2) does not reach the node; the
    kernel's own check is behind the firewall's, and raw sockets between them."""
    node.settings(BASE)
    node.boot()
    target = socket.inet_pton(socket.AF_INET6, '2001:db8::77')
    messages = {'router advertisement': (134, struct.pack('!BBHII', 64, 0, 0, 0, 0)),
                'neighbour solicitation': (135, bytes(4) + target),
                'neighbour advertisement': (136, bytes(4) + target)}
    for name, (kind, body) in messages.items():
        tap.same((arrives(kind, body, 255), arrives(kind, body, 254)), (True, False),
                 f'a {name} is taken with hop limit 255 and dropped with 254')


def failing_closed():
    """With its database destroyed the node opens the health port to the stations last known."""
    node.settings(BASE)
    node.boot()
    with open(f'{node.root}/var/lib/holdfast/state.db', 'wb') as file:
        file.write(b'no database at all' * 1000)
    node.boot()
    with listening(*PORTS):
        for version in (4, 6):
            got = each(lambda port: tcp(version, port), OPEN_TCP)
            tap.same(got, {'silent'}, f'failing closed: IPv{version}: no listener')
            tap.same((tcp(version, 9443), tcp(version, 9443, HOSTILE)), ('open', 'silent'),
                     f'failing closed: IPv{version}: health for the station alone')


# --- DSCP on the wire ---

def marks(tap_socket, version, sport=None, dport=None):
    """The code points of what the node sent from or to a port, within a short time."""
    seen, end = set(), time.monotonic() + SILENCE_S
    while (left := end - time.monotonic()) > 0 and select.select([tap_socket], [], [], left)[0]:
        data, origin = tap_socket.recvfrom(2000)
        if origin[2] == 4 or len(data) < 44 or data[0] >> 4 != version:  # 4: what the peer sent
            continue
        header = (data[0] & 15) * 4 if version == 4 else 40
        dscp = data[1] >> 2 if version == 4 else (data[0] & 15) << 2 | data[1] >> 6
        ports = struct.unpack('!HH', data[header:header + 4])
        source = data[12:16] if version == 4 else data[8:24]
        if source == socket.inet_pton(FAMILY[version], NODE[version]) and (
                ports[0] == sport or ports[1] == dport):
            seen.add(dscp)
    return seen


def marked(port, code_point, what):
    for version in (4, 6):
        with listening(port), wire() as tap_socket:
            tap.same(tcp(version, port), 'open', f'{what}: IPv{version} port {port} is open')
            tap.same(marks(tap_socket, version, sport=port), {code_point},
                     f'{what}: IPv{version} replies carry DSCP {code_point}')
        with sock(peer, version) as server, wire() as tap_socket:
            server.bind((STATION[version], port))
            server.listen(4)
            tcp(version, port, NODE, node, STATION, 20010)  # of no listener's range
            tap.same(marks(tap_socket, version, dport=port), {code_point},
                     f'{what}: IPv{version} connections of its own carry DSCP {code_point}')


def own_management():
    """What the node's own services send, from ports of its own choice."""
    services = {'DNS': 53, 'NTP': 123, 'syslog': 514, 'another syslog': 1514,
                'SNMP notifications': 162}
    for version in (4, 6):
        for name, port in services.items():
            with sock(node, version, socket.SOCK_DGRAM) as sender, wire() as tap_socket:
                sender.bind((NODE[version], 0))
                sender.sendto(bytes(40), (STATION[version], port))
                tap.same(marks(tap_socket, version, dport=port), {16},
                         f'{name}: IPv{version} datagrams carry DSCP 16')
        for name, port in {'DNS': 53, 'syslog': 514, 'syslog over TLS': 6514, 'another syslog': 2514,
                           'LDAP': 389, 'LDAP over TLS': 636, 'OCSP': 80,
                           'another OCSP responder': 8088}.items():
            with sock(peer, version) as server, wire() as tap_socket:
                server.bind((STATION[version], port))
                server.listen(4)
                tcp(version, port, NODE, node, STATION)
                tap.same(marks(tap_socket, version, dport=port), {16},
                         f'{name}: IPv{version} connections carry DSCP 16')


def dscp():
    node.settings(BASE + 'syslog.server = 192.0.2.2 port=1514 proto=udp\n'
                         'syslog.server = log.example port=2514 proto=tls\n'
                         'global.ocsp_responder_url = http://[2001:db8::2]:8088/ocsp\n' + 'global.dscp_management = 16\nlocation.dscp_signaling = 40\n'
                         'location.dscp_media = 51\n')
    node.boot()
    marked(22, 16, 'management')
    own_management()
    marked(5061, 40, 'signaling')
    marked(40000, 51, 'media')
    for version in (4, 6):
        with sock(node, version, socket.SOCK_DGRAM) as sender, wire() as tap_socket:
            sender.bind((NODE[version], 49999))
            sender.sendto(bytes(40), (STATION[version], 20000))
            tap.same(marks(tap_socket, version, sport=49999), {51},
                     f'media: IPv{version} datagrams carry DSCP 51')
            sender.close()
        with sock(node, version, socket.SOCK_DGRAM) as sender, wire() as tap_socket:
            sender.bind((NODE[version], 20000))
            sender.sendto(bytes(40), (STATION[version], 20000))
            tap.same(marks(tap_socket, version, sport=20000), {0},
                     f'what belongs to no listener carries no mark over IPv{version}')


# --- the management node, forwarding, foreign tables, drift ---

def management():
    node.set_role('management')
    node.settings(BASE)
    node.boot()
    with listening(443, 5061, 40000):
        tap.same({tcp(version, 443) for version in (4, 6)}, {'open'},
                 'a Management Node has its web interface open')
        tap.same({tcp(4, 5061), tcp(4, 40000)}, {'silent'},
                 'a Management Node has no call ports open')


def forwarding():
    """The node does not forward, even where its kernel would."""
    node.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
    node.run('ip', 'link', 'add', 'away', 'type', 'veth', 'peer', 'name', 'beyond')
    for link in ('away', 'beyond'):
        node.run('sysctl', '-qw', f'net.ipv6.conf.{link}.disable_ipv6=1')
        node.run('ip', 'link', 'set', link, 'up')
    node.run('ip', 'address', 'add', '198.51.100.1/24', 'dev', 'away')
    node.run('ip', 'neighbour', 'add', '198.51.100.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'away')
    peer.run('ip', 'route', 'add', '198.51.100.0/24', 'via', NODE[4])
    tap.same(forwarded(), 0, 'nothing is forwarded')
    node.run('nft', 'delete', 'table', 'inet', 'holdfast')
    tap.same(forwarded(), 5, 'though without the table the kernel would')
    node.boot()


def forwarded():
    before = sent('away')
    with sock(peer, 4, socket.SOCK_DGRAM) as sender:
        for _ in range(5):
            sender.sendto(b'through', ('198.51.100.9', 443))
    time.sleep(0.2)
    return sent('away') - before


def sent(link):
    return int(node.run('cat', f'/sys/class/net/{link}/statistics/tx_packets'))


for test in (nobody_is_a_peer, dropping, outgoing, echo_rate, echo_of_each_source, rejecting, neighbours,
             lambda: multicast_echo('yes', True), lambda: multicast_echo('no', False),
             lambda: redirects('yes', True), lambda: redirects('no', False),
             on_link_alone, failing_closed, dscp, management, forwarding):
    test()
tap.done()
