#!/usr/bin/env python3
"""FIPS mode: its rows, the boot entry, and that a library which gives one wrong answer, or a key
that is not approved, keeps the endpoint down. The wrong answers are in copies of the program in
which one digit of one published number is another."""
import atexit
import ctypes
import hashlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import tempfile
import time

from harness import HOLDFAST, PATIENCE_S, Node, Tap

VECTORS = 'agent/pki/selftest_vectors.def'
KEYS = 'tests/unit/data/keys'
PORT = 9443
CLONE_NEWNET = 0x40000000


def rows(node, program=HOLDFAST):
    done = node.run('check', '--format', 'json', '--id', 'fips.*', executable=program)
    return {row['id']: row for row in json.loads(done.stdout)['checks']}


def verdicts(found):
    return {name: row['verdict'] for name, row in found.items()}


def kernel(node, mode=None):
    os.makedirs(node.path('proc/sys/kernel'), exist_ok=True)
    os.makedirs(node.path('proc/sys/crypto'), exist_ok=True)
    if mode is not None:
        node.write('proc/sys/crypto/fips_enabled', mode + '\n')


def boot_entry(node):
    """As the boot loader's own tool reads it."""
    done = subprocess.run(['grub-editenv', node.path('var/lib/holdfast/bootenv'), 'list'],
                          capture_output=True, text=True, check=True)
    return done.stdout


# --- rows ---

def mode_is_off(t):
    node = Node()
    found = rows(node)
    t.same({name for name, verdict in verdicts(found).items() if verdict != 'not_applicable'},
           {'fips.boot_entry'}, 'outside FIPS mode nothing is asked for but no kernel argument')
    t.same(found['fips.boot_entry']['verdict'], 'pass', 'which a missing boot entry does not give')
    kernel(node, '1')
    t.same(rows(node)['fips.kernel']['verdict'], 'fail', 'a kernel in FIPS mode is a difference')


def mode_is_on(t):
    node = Node()
    node.run('set', 'security.fips=yes', 'tls.legacy=yes', 'tls.aes128_sha=yes')
    t.same(boot_entry(node), 'fips=1\n', 'GRUB reads fips=1 from the boot entry at once')
    found = rows(node)
    for name in ('mbedtls', 'bearssl', 'random'):
        t.ok(re.match(r'passed: [1-9]\d* in all', found['fips.selftest.' + name]['observed']),
             f'the self-tests pass: {name}', found)
    t.ok(found['fips.suites']['observed'].endswith('suites of 4 surfaces, each approved'),
           'no suite is offered that is not approved')
    t.ok(all(key in found['fips.suites']['reason'] for key in ('tls.legacy', 'tls.aes128_sha')) and
         'without effect' in found['fips.suites']['reason'], 'masked answers are named',
         found['fips.suites'])
    t.same(found['fips.kernel']['verdict'], 'not_applicable', 'no kernel, no row of it')
    t.ok(not re.search('validated', json.dumps(found)), 'no row says validated')
    node.run('set', 'security.fips=no')
    t.same(boot_entry(node), 'fips=0\n', 'the boot entry follows the setting back')


def modes_of_the_kernel(t):
    node = Node()
    node.run('set', 'security.fips=yes')
    for mode, verdict, note in ((None, 'fail', 'CONFIG_CRYPTO_FIPS'),
                                ('0', 'fail', 'next boot'), ('1', 'pass', None)):
        kernel(node, mode)
        row = rows(node)['fips.kernel']
        t.ok(row['verdict'] == verdict and (not note or note in row['reason']),
             f'a kernel whose mode is {mode}: {verdict}', row)
    kernel(node, '0')
    t.ok('next boot' in node.run('check').stdout, 'the report says that a boot is due')


def entry_drifts(t):
    node = Node()
    node.run('set', 'security.fips=yes')
    for name, text in (('cleared', ''), ('another one\'s', 'linux /evil fips=1\n'),
                       ('switched', '# GRUB Environment Block\nfips=0\n')):
        node.write('var/lib/holdfast/bootenv', text)
        t.same(rows(node)['fips.boot_entry']['verdict'], 'fail', f'a boot entry {name} is found')
        node.run('boot')
        t.same(boot_entry(node), 'fips=1\n', 'and repaired by the next boot')
    os.unlink(node.path('var/lib/holdfast/bootenv'))
    os.mkdir(node.path('var/lib/holdfast/bootenv'))
    row = rows(node)['fips.boot_entry']
    t.same(row['verdict'], 'error', 'one that cannot be read is an error with the reason')


# --- a wrong answer ---

def answers():
    """The name and the answer of each vector with one, and how many libraries it concerns."""
    with open(VECTORS) as file:
        for row in file.read().split('.kind')[1:]:
            name = re.search(r'\.name = "([^"]+)"', row)[1]
            answer = re.search(r'\.answer =\s*((?:"[0-9a-f]+"\s*)+)', row)
            if answer:
                yield (name, ''.join(re.findall('[0-9a-f]+', answer[1])),
                       1 if row.startswith(' = SELFTEST_RSA_PSS') else 2)


def broken(number):
    """A copy of the program with one digit of `number` changed."""
    with open(HOLDFAST, 'rb') as file:
        program = file.read()
    number = number.encode()
    other = number[:-1] + (b'0' if number[-1:] != b'0' else b'1')
    if program.count(number) != 1:
        raise ValueError('the program holds a published number %d times' % program.count(number))
    handle, path = tempfile.mkstemp(prefix='holdfast-broken-')
    atexit.register(os.unlink, path)
    with os.fdopen(handle, 'wb') as file:
        file.write(program.replace(number, other))
    os.chmod(path, 0o755)
    return path


def boot_leaves_the_state(t, node, number):
    """A library that computes SHA-256 wrongly would call every database damaged."""
    def files():
        folder = node.path('var/lib/holdfast')
        found = {}
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), 'rb') as file:
                found[name] = file.read()
        return found

    before = files()
    subprocess.run(['unshare', '-n', broken(number), '--root', node.root, 'boot'],
                   capture_output=True, timeout=60, check=False)
    t.same([name for name, data in files().items() if before.get(name) != data],
           ['state.db.latch-admin-disabled'],
           'a boot with a wrong SHA-256 sets nothing aside, and takes no state for lost')
    t.same(node.get('security.fips'), 'yes', 'whose settings are read again by a sound program')


def wrong_answers(t):
    node = Node()
    node.run('set', 'security.fips=yes')
    for name, number, wanted in answers():
        done = node.run('check', '--format', 'json', executable=broken(number))
        report = json.loads(done.stdout)
        found = {row['id']: row for row in report['checks']}
        if name == 'SHA-256':
            t.ok(done.returncode == 1 and 'SHA-256 of mbedTLS' in json.dumps(report),
                 'a wrong SHA-256: not even the state is read', done.stderr)
            boot_leaves_the_state(t, node, number)
            continue
        failing = [found['fips.selftest.' + library] for library in ('mbedtls', 'bearssl')
                   if found['fips.selftest.' + library]['verdict'] == 'fail']
        t.ok(done.returncode == 1 and len(failing) == wanted and
             all(row['observed'] == 'failed: ' + name for row in failing) and
             f'a self-test failed: {name}' in json.dumps(report),
             f'a wrong {name} is found by {wanted} and fails the report', failing, done.stderr)


# --- what the daemon does ---

class Daemon:
    """`holdfast run` below the node's root; ends with the block."""

    def __init__(self, node, program=HOLDFAST):
        self.log = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen(node.argv('run'), executable=program, stdout=self.log,
                                        stderr=self.log, stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(PATIENCE_S)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def says(self, text):
        until = time.monotonic() + PATIENCE_S
        while text not in self.said() and time.monotonic() < until:
            time.sleep(0.05)
        return text in self.said()


def listens(patience=0.0):
    until = time.monotonic() + patience
    while True:
        with socket.socket() as client:
            if client.connect_ex(('127.0.0.1', PORT)) == 0:
                return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)


def own_network():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'cannot make a network namespace: run as root')
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)


def checks():
    done = subprocess.run(['curl', '-sk', '--retry', '20', '--retry-connrefused', '--retry-delay',
                           '1', f'https://127.0.0.1:{PORT}/checks'], capture_output=True, text=True,
                          check=True, timeout=PATIENCE_S)
    return {row['id']: row for row in json.loads(done.stdout)['checks']}


def daemon_in_fips_mode(t):
    node = Node()
    node.run('set', 'security.fips=yes')
    with Daemon(node) as daemon:
        t.ok(listens(PATIENCE_S), 'with sound libraries the endpoint starts', daemon.said())
        found = checks()
        t.same(found['fips.key']['observed'], 'approved: EC of 384 bits',
               'the key that it made is approved')
        t.ok(found['fips.selftest.bearssl']['observed'].startswith('passed: '),
             'its page shows the self-tests')
    return node


def daemon_with_a_wrong_answer(t):
    node = Node()
    node.run('set', 'security.fips=yes')
    numbers = {name: number for name, number, _ in answers()}
    with Daemon(node, broken(numbers['AES-256-GCM'])) as daemon:
        t.ok(daemon.says('FAILED CLOSED: a self-test failed: AES-256-GCM of mbedTLS'),
             'the console says which answer is wrong', daemon.said())
        t.ok(not listens(1.5), 'and the endpoint does not start')
    t.ok(len(node.events('selftest')) == 1, 'the failure is an event', node.run('events').stdout)
    t.same(node.run('events', '--verify').returncode, 0, 'the chain of events is whole')
    with Daemon(node, broken(numbers['SHA-256'])) as daemon:
        t.ok(daemon.says('FAILED CLOSED: a self-test failed: SHA-256 of mbedTLS'),
             'a wrong SHA-256 is told before the state is read', daemon.said())
        t.ok(not listens(1.5), 'and the endpoint does not start')


def daemon_outside_fips_mode(t):
    node = Node()
    node.run('set', 'net.ipv6_dad=no')
    with Daemon(node, broken(next(number for name, number, _ in answers() if name == 'AES-256-GCM'))) as daemon:
        t.ok(listens(PATIENCE_S), 'outside FIPS mode the long tests are not run', daemon.said())


def field(data):
    return len(data).to_bytes(8, 'big') + data


def bad_key(t, node):
    """The node had its key before FIPS mode was asked for."""
    with open(f'{KEYS}/e-3.pem', 'rb') as file:
        pem = file.read()
    database = sqlite3.connect(node.path('var/lib/holdfast/state.db'))
    mark = hashlib.sha256(field(b'endpoint.key') + field(pem)).digest()
    database.execute('UPDATE objects SET data = ?, hash = ? WHERE name = ?',
                     (pem, mark, 'endpoint.key'))
    database.commit()
    database.close()
    row = rows(node)['fips.key']
    t.ok(row['verdict'] == 'fail' and 'public exponent' in row['reason'],
         'a key that SP 800-56B does not allow is a failing row with the reason', row)
    with Daemon(node) as daemon:
        t.ok(daemon.says('FIPS mode forbids its key: the public exponent'),
             'the daemon says so', daemon.said())
        t.ok(not listens(1.5), 'and the endpoint does not start')


with Tap() as t:
    own_network()
    mode_is_off(t)
    mode_is_on(t)
    modes_of_the_kernel(t)
    entry_drifts(t)
    wrong_answers(t)
    bad_key(t, daemon_in_fips_mode(t))
    daemon_with_a_wrong_answer(t)
    daemon_outside_fips_mode(t)
