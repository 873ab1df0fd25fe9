#!/usr/bin/env python3
"""What a node does when it cannot have what it needs: it stays closed, and says why."""
import os
import shutil
import tempfile

import harness
import archive
import deploy
import disk
from fetch import fetch_json
from node import Node

KILLS_BOOT = b'''#!/bin/sh
[ "$1" = boot ] && kill -KILL $$
exec /usr/sbin/holdfast.real "$@"
'''


def module(name):
    """The path of a kernel module in the image."""
    found = [entry for entry, *_ in archive.entries('management') if entry.endswith('/%s.ko' % name)]
    return found[0]


def damaged_database(t, folder):
    """Garbage in the middle of the database: the strictest policy, reachable where it was."""
    state = deploy.stored(os.path.join(folder, 'damaged'), 'security.disable_admin=no')
    with open(os.path.join(state, 'state.db'), 'r+b') as database:
        database.seek(0)
        database.write(os.urandom(8192))
    image = deploy.state_disk(state, os.path.join(folder, 'damaged.ext4'))
    with Node(state=image) as machine:
        t.on(machine).start()
        machine.expect(r'FAILED CLOSED')
        t.ok(machine.expect(r'network allowed at'), 'a damaged database is told on the console')
        status, health = fetch_json(machine.port, '/health', patience=180)
        t.same((status, health['status']), (503, 'fail'), 'its health is fail, to the stations '
               'last known')
        rows = {row['id']: row for row in fetch_json(machine.port, '/checks')[1]['checks']}
        bad = [row for row in rows.values() if row['domain'] in ('sysctl', 'firewall', 'accounts')
               and row['verdict'] in ('fail', 'error')]
        t.same(bad, [], 'the strictest policy is enforced')
        t.ok(not machine.offers_login(), 'no user can log in')
        machine.power_off()
        names = disk.names(machine.state)
        t.ok(any(name.startswith('state.db.damaged-') for name in names),
             'the damaged database is set aside', names)
        machine.start()
        machine.expect(r'FAILED CLOSED')
        t.ok(machine.expect(r'network allowed at'), 'the node stays closed at the next boot too')


def boot_killed(t, folder):
    """The program with a script in its place that kills every boot, and goes on otherwise: the
    accounts are not disabled, and the consoles start."""
    state = deploy.stored(os.path.join(folder, 'killed'), '--yes', 'security.disable_admin=yes')
    image = deploy.state_disk(state, os.path.join(folder, 'killed.ext4'))
    with open(harness.HOLDFAST, 'rb') as program:
        files = {'usr/sbin/holdfast': (KILLS_BOOT, 0o755),
                 'usr/sbin/holdfast.real': (program.read(), 0o755)}
    with Node(state=image, files=files) as machine:
        t.on(machine).start()
        t.ok(machine.expect(r'policy could not be enforced \(exit 137\): no user can log in'),
             'where holdfast boot was killed the console says that the administrator is locked')
        t.ok(machine.expect(r'policy could not be enforced \(exit 137\):\s+this node stays off'),
             'and that the network stays down')
        t.ok(machine.expect(r'account is disabled: no user can log in here'), 'so does each console')
        t.ok(not machine.offers_login(), 'no user can log in')
        t.same(machine.frames_sent(), 0, 'not one frame has left the node')
        t.ok(b'network allowed' not in machine.console, 'and the network never starts')


def no_state_disk(t):
    with Node(state=None) as machine:
        t.on(machine).start()
        machine.expect(r'no state disk')
        t.ok(machine.expect(r'FAILED CLOSED'), 'without a state disk the node fails closed')
        t.ok(not machine.offers_login(), 'no first password is asked and no user can log in')
        t.ok(b'network allowed' in machine.console,
             'the strictest policy stands, so the network may start')


def broken_file_system(t, folder):
    image = os.path.join(folder, 'broken.ext4')
    with open(image, 'wb') as out:
        out.write(os.urandom(1 << 20))
        out.truncate(32 << 20)
    with Node(state=image) as machine:
        t.on(machine).start()
        machine.expect(r'cannot be (repaired|mounted)')
        t.ok(machine.expect(r'FAILED CLOSED'), 'an unreadable state disk fails closed')
        t.ok(not machine.offers_login(), 'and asks for no first password')


def no_firewall_in_the_kernel(t, folder):
    """The image with an empty file in place of the module that the firewall needs."""
    state = deploy.stored(os.path.join(folder, 'dark'))
    image = deploy.state_disk(state, os.path.join(folder, 'dark.ext4'))
    with Node(state=image, files={module('nf_tables'): (b'', 0o644)}) as machine:
        t.on(machine).start()
        machine.expect(r'the firewall could not be closed')
        t.ok(machine.expect(r'this node stays off the network'),
             'without nf_tables holdfast boot exits 2 and the console says why')
        machine.log_in(deploy.PASSWORD)
        output = machine.run('ip -o link')[1]
        t.ok('UP' not in output, 'no interface is up', output)
        output = machine.run('cat /run/holdfast/boot-order')[1]
        t.same(machine.frames_sent(), 0, 'not one frame has left the node')
        t.ok('boot-exit 2' in output and 'network-start' not in output,
             'the record shows that the network never started', output)


def conferencing(t, folder):
    state = deploy.stored(os.path.join(folder, 'conf'), role='conferencing')
    image = deploy.state_disk(state, os.path.join(folder, 'conf.ext4'))
    with Node('conferencing', state=image) as machine:
        t.on(machine).start()
        t.ok(machine.expect(r'network allowed at'), 'a Conferencing Node boots')
        machine.log_in(deploy.PASSWORD)
        code, output = machine.run('securitywizard', deploy.PASSWORD)
        t.ok(code == 2 and 'Management Node' in output,
             'it refuses the wizard, and says where its settings come from', output)
        rows = fetch_json(machine.port, '/checks', patience=180)[1]['checks']
        t.ok(any('5061' in str(row) for row in rows if row['domain'] == 'firewall'),
             'its firewall has the ports of calls')


folder = tempfile.mkdtemp(prefix='holdfast-closed-')
try:
    with harness.Tap() as t:
        damaged_database(t, folder)
        boot_killed(t, folder)
        no_state_disk(t)
        broken_file_system(t, folder)
        no_firewall_in_the_kernel(t, folder)
        conferencing(t, folder)
finally:
    shutil.rmtree(folder)
