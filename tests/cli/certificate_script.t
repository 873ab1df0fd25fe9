#!/usr/bin/env python3
"""The script that shows the endpoint's certificate on the console of a locked node. Its sleep is a stub
that changes the certificate and ends the script; nothing waits here."""
import os
import subprocess

from harness import Tap

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir)
SCRIPT = os.path.join(os.path.abspath(TOP), 'rootfs-overlay/usr/libexec/holdfast/certificate')
# In mounts of this process alone: the stub stands where the script finds programs first.
STUBS = r'''
mount -t tmpfs stubs /usr/sbin && mount -t tmpfs run /run && mkdir /run/holdfast || exit 1
cat >/usr/sbin/sleep <<'END'
#!/bin/sh
echo "$1" >>/run/slept
case $(wc -l </run/slept) in
2) printf '11:AA' >/run/holdfast/fingerprint ;;
4) printf '22:BB' >/run/holdfast/fingerprint ;;
5) rm /run/holdfast/fingerprint ;;
6) : >/run/holdfast/fingerprint ;;
7) printf '22:BB' >/run/holdfast/fingerprint ;;
9) kill $PPID ;;
esac
END
chmod +x /usr/sbin/sleep
'''


def run(inittab):
    commands = STUBS + f'printf "%s" "{inittab}" >/run/inittab\n' \
        'sed "s|/etc/inittab|/run/inittab|" "$1" >/run/script; sh /run/script; echo "slept" $(cat /run/slept)'
    done = subprocess.run(['unshare', '-m', 'sh', '-c', commands, 'sh', SCRIPT], capture_output=True,
                          text=True, timeout=60)
    return done.stdout, done.stderr


with Tap() as t:
    said, errors = run('::sysinit:/etc/init.d/rcS')
    t.same([line for line in said.split() if ':' in line and line[0].isdigit()], ['11:AA', '22:BB'],
           'the certificate is shown once it is there, and the next one when it follows')
    t.ok(said.rstrip().endswith('slept 1 1 60 60 60 60 60 60 60'),
         'it looks every second until then, and every minute afterwards', said, errors)
    said, errors = run('ttyS0::respawn:/usr/libexec/holdfast/getty ttyS0')
    t.same(said.strip(), 'slept', 'where a log-in is offered, getty shows it')
