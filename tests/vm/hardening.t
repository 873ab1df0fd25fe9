#!/usr/bin/env python3
"""What an administrator who has logged in to the booted image cannot do: run a program that the image
does not name, see other processes, execute a file of their own, load a module; and the rows that
say so."""
import os
import tempfile

import harness
import deploy
from fetch import fetch_json
from node import Node

# Programs that a busybox of a distribution has: a way in, a way out, or a way up.
MISSING = ('nc', 'telnetd', 'httpd', 'wget', 'tftp', 'ftpget', 'unshare', 'nsenter', 'chroot', 'insmod', 'devmem',
           'dd', 'su', 'ssl_client')


def rows(machine):
    report = fetch_json(machine.port, '/checks', patience=180)[1]
    return {row['id']: row for row in report['checks'] if row['id'].startswith(('platform.', 'sysctl.kernel.modules'))}


def programs(t, machine):
    found = [name for name in MISSING if machine.run(f'{name} </dev/null')[0] != 127]
    t.same(found, [], 'the shell runs no program that the image has not')
    found = [name for name in MISSING if 'applet not found' not in machine.run(f'busybox {name} </dev/null')[1]]
    t.same(found, [], 'nor does busybox by name')
    code, said = machine.run('cp /bin/busybox $HOME/own && $HOME/own true')
    t.ok(code == 126 and 'Permission denied' in said, 'a file of their own cannot be executed', said)


def processes(t, machine):
    code, said = machine.run('ps')
    t.ok(code == 0 and 'admin' in said and ' root ' not in said and 'holdfast run' not in said,
         'they see no process but their own', said)


def kernel(t, machine):
    t.same(machine.run('cat /proc/sys/kernel/modules_disabled')[1].strip(), '1',
           'no module can be loaded any more')
    found = rows(machine)
    t.ok(len(found) > 10, 'there is a row for each', found)
    t.same({name: row['observed'] for name, row in found.items() if row['verdict'] != 'pass'}, {},
           'and all of them pass')


with harness.Tap() as t, tempfile.TemporaryDirectory() as folder:
    disk = deploy.state_disk(deploy.stored(folder), os.path.join(folder, 'disk'))
    with Node(state=disk) as machine:
        t.on(machine).start()
        machine.log_in(deploy.PASSWORD)
        programs(t, machine)
        processes(t, machine)
        kernel(t, machine)
