#!/usr/bin/env python3
"""boot in bad circumstances: whatever is missing, full, frozen or damaged, it says so first, closes
what it can, and loses nothing."""
import json
import os
import re
import shutil
import subprocess

from harness import Node, Tap

SYSCTLS = {
    'net/ipv4/ip_forward': '1',
    'net/ipv4/conf/all/rp_filter': '0',
    'net/ipv4/conf/eth0/rp_filter': '0',
    'net/ipv6/conf/eth0/accept_dad': '1',
    'kernel/kptr_restrict': '0',
}


def kernel(node, sysctls=None):
    """A made-up /proc/sys."""
    for name, value in (sysctls or SYSCTLS).items():
        path = node.path('proc/sys/' + name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file:
            file.write(value + '\n')


def sysctl(node, name):
    return node.read('proc/sys/' + name).strip()


def mounted(node, mounts, *words):
    """Runs holdfast in a mount namespace of its own, after `mounts`."""
    script = f'set -e; cd "$1"; shift; {mounts}; exec "$@"'
    return subprocess.run(['unshare', '--mount', 'sh', '-c', script, 'sh', node.root,
                           *node.argv(*words)], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)


def closed_first(t, result, reason, sentence):
    """That a database is set aside is told while it is."""
    told = [line for line in result.stderr.splitlines() if 'set aside as' not in line]
    t.ok(result.returncode == 1 and told and re.search(f'FAILED CLOSED: .*{reason}', told[0]), sentence,
         f'exit {result.returncode}', result.stderr[:600])


def plain(t):
    node = Node()
    kernel(node)
    result = node.run('boot')
    t.same((result.returncode, result.stderr), (0, ''), 'a boot that sets all right is silent')
    t.same([sysctl(node, name) for name in SYSCTLS], ['0', '1', '1', '1', '2'],
           'and has set every key that there is, on each interface')
    started, finished = map(int, node.read('run/holdfast/boot').split())
    t.ok(0 < started <= finished, 'when it ran is recorded', started, finished)
    events = node.events('boot')
    t.ok(len(events) == 1 and
         re.search(r'\b([1-9]\d*) checks failed, \1 repaired, all pass', events[0]),
         'and what it did is an event', events)
    os.chmod(node.path('proc/sys/net/ipv4/ip_forward'), 0o444)
    result = node.run('boot')
    t.ok(result.returncode == 0 and '0 checks failed' in node.events('boot')[-1],
         'a second boot finds nothing to do', node.events('boot'))


def no_interfaces(t):
    node = Node()
    kernel(node, {'net/ipv4/ip_forward': '1'})
    os.makedirs(node.path('proc/sys/net/ipv4/conf'))
    result = node.run('boot')
    t.same((result.returncode, sysctl(node, 'net/ipv4/ip_forward')), (0, '0'),
           'a node without interfaces is enforced as far as it goes')


def one_key_is_stubborn(t):
    node = Node()
    kernel(node)
    result = mounted(node, 'mount --bind proc/sys/kernel proc/sys/kernel; '
                           'mount -o remount,ro,bind proc/sys/kernel', 'boot')
    t.ok(result.returncode == 1 and len(result.stderr.splitlines()) == 1 and
         'cannot write kernel.kptr_restrict: Read-only file system' in result.stderr,
         'a key that cannot be written is the one line that is told', result.stderr)
    t.same(sysctl(node, 'net/ipv4/conf/eth0/rp_filter'), '1', 'and stops no other')


def read_only_state(t):
    node = Node()
    kernel(node)
    node.run('set', 'node.hostname=frozen', 'net.ipv6_dad=yes', 'health.stations=192.0.2.9')
    node.run('boot')
    before = sorted(os.listdir(node.path('var/lib/holdfast')))
    result = mounted(node, 'mount --bind var/lib/holdfast var/lib/holdfast; '
                           'mount -o remount,ro,bind var/lib/holdfast', 'boot')
    t.ok(result.returncode == 1 and 'FAILED CLOSED' not in result.stderr and
         'nothing can be recorded: Read-only file system' in result.stderr.splitlines()[0],
         'a read-only state fails and says why', result.stderr)
    t.same(sysctl(node, 'net/ipv6/conf/eth0/accept_dad'), '1', 'what was stored holds all the same')
    t.same(sorted(os.listdir(node.path('var/lib/holdfast'))), before, 'nothing is written')
    result = node.run('boot')
    t.same((result.returncode, node.get('node.hostname')), (0, 'frozen'),
           'once it can be written again the node is what it was')


def full_state(t):
    node = Node()
    kernel(node)
    node.run('set', 'node.hostname=crowded')
    shutil.move(node.path('var/lib/holdfast'), node.path('kept'))
    os.makedirs(node.path('var/lib/holdfast'))
    fill = ('mount -t tmpfs -o size=128k,mode=700 small var/lib/holdfast; '
            'cp -p kept/* var/lib/holdfast/; '
            'cat /dev/zero >var/lib/holdfast/filler 2>/dev/null || true')
    result = mounted(node, fill, 'boot')
    t.ok(result.returncode in (0, 1) and re.search('disk is full|No space left', result.stderr),
         'a full disk is told', f'exit {result.returncode}', result.stderr[:600])
    result = mounted(node, fill + '; "$@" 2>/dev/null || true; rm var/lib/holdfast/filler', 'get',
                     'node.hostname')
    t.ok('node.hostname = crowded' in result.stdout.splitlines(),
         'and what was stored is there when there is room again', result.stdout, result.stderr)


def no_run_folder(t):
    node = Node()
    kernel(node)
    os.rmdir(node.path('run'))
    result = node.run('boot')
    t.ok(result.returncode == 0 and os.path.exists(node.path('run/holdfast/boot')),
         'a missing /run is made', result.stderr)
    shutil.rmtree(node.path('run'))
    node.write('run', 'a file')
    result = node.run('boot')
    told = [line for line in result.stderr.splitlines()
            if not re.search('cannot (read|write) /run/holdfast/(probe|crypto/|web|network)', line)]
    t.ok(result.returncode == 1 and told == ['holdfast: cannot write /run/holdfast/boot: Not a directory'],
         'one that cannot be made is told and stops nothing', result.stderr)
    t.same(sysctl(node, 'net/ipv4/conf/eth0/rp_filter'), '1', 'the kernel is held all the same')


def garbage(t):
    node = Node()
    kernel(node)
    node.run('set', 'node.hostname=known', 'net.ipv6_dad=yes', 'health.stations=192.0.2.9')
    node.run('boot')
    state = node.path('var/lib/holdfast')
    for name in os.listdir(state):
        if name.startswith('state.db-'):
            os.unlink(f'{state}/{name}')
    with open(f'{state}/state.db', 'wb') as file:
        file.write(b'not a database ' * 1000)
    result = node.run('boot')
    closed_first(t, result, 'state.db', 'a damaged database fails closed')
    t.same(sysctl(node, 'net/ipv6/conf/eth0/accept_dad'), '0', 'the strictest policy holds then')
    aside = [name for name in os.listdir(state) if '.damaged-' in name]
    t.ok(len(aside) == 1, 'the damaged database is set aside', os.listdir(state))
    with open(f'{state}/{aside[0]}', 'rb') as file:
        t.ok(file.read() == b'not a database ' * 1000, 'byte by byte')
    result = node.run('boot')
    closed_first(t, result, 'the settings were lost', 'the boots after it stay closed')
    ruleset = node.run('firewall').stdout
    admitted = ruleset.partition('chain input')[2].partition('chain ')[0]
    t.ok('ip saddr 192.0.2.9 tcp dport 9443' in admitted and
         admitted.count('dport') == admitted.count('dport 9443'),
         'and open to the station last known alone', ruleset)
    result = node.run('set', 'net.ipv6_dad=yes')
    t.ok(result.returncode == 2 and 'fails closed' in result.stderr, 'and take no settings', result)
    for command in 'get', 'export', 'diff':
        result = node.run(command)
        t.ok(result.returncode == 2 and not result.stdout and 'settings were lost' in result.stderr,
             f'{command} shows nothing as stored that is not', result)


def not_this_machine(t):
    """Below a root the firewall of the machine's own network is left alone, also where the process
    may not look at others to find out which network that is."""
    node = Node()

    def row(*before):
        result = subprocess.run([*before, *node.argv('check', '--format', 'json', '--id',
                                                     'firewall.table')], capture_output=True,
                                text=True, check=False)
        return json.loads(result.stdout)['checks'][0]['verdict']

    machine = os.path.exists('/proc/sys/net/core/netdev_max_backlog')
    seen = [row(), row('setpriv', '--bounding-set=-all'), row('unshare', '--net')]
    t.same([verdict == 'not_applicable' for verdict in seen], [machine, machine, False],
           "the machine's own firewall is none of a root's, with or without capabilities")


def no_role(t):
    for role in (None, '', 'manager', 'management conferencing', '\0'):
        node = Node()
        kernel(node)
        if role is None:
            os.unlink(node.path('etc/holdfast/role'))
        else:
            node.write('etc/holdfast/role', role)
        closed_first(t, node.run('boot'), '/etc/holdfast/role', f'role {role!r} fails closed')


with Tap() as t:
    plain(t)
    no_interfaces(t)
    one_key_is_stubborn(t)
    read_only_state(t)
    full_state(t)
    no_run_folder(t)
    garbage(t)
    no_role(t)
    not_this_machine(t)
