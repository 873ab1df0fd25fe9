#!/usr/bin/env python3
"""The script by which init starts the daemon again: one that cannot live waits ever longer, one that
lasted does not. Its sleep is a stub that writes down for how long; nothing waits here."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from tap import Tap  # noqa: E402

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir)
SCRIPT = os.path.join(os.path.abspath(TOP), 'rootfs-overlay/usr/libexec/holdfast/daemon')
# In mounts of this process alone: stubs stand where the script finds programs first.
STUBS = r'''
mount -t tmpfs stubs /usr/sbin && mount -t tmpfs run /run || exit 1
printf '#!/bin/sh\necho "slept $1" >>/run/said\n' >/usr/sbin/sleep
printf '#!/bin/sh\necho "ran $*" >>/run/said\nexit 1\n' >/usr/sbin/holdfast
chmod +x /usr/sbin/sleep /usr/sbin/holdfast
'''


def said(commands):
    done = subprocess.run(['unshare', '-m', 'sh', '-c', STUBS + commands + '\ncat /run/said',
                           'sh', SCRIPT], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


with Tap() as t:
    lines = said('for i in 1 2 3 4 5 6 7 8 9; do "$1" >/dev/null; done')
    t.same([line for line in lines if line.startswith('ran')], ['ran run'] * 9,
           'each start becomes the daemon')
    t.same(lines[0], 'ran run', 'the first one at once')
    t.same([int(line.split()[1]) for line in lines if line.startswith('slept')],
           [1, 2, 4, 8, 16, 32, 60, 60], 'one that ends at once is started after a growing delay')
    lines = said('"$1" >/dev/null; "$1" >/dev/null; echo "-100 5" >/run/holdfast/daemon-starts; '
                 '"$1" >/dev/null; "$1" >/dev/null')
    t.same(lines, ['ran run', 'slept 1', 'ran run', 'ran run', 'slept 1', 'ran run'],
           'one that lasted a minute begins anew')
