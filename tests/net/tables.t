#!/usr/bin/python3
"""Tables: those of others are judged by what they do, at every hook and in every family; in our own
nothing stands but what `holdfast firewall` prints."""
import re

import harness

harness.needs()
tap = harness.Tap()
node = harness.Node('conferencing')
node.run('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1')
node.settings('health.stations = 192.0.2.2\n')
node.boot()

# --- tables of others ---

INPUT = 'chain c { type filter hook input priority 5; policy drop; %s; }'
OUT = 'chain c { type filter hook output priority 5; %s; }'
PRE = 'chain c { type filter hook prerouting priority -200; %s; }'
NAT = 'chain c { type nat hook prerouting priority -100; %s; }'
INGRESS = 'chain c { type filter hook ingress device "up0" priority 0; %s; }'
EGRESS = 'chain c { type filter hook egress device "up0" priority 0; %s; }'

# What it is, the family and its objects, and a word of the row; None: it has no effect.
FOREIGN = (
    ('an empty chain at output', 'inet', OUT % '', None),
    ('an empty chain at prerouting', 'inet', PRE % '', None),
    ('a chain that counts and compares', 'inet', OUT % 'tcp dport 1 counter', None),
    ('a chain that limits and goes on', 'ip', OUT % 'limit rate 5/second counter continue', None),
    ('an empty chain of ARP', 'arp', 'chain c { type filter hook input priority 0; }', None),
    ('an empty chain of a bridge', 'bridge', 'chain c { type filter hook input priority 0; }', None),
    ('a set that no rule uses', 'inet', 'set s { type ipv4_addr; }', None),
    ('a policy of accept at input', 'ip', 'chain c { type filter hook input priority 5; }',
     'policy accept'),
    ('a policy of accept at forward', 'ip6', 'chain c { type filter hook forward priority 5; }',
     'policy accept'),
    ('a policy of drop at output', 'inet',
     'chain c { type filter hook output priority 5; policy drop; }', 'policy drop'),
    ('a policy of drop at prerouting', 'ip',
     'chain c { type filter hook prerouting priority 5; policy drop; }', 'policy drop'),
    ('an accept at input', 'inet', INPUT % 'tcp dport 2 accept', 'accepts'),
    ('an accept at output', 'inet', OUT % 'tcp dport 2 accept', 'accepts'),
    ('an accept at prerouting', 'ip6', PRE % 'tcp dport 2 accept', 'accepts'),
    ('an accept at forward', 'ip', 'chain c { type filter hook forward priority 5; policy drop; '
     'tcp dport 2 accept; }', 'accepts'),
    ('a drop at prerouting', 'inet', PRE % 'tcp dport 9443 drop', 'drops'),
    ('a drop at output', 'ip', OUT % 'udp dport 514 drop', 'drops'),
    ('a rejection at input', 'inet', 'chain c { type filter hook input priority 5; '
     'tcp dport 443 reject; }', 'drops'),
    ('a port set at prerouting', 'ip', PRE % 'tcp dport 22 tcp dport set 443', 'rewrites'),
    ('an address set at output', 'ip6', OUT % 'ip6 saddr set ::1', 'rewrites'),
    ('a mark set at prerouting', 'inet', PRE % 'meta mark set 7', 'rewrites'),
    ('a mark of a connection', 'inet', PRE % 'ct mark set 1', 'rewrites'),
    ('a code point at postrouting', 'ip',
     'chain c { type filter hook postrouting priority 0; ip dscp set cs0; }', 'rewrites'),
    ('a route by mark', 'ip', 'chain c { type route hook output priority 0; meta mark set 3; }',
     'rewrites'),
    ('notrack at prerouting', 'inet', PRE % 'tcp dport 443 notrack', 'untracks'),
    ('notrack at output', 'ip', 'chain c { type filter hook output priority -300; notrack; }',
     'untracks'),
    ('an empty chain of nat', 'ip6', NAT % '', 'rewrites'),
    ('a redirection', 'ip', NAT % 'tcp dport 23 redirect to :22', 'rewrites'),
    ('a translation of destinations', 'ip', NAT % 'tcp dport 23 dnat to 192.0.2.9', 'rewrites'),
    ('a translation of sources', 'ip',
     'chain c { type nat hook postrouting priority 100; snat to 192.0.2.9; }', 'rewrites'),
    ('a masquerade', 'ip6', 'chain c { type nat hook postrouting priority 100; masquerade; }',
     'rewrites'),
    ('a transparent proxy', 'ip',
     'chain c { type filter hook prerouting priority -150; '
     'tcp dport 22 tproxy to 127.0.0.1:443; }', 'diverts'),
    ('an accept at ingress', 'netdev', INGRESS % 'tcp dport 22 accept', 'accepts'),
    ('a drop at ingress', 'netdev', INGRESS % 'ip saddr 192.0.2.2 drop', 'drops'),
    ('a port set at ingress', 'netdev', INGRESS % 'tcp dport set 443', 'rewrites'),
    ('a packet sent elsewhere at ingress', 'netdev', INGRESS % 'fwd to "up1"', 'diverts'),
    ('a copy sent elsewhere at ingress', 'netdev', INGRESS % 'dup to "up1"', 'diverts'),
    ('an accept at the ingress of inet', 'inet', INGRESS % 'tcp dport 22 accept', 'accepts'),
    ('a drop at egress', 'netdev', EGRESS % 'ip daddr 192.0.2.2 drop', 'drops'),
    ('a drop of ARP', 'arp', 'chain c { type filter hook input priority 0; '
     'arp operation request drop; }', 'drops'),
    ('an accept of a bridge', 'bridge', 'chain c { type filter hook prerouting priority 0; '
     'ether type ip accept; }', 'accepts'),
    ('a rule that leads to a chain that accepts', 'inet',
     'chain d { tcp dport 2 accept; } chain c { type filter hook input priority 5; policy drop; '
     'jump d; }', 'accepts'),
    ('an expression that we do not know', 'inet', INPUT % 'quota over 5 mbytes',
     'unknown quota'),
    ('an expression that we do not know, at output', 'inet',
     'map m { type inet_service : verdict; elements = { 22 : accept }; } ' +
     OUT % 'tcp dport vmap @m', 'unknown lookup'),
    ('a rule longer than there is room for', 'inet',
     OUT % (' '.join(['tcp dport != 1'] * 9) + ' counter'), 'unknown rest'),
)


def foreign():
    tap.same(node.rows()['firewall.other_tables']['verdict'], 'pass', 'no foreign table: pass')
    for name, family, objects, word in FOREIGN:
        text = objects.replace(' }', '\n}\n')  # as nft wants it
        made = node.try_run('nft', '-f', '-', input=f'table {family} theirs {{\n{text}\n}}\n')
        if made.returncode:
            tap.ok(False, f'{name} can be made', made.stderr)
            continue
        before = node.run('nft', 'list', 'ruleset')
        row = node.rows()['firewall.other_tables']
        if word:
            tap.ok(row['verdict'] == 'fail' and f'{family} theirs ' in row['observed'] and
                   word in row['observed'], f'{name} is named', row)
        else:
            tap.ok(row['verdict'] == 'pass' and re.match(r'none of \d+ chains', row['observed']),
                   f'{name} has no effect', row)
        node.boot()
        tap.same(node.run('nft', 'list', 'ruleset'), before, f'{name}: boot leaves it alone')
        node.run('nft', 'delete', 'table', family, 'theirs')
    tap.same(node.rows()['firewall.other_tables']['verdict'], 'pass', 'without them the check passes')


def many():
    """A thousand chains are counted, the first of them named."""
    chains = ''.join(f'chain c{i} {{\naccept\n}}\n' for i in range(1000))
    node.run('nft', '-f', '-', input=f'table inet theirs {{\n{chains}\n}}\n')
    actual = node.rows()['firewall.other_tables']['observed']
    tap.ok('c0 (regular: accepts)' in actual and 'chains more' in actual and len(actual) < 3000,
           'a thousand chains make a row that can still be read', len(actual))
    node.run('nft', 'delete', 'table', 'inet', 'theirs')


# --- our own table ---

def handle(pattern):
    for line in node.run('nft', '-a', 'list', 'table', 'inet', 'holdfast').splitlines():
        if pattern in line:
            return line.rsplit(' ', 1)[1]
    raise RuntimeError(f'no rule has {pattern}')


def commented_rule():
    return (f"replace rule inet holdfast input handle {handle('established,related')} "
            'ct state established,related accept comment "x"')


OTHERWISE = {
    'a rule of others before ours': ('insert rule inet holdfast input accept', 'firewall.unexpected'),
    'a rule of others behind ours': ('add rule inet holdfast forward accept', 'firewall.unexpected'),
    'another policy': ('chain inet holdfast input { policy accept; }', 'firewall.chain.input'),
    'a flushed chain': ('flush chain inet holdfast input', 'firewall.input.ssh'),
    'a set of others': ('add set inet holdfast extra { type ipv4_addr; }', 'firewall.unexpected'),
    'a map of others': ('add map inet holdfast extra { type ipv4_addr : verdict; }',
                        'firewall.unexpected'),
    'a counter of others': ('add counter inet holdfast extra', 'firewall.unexpected'),
    'a quota of others': ('add quota inet holdfast extra { over 5 mbytes }', 'firewall.unexpected'),
    'a chain of others': ('add chain inet holdfast extra', 'firewall.unexpected'),
    'a chain of others that hooks': ('add chain inet holdfast extra { type filter hook output '
                                     'priority 7; }', 'firewall.unexpected'),
    'a dormant table': ('add table inet holdfast { flags dormant; }', 'firewall.table'),
    'no table': ('delete table inet holdfast', 'firewall.table'),
    'a comment on a rule': (commented_rule, 'firewall.input.established'),
    'a comment on the table': ('delete table inet holdfast; '
                               'add table inet holdfast { comment "x"; }', 'firewall.table'),
    'a comment on a chain': ('delete table inet holdfast; add table inet holdfast; add chain inet '
                             'holdfast input { type filter hook input priority 0; policy drop; '
                             'comment "x"; }', 'firewall.chain.input'),
    'a rule less of each source': (
        lambda: f"replace rule inet holdfast input handle {handle('meter echo_v4')} icmp type "
                'echo-request meter echo_v4x size 16384 { ip saddr timeout 10s limit rate over '
                '9999/second burst 20 packets } drop', 'firewall.input.echo-limit-v4'),
}


def own():
    printed = node.holdfast('firewall').stdout
    tap.same(node.listing(), printed, 'nft lists what holdfast prints')
    for name, (change, row) in OTHERWISE.items():
        node.run('nft', change() if callable(change) else change)
        got = node.rows()
        tap.ok(got[row]['verdict'] == 'fail', f'{name}: {row} fails', got[row])
        node.boot()
        bad = [row for row in node.rows().values() if row['verdict'] != 'pass']
        tap.ok(not bad and node.listing() == printed, f'{name}: boot sets it right', bad)


def order():
    """The same chains, made in another order."""
    printed = node.holdfast('firewall').stdout
    chains = printed.split('{\n', 1)[1].rsplit('}', 1)[0].split('\n\tchain ')
    chains = [chain.strip().removeprefix('chain ') for chain in chains]
    node.run('nft', 'delete', 'table', 'inet', 'holdfast')
    node.run('nft', '-f', '-', input='table inet holdfast {\n' + ''.join(
        f'chain {chain}\n' for chain in reversed(chains)) + '}\n')
    row = node.rows()['firewall.table']
    tap.ok(row['verdict'] == 'fail' and 'another order' in row['observed'],
           'chains in another order: the table fails', row)
    node.boot()
    tap.same(node.listing(), printed, 'and boot sets it right')


def legacy():
    """Comes last: a table of ip_tables stays as long as its network namespace."""
    for family, tool in (('ip', 'iptables-legacy'), ('ip6', 'ip6tables-legacy')):
        node.run(tool, '-t', 'nat', '-A', 'PREROUTING', '-p', 'tcp', '--dport', '1', '-j',
                 'REDIRECT', '--to-ports', '9443')
        row = node.rows()['firewall.other_tables']
        tap.ok(row['verdict'] == 'fail' and family + ' nat (ip_tables)' in row['observed'],
               f'a table of {tool} fails it too', row)


for test in (foreign, many, own, order, legacy):
    test()
tap.done()
