#!/usr/bin/python3
"""What the firewall does to real packets: a peer in a namespace of its own sends them, over IPv4
and IPv6, to a node that holdfast has closed."""
import concurrent.futures
import contextlib
import errno
import select
import socket
import struct
import time

import ground

STATION = {4: '192.0.2.2', 6: '2001:db8::2'}
HOSTILE = {4: '192.0.2.3', 6: '2001:db8::3'}  # the same peer, by another address
NODE = {4: '192.0.2.1', 6: '2001:db8::1'}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
ICMP = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
ECHO = {4: 8, 6: 128}
REPLY = {4: 0, 6: 129}
SILENCE_S = 0.5   # nothing has come within that time: all is on one machine
ECHO_RATE = 20    # a second, and the burst: agent/domain/firewall_rules.c

tap = ground.Tap()


# --- the ground ---

def lay(role):
    node, peer = ground.Node(role), ground.Namespace('peer')
    ground.run('ip', 'link', 'add', 'up0', 'netns', node.name, 'type', 'veth', 'peer', 'name',
               'up1', 'netns', peer.name)
    for space, link, addresses in ((node, 'up0', (NODE,)), (peer, 'up1', (STATION, HOSTILE))):
        for name in ('accept_dad', 'dad_transmits'):
            space.run('sysctl', '-qw', f'net.ipv6.conf.{link}.{name}=0')
        for address in addresses:
            space.run('ip', 'address', 'add', f'{address[4]}/24', 'dev', link)
            space.run('ip', 'address', 'add', f'{address[6]}/64', 'dev', link, 'nodad')
        space.run('ip', 'link', 'set', link, 'up')
    peer.run('sysctl', '-qw', 'net.ipv6.conf.up1.accept_redirects=0')
    return node, peer


def link_local(space, link):
    for _ in range(100):
        words = space.run('ip', '-6', 'address', 'show', 'dev', link, 'scope', 'link').split()
        if 'inet6' in words and 'tentative' not in words:
            return words[words.index('inet6') + 1].split('/')[0]
        time.sleep(0.05)
    raise RuntimeError(f'{link} has no link-local address')


node, peer = lay('conferencing')


# --- probes ---

def sock(space, version, kind=socket.SOCK_STREAM, protocol=0):
    with space.entered():
        made = socket.socket(FAMILY[version], kind, protocol)
    if kind != socket.SOCK_RAW:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if version == 6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


@contextlib.contextmanager
def listening(*ports):
    """The node listens on TCP and UDP, both families: what is closed is closed by the firewall."""
    with contextlib.ExitStack() as stack:
        udp = {}
        for version in (4, 6):
            for port in ports:
                stream = stack.enter_context(sock(node, version))
                stream.bind(('', port))
                stream.listen(16)
                udp[version, port] = stack.enter_context(
                    sock(node, version, socket.SOCK_DGRAM))
                udp[version, port].bind(('', port))
        yield udp


def tcp(version, port, source=STATION, space=None, target=NODE, source_port=0):
    """What a connection comes to: open, reset, unreachable or silent."""
    with sock(space or peer, version) as stream:
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


def udp(sockets, version, port, source=STATION):
    """What a datagram comes to: open, unreachable or silent."""
    with sock(peer, version, socket.SOCK_DGRAM) as sender:
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


def each(probe, ports):
    """What every port comes to, all at once: most of them are silent."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return set(pool.map(probe, ports))


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


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

BASE = 'health.stations = 192.0.2.2\nhealth.stations = 2001:db8::2/128\n'
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


def redirect(quoted=b''):
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
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
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

@contextlib.contextmanager
def wire():
    """All that reaches the peer's end of the link."""
    with peer.entered():
        tap_socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        tap_socket.bind(('up1', 3))
    with tap_socket:
        yield tap_socket


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


def dscp():
    node.settings(BASE + 'global.dscp_management = 16\nlocation.dscp_signaling = 40\n'
                         'location.dscp_media = 51\n')
    node.boot()
    marked(22, 16, 'management')
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

def sessions():
    node.set_role('management')
    node.settings(BASE + 'web.max_sessions = 3\n')
    node.boot()
    with listening(443, 5061, 40000), contextlib.ExitStack() as stack:
        for _ in range(3):
            held = stack.enter_context(sock(peer, 4))
            held.settimeout(SILENCE_S)
            held.connect((NODE[4], 443))
        tap.same(tcp(4, 443), 'reset', 'a web session beyond the limit is refused')
        held.sendall(b'still here')
        tap.ok(True, 'those within the limit go on')
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


def foreign():
    tap.same(node.rows()['firewall.foreign']['verdict'], 'pass', 'no foreign table: pass')
    node.run('nft', '-f', '-', input='''
        add table ip theirs
        add chain ip theirs door { type filter hook input priority -10; policy accept; }
        add table ip6 nat6
        add chain ip6 nat6 pre { type nat hook prerouting priority -100; }
        add table inet harmless
        add chain inet harmless out { type filter hook output priority 0; policy accept; }
        add chain inet harmless in { type filter hook input priority 5; policy drop; }
        add rule inet harmless in tcp dport 1 drop
        add table inet half
        add chain inet half in { type filter hook input priority 6; policy drop; }
        add rule inet half in tcp dport 2 accept
        ''')
    before = node.run('nft', 'list', 'ruleset')
    row = node.rows()['firewall.foreign']
    tap.same(row['verdict'], 'fail', 'a foreign table that accepts on input fails the check')
    named = [name in row['actual'] for name in
             ('ip theirs door', 'ip6 nat6 pre', 'inet half in', 'harmless')]
    tap.ok(named == [True, True, True, False], 'and the row names it, and those alone that do',
           row)
    node.boot()
    tap.same(node.run('nft', 'list', 'ruleset'), before, 'boot leaves foreign tables alone')
    for table in ('ip theirs', 'ip6 nat6', 'inet harmless', 'inet half'):
        node.run('nft', 'delete', 'table', *table.split())
    tap.same(node.rows()['firewall.foreign']['verdict'], 'pass', 'without them the check passes')


def drift():
    changes = {
        'a rule of others before ours': ('insert rule inet holdfast input accept',
                                         'firewall.surplus'),
        'a rule of others behind ours': ('add rule inet holdfast forward accept',
                                         'firewall.surplus'),
        'another policy': ('chain inet holdfast input { policy accept; }',
                           'firewall.chain.input'),
        'a flushed chain': ('flush chain inet holdfast input', 'firewall.input.ssh'),
        'a set of others': ('add set inet holdfast extra { type ipv4_addr; }',
                            'firewall.surplus'),
        'a dormant table': ('add table inet holdfast { flags dormant; }', 'firewall.table'),
        'no table': ('delete table inet holdfast', 'firewall.table'),
    }
    printed = node.holdfast('firewall').stdout
    for name, (change, row) in changes.items():
        node.run('nft', change)
        got = node.rows()
        tap.ok(got[row]['verdict'] == 'fail', f'{name}: {row} fails', got[row])
        node.boot()
        bad = [row for row in node.rows().values() if row['verdict'] != 'pass']
        tap.ok(not bad and node.listing() == printed, f'{name}: boot sets it right', bad)


def legacy():
    """Comes last: a table of ip_tables stays as long as its network namespace."""
    for family, tool in (('ip', 'iptables-legacy'), ('ip6', 'ip6tables-legacy')):
        node.run(tool, '-t', 'nat', '-A', 'PREROUTING', '-p', 'tcp', '--dport', '1', '-j',
                 'REDIRECT', '--to-ports', '9443')
        row = node.rows()['firewall.foreign']
        tap.ok(row['verdict'] == 'fail' and family + ' nat (ip_tables)' in row['actual'],
               f'a table of {tool} fails it too', row)


for test in (dropping, outgoing, echo_rate, rejecting, neighbours,
             lambda: multicast_echo('yes', True), lambda: multicast_echo('no', False),
             lambda: redirects('yes', True), lambda: redirects('no', False),
             failing_closed, dscp, sessions, forwarding, foreign, drift, legacy):
    test()
tap.done()
