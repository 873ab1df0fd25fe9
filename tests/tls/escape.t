#!/usr/bin/python3
"""A helper process that is taken over reaches nothing: each attempt of escape_driver, behind the
sandbox of the front and of the prober, with the victims here. The last part leaves the system call
filter out, since each of the other steps must hold by itself."""
import ctypes
import errno
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import BUILD, CLONE_NEWNET, NOBODY, PATIENCE_S, Tap  # noqa: E402: a network of this test alone

DRIVER = os.path.join(BUILD, 'tests', 'escape_driver')
MAY = {'front': {'nothing'}, 'prober': {'nothing', 'connect-tcp'}}
HOST, HOST6 = '192.0.2.2', 'fd00:9::2'  # on another machine
# landlock(7): ports since version 4.
LANDLOCK = ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)
KNOWS_PORTS = LANDLOCK >= 4
# What the prober attempts with the sockets that it has.
OF_SOURCES = {'connect-host', 'connect-host6', 'connect-other-port'}
# Without the filter, where nothing else forbids it: no harm by itself.
HARMLESS = {'nothing', 'new-socket', 'message-to-address', 'block-signals', 'end-alarm', 'memory-file',
            'make-code', 'io-uring', 'fast-open-option'}
# Nothing but the filter knows of these.
BY_FILTER = {'send-udp', 'netlink', 'vsock', 'multipath-tcp', 'fast-open', 'fast-open-message'}


class Victims:
    """Those whom a taken-over process could reach in this network namespace and account."""

    def __init__(self):
        self.tcp = self.listen(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = self.listen(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', self.port))
        self.stream = self.listen(socket.AF_UNIX, socket.SOCK_STREAM, '\0sholdfast-victim')
        self.datagram = self.listen(socket.AF_UNIX, socket.SOCK_DGRAM, '\0dholdfast-victim')
        other_port = self.listen(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', self.port + 1))
        self.sockets = [self.tcp, self.udp, self.stream, self.datagram, other_port]
        self.process = subprocess.Popen(['sleep', '600'], user=NOBODY, group=NOBODY,
                                        extra_groups=[])
        self.hosts = self.another_machine()
        self.sockets += self.hosts
        self.folder = tempfile.mkdtemp(prefix='holdfast-escape-')
        os.chmod(self.folder, 0o777)
        with open(f'{self.folder}/file', 'w', encoding='ascii') as file:
            file.write('secret')

    @staticmethod
    def listen(family, kind, address):
        victim = socket.socket(family, kind)
        victim.bind(address)
        if kind == socket.SOCK_STREAM:
            victim.listen(8)
        return victim

    def another_machine(self):
        """Its listening sockets, at the other end of a link."""
        here = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'unshare')
        for words in (f'link add far type veth peer name near netns {self.process.pid}',
                      f'addr add {HOST}/24 dev far', f'addr add {HOST6}/64 dev far nodad',
                      'link set lo up', 'link set far up'):
            subprocess.run(['ip', *words.split()], check=True)
        sockets = [self.listen(socket.AF_INET, socket.SOCK_STREAM, (HOST, self.port)),
                   self.listen(socket.AF_INET6, socket.SOCK_STREAM, (HOST6, self.port))]
        if libc.setns(here, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns')
        os.close(here)
        for words in ('addr add 192.0.2.1/24 dev near', 'addr add fd00:9::1/64 dev near nodad',
                      'link set near up'):
            subprocess.run(['ip', *words.split()], check=True)
        return sockets

    def is_there(self, host):
        """Whether the other machine is reached; what was sent before has arrived then."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                with socket.create_connection((host, self.port), 5) as client:
                    there = client.getsockname()
                    break
            except OSError:
                time.sleep(0.1)  # the link comes up
        else:
            return False
        victim = self.hosts[':' in host]
        came = [victim.accept()[1]]
        while select.select([victim], [], [], 0)[0]:
            came.append(victim.accept()[1])
        return came == [there]

    def harm(self):
        """What has reached a victim since the last look."""
        harm = []
        while reached := select.select(self.sockets, [], [], 0)[0]:
            for victim in reached:
                harm.append(victim.getsockname())
                if victim.type == socket.SOCK_STREAM:
                    victim.accept()[0].close()
                else:
                    victim.recv(100)
        if self.process.poll() is not None:
            harm.append('the process has ended')
        if os.listdir(self.folder) != ['file']:
            harm.append('the folder has changed')
        return harm

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def attempt(process, mode, name):
    return subprocess.run([DRIVER, process, mode, name, str(victims.port),
                           str(victims.process.pid), victims.folder, HOST, HOST6],
                          check=False).returncode


def permitted(process, name):
    """What the process is for succeeds, so that the rest fails for its own reasons."""
    for mode in 'deny', 'kill':
        tap.same(attempt(process, mode, name), 0, f'{process}, {mode}: {name} succeeds')
    victims.harm()


def refused(process, name):
    """Either by the filter, or by a limit that a permitted call meets."""
    by_limit = {'grow-data': errno.ENOMEM, 'grow-file': errno.EFBIG}.get(name)
    # mmap(2) of the C library calls a denied anonymous mapping a lack of memory.
    denied = errno.ENOMEM if name in ('grow-shared', 'make-code') else errno.EPERM
    wanted = (by_limit, by_limit) if by_limit else (denied, -signal.SIGSYS)
    tap.same((attempt(process, 'deny', name), attempt(process, 'kill', name)), wanted,
             f'{process}: {name} fails')
    tap.same(victims.harm(), [], f'{process}: {name} reaches no victim')


def confined(process, name):
    """Limits, account, root and Landlock by themselves."""
    got = attempt(process, 'confined', name)
    # The send itself succeeds: the kernel then tells no process outside.
    tap.ok(got not in (0, 255) or name == 'signal-by-socket',
           f'{process} without the filter: {name} fails', f'ended with {got}')
    tap.same(victims.harm(), [], f'{process} without the filter: {name} reaches no victim')


def other_hosts(process):
    """The prober's sockets are bound to loopback: for IPv4 the kernel refuses, for IPv6 the other
    host does not listen to such a source."""
    for mode in 'deny', 'kill', 'confined':
        tap.same(attempt(process, mode, 'connect-host'), errno.EINVAL,
                 f'{process}, {mode}: no connection leaves for another host')
        attempt(process, mode, 'connect-host6')
        tap.ok(victims.is_there(HOST) and victims.is_there(HOST6),
               f'{process}, {mode}: none arrives there')
        if KNOWS_PORTS:
            tap.same(attempt(process, mode, 'connect-other-port'), errno.EACCES,
                     f'{process}, {mode}: no port but those that it probes')
        else:
            tap.ok(True, f'{process}, {mode}: Landlock {LANDLOCK} of this kernel knows no ports')
    victims.harm()


tap = Tap()
victims = Victims()
names = subprocess.run([DRIVER, 'list'], check=True, capture_output=True,
                       text=True).stdout.split()
with tap:
    for process in 'front', 'prober':
        if process == 'prober':
            other_hosts(process)
            names = [name for name in names if name not in OF_SOURCES]
        for name in names:
            (permitted if name in MAY[process] else refused)(process, name)
        for name in names:
            if name not in HARMLESS | BY_FILTER | MAY[process]:
                confined(process, name)
    victims.end()
