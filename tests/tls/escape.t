#!/usr/bin/python3
"""A helper process that is taken over reaches nothing: each attempt of escape_driver, behind the
sandbox of the front and of the prober, with the victims here. The last part leaves the system call
filter out, since each of the other steps must hold by itself."""
import errno
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import BUILD, NOBODY, Tap  # noqa: E402: a network of this test alone

DRIVER = os.path.join(BUILD, 'tests', 'escape_driver')
MAY = {'front': {'nothing'}, 'prober': {'nothing', 'connect-tcp'}}
# Without the filter, where nothing else forbids it: no harm by itself.
HARMLESS = {'nothing', 'message-to-address', 'block-signals', 'end-alarm', 'memory-file',
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
        self.sockets = [self.tcp, self.udp, self.stream, self.datagram]
        self.process = subprocess.Popen(['sleep', '600'], user=NOBODY, group=NOBODY,
                                        extra_groups=[])
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
                           str(victims.process.pid), victims.folder], check=False).returncode


def permitted(process, name):
    """What the process is for succeeds, so that the rest fails for its own reasons."""
    for mode in 'deny', 'kill':
        tap.same(attempt(process, mode, name), 0, f'{process}, {mode}: {name} succeeds')
    victims.harm()


def refused(process, name):
    """Either by the filter, or by a limit that a permitted call meets."""
    by_limit = {'grow-data': errno.ENOMEM, 'grow-file': errno.EFBIG,
                'fast-open-option': errno.ENOPROTOOPT if process == 'front' else None,
                'message-to-address': errno.EPIPE if process == 'front' else None}.get(name)
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


tap = Tap()
victims = Victims()
names = subprocess.run([DRIVER, 'list'], check=True, capture_output=True,
                       text=True).stdout.split()
with tap:
    for process in 'front', 'prober':
        for name in names:
            (permitted if name in MAY[process] else refused)(process, name)
        for name in names:
            if name not in HARMLESS | BY_FILTER | MAY[process]:
                confined(process, name)
    victims.end()
