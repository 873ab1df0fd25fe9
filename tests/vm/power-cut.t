#!/usr/bin/env python3
"""The power fails while the wizard stores its answers: all of them count afterwards, or none."""
import collections
import os
import shutil
import tempfile

import harness
import deploy
import disk
from demo import ANSWERS
from fetch import fetch_json
from node import Node

SEED = 20240229  # of the writes that a cut loses; told when a test fails
ASKED = ('security.fips', 'net.ipv6_dad', 'web.max_sessions', 'sip.cca_id', 'rtcp.fir',
         'sip_tls.aes128_sha_outbound')
NONE, ALL = ['no', 'yes', '0', 'demo', 'no', 'yes'], ['yes', 'no', '100', 'cut', 'yes', 'no']


def deployed(folder):
    """A node's disk as it stands before the wizard."""
    return deploy.state_disk(deploy.stored(os.path.join(folder, 'base')),
                             os.path.join(folder, 'deployed.ext4'))


def answer(machine):
    """Boots, and gives the wizard every answer but the last."""
    machine.start()
    machine.log_in(deploy.PASSWORD)
    machine.wizard(deploy.PASSWORD, {**ANSWERS, 'Configure CCA-ID': 'cut'}, confirm=None)


def verdict(image, folder):
    """What the disk after a cut holds: 'none' or 'all' of the wizard, or what is wrong with it."""
    shutil.rmtree(folder, ignore_errors=True)
    if not disk.repair(image):
        return 'the file system is broken'
    disk.take_out(image, os.path.join(folder, 'var/lib/holdfast'))
    done = deploy.holdfast(folder, 'events', '--verify')
    if done.returncode:
        return 'the events do not verify: ' + done.stdout + done.stderr
    done = deploy.holdfast(folder, 'get', *ASKED)
    if done.returncode:
        return 'the settings cannot be read: ' + done.stderr
    values = [line.partition('=')[2].strip() for line in done.stdout.splitlines()]
    return {str(NONE): 'none', str(ALL): 'all'}.get(str(values), 'half: %s' % values)


def every_cut(t, folder, base):
    """One run of the wizard, and the disk as a cut at each flush since could have left it."""
    seen, samples = collections.Counter(), {}
    with Node(state=base, log_writes=True) as machine:
        t.on(machine)
        answer(machine)
        first = len(list(disk.logged(machine.path('writes'))))
        machine.send('yes')
        machine.expect(r'network allowed at')
        machine.kill()
        for number, image in disk.cuts(base, machine.path('writes'), first, machine.path('cut'),
                                       SEED):
            shutil.copy(image, machine.path('repaired'))
            found = verdict(machine.path('repaired'), machine.path('out'))
            seen[found] += 1
            if found not in samples:
                samples[found] = shutil.copy(image, os.path.join(folder, 'cut-%d' % len(samples)))
    wrong = [found for found in seen if found not in ('none', 'all')]
    t.same(wrong, [], '%d cuts, seed %d: the wizard counts wholly (%d) or not at all (%d)' % (
        sum(seen.values()), SEED, seen['all'], seen['none']))
    t.ok(seen['all'] and seen['none'], 'there were cuts before and after the commit', seen)
    return samples


def boots_after(t, image, found):
    """A node boots from such a disk, and what it enforces is the same answer."""
    with Node(state=image) as machine:
        t.on(machine).start()
        machine.expect(r'network allowed at')
        health = fetch_json(machine.port, '/health', patience=180)[1]
        rows = {row['id']: row for row in fetch_json(machine.port, '/checks')[1]['checks']}
        t.ok(rows and 'damaged' not in str(health), 'the node boots from a disk with %s of the '
             'wizard' % found, health)
        gone = b'login:' not in machine.listen_for(2)
        t.same(gone, found == 'all', 'with %s of the wizard, login is %s' % (
            found, 'gone' if found == 'all' else 'there'))


def killed_at_once(t, folder, base):
    """qemu itself is killed the moment after the answer was given."""
    with Node(state=base) as machine:
        t.on(machine)
        answer(machine)
        machine.send('yes')
        machine.read_console(0.05)
        machine.kill()
        found = verdict(machine.state, machine.path('out'))
        t.ok(found in ('none', 'all'), 'killed at once: %s of the wizard' % found)


folder = tempfile.mkdtemp(prefix='holdfast-cut-')
try:
    with harness.Tap() as t:
        base = deployed(folder)
        for found, image in every_cut(t, folder, base).items():
            boots_after(t, image, found)
        killed_at_once(t, folder, base)
finally:
    shutil.rmtree(folder)
