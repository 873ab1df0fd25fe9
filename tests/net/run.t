#!/usr/bin/env python3
"""The daemon on a running kernel: what it repairs and how soon, what it gave up of root, what it
does when a half of it dies, and that it sleeps when nothing happens."""
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

import harness
import timer
from memory import memory

PATIENCE_S = 120    # for what has no limit of its own on a loaded machine
PORT = 9443
KEPT = {'chown', 'kill', 'setgid', 'setuid', 'setpcap', 'net_bind_service', 'net_admin',
        'sys_chroot', 'sys_ptrace', 'sys_admin', 'sys_resource'}
CAPABILITIES = {0: 'chown', 5: 'kill', 6: 'setgid', 7: 'setuid', 8: 'setpcap',
                10: 'net_bind_service', 12: 'net_admin', 18: 'sys_chroot', 19: 'sys_ptrace',
                21: 'sys_admin', 24: 'sys_resource'}

SECRETS = {'auth.ldap_bind_password': b'Recognizable-bind-4711',
           'snmp.auth_password': b'Recognizable-auth-4712',
           'snmp.privacy_password': b'Recognizable-privacy-4713'}
KEY_TEXT = re.compile(rb'-----BEGIN [A-Z ]*PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)-----END')


def wait_for(condition):
    """True when the condition came to hold, or None."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            return None
        time.sleep(0.01)
    return True


class Daemon:
    """holdfast run in the node's namespace."""

    def __init__(self, node):
        self.node = node
        with node.entered():
            self.process = subprocess.Popen([harness.HOLDFAST, '--root', node.root, 'run'],
                                            stderr=subprocess.PIPE)
        self.pid = self.process.pid
        os.set_blocking(self.process.stderr.fileno(), False)
        self.said = b''

    def child(self, word):
        with open(f'/proc/{self.pid}/task/{self.pid}/children') as file:
            pids = file.read().split()
        for pid in map(int, pids):
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as cmdline:
                    if cmdline.read().split(b'\0')[1:2] == [word]:
                        return pid
            except OSError:
                pass  # it has ended
        return None

    def front(self):
        return self.child(b'endpoint')

    def confined_prober(self):
        """One that is past its start, or None."""
        pid = self.child(b'prober')
        try:
            return pid if pid and status(pid)['Seccomp'] == '2' else None
        except OSError:
            return None

    def log(self):
        """The lines that the daemon has written so far."""
        while part := self.process.stderr.read():
            self.said += part
        return self.said.split(b'\n')

    def get(self, path):
        context = ssl._create_unverified_context()
        with self.node.entered():
            try:
                with urllib.request.urlopen(f'https://127.0.0.1:{PORT}{path}', timeout=60,
                                            context=context) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()
            except OSError:
                return None, ''

    def serves(self):
        return self.get('/live')[0] == 200


def status(pid):
    with open(f'/proc/{pid}/status') as file:
        return {name: value.strip() for name, value in
                (line.split(':', 1) for line in file)}


def names(mask):
    mask = int(mask, 16)
    return {CAPABILITIES.get(bit, bit) for bit in range(64) if mask >> bit & 1}


def events(node, kind):
    """Asks without disturbing the daemon: readers leave no trace."""
    lines = node.holdfast('events').stdout.splitlines()
    return [line for line in lines if re.match(rf'\s*\d+\s+\S+\s+{kind}\b', line)]


def sysctl(node, path, value=None):
    with node.entered():
        with open('/proc/sys/' + path, 'w' if value is not None else 'r') as file:
            return file.write(str(value)) if value is not None else file.read().strip()


def privileges(t, daemon):
    warden, front = status(daemon.pid), status(daemon.front())
    kept = KEPT & names(status('self')['CapEff'])
    t.same(names(warden['CapEff']), kept, 'the warden has the capabilities that it uses alone')
    t.same(names(warden['CapBnd']), kept, 'and can never get another')
    t.same([front[field] for field in ('CapEff', 'CapPrm', 'CapInh', 'CapBnd', 'CapAmb')],
           ['0' * 16] * 5, 'the front has none')
    t.ok(front['Uid'].split()[0] != '0' and len(set(front['Uid'].split())) == 1,
         'the front has a user of its own', front['Uid'])
    t.same((front['Seccomp'], front['NoNewPrivs']), ('2', '1'), 'the front is filtered')
    t.same(os.listdir(f'/proc/{daemon.front()}/root/'), [], 'the front sees an empty root')


def read_until(pid, enough):
    """Its memory, read again until there is enough in it: it may be about to fill it."""
    until = time.monotonic() + PATIENCE_S
    while not enough(held := memory(pid)) and time.monotonic() < until:
        time.sleep(0.01)
    return held


def secrets_stay(t, daemon):
    front = daemon.front()
    of_warden = read_until(daemon.pid, lambda held: all(secret in held
                                                        for secret in SECRETS.values()))
    of_front = read_until(front, len)
    t.same([name for name, secret in SECRETS.items() if secret in of_warden], list(SECRETS),
           'the daemon knows the stored secrets')
    t.same([name for name, secret in SECRETS.items() if secret in of_front], [],
           'the front holds none of them')
    key = KEY_TEXT.search(of_warden)
    lines = key[1].split() if key else []
    t.ok(len(lines) >= 2 and not any(line in of_front for line in lines),
         'nor a line of the text of its private key', f'{len(lines)} lines')
    with open(f'/proc/{front}/cmdline', 'rb') as cmdline:
        t.same(cmdline.read(), b'holdfast\0endpoint\0', 'its arguments say nothing')
    with open(f'/proc/{front}/environ', 'rb') as environ:
        t.same(environ.read(), b'', 'and it has no environment')
    t.same(sorted(os.readlink(f'/proc/{front}/fd/{fd}').split(':')[0]
                  for fd in os.listdir(f'/proc/{front}/fd') if int(fd) > 2),
           ['anon_inode', 'socket', 'socket'], 'nothing of the warden is open in it')


PAGES = ('/', '/health', '/live', '/checks', '/metrics')


def as_stranger(do):
    """What a process of another account without credentials gets: bytes, or why not."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            got = do()
        except OSError as error:
            got = repr(error).encode()
        with open(theirs, 'wb') as out:
            out.write(got)
        os._exit(0)
    os.close(theirs)
    with open(ours, 'rb') as got:
        text = got.read()
    os.waitpid(pid, 0)
    return text


def read_page(path):
    with urllib.request.urlopen(f'https://127.0.0.1:{PORT}{path}', timeout=60,
                                context=ssl._create_unverified_context()) as answer:
        return answer.read()


def read_file(path):
    with open(path, 'rb') as file:
        return file.read()


def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    return b'connected'


def local_readers(t, node):
    os.chmod(node.root, 0o755)  # what is denied is denied by the files themselves
    with node.entered():
        read = as_stranger(lambda: b''.join(map(read_page, PAGES)))
    t.ok(b'holdfast_health' in read and b'"checks"' in read,
         'a local process reads what a station reads, over loopback', read[:300])
    t.same([name for name, secret in SECRETS.items() if secret in read], [],
           'no stored secret is on any page')
    t.ok(b'PRIVATE KEY' not in read, 'no private key is')
    denied = as_stranger(lambda: read_file(f'{node.root}/var/lib/holdfast/state.db'))
    t.ok(denied.startswith(b'PermissionError'), 'it cannot read the database', denied[:100])
    asked = as_stranger(lambda: connect(f'{node.root}/run/holdfast/control'))
    t.ok(asked.startswith(b'PermissionError'), 'nor reach the control socket', asked)


def not_by_hand(t):
    """Without descriptors, and with some that are not what they must be."""
    by_hand = subprocess.run([harness.HOLDFAST, 'endpoint'], capture_output=True, text=True)
    t.ok(by_hand.returncode == 2 and 'holdfast run' in by_hand.stderr,
         'the front cannot be started by hand', by_hand)
    wrong = subprocess.run(f'exec {harness.HOLDFAST} endpoint 3</dev/zero 4</dev/zero 5</dev/zero',
                           shell=True, capture_output=True, text=True)
    t.ok(wrong.returncode == 2 and 'holdfast run' in wrong.stderr,
         'nor with descriptors of another kind', wrong)
    usage = subprocess.run([harness.HOLDFAST, '--help'], capture_output=True, text=True)
    t.ok(not re.search(r'^\s*endpoint\b', usage.stdout + usage.stderr, re.M),
         'and is no command that anybody is shown', usage)


def repairs(t, node, daemon):
    """What the kernel announces is repaired before the timer's next look."""
    def at_once(begin, is_done, name):
        t.ok(timer.done_before_expiry(daemon.pid, begin, is_done, wait_for), name)

    at_once(lambda: sysctl(node, 'net/ipv4/conf/lo/rp_filter', 0),
            lambda: sysctl(node, 'net/ipv4/conf/lo/rp_filter') == '1', 'an announced sysctl is repaired at once')
    at_once(lambda: node.run('nft', 'delete', 'table', 'inet', 'holdfast'),
            lambda: node.try_run('nft', 'list', 'chain', 'inet', 'holdfast', 'input').returncode == 0,
            'a deleted table stands again at once')
    at_once(lambda: node.run('nft', 'insert', 'rule', 'inet', 'holdfast', 'input', 'tcp', 'dport', '4444', 'accept'),
            lambda: 'dport 4444 accept' not in node.listing(), 'a rule put before ours is gone at once')
    t.ok(wait_for(lambda: len(events(node, 'drift')) >= 3), 'each repair is an event',
         events(node, 'drift'))


def new_interface(t, node, daemon):
    def begin():
        node.try_run('ip', 'link', 'del', 'late')
        node.run('ip', 'link', 'add', 'late', 'type', 'veth', 'peer', 'later')
        sysctl(node, 'net/ipv4/conf/late/send_redirects', 1)
        node.run('ip', 'link', 'set', 'late', 'up')

    t.ok(timer.done_before_expiry(daemon.pid, begin,
                                  lambda: sysctl(node, 'net/ipv4/conf/late/send_redirects') == '0', wait_for),
         'an interface that appears later is held at once too')


def unannounced(t, node):
    sysctl(node, 'net/ipv4/tcp_rfc1337', 0)
    t.ok(wait_for(lambda: sysctl(node, 'net/ipv4/tcp_rfc1337') == '1'),
         'what the kernel does not announce is repaired by the timer')


def pages(t, node, daemon):
    answer = daemon.get('/checks')
    t.same(answer[0], 200, 'the pages are served')
    first = json.loads(answer[1])
    node.run('nft', 'flush', 'chain', 'inet', 'holdfast', 'input')
    t.ok(wait_for(lambda: json.loads(daemon.get('/checks')[1])['generation'] >
                  first['generation']), 'a walk is a new generation of all pages')
    metrics = daemon.get('/metrics')[1]
    t.ok(re.search(r'^holdfast_drift_repaired_total [1-9]', metrics, re.M), 'drift is counted')


def a_half_dies(t, node, daemon):
    old = daemon.front()
    os.kill(old, signal.SIGKILL)
    t.ok(wait_for(lambda: daemon.front() not in (None, old) and daemon.serves()) is not None,
         'a front that dies is started again and serves')
    t.ok(wait_for(lambda: events(node, 'endpoint')), 'and that is an event')


def standard_error(pid):
    return os.open(f'/proc/{pid}/fd/2', os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def writes_nowhere_else(t, daemon, name, pid):
    files = {int(fd): os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd')}
    t.same([files[0], files[1], files[2].split(':')[0]], ['/dev/null', '/dev/null', 'pipe'],
           f'{name}: its standard error is a pipe')
    t.ok(files[2] != os.readlink(f'/proc/{daemon.pid}/fd/2'), 'and not that of the daemon')
    t.same([file for file in files.values() if file.startswith('/dev/') and file != '/dev/null'],
           [], 'and no device is open in it')


def is_cleaned(t, daemon, name, pid):
    fd = standard_error(pid)
    os.write(fd, b'<0>\x1b[2Jforged\0 \x9bline\r\n\n' + b'x' * 3000)
    os.close(fd)
    wanted = f'holdfast: {name}: <0>?[2Jforged? ?line?'.encode()
    t.ok(wait_for(lambda: wanted in daemon.log()) is not None,
         f'{name}: a line that it writes is in the log, cleaned, with its name', daemon.log())
    cut = f'holdfast: {name}: '.encode() + b'x' * 400
    t.ok(wait_for(lambda: cut in daemon.log()) is not None,
         'a line that never ends is cut', daemon.log())


def flood(fd):
    """Writes until there is no room; whether there was some."""
    try:
        return os.write(fd, b'flood\n' * 100) > 0
    except BlockingIOError:
        return False


def floods(t, daemon, name, pid):
    fd = standard_error(pid)
    told = f'holdfast: {name}: writes too much'.encode()
    stopped = wait_for(lambda: not flood(fd) and any(line.startswith(told)
                                                     for line in daemon.log()))
    t.ok(stopped, f'{name}: a flood is no longer read', daemon.log())
    passed = [line for line in daemon.log() if line.startswith(f'holdfast: {name}: '.encode())]
    t.ok(len(passed) <= 25, 'and little of it is in the log', len(passed))
    t.ok(daemon.serves(), 'the endpoint serves meanwhile')
    t.ok(daemon.node.holdfast('check').returncode in (0, 1), 'and the control socket answers')
    os.close(fd)


def helpers_log(t, node, daemon):
    """Whoever takes a helper over can write to its standard error."""
    writes_nowhere_else(t, daemon, 'endpoint', daemon.front())
    is_cleaned(t, daemon, 'endpoint', daemon.front())
    old = daemon.front()
    fd = standard_error(old)
    os.write(fd, b'\nlast words')
    os.close(fd)
    os.kill(old, signal.SIGKILL)
    t.ok(wait_for(lambda: daemon.front() not in (None, old) and daemon.serves()) is not None,
         'the endpoint is started again')
    lines = [line for line in daemon.log() if b'endpoint: last words' in line or
             b'ended by signal 9' in line]
    t.ok(len(lines) >= 2 and b'last words' in lines[-2],
         'what it wrote before its end stands before the message of its end', daemon.log())
    floods(t, daemon, 'endpoint', daemon.front())
    with node.entered(), socket.create_server(('0.0.0.0', 443)):  # it never answers
        node.store('health.stations=127.0.0.1/32')
        t.ok(wait_for(daemon.confined_prober), 'the prober waits for a listener')
        pid = daemon.confined_prober()
        writes_nowhere_else(t, daemon, 'prober', pid)
        is_cleaned(t, daemon, 'prober', pid)
        floods(t, daemon, 'prober', pid)


def only_one(t, node):
    result = node.holdfast('run')
    t.ok(result.returncode == 2 and result.stderr, 'a second daemon refuses to run', result)
    t.ok(node.holdfast('check').returncode in (0, 1), 'check works beside the daemon')


def changes_settings(t, node):
    drifted, enforced = events(node, 'drift'), events(node, 'enforced')
    result = node.holdfast('set', 'health.stations=127.0.0.0/8')
    t.same(result.returncode, 0, 'root changes settings through the daemon')
    t.ok(wait_for(lambda: '127.0.0.0/8' in node.listing()) is not None,
         'and they are enforced at once')
    t.ok(wait_for(lambda: len(events(node, 'enforced')) > len(enforced)) is not None,
         'which is an event of its own', events(node, 'enforced'))
    t.same(events(node, 'drift'), drifted, 'and no drift')


def sleeps(t, daemon):
    """Voluntary switches are wakeups; the timer may fall into the window once for each half. The
    probe of the endpoint that follows the last change of settings is waited for."""
    record = f'{daemon.node.root}/run/holdfast/probe'
    changed = time.time()
    wait_for(lambda: os.path.exists(record) and os.path.getmtime(record) > changed)
    pids = (daemon.pid, daemon.front())
    time.sleep(2)
    before = [int(status(pid)['voluntary_ctxt_switches']) for pid in pids]
    time.sleep(5)
    woken = [int(status(pid)['voluntary_ctxt_switches']) - was for pid, was in zip(pids, before)]
    t.ok(max(woken) <= 6, 'both halves sleep while nothing happens', woken)


def ends(t, node, daemon):
    front = daemon.front()
    daemon.process.send_signal(signal.SIGTERM)
    t.same(daemon.process.wait(PATIENCE_S), 0, 'SIGTERM ends the daemon')
    t.ok(wait_for(lambda: not os.path.exists(f'/proc/{front}')) is not None, 'and its front')
    t.ok(not os.path.exists(f'{node.root}/run/holdfast/control'), 'and takes its socket away')
    t.same(node.holdfast('events', '--verify').returncode, 0, 'the chain of events is whole')


def main():
    harness.needs()
    t = harness.Tap()
    node = harness.Node('management')
    os.symlink('/proc', f'{node.root}/proc')
    node.settings('health.stations = 127.0.0.1/32\n' + ''.join(
        f'{name} = "{secret.decode()}"\n' for name, secret in SECRETS.items()))
    node.boot()
    daemon = Daemon(node)
    try:
        t.ok(wait_for(daemon.serves) is not None, 'the endpoint is up')
        privileges(t, daemon)
        secrets_stay(t, daemon)
        local_readers(t, node)
        not_by_hand(t)
        repairs(t, node, daemon)
        new_interface(t, node, daemon)
        pages(t, node, daemon)
        a_half_dies(t, node, daemon)
        only_one(t, node)
        changes_settings(t, node)
        sleeps(t, daemon)
        helpers_log(t, node, daemon)
        unannounced(t, node)
        ends(t, node, daemon)
    finally:
        if daemon.process.poll() is None:
            daemon.process.kill()
    t.done()


main()
