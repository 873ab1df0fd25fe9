#!/usr/bin/python3
"""--root stays inside its root: whatever links lie in the tree, nothing outside is read or changed,
and an absolute link leads to the same path below the root."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PATIENCE_S, Node, Tap  # noqa: E402

WORDS = ('boot', 'check', 'set web.max_sessions=7', 'get web.max_sessions', 'events', 'boot')


class Victim:
    """A tree outside, of which every byte, mode and time is known."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix='holdfast-victim-')
        for folder in ('run/holdfast/crypto', 'lib/holdfast', 'etc/holdfast', 'proc/sys/net'):
            os.makedirs(f'{self.top}/{folder}')
        for name in ('passwd', 'shadow', 'inittab', 'holdfast/role', 'fips'):
            with open(f'{self.top}/etc/{name}', 'w', encoding='ascii') as file:
                file.write('conferencing\n')
        for name in ('state.db', 'state.db.known', 'state.db-wal', 'state.db-shm', 'state.db.lock',
                     'bootenv'):
            with open(f'{self.top}/lib/holdfast/{name}', 'w', encoding='ascii') as file:
                file.write('health.port = 4443\n')
        for name in ('boot', 'probe', 'network.conf', 'crypto/nginx.conf'):
            with open(f'{self.top}/run/holdfast/{name}', 'w', encoding='ascii') as file:
                file.write('1 2\n')
        self.before = self.look()

    def look(self):
        found = {}
        for folder, folders, files in os.walk(self.top):
            for name in ['.', *folders, *files]:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                text = open(path, 'rb').read() if os.path.isfile(path) else b''
                found[path] = (status.st_ino, status.st_mode, status.st_uid, status.st_ctime_ns, text)
        return found

    def changed(self):
        now = self.look()
        return sorted(path for path in now.keys() | self.before.keys()
                      if now.get(path) != self.before.get(path))

    def end(self):
        shutil.rmtree(self.top)


def replace(node, name, target):
    """Puts a link in the place of what the tree has there, which goes to the link's target below the
    root where that is absolute."""
    path = node.path(name)
    if target.startswith('/') and os.path.lexists(path) and 'missing' not in target:
        inside = node.root + target
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        if not os.path.lexists(inside):
            shutil.move(path, inside)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)


def layouts(top):
    """Name, links, and whether the node works with them."""
    up = '../' * 30
    yield 'absolute folders', {'run': f'{top}/run', 'var/lib': f'{top}/lib'}, True
    yield 'absolute etc', {'etc': f'{top}/etc'}, True
    yield 'the folder of the database', {'var/lib/holdfast': f'{top}/lib/holdfast'}, True
    yield 'a folder that leads out by ..', {'run': f'{up}{top[1:]}/run'}, True
    yield 'a chain', {'run': '/one', 'one': 'two', 'two': f'/three/../{top[1:]}/run'}, True
    yield 'the folder of records', {'run/holdfast': f'{top}/run/holdfast'}, True
    yield 'the folder of the rendered files', {
        'run/holdfast/crypto': f'{top}/run/holdfast/crypto'}, True
    yield 'files', {f'etc/{name}': f'{top}/etc/{name}'
                    for name in ('passwd', 'shadow', 'inittab', 'holdfast/role')}, True
    yield 'files by ..', {f'etc/{name}': f'{up}{top[1:]}/etc/{name}'
                          for name in ('passwd', 'shadow', 'inittab')}, True
    yield 'the database', {'var/lib/holdfast/state.db': f'{top}/lib/holdfast/state.db'}, True
    yield 'files beside the database', {
        f'var/lib/holdfast/state.db{end}': f'{top}/lib/holdfast/state.db{end}'
        for end in ('.known', '.head', '-wal', '-shm', '.lock', '.new', '.latch-admin-disabled')}, False
    yield 'the boot entry', {'var/lib/holdfast/bootenv': f'{top}/lib/holdfast/bootenv'}, True
    yield 'records', {f'run/holdfast/{name}': f'{top}/run/holdfast/{name}'
                      for name in ('boot', 'probe', 'network.conf', 'web.json', 'crypto/nginx.conf',
                                   'boot.new', 'crypto/nginx.conf.new')}, True
    yield 'a folder of records that is not there yet', {'run/holdfast': f'{top}/missing3/holdfast'}, True
    yield 'dangling folders', {'run': f'{top}/missing', 'var': f'{top}/missing2/x'}, False
    yield 'a loop', {'run': 'run', 'var': '/var'}, False
    yield 'a loop of two', {'var/lib': '/a', 'a': 'b', 'b': '/var/lib'}, False
    yield 'the kernel of another folder', {'proc': f'{top}/proc'}, True
    yield 'keys of another folder', {'proc/sys/net': f'{top}/proc/sys/net'}, True
    yield 'proc by a detour', {'proc': '/proc/self/root/proc'}, True


def walk(t, victim, name, links, works):
    node = Node()
    for path, target in links.items():
        replace(node, path, target)
    codes = []
    for words in WORDS:
        result = subprocess.run(['unshare', '-n', *node.argv(*words.split())],
                                capture_output=True, text=True, timeout=120, check=False,
                                stdin=subprocess.DEVNULL)
        codes.append(result.returncode)
        t.ok(result.returncode in (0, 1, 2), f'{name}: {words} ends by itself', result.stderr[-300:])
    t.same(victim.changed(), [], f'{name}: nothing outside is changed')
    if works:
        t.ok(node.get('web.max_sessions') == '7' and codes[0] != 2, f'{name}: the node works',
             codes, result.stderr[-400:])
        t.ok('(management node)' in node.run('check').stdout, f'{name}: its role is that of the tree',
             node.run('check').stdout[:200])


def pipes(t):
    """A FIFO in a file's place is opened by nobody at its other end."""
    for name in ('etc/passwd', 'etc/shadow', 'etc/inittab', 'etc/holdfast/role',
                 'run/holdfast/boot', 'run/holdfast/probe', 'run/holdfast/crypto/nginx.conf',
                 'proc/sys/net/ipv4/ip_forward',
                 *(f'var/lib/holdfast/state.db{end}'
                   for end in ('', '.known', '.head', '-wal', '-shm', '.lock'))):
        node = Node()
        node.run('boot')
        path = node.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        os.mkfifo(path)
        for words in ('boot', 'check', 'set web.max_sessions=7'):
            try:
                ended = node.run(*words.split()).returncode in (0, 1, 2)
            except subprocess.TimeoutExpired:
                ended = False
            t.ok(ended, f'{name} is a FIFO: {words} ends by itself')


def control_socket(t):
    """The daemon's socket, and a stranger's that a link leads to."""
    node, victim = Node(), Victim()
    os.makedirs(node.path('run/holdfast'))
    stranger = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stranger.bind(f'{victim.top}/run/holdfast/control')
    stranger.listen(4)
    stranger.settimeout(0)
    victim.before = victim.look()
    os.symlink(f'{victim.top}/run/holdfast/control', node.path('run/holdfast/door'))
    node.run('set', 'web.max_sessions=8')
    try:
        stranger.accept()
        reached = True
    except BlockingIOError:
        reached = False
    t.ok(not reached, 'a client does not go to a socket outside')
    shutil.rmtree(node.path('run'))
    os.symlink(f'{victim.top}/run', node.path('run'))
    daemon = subprocess.Popen(['unshare', '-n', *node.argv('run')], stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL)
    inside = f'{node.root}{victim.top}/run/holdfast/control'
    until_s = time.monotonic() + PATIENCE_S
    while not os.path.exists(inside) and time.monotonic() < until_s and daemon.poll() is None:
        time.sleep(0.05)
    t.ok(os.path.exists(inside), 'the daemon makes its socket inside', os.listdir(node.root))
    result = node.run('set', 'web.max_sessions=9')
    t.ok(node.get('web.max_sessions') == '9', 'and is reached there', result.stderr)
    daemon.terminate()
    daemon.communicate(timeout=PATIENCE_S)
    t.same(victim.changed(), [], 'nothing outside is changed by a daemon')
    stranger.close()
    victim.end()


def reads(t):
    """What a row shows is never a file outside, though the file itself is a link."""
    node, victim = Node(), Victim()
    files = {'proc/cmdline': 'lockdown=secret-of-another', 'sys/kernel/security/lockdown': '[secret]\n',
             'proc/self/mountinfo': '1 1 0:2 / /home rw - secret secret rw\n'}
    for name, text in files.items():
        outside = f'{victim.top}/{name.replace("/", "-")}'
        with open(outside, 'w', encoding='ascii') as file:
            file.write(text)
        replace(node, name, outside)
    shown = node.run('check', '--all', '--id', 'platform.*').stdout
    t.ok(shown and 'secret' not in shown and 'not a mount' not in shown,
         'no file outside is read for a row', shown)
    for name, text in files.items():
        inside = f'{node.root}{victim.top}/{name.replace("/", "-")}'
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        with open(inside, 'w', encoding='ascii') as file:
            file.write(text.replace('secret', 'own'))
    shown = node.run('check', '--all', '--id', 'platform.*').stdout
    t.ok('own-of-another' in shown and 'secret' not in shown,
         'the file at the same path below the root is', shown)
    victim.end()


with Tap() as tap:
    outside = Victim()
    for name, links, works in layouts(outside.top):
        walk(tap, outside, name, links, works)
    outside.end()
    pipes(tap)
    control_socket(tap)
    reads(tap)
