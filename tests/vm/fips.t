#!/usr/bin/env python3
"""FIPS mode of a booted node: the kernel gets its argument from the stored setting, at the next
boot and no earlier, and every row of FIPS mode passes then."""
import os
import tempfile

import harness
import deploy
from fetch import fetch_json
from node import Node


def rows(machine):
    return {row['id']: row for row in fetch_json(machine.port, '/checks', patience=180)[1]['checks']}


def switched_on(t, machine):
    """An administrator turns FIPS mode on and reboots."""
    machine.log_in(deploy.PASSWORD)
    t.ok('fips=1' not in machine.run('cat /proc/cmdline')[1], 'outside FIPS mode no argument')
    t.same(machine.run('cat /proc/sys/crypto/fips_enabled')[1].strip(), '0',
           'the kernel knows FIPS mode and is not in it')
    t.same(machine.run('holdfast set security.fips=yes', deploy.PASSWORD)[0], 0,
           'security.fips=yes is stored')
    row = rows(machine)['fips.kernel']
    t.ok(row['verdict'] == 'fail' and 'next boot' in row['reason'],
         'until the next boot the kernel\'s row fails and says why', row)


def after_the_boot(t, machine):
    found = rows(machine)
    t.same({name: row['verdict'] for name, row in found.items()
            if name.startswith('fips.') and row['verdict'] != 'pass'}, {},
           'every row of FIPS mode passes')
    machine.log_in(deploy.PASSWORD)
    t.ok('fips=1' in machine.run('cat /proc/cmdline')[1].split(), 'the kernel has its argument')
    t.same(machine.run('cat /proc/sys/crypto/fips_enabled')[1].strip(), '1',
           'and is in FIPS mode')


with harness.Tap() as t, tempfile.TemporaryDirectory(prefix='holdfast-fips-') as folder:
    image = deploy.state_disk(deploy.stored(folder), os.path.join(folder, 'state.ext4'))
    with Node(state=image) as machine:
        t.on(machine).start()
        switched_on(t, machine)
        machine.power_off()
        machine.start()
        after_the_boot(t, machine)
        machine.run('holdfast set security.fips=no', deploy.PASSWORD)
        machine.power_off()
        machine.start()
        t.same(rows(machine)['fips.kernel']['observed'], '0 in /proc/sys/crypto/fips_enabled',
               'switched off, the argument goes too')
        machine.power_off()
