#!/usr/bin/env python3
"""Disabling the administrator account below a root: what boot locks, what it leaves alone, and that
nothing opens it again."""
import os
import shutil

from ground import PASSWORD, Node, Tap, hashed


def disable(node):
    result = node.run('set', 'security.disable_admin=yes')
    if result.returncode:
        raise AssertionError(result.stderr)


def boot(node):
    result = node.run('boot')
    if result.returncode not in (0, 1):
        raise AssertionError(result.stderr)
    return result


def fields(node, file, name):
    return next(line for line in node.read(file).splitlines() if line.startswith(name + ':')
                ).split(':')


def left_alone(t):
    node = Node()
    before = {name: node.read(name) for name in ('etc/passwd', 'etc/shadow', 'etc/inittab')}
    boot(node)
    t.same({name: node.read(name) for name in before}, before,
           'an enabled account is left as it is')
    disable(node)
    node.run('check')
    t.same({name: node.read(name) for name in before}, before,
           'a stored answer alone changes nothing before the next boot')
    t.ok('waits for the next boot' in node.run('check').stdout, 'and check says that it waits')
    result = node.run('set', 'security.disable_admin=no')
    t.same(result.returncode, 0, 'until then it can be taken back')


def locked(t):
    node = Node()
    os.chown(node.path('etc/shadow'), 0, 42)
    os.chmod(node.path('etc/shadow'), 0o640)
    disable(node)
    boot(node)
    t.ok(fields(node, 'etc/shadow', 'admin')[1].startswith('!'), 'the password is locked')
    t.same(fields(node, 'etc/passwd', 'admin')[6], '/sbin/nologin', 'the shell refuses')
    t.same(fields(node, 'etc/passwd', 'root')[6], '/bin/sh', 'the shell of root is as it was')
    inittab = node.read('etc/inittab')
    t.ok('getty' not in inittab and 'sysinit' in inittab and 'holdfast run' in inittab,
         'no console starts a login, and all else is started', inittab)
    status = os.stat(node.path('etc/shadow'))
    t.same((status.st_mode & 0o777, status.st_gid), (0o640, 42),
           'a file keeps its mode and its group')
    before = node.read('etc/shadow')
    inode = os.stat(node.path('etc/shadow')).st_ino
    boot(node)
    t.same((node.read('etc/shadow'), os.stat(node.path('etc/shadow')).st_ino), (before, inode),
           'a second boot writes nothing')


def others(t):
    node = Node()
    hostile = ('second:%s:0::::::\nempty::0::::::\nnocolons\n\nadmin:%s:0::::::\n'
               % (hashed('x'), hashed('y')))
    node.write('etc/shadow', node.read('etc/shadow') + hostile + 'long:' + 'a' * 70000, 0o600)
    node.write('etc/passwd', node.read('etc/passwd') + 'open::1001:1001::/:/bin/sh\n')
    disable(node)
    boot(node)
    lines = node.read('etc/shadow').splitlines()
    unlocked = [line for line in lines if ':' in line and line.split(':')[1][:1] not in ('!', '*')]
    t.same(unlocked, [], 'no other account, and no second line, keeps a password')
    t.ok('nocolons' in lines and len(lines) == 8, 'lines that are not understood stay', lines)
    t.same(fields(node, 'etc/passwd', 'open')[1], '!', 'an empty field of passwd is closed')


def check_finds(t):
    node = Node()
    disable(node)
    boot(node)
    node.write('etc/shadow', f'admin:{hashed(PASSWORD)}:0::::::\n', 0o600)
    result = node.run('check', '--id', 'accounts.*')
    t.ok(result.returncode == 1 and 'accounts.admin.password' in result.stdout,
         'check finds an account that was opened again', result.stdout)
    boot(node)
    t.ok(fields(node, 'etc/shadow', 'admin')[1].startswith('!'), 'and boot closes it')


def for_good(t):
    def opens(node):
        node.write('etc/shadow', f'admin:{hashed(PASSWORD)}:0::::::\n', 0o600)
        boot(node)
        return not fields(node, 'etc/shadow', 'admin')[1].startswith('!')

    node = Node()
    disable(node)
    boot(node)
    for words in (('set', 'security.disable_admin=no'), ('import', '-')):
        result = node.run(*words, stdin=None, input='security.disable_admin = no\n')
        t.ok(result.returncode == 2 and node.get('security.disable_admin') == 'yes',
             f'{words[0]} does not take it back', result.stderr)
    t.ok(not opens(node), 'another boot closes it again')
    fresh = Node()
    boot(fresh)
    state = node.path('var/lib/holdfast')
    for name in ('state.db', 'state.db-wal', 'state.db-shm'):
        if os.path.exists(fresh.path(f'var/lib/holdfast/{name}')):
            shutil.copy(fresh.path(f'var/lib/holdfast/{name}'), state)
    t.ok(not opens(node), "nor does another node's database")
    for name in os.listdir(state):
        if name.startswith('state.db') and 'latch' not in name:
            os.unlink(f'{state}/{name}')
    t.ok(not opens(node), 'nor does the loss of the database')
    with open(f'{state}/state.db', 'wb') as file:
        file.write(os.urandom(8192))
    t.ok(not opens(node), 'nor does a damaged one')
    t.ok(any('damaged' in name for name in os.listdir(state)), 'which is set aside',
         os.listdir(state))


with Tap() as t:
    left_alone(t)
    locked(t)
    others(t)
    check_finds(t)
    for_good(t)
