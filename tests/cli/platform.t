#!/usr/bin/env python3
"""What the image hardens, by files of a kernel made up below --root: each row says what it saw, and
fails where an argument, the lockdown mode or a mount option is not there."""
import json
import os

from harness import Node, Tap
from rows import copied

CMDLINE = ('console=ttyS0 quiet init_on_alloc=1 slab_nomerge page_alloc.shuffle=1 '
           'randomize_kstack_offset=on vsyscall=none debugfs=off lockdown=integrity fips=1')
MOUNTS = (
    '1 1 0:2 / / rw - rootfs rootfs rw,size=105808k\n'
    '20 1 0:20 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw,hidepid=invisible\n'
    '21 1 0:21 / /dev rw,nosuid,noexec,relatime - devtmpfs devtmpfs rw,mode=755\n'
    '22 1 0:22 / /run rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755\n'
    '23 1 0:23 / /tmp rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw\n'
    '24 1 0:24 / /home rw,nosuid,nodev,noexec,relatime shared:4 - tmpfs tmpfs rw,mode=755\n'
    '25 1 254:0 / /var/lib/holdfast rw,nosuid,nodev,noexec,relatime - ext4 /dev/vda rw\n')
LOCKDOWN = 'none [integrity] confidentiality\n'


def rows(node, cmdline=CMDLINE, lockdown=LOCKDOWN, mounts=MOUNTS):
    files = {'proc/cmdline': cmdline, 'sys/kernel/security/lockdown': lockdown,
             'proc/self/mountinfo': mounts}
    for name, text in files.items():
        os.makedirs(os.path.dirname(node.path(name)), exist_ok=True)
        if text is not None:
            node.write(name, text)
        elif os.path.exists(node.path(name)):
            os.unlink(node.path(name))
    report = json.loads(node.run('check', '--all', '--format', 'json', '--id', 'platform.*').stdout)
    return {row['id'].removeprefix('platform.'): row for row in report['checks']}


def verdicts(found, wanted='fail'):
    return {name for name, row in found.items() if row['verdict'] == wanted}


def hardened(t, node):
    found = rows(node)
    t.same(verdicts(found, 'pass'), set(found), 'an image that is as it should be passes every row')
    t.same(found['mount.proc']['observed'],
           'mounted with rw,nosuid,nodev,noexec,relatime, and rw,hidepid=invisible',
           'a row of a mount says which options it saw')
    t.same(copied(found.values()), [], 'what passes is no copy of what should be')
    t.same(rows(node, lockdown='none integrity [confidentiality]\n')['lockdown']['verdict'], 'pass',
           'a stricter lockdown passes')


def arguments(t, node):
    for word in CMDLINE.split()[2:9]:
        name = 'argument.' + word.partition('=')[0]
        found = rows(node, CMDLINE.replace(word + ' ', ' '))
        t.same((verdicts(found), found[name]['observed']), ({name}, 'absent'),
               f'without {word} its row alone fails, and says that it is absent')
    for line, actual in ((CMDLINE + ' lockdown=none', 'lockdown=none'), (CMDLINE + ' vsyscall', 'vsyscall')):
        found = rows(node, line)
        t.same([found[name]['observed'] for name in verdicts(found)], [actual],
               f'the last word of a name counts: {actual}')
    found = rows(node, CMDLINE.replace('init_on_alloc=1', 'xinit_on_alloc=1 init_on_alloc_=1'))
    t.same(verdicts(found), {'argument.init_on_alloc'}, 'a longer name is another argument')


def lockdown(t, node):
    found = rows(node, lockdown='[none] integrity confidentiality\n')
    t.same((verdicts(found), found['lockdown']['observed']), ({'lockdown'}, 'none'),
           'a kernel without lockdown fails, whatever its arguments say')
    t.same(rows(node, lockdown='garbage')['lockdown']['observed'], 'unknown',
           'a mode that cannot be told is not taken for one')
    absent = rows(node, lockdown=None)['lockdown']
    t.ok((absent['verdict'], absent['observed']) == ('fail', 'unknown') and
         '/sys/kernel/security/lockdown' in absent['reason'],
         'a running kernel that does not show its lockdown fails', absent)
    t.same(rows(node, cmdline=None, lockdown=None, mounts=None)['lockdown']['verdict'],
           'not_applicable', 'a tree without a kernel has no row to fail')


def mounts(t, node):
    for path, row in (('/proc', 'proc'), ('/dev', 'dev'), ('/run', 'run'), ('/tmp', 'tmp'),
                      ('/home', 'home'), ('/var/lib/holdfast', 'state')):
        gone = ''.join(line for line in MOUNTS.splitlines(True) if f' {path} ' not in line)
        found = rows(node, mounts=gone)
        t.same((verdicts(found), found['mount.' + row]['observed']), ({'mount.' + row}, 'not a mount of its own'),
               f'{path} that is no mount of its own fails')
    hidden = MOUNTS + '30 1 0:30 / /home rw,relatime - tmpfs tmpfs rw\n'
    found = rows(node, mounts=hidden)
    t.same((verdicts(found), found['mount.home']['observed']), ({'mount.home'}, 'none of them'),
           'the last mount at a path is the one that counts')
    for old, new in (('hidepid=invisible', 'hidepid=off'), ('/tmp rw,nosuid,nodev,noexec', '/tmp rw,nosuid,nodev')):
        t.same(len(verdicts(rows(node, mounts=MOUNTS.replace(old, new)))), 1, f'one lost option fails: {new}')
    found = rows(node, mounts=MOUNTS.replace('tmpfs rw\n', 'tmpfs rw,noexec\n').replace('/tmp rw,nosuid,nodev,noexec', '/tmp rw,nosuid,nodev'))
    t.same(verdicts(found), {'mount.tmp'}, 'an option of the file system is no option of the mount')


with Tap() as t:
    node = Node()
    hardened(t, node)
    arguments(t, node)
    lockdown(t, node)
    mounts(t, node)
    t.same({row['verdict'] for row in rows(node, None, None, None).values()}, {'not_applicable'},
           'without a kernel below --root none of it applies')
