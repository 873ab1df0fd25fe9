#!/usr/bin/env python3
"""What is in the image, and what is not."""
import os
import stat
import subprocess

import harness
import archive
import node


with harness.Tap() as t:
    for role in ('management', 'conferencing'):
        found = list(archive.entries(role))
        content = {name: body for name, mode, owner, body in found}
        t.same([n for n, mode, _, _ in found if mode & (stat.S_ISUID | stat.S_ISGID)], [],
               role + ': no file is setuid or setgid')
        t.same([n for n, mode, _, _ in found if mode & stat.S_IWOTH and not stat.S_ISLNK(mode)],
               [], role + ': no file and no folder is writable by everybody')
        t.same([n for n, _, owner, _ in found if owner != [0, 0]], [],
               role + ': everything belongs to root')
        t.same([n for n in content if os.path.basename(n) in ('sshd', 'dropbear', 'telnetd')],
               [], role + ': no remote login is there')
        listed = subprocess.run([os.path.join(os.path.dirname(node.IMAGES), 'deps/image/bin/busybox'), '--list'],
                                capture_output=True, text=True, check=True).stdout.split()
        linked = [os.path.basename(n) for n, mode, _, body in found
                  if stat.S_ISLNK(mode) and body == b'/bin/busybox']
        t.same(sorted(linked), sorted(listed), role + ': busybox has the applets that are linked, and no other')
        t.same(content['etc/holdfast/role'].strip().decode(), role, role + ': knows its role')
        t.same([line.split(':')[1] for line in content['etc/shadow'].decode().splitlines()],
               ['!*', '!*', '*'], role + ': no user has a password')
        t.same([stat.S_IMODE(m) for n, m, _, _ in found if n == 'etc/shadow'], [0o600],
               role + ': only root reads the passwords')
    with open(os.path.join(node.IMAGES, 'manifest'), encoding='ascii') as manifest:
        t.ok(all(len(line.split()) == 3 for line in manifest), 'the manifest names what was used')
