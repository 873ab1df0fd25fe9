#!/usr/bin/python3
"""holdfast firewall prints what `nft list table inet holdfast` shows after boot's own netlink load
and after `nft -f` of that print, byte for byte, whatever the settings and the role."""
import harness

harness.needs()
tap = harness.Tap()

STATIONS = '\n'.join(f'health.stations = {station}' for station in (
    '10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.3', '10.128.0.0/9', '192.0.2.6/31',
    '128.0.0.0/1', 'fd00::/8', '2001:db8::/32', '2001:db8::1', '2001:db8:8000::/33',
    '2001:db8:0:1::/64', '2001:db8:0:1::8/127', '2001:db8:1:0:1::/80', 'fe80::/10')) + '\n'

GUIDE = '''
security.fips = yes
security.disable_admin = yes
net.accept_icmpv6_multicast_echo = no
net.ipv6_dad = no
web.max_sessions = 100
web.max_sessions_per_user = 10
global.client_api = no
global.dscp_management = 16
global.ssh = no
location.dscp_media = 51
location.dscp_signaling = 40
health.stations = 192.0.2.0/24
'''

CASES = {
    'the defaults': '',
    "the guide's values": GUIDE,
    'rejecting, redirects accepted, multicast echo refused':
        'net.drop_closed_ports = no\nnet.accept_icmpv6_redirects = yes\n'
        'net.accept_icmpv6_multicast_echo = no\n',
    'every listener open': 'snmp.mode = v3_read_only\nglobal.http_external = yes\n'
                           'web.max_sessions = 1\n' + STATIONS,
    'services of its own elsewhere':
        'global.dscp_management = 16\nsyslog.server = 192.0.2.9 port=1514 proto=tcp\n'
        'syslog.server = 192.0.2.8 port=1514 proto=tls\nsyslog.server = 192.0.2.7\n'
        'global.ocsp_responder_url = http://ocsp.example:8080/\n',
    'no call protocol': 'global.sip = no\nglobal.h323 = no\nglobal.webrtc = no\n'
                        'global.rtmp = no\nglobal.client_api = no\n',
    'other ports': 'sip.udp_port = 6060\nsip.tcp_port = 6061\nsip.tls_port = 6062\n'
                   'health.port = 7443\nglobal.signaling_port_start = 10000\n'
                   'global.signaling_port_end = 10099\nglobal.media_port_start = 20000\n'
                   'global.media_port_end = 20999\n',
} | {f'code points from {first}': f'global.dscp_management = {first}\n'
     f'location.dscp_media = {first + 1}\nlocation.dscp_signaling = {first + 2}\n'
     for first in range(1, 62, 3)}


def difference(one, other):
    """The first line that differs."""
    for a, b in zip(one.splitlines() + ['(end)'], other.splitlines() + ['(end)']):
        if a != b:
            return f'{a!r}\n{b!r}'
    return ''


def compare(node, name):
    printed = node.holdfast('firewall').stdout
    node.boot()
    loaded = node.listing()
    tap.ok(printed == loaded, f'{name}: the print is what the kernel has after boot',
           difference(printed, loaded))
    node.run('nft', 'delete', 'table', 'inet', 'holdfast')
    node.run('nft', '-f', '-', input=printed)
    tap.ok(node.listing() == printed, f'{name}: the print is what nft makes of it',
           difference(printed, node.listing()))
    bad = [row for row in node.rows().values() if row['verdict'] != 'pass']
    tap.same(bad, [], f'{name}: check passes what nft loaded')


node = harness.Node('management')
for role in ('management', 'conferencing'):
    node.set_role(role)
    for name, settings in CASES.items():
        if role == 'management' and name.startswith('code points') and name[-1] != '1':
            continue  # one chain of marks there: a few will do
        node.settings(settings)
        compare(node, f'{role}, {name}')

tap.done()
