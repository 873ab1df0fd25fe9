#!/usr/bin/env python3
"""Kernel parameters on the running kernel, in a network namespace of their own: every key on every
interface, both answers of each question, interfaces of odd names, and a thousand of them."""
import os
import socket
import struct
import time

import harness

PATIENCE_S = 30
KEYS_OF_QUESTIONS = (
    ('net.accept_icmpv6_redirects', {'net.ipv6.conf.{if}.accept_redirects': (0, 1)}),
    ('net.accept_icmpv6_multicast_echo', {'net.ipv6.icmp.echo_ignore_multicast': (1, 0)}),
    ('net.ipv6_dad', {'net.ipv6.conf.{if}.accept_dad': (0, 1),
                      'net.ipv6.conf.{if}.dad_transmits': (0, 1)}),
    ('net.ipv6_autoconfiguration', {'net.ipv6.conf.{if}.accept_ra': (0, 1),
                                    'net.ipv6.conf.{if}.autoconf': (0, 1)}),
)
ALWAYS = {
    'net.ipv4.conf.{if}.accept_redirects': 0, 'net.ipv4.conf.{if}.secure_redirects': 0,
    'net.ipv4.conf.{if}.send_redirects': 0, 'net.ipv4.conf.{if}.accept_source_route': 0,
    'net.ipv4.conf.{if}.rp_filter': 1, 'net.ipv4.conf.{if}.log_martians': 1,
    'net.ipv6.conf.{if}.accept_source_route': 0, 'net.ipv4.icmp_echo_ignore_broadcasts': 1,
    'net.ipv4.icmp_ignore_bogus_error_responses': 1, 'net.ipv4.tcp_syncookies': 1,
    'net.ipv4.tcp_rfc1337': 1, 'net.ipv4.tcp_fastopen': 0, 'net.ipv4.ip_forward': 0, 'net.ipv6.conf.all.forwarding': 0,
}
NOT_OURS = ('kernel.kptr_restrict', 'kernel.dmesg_restrict', 'kernel.yama.ptrace_scope',
            'kernel.sysrq', 'fs.suid_dumpable', 'fs.protected_fifos', 'user.max_user_namespaces',
            'dev.tty.ldisc_autoload', 'net.netfilter.nf_conntrack_max')
TRACKED = {'tcp_loose': '0', 'tcp_timeout_established': '7440', 'tcp_timeout_time_wait': '60'}


def paths(key, interfaces):
    """The files of a key: of "all", "default" and each interface where it has {if}."""
    if '{if}' not in key:
        return ['/proc/sys/' + key.replace('.', '/')]
    before, after = key.split('.{if}.')
    return [f"/proc/sys/{before.replace('.', '/')}/{interface}/{after}"
            for interface in ('all', 'default', *interfaces)]


def read(path):
    with open(path) as file:
        return int(file.read())


def write(path, value):
    with open(path, 'w') as file:
        file.write(str(value))


def deviating(node, keys, interfaces):
    """What has another value than it should; -1 says that the interface does without the key."""
    with node.entered():
        return [f'{path} is {read(path)}, not {value}' for key, value in keys.items()
                for path in paths(key, interfaces) if read(path) not in (value, -1)]


def spoil(node, keys, interfaces):
    with node.entered():
        for key, value in keys.items():
            for path in paths(key, interfaces):
                if read(path) != -1:
                    write(path, 1 - value)


def both_answers(t, node, interfaces):
    for answer in (0, 1):
        word = ('no', 'yes')[answer]
        node.settings(''.join(f'{setting} = {word}\n' for setting, _ in KEYS_OF_QUESTIONS))
        keys = {key: values[answer] for _, of in KEYS_OF_QUESTIONS for key, values in of.items()}
        keys.update(ALWAYS)
        spoil(node, keys, interfaces)
        t.ok(deviating(node, keys, interfaces), f'{word}: the kernel begins otherwise')
        rows = node.rows('sysctl.net.*')
        failing = [row for row in rows.values() if row['verdict'] == 'fail']
        t.ok(len(failing) >= len(keys), f'{word}: check finds each key that differs', failing)
        node.boot()
        t.same(deviating(node, keys, interfaces), [], f'{word}: boot sets every key everywhere')
        bad = [row for row in node.rows('sysctl.net.*').values()
               if row['verdict'] not in ('pass', 'not_applicable')]
        t.same(bad, [], f'{word}: check then finds nothing')


def names_deviating_interfaces(t, node, odd):
    with node.entered():
        write(f'/proc/sys/net/ipv4/conf/{odd}/rp_filter', 0)
    row = node.rows('sysctl.net.ipv4.conf.if.rp_filter').popitem()[1]
    t.same((row['verdict'], row['observed']), ('fail', f'0 on {odd}'),
           'a row names the interface that deviates')
    node.boot()


def forwarding_switched_off(t, node):
    """Writing ip_forward makes the kernel reset others behind it."""
    with node.entered():
        write('/proc/sys/net/ipv4/ip_forward', 1)
    node.boot()
    t.same(deviating(node, ALWAYS, ()), [], 'forwarding is switched off and leaves nothing open')


def connections(t, node):
    """What is neither 0 nor 1: the range of local ports, and the time-outs of tracked connections."""
    def values():
        with node.entered():
            texts = {}
            for name in ('ipv4/ip_local_port_range',
                         *(f'netfilter/nf_conntrack_{name}' for name in TRACKED)):
                with open(f'/proc/sys/net/{name}') as file:
                    texts[name.rpartition('conntrack_')[2]] = ' '.join(file.read().split())
            return texts
    node.settings('')
    node.boot()
    t.same(values(), {'ipv4/ip_local_port_range': '50000 60999', **TRACKED},
           'local ports and the time-outs of tracked connections are set')
    node.settings('health.port = 55000\n')
    node.boot()
    t.same(values()['ipv4/ip_local_port_range'], '55001 65534',
           'where a listener lies among the local ports they move')
    node.settings('')
    node.boot()


def advertise(peer, interface):
    """A router advertisement (RFC 4861, 4.2) that offers a prefix and the highest preference."""
    with peer.entered():
        sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        index = socket.if_nametoindex(interface)
    with sender:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        prefix = socket.inet_pton(socket.AF_INET6, '2001:db8:66::')
        sender.sendto(struct.pack('!BBHBBHII', 134, 0, 0, 64, 8, 1800, 0, 0) +
                      struct.pack('!BBBBIII', 3, 4, 64, 0xc0, 86400, 86400, 0) + prefix,
                      ('ff02::1', 0, 0, index))


def link_local(space, interface):
    """The address of an interface once it can be used."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        for line in space.run('ip', '-6', 'addr', 'show', 'dev', interface).splitlines():
            if 'inet6 fe80' in line and 'tentative' not in line:
                return line.split()[1].partition('/')[0]
        time.sleep(0.02)
    raise RuntimeError(f'{interface} has no address')


def router_advertisements(t, node):
    """A ping behind the advertisement is answered once the kernel is done with both."""
    peer = harness.Namespace('router')
    node.run('ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'router', 'netns', peer.name)
    for answer in 'no', 'yes', 'no':
        node.settings(f'net.ipv6_autoconfiguration = {answer}\nnode.address6 = 2001:db8::1/64\n')
        node.boot()
        for space, name in ((node, 'uplink'), (peer, 'router')):
            space.run('ip', 'link', 'set', name, 'up')
        link_local(peer, 'router')
        target = link_local(node, 'uplink')
        advertise(peer, 'router')
        peer.run('ping', '-6', '-c', '1', '-w', str(PATIENCE_S), f'{target}%router')
        routes, addresses = node.run('ip', '-6', 'route'), node.run('ip', '-6', 'addr')
        t.same(['proto ra' in routes, '2001:db8:66:' in addresses], [answer == 'yes'] * 2,
               f'{answer}: what a router advertisement says is '
               f"{'taken' if answer == 'yes' else 'not taken'}")
        node.run('ip', 'link', 'set', 'uplink', 'down')
        node.run('ip', '-6', 'addr', 'flush', 'dev', 'uplink')
    node.run('ip', 'link', 'del', 'uplink')
    node.settings('')
    node.boot()


def leaves_the_host_alone(t, node):
    there = [path for key in NOT_OURS for path in paths(key, ()) if os.path.exists(path)]
    before = {path: read(path) for path in there}
    node.boot()
    t.same({path: read(path) for path in there}, before,
           'keys of the whole machine are not written from a namespace')
    rows = node.rows('sysctl.kernel.*')
    t.ok(rows and all(row['verdict'] in ('pass', 'not_applicable') for row in rows.values()),
         'such keys are observed, and none of them fails here', rows)


def a_thousand_interfaces(t, node):
    batch = ''.join(f'link add many{n} type veth peer many{n + 500}\n' for n in range(500))
    node.run('ip', '-batch', '-', input=batch)
    node.boot()
    many = [f'many{n}' for n in range(1000)]
    t.same(deviating(node, ALWAYS, many), [], 'a thousand interfaces are all set')
    row = node.rows('sysctl.net.ipv4.conf.if.rp_filter').popitem()[1]
    t.same(row['verdict'], 'pass', 'and observed')
    spoil(node, {'net.ipv4.conf.{if}.rp_filter': 1}, many)
    row = node.rows('sysctl.net.ipv4.conf.if.rp_filter').popitem()[1]
    t.ok(row['verdict'] == 'fail' and row['observed'].endswith('more') and len(row['observed']) < 200,
         'a row names a few of them and counts the rest', row['observed'])


def read_only(t, node):
    """A read-only /proc/sys, mounted in a mount namespace of this one command."""
    script = ('mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && '
              'exec "$0" --root "$1" boot')
    spoil(node, {'net.ipv4.tcp_rfc1337': 1}, ())
    result = node.try_run('unshare', '-m', 'sh', '-c', script, harness.HOLDFAST, node.root)
    t.same(result.returncode, 1, 'a read-only /proc/sys makes boot fail, not fail')
    t.ok('sysctl.net.ipv4.tcp_rfc1337' in result.stderr and
         'Read-only file system' in result.stderr, 'and say which key and why', result.stderr)


def main():
    harness.needs()
    t = harness.Tap()
    node = harness.Node('management')
    os.symlink('/proc', f'{node.root}/proc')
    interfaces = ('lo', 'plain', 'plain-peer', 'dot.ted', 'we$rd;name')
    node.run('ip', 'link', 'add', 'plain', 'type', 'veth', 'peer', 'plain-peer')
    node.run('ip', 'link', 'add', 'dot.ted', 'type', 'veth', 'peer', 'we$rd;name')
    both_answers(t, node, interfaces)
    names_deviating_interfaces(t, node, 'dot.ted')
    forwarding_switched_off(t, node)
    connections(t, node)
    router_advertisements(t, node)
    leaves_the_host_alone(t, node)
    read_only(t, node)
    a_thousand_interfaces(t, node)
    t.done()


main()
