#!/usr/bin/python3
"""What the front may do once it serves: nothing. Its account, capabilities, root, filter, memory,
and that it sleeps when nobody asks and ends with its warden."""
import itertools
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, NOBODY, PATIENCE_S, Tap, read_answer

IDLE_RSS_KB = 2560
CONNECTION_KB = 24
DATA_MAX = 64 << 20
GET = b'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'

tap = Tap()
front = Front()

# --- privilege ---

four = '\t'.join([str(NOBODY)] * 4)
tap.same((front.status('Uid'), front.status('Gid')), (four, four), 'its account is its own')
tap.same(front.status('Groups').strip(), '', 'it is in no other group')
for kind in 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb':
    tap.same(int(front.status(kind), 16), 0, f'{kind} is empty')
tap.same(front.status('NoNewPrivs'), '1', 'it can gain no privilege')
tap.same(front.status('Seccomp'), '2', 'its system calls are filtered')
root = f'/proc/{front.pid}/root'
tap.same(os.listdir(root + '/'), [], 'its root is empty')
try:
    os.mkdir(root + '/new')
    made = True
except OSError:
    made = False
tap.ok(not made, 'and nothing can be made in it, by root either')
fds = [os.readlink(f'/proc/{front.pid}/fd/{fd}').split(':')[0]
       for fd in os.listdir(f'/proc/{front.pid}/fd')]
tap.same(sorted(fd for fd in fds if not fd.startswith('/') and fd != 'pipe'),
         ['anon_inode', 'socket', 'socket'], 'it holds a listener, a channel and an epoll')
with open(f'/proc/{front.pid}/limits', encoding='ascii') as limits:
    limits = {line[:26].strip(): line[26:].split()[0] for line in limits}
tap.same((limits['Max core file size'], int(limits['Max open files']) < 1024), ('0', True),
         'no core, few descriptors')
tap.same(tuple(int(limits[f'Max {name}']) for name in ('data size', 'file size', 'processes')),
         (DATA_MAX, 0, 0), 'its memory is limited; it can make no file longer and start no process')
tap.ok(DATA_MAX < int(limits['Max address space']) <= 3 * DATA_MAX, 'nor map much more than that')
tap.same(os.stat(f'/proc/{front.pid}/mem').st_uid, 0, 'its memory is not for its account to read')

# --- sleep and memory ---


def switches():
    return int(front.status('voluntary_ctxt_switches'))


def rss():
    return int(front.status('VmRSS').split()[0])


front.get('/health')
front.counted('requests', 1)


def sleeps():
    """Whether it does not wake for three seconds, once in a few tries: what the client before left it
    to do may come late."""
    for _ in range(10):
        before = switches()
        time.sleep(3)
        if switches() == before:
            return True
    return False


tap.ok(sleeps(), 'it does not wake when nobody asks')
idle = rss()
tap.ok(idle <= IDLE_RSS_KB, f'{idle} KB idle, at most {IDLE_RSS_KB}')


def hold(front, version):
    """A hundred clients who have asked once, and ask no more."""
    held = []
    for i in range(100):
        held.append(front.tls(f'127.0.0.{2 + i // 10}', version))
        held[-1].sendall(GET)
        read_answer(held[-1])
    return held


def descriptors():
    return len(os.listdir(f'/proc/{front.pid}/fd'))


for version in ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2:
    before = descriptors()
    held = hold(front, version)
    until = time.monotonic() + PATIENCE_S  # they rest after a second
    while (each := (rss() - idle) / len(held)) > CONNECTION_KB and time.monotonic() < until:
        time.sleep(0.1)
    tap.ok(each <= CONNECTION_KB, f'{each:.1f} KB an idle connection, at most {CONNECTION_KB}')
    print(f'# {idle} KB idle, {each:.1f} KB a connection, {version.name}')
    for client in held:
        client.sendall(GET)
    tap.same({read_answer(client).status for client in held}, {200}, 'each is served again')
    for client in held:
        client.close()
    until = time.monotonic() + PATIENCE_S
    while descriptors() > before and time.monotonic() < until:
        time.sleep(0.05)
    tap.ok(descriptors() <= before, f"and none of their descriptors stays, {version.name}", descriptors(), before)



def clients(count):
    """So many, each from another address, some of which leave early; and as many snapshots."""
    for i in range(count):
        source = f'127.0.1.{1 + i % 100}'
        front.get('/big' if i % 3 else '/live', source=source)
        with front.connect(source) as client:
            client.sendall(b'garbage')
        front.tell(f'publish {i}')


def growth():
    """How many KB a round of clients adds. How many connections are open at once decides how much
    memory is in use at the most, so a single round may add some; what is lost adds up in every one."""
    before = int(front.status('VmData').split()[0])
    clients(200)
    return int(front.status('VmData').split()[0]) - before


clients(100)
rounds = list(itertools.takewhile(lambda grown: grown > 64, (growth() for _ in range(6))))
tap.ok(len(rounds) < 6, 'its memory does not grow with clients and snapshots', f'{rounds} KB')

# --- addresses ---

four = Front(address='127.0.0.1')
tap.same(four.get('/live').status, 200, 'it listens at an IPv4 address')
four.stop()
with socket.create_connection(('::1', front.port), 5) as six:
    with front.context().wrap_socket(six, server_hostname='localhost') as client:
        client.sendall(GET)
        tap.same(read_answer(client).status, 200, 'at :: it serves both families')
taken = subprocess.run([front.process.args[0], '::', str(front.port), front.folder],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
tap.ok(taken.returncode == 2 and f'port {front.port}: Address' in taken.stderr,
       'a port that is taken is told', taken.stderr)

# --- its end ---

other = Front()
os.kill(other.process.pid, signal.SIGKILL)
other.process.wait()
deadline = time.monotonic() + PATIENCE_S
while os.path.exists(f'/proc/{other.pid}') and time.monotonic() < deadline:
    time.sleep(0.01)
tap.ok(not os.path.exists(f'/proc/{other.pid}'), 'it dies with its warden')
pid = front.pid
front.stop()
tap.ok(not os.path.exists(f'/proc/{pid}'), 'it ends when the channel closes')
tap.done()
