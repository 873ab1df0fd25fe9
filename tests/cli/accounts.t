#!/usr/bin/env python3
"""Disabling the administrator account below a root: what boot locks, what it leaves alone, and that
nothing opens it again."""
import os
import shutil
import subprocess

from harness import HOLDFAST, PASSWORD, Node, Tap, hashed


def disable(node):
    result = node.run('set', '--yes', 'health.stations=192.0.2.1/32', 'security.disable_admin=yes')
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


def strange_lines(t):
    """Files as nobody writes them: what is understood is closed, and every other byte stays."""
    node = Node()
    kept = (b'long:!' + b'a' * 1000000 + b':::\n', b'nul:!\0:x\n', b'\0hid\0den\n', b':\n', b'\n')
    with open(node.path('etc/shadow'), 'wb') as file:
        file.write(b''.join(kept[:3]) + b'before:x\0behind\nadmin:y\0z\nadmin\n' +
                   b'crlf:$6$x$y:0::::::\r\n' + b'many:' + b':' * 50 + b'\n' +
                   b''.join(kept[3:]) + b'last:$6$x$y')
    disable(node)
    boot(node)
    with open(node.path('etc/shadow'), 'rb') as file:
        after = file.read()
    t.ok(after.startswith(b''.join(kept[:3])), 'what is locked stays as it is, of whatever length')
    t.same(after[sum(len(line) for line in kept[:3]):],
           b'before:!\0behind\nadmin:!\0z\nadmin\ncrlf:!:0::::::\r\nmany:!' + b':' * 50 +
           b'\n:!\n\nlast:!',
           'a line beyond a NUL, a carriage return or a missing newline is closed as the others are')
    with open(node.path('etc/shadow'), 'ab') as file:
        file.write(b'\n' + b'x' * 1100000)
    result = boot(node)
    t.ok('cannot read /etc/shadow: File too large' in result.stderr,
         'a file larger than any such file is told', result.stderr[-300:])
    t.same(os.path.getsize(node.path('etc/shadow')), len(after) + 1100001, 'and left as it is')


def linked_file(t):
    node = Node()
    os.rename(node.path('etc/passwd'), node.path('etc/real'))
    os.symlink('real', node.path('etc/passwd'))
    disable(node)
    boot(node)
    t.same(os.lstat(node.path('etc/passwd')).st_mode & 0o7777, 0o644,
           'a file behind a symbolic link does not become writable for everybody')
    t.same(fields(node, 'etc/passwd', 'admin')[6], '/sbin/nologin', 'and is mended')


def no_console(t):
    """Every way of inittab(5) and busybox to ask for a login, and what is none."""
    logins = ('::askfirst:-/bin/sh', '::respawn:/sbin/getty 38400 tty1', 'tty2::once:/bin/login',
              'tty3::respawn:/opt/menu', '1:2345:respawn:/sbin/agetty tty1', '::wait:/sbin/sulogin',
              '::respawn:-/bin/ash\r', 'ttyS0::askfirst:/bin/true')
    others = ('# tty9::respawn:/sbin/getty', '::sysinit:/bin/sh /etc/rc', '::respawn:/usr/sbin/daemon',
              '::shutdown:/bin/umount -a', '::ctrlaltdel:/sbin/reboot', 'no colons', '::', '')
    node = Node()
    node.write('etc/inittab', ''.join(f'{a}\n{b}\n' for a, b in zip(logins, others)))
    disable(node)
    boot(node)
    t.same(node.read('etc/inittab').split('\n'), [*others, ''],
           'no kind of login is left, and nothing else is lost')


def by_the_wizard(t):
    node = Node()
    node.write('answers', 'security.disable_admin = yes\n')
    node.run('set', 'health.stations=192.0.2.1/32')
    node.write('word', PASSWORD + '\n', 0o600)
    result = node.run('wizard', '--answers', node.path('answers'), '--password-file',
                      node.path('word'), '--no-reboot', '--yes')
    t.same(result.returncode, 0, "the wizard's answer is stored")
    t.ok(fields(node, 'etc/shadow', 'admin')[1].startswith('$'), 'and closes nothing by itself')
    boot(node)
    t.same([fields(node, 'etc/shadow', 'admin')[1], fields(node, 'etc/passwd', 'admin')[6]],
           ['!', '/sbin/nologin'], 'the next boot closes the account')
    result = node.run('wizard', '--answers', node.path('answers'), '--password-file',
                      node.path('word'), '--no-reboot')
    t.same(result.returncode, 2, 'and then the wizard takes no password any more')


def check_finds(t):
    node = Node()
    disable(node)
    boot(node)
    node.write('etc/shadow', f'admin:{hashed(PASSWORD)}:0::::::\n', 0o600)
    result = node.run('check', '--id', 'accounts.*')
    t.ok(result.returncode == 1 and 'observed: not locked: admin' in result.stdout,
         'check finds an account that was opened again', result.stdout)
    boot(node)
    t.ok(fields(node, 'etc/shadow', 'admin')[1].startswith('!'), 'and boot closes it')


# A machine in a mount namespace of its own, whose administrator is disabled and whose passwd is no
# file. check changes nothing.
STRANGE_MACHINE = '''
for folder in /etc /run /var/lib; do mount -t tmpfs none $folder || exit; done
mkdir -p /etc/holdfast /etc/passwd /var/lib/holdfast
echo management >/etc/holdfast/role
touch /var/lib/holdfast/state.db.latch-admin-disabled
"$0" set node.hostname=strange && "$0" check --format json --id accounts.processes
'''


def who_is_the_admin(t):
    """Whose processes are looked for stands in passwd."""
    result = subprocess.run(['unshare', '--mount', '--net', '--propagation', 'private', 'sh', '-c',
                             STRANGE_MACHINE, HOLDFAST], capture_output=True, text=True)
    t.ok('"verdict":"error"' in result.stdout and '/etc/passwd' in result.stdout,
         'a passwd that cannot be read leaves the processes of a login undecided', result)


def latch_alone(t):
    """The file beside the database outlives it, and check believes it without one."""
    node = Node()
    os.makedirs(node.path('var/lib/holdfast'), exist_ok=True)
    node.write('var/lib/holdfast/state.db.latch-admin-disabled', '')
    before = os.listdir(node.path('var/lib/holdfast'))
    result = node.run('check', '--id', 'accounts.admin.*')
    t.ok(result.returncode == 1 and 'observed: not locked: admin' in result.stdout,
         'where the latch stands alone check finds the account open', result.stdout, result.stderr)
    t.same(os.listdir(node.path('var/lib/holdfast')), before, 'and writes nothing')
    boot(node)
    t.ok(fields(node, 'etc/shadow', 'admin')[1].startswith('!'), 'and a boot closes it')
    node = Node()
    os.makedirs(node.path('var/lib/holdfast'), exist_ok=True)
    node.write('var/lib/holdfast/state.db.latch-state-lost', '')
    result = node.run('check')
    t.ok(result.returncode == 1 and result.stdout.startswith('FAILED CLOSED: '),
         'the latch of a lost state alone makes check fail closed', result.stdout[:200], result.stderr)


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
    strange_lines(t)
    linked_file(t)
    no_console(t)
    by_the_wizard(t)
    check_finds(t)
    who_is_the_admin(t)
    latch_alone(t)
    for_good(t)
