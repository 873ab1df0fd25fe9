#!/usr/bin/env python3
"""The image's script that runs holdfast boot, on paths of the test's own: an administrator whose
account may have been disabled does not log in after a boot that died."""
import os
import stat
import subprocess
import tempfile

from harness import Tap

SCRIPT = 'rootfs-overlay/etc/init.d/S50holdfast'
SHADOW = 'root:!*:0:0:99999:7:::\nadmin:%s:20000:0:99999:7:::\nholdfast:!*:0:0:99999:7:::\n'
OPEN = '$6$rounds=656000$salt$hash'
STUB = '''#!/bin/sh
case $1 in
boot) %s ;;
get) %s ;;
esac
'''
KILLED = 'kill -KILL $$'


def run(boot, get, shadow=SHADOW % OPEN):
    """What stands in shadow(5) and in the record of the boot afterwards."""
    with tempfile.TemporaryDirectory() as root:
        with open(SCRIPT) as file:
            script = file.read()
        for path in ('/run/holdfast', '/etc/shadow', '/usr/sbin'):
            if path not in script:
                raise AssertionError(f'{SCRIPT} does not use {path} any more')
            script = script.replace(path, root + path)
        for folder in ('run/holdfast', 'etc', 'usr/sbin'):
            os.makedirs(f'{root}/{folder}')
        with open(f'{root}/etc/shadow', 'w') as file:
            file.write(shadow)
        os.chmod(f'{root}/etc/shadow', 0o600)
        if boot:
            with open(f'{root}/usr/sbin/holdfast', 'w') as file:
                file.write(STUB % (boot, get))
            os.chmod(f'{root}/usr/sbin/holdfast', 0o755)
        said = subprocess.run(['sh', '-c', script], capture_output=True, text=True, timeout=60).stderr
        with open(f'{root}/etc/shadow') as file:
            left = file.read()
        with open(f'{root}/run/holdfast/boot-order') as file:
            order = file.read()
        mode = stat.S_IMODE(os.stat(f'{root}/etc/shadow').st_mode)
        return left, mode, order, said


def main(t):
    no, yes = 'echo security.disable_admin = no', 'echo security.disable_admin = yes'
    lost = 'exit 2'
    open_cases = (('exit 0', yes), ('exit 1', yes), ('exit 1', lost), ('exit 2', no), (KILLED, no))
    for boot, get in open_cases:
        left, _, order, said = run(boot, get)
        t.ok(left == SHADOW % OPEN and 'boot-exit' in order,
             f'after "{boot}" with "{get}" the administrator logs in', left, order, said)
    shut_cases = (('exit 2', yes), ('exit 2', lost), (KILLED, yes), (KILLED, lost),
                  (KILLED, KILLED), (KILLED, 'true'), ('exit 3', no + 'pe'), (None, None))
    for boot, get in shut_cases:
        left, mode, order, said = run(boot, get)
        t.ok(left == SHADOW % '!' and mode == 0o600 and 'no user can log in' in said and
             'boot-exit' in order,
             f'after "{boot}" with "{get}" nobody logs in', left, oct(mode), order, said)
    fresh = run(None, None, SHADOW % '*')[0]
    t.same(fresh, SHADOW % '!', 'nor is a first password asked for')


with Tap() as tap:
    main(tap)
