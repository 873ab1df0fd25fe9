#!/usr/bin/env python3
"""Kernel parameters on a made-up /proc/sys: a table by hand, from the specification, of keys and
values, those of the whole machine too, held against the checks and against what boot writes. A key
that the product's table has beyond it is tried with the value that its check expects."""
import json
import os
import re

from harness import Node, Tap

INTERFACES = ('all', 'default', 'eth0', 'lo')
PER_INTERFACE = {
    'net.ipv6.conf.{if}.accept_redirects': '0', 'net.ipv6.conf.{if}.accept_dad': '1',
    'net.ipv6.conf.{if}.dad_transmits': '1', 'net.ipv6.conf.{if}.accept_ra': '0',
    'net.ipv6.conf.{if}.autoconf': '0', 'net.ipv6.conf.{if}.accept_source_route': '0',
    'net.ipv4.conf.{if}.accept_redirects': '0', 'net.ipv4.conf.{if}.secure_redirects': '0',
    'net.ipv4.conf.{if}.send_redirects': '0', 'net.ipv4.conf.{if}.accept_source_route': '0',
    'net.ipv4.conf.{if}.rp_filter': '1', 'net.ipv4.conf.{if}.log_martians': '1',
}
ONCE = {
    'net.ipv4.ip_forward': '0', 'net.ipv6.conf.all.forwarding': '0',
    'net.ipv6.icmp.echo_ignore_multicast': '0', 'net.ipv4.icmp_echo_ignore_broadcasts': '1',
    'net.ipv4.icmp_ignore_bogus_error_responses': '1', 'net.ipv4.tcp_syncookies': '1',
    'net.ipv4.tcp_rfc1337': '1', 'net.ipv4.tcp_fastopen': '0',
    'net.ipv4.ip_local_port_range': '50000 60999',
    'net.netfilter.nf_conntrack_tcp_loose': '0',
    'net.netfilter.nf_conntrack_tcp_timeout_established': '7440',
    'net.netfilter.nf_conntrack_tcp_timeout_syn_sent': '60',
    'net.netfilter.nf_conntrack_tcp_timeout_syn_recv': '30',
    'net.netfilter.nf_conntrack_tcp_timeout_fin_wait': '60',
    'net.netfilter.nf_conntrack_tcp_timeout_close_wait': '60',
    'net.netfilter.nf_conntrack_tcp_timeout_last_ack': '30',
    'net.netfilter.nf_conntrack_tcp_timeout_time_wait': '60',
    'net.netfilter.nf_conntrack_tcp_timeout_close': '10',
    'net.netfilter.nf_conntrack_tcp_timeout_max_retrans': '300',
    'net.netfilter.nf_conntrack_tcp_timeout_unacknowledged': '300',
    'net.netfilter.nf_conntrack_udp_timeout': '30',
    'net.netfilter.nf_conntrack_udp_timeout_stream': '120',
    'kernel.kptr_restrict': '2', 'kernel.dmesg_restrict': '1', 'kernel.randomize_va_space': '2',
    'kernel.unprivileged_userns_clone': '0', 'kernel.io_uring_disabled': '2',
    'kernel.kexec_load_disabled': '1', 'kernel.modules_disabled': '1', 'kernel.sysrq': '0', 'user.max_user_namespaces': '0',
    'vm.unprivileged_userfaultfd': '0', 'dev.tty.ldisc_autoload': '0',
    'net.core.bpf_jit_harden': '2', 'fs.protected_hardlinks': '1', 'fs.protected_symlinks': '1',
    'fs.protected_fifos': '2', 'fs.protected_regular': '2', 'fs.suid_dumpable': '0',
}
OR_MORE = {
    'kernel.yama.ptrace_scope': '2', 'kernel.unprivileged_bpf_disabled': '1',
    'kernel.perf_event_paranoid': '2', 'net.netfilter.nf_conntrack_max': '65536',
    'net.netfilter.nf_conntrack_buckets': '16384',
}
SPECIFIED = {**PER_INTERFACE, **ONCE, **OR_MORE}


def beyond_the_specification():
    """Keys and values, and those of them of which more is as good."""
    with open('agent/domain/sysctl.def') as file:
        flags = dict(re.findall(r'^SYSCTL\("([^"]+)".*,\s*([\w |]+)\)', file.read(), re.M))
    expected = {row['id']: row['expected'].split(' on ')[0] for row in rows(Node()).values()}
    more = {key: expected[row_id(key)] for key in flags if key not in SPECIFIED}
    return more, {key: value.split()[0] for key, value in more.items() if 'AT_LEAST' in flags[key]}


def files(key):
    name = 'proc/sys/' + key.replace('.', '/')
    return [name.replace('{if}', interface) for interface in INTERFACES] if '{if}' in key else [name]


def write(node, name, value):
    os.makedirs(os.path.dirname(node.path(name)), exist_ok=True)
    node.write(name, value + '\n')


def fill(node, values):
    for key, value in values.items():
        for name in files(key):
            write(node, name, value)


def deviating(node, values):
    return [f'{name} is {node.read(name).strip()}, not {value}' for key, value in values.items()
            for name in files(key) if node.read(name).strip() != value]


def rows(node):
    result = node.run('check', '--format', 'json', '--id', 'sysctl.*')
    return {row['id']: row for row in json.loads(result.stdout)['checks']}


def row_id(key):
    return 'sysctl.' + key.replace('{if}', 'if')


def every_key(t):
    """A value beyond each that is wanted, so that 2 where 1 is wanted must not pass (rp_filter)."""
    node = Node()
    beyond = {key: ' '.join(str(int(number) + 1) for number in value.split())
              for key, value in EVERY.items()}
    fill(node, beyond)
    found = rows(node)
    t.same(sorted(found), sorted(map(row_id, EVERY)),
           'the checks are those of the specification, and of what the table has beyond it')
    t.same([key for key in EVERY if found[row_id(key)]['verdict'] !=
            ('pass' if key in OR_MORE else 'fail')], [],
           'a value beyond the wanted one fails, but where "or more" is wanted')
    node.run('boot')
    t.same(deviating(node, {**EVERY, **{key: beyond[key] for key in OR_MORE}}), [],
           'boot writes every key at every place, and lowers nothing where more is as good')
    found = rows(node)
    t.same({row['verdict'] for row in found.values()}, {'pass'}, 'then every row passes')
    t.same(found['sysctl.net.ipv4.conf.if.rp_filter']['observed'], '1 on all, default, eth0, lo',
           'a row shows the value and names the interfaces')
    t.same([found[row_id(key)]['observed'] for key in OR_MORE],
           [f"{beyond[key]} in /proc/sys/{key.replace('.', '/')}" for key in OR_MORE],
           'where more is as good it shows the value itself')
    t.same(found['sysctl.net.ipv4.ip_local_port_range']['observed'],
           '50000 60999 in /proc/sys/net/ipv4/ip_local_port_range', 'and a range')
    fill(node, {key: '0' for key in OR_MORE})
    t.same([row_id(key) for key in OR_MORE if rows(node)[row_id(key)]['verdict'] != 'fail'], [],
           'less is not as good')
    node.run('boot')
    t.same(deviating(node, OR_MORE), [], 'and is raised')


def the_answers(t):
    node = Node()
    fill(node, EVERY)
    node.run('set', 'net.accept_icmpv6_redirects=yes', 'net.accept_icmpv6_multicast_echo=no',
             'net.ipv6_dad=no', 'net.ipv6_autoconfiguration=yes')
    node.run('boot')
    t.same(deviating(node, {**EVERY, 'net.ipv6.conf.{if}.accept_redirects': '1',
                            'net.ipv6.icmp.echo_ignore_multicast': '1',
                            'net.ipv6.conf.{if}.accept_dad': '0',
                            'net.ipv6.conf.{if}.dad_transmits': '0',
                            'net.ipv6.conf.{if}.accept_ra': '1',
                            'net.ipv6.conf.{if}.autoconf': '1', **OR_MORE}), [],
           'the other answers set the other values, and nothing else')


def not_read(t):
    """A key that holds no number, or is none that can be read, on one interface of several."""
    node = Node()
    fill(node, EVERY)
    name = 'proc/sys/net/ipv4/conf/eth0/log_martians'
    for text in ('', 'x', '1x', '99999999999', '1 1 1'):
        write(node, name, text)
        row = rows(node)['sysctl.net.ipv4.conf.if.log_martians']
        t.ok(row['verdict'] == 'error' and 'eth0' in row['reason'],
             f'{text!r} on one interface is an error that names it', row)
    os.unlink(node.path(name))
    os.mkdir(node.path(name))
    found = rows(node)
    t.ok(found['sysctl.net.ipv4.conf.if.log_martians']['verdict'] == 'error',
         'so is one that cannot be read', found['sysctl.net.ipv4.conf.if.log_martians'])
    t.same({row['verdict'] for row in found.values()}, {'pass', 'error'}, 'the others pass')
    os.rmdir(node.path(name))
    t.same(rows(node)['sysctl.net.ipv4.conf.if.log_martians']['observed'], '1 on all, default, lo',
           'an interface without the key is not named')


def several_values(t):
    node = Node()
    fill(node, EVERY)
    write(node, 'proc/sys/net/ipv6/conf/lo/accept_dad', '-1')
    row = rows(node)['sysctl.net.ipv6.conf.if.accept_dad']
    t.same((row['verdict'], row['observed']), ('pass', '1 on all, default, eth0; -1 on lo'),
           'an interface that does without is shown as it is')
    for place in ('all', 'default'):
        write(node, f'proc/sys/net/ipv6/conf/{place}/accept_dad', '-1')
        row = rows(node)['sysctl.net.ipv6.conf.if.accept_dad']
        t.same((row['verdict'], row['observed']), ('fail', f'-1 on {place}'),
               f'{place} is no interface that could do without')
        write(node, f'proc/sys/net/ipv6/conf/{place}/accept_dad', '1')
    write(node, 'proc/sys/net/ipv6/conf/eth0/dad_transmits', '-1')
    row = rows(node)['sysctl.net.ipv6.conf.if.dad_transmits']
    t.same((row['verdict'], row['observed']), ('fail', '-1 on eth0'),
           'a number of probes is not done without')
    for interface, value in (('eth0', '2'), ('all', '3')):
        write(node, f'proc/sys/net/ipv4/conf/{interface}/rp_filter', value)
    row = rows(node)['sysctl.net.ipv4.conf.if.rp_filter']
    t.same((row['verdict'], sorted(row['observed'].split('; '))), ('fail', ['2 on eth0', '3 on all']),
           'a row that differs shows what differs alone')


def unreadable_interfaces(t):
    """Only a kernel that has none of a family's keys has none."""
    node = Node()
    fill(node, EVERY)
    write(node, 'proc/sys/net/ipv4/conf/eth0/rp_filter', '7')
    os.rename(node.path('proc/sys/net/ipv4/conf'), node.path('proc/sys/net/ipv4/moved'))
    os.symlink('moved', node.path('proc/sys/net/ipv4/conf'))
    found = rows(node)
    row = found['sysctl.net.ipv4.conf.if.rp_filter']
    t.ok(row['verdict'] == 'error' and 'cannot open' in row['reason'],
         'interfaces that cannot be listed are an error', row)
    t.same(found['sysctl.net.ipv6.conf.if.accept_ra']['verdict'], 'pass',
           "the other family's are looked at all the same")
    os.unlink(node.path('proc/sys/net/ipv4/conf'))
    t.same(rows(node)['sysctl.net.ipv4.conf.if.rp_filter']['verdict'], 'not_applicable',
           'none of them is no such key')


def local_ports(t):
    """The ports of the node's own connections are no listener's, whatever the settings."""
    for settings, wanted in (
            ((), '50000 60999'),
            (('health.port=49999', 'global.media_port_end=49000'), '50000 60999'),
            (('health.port=61000',), '50000 60999'),
            (('health.port=50000',), '50001 65534'),
            (('health.port=60999',), '50000 60997'),
            (('health.port=54000', 'sip.udp_port=58000'), '58001 65534'),
            (('health.port=55000', 'sip.tcp_port=65535', 'sip.tls_port=60000', 'sip.udp_port=64000'),
             '50000 54999'),
            (('health.port=55000', 'sip.tls_port=52000', 'global.sip=no'), '55001 65534')):
        node = Node('conferencing')
        if settings:
            result = node.run('set', *settings)
            t.same((result.returncode, result.stderr), (0, ''), f"{', '.join(settings)} is stored")
        fill(node, EVERY)
        node.run('boot')
        row = rows(node)['sysctl.net.ipv4.ip_local_port_range']
        t.same((row['expected'], row['observed'].partition(' in ')[0], row['verdict']),
               (wanted, wanted, 'pass'),
               f"local ports with {', '.join(settings) or 'the defaults'}")


MORE, MORE_OR_MORE = beyond_the_specification()
OR_MORE |= MORE_OR_MORE
EVERY = {**SPECIFIED, **MORE, **OR_MORE}

with Tap() as t:
    every_key(t)
    the_answers(t)
    not_read(t)
    several_values(t)
    unreadable_interfaces(t)
    local_ports(t)
