"""The ground of the network tests: a node and a peer, two network namespaces joined by a veth pair,
with names of this run alone; holdfast works in the node's, and sockets are opened in either."""
import atexit
import contextlib
import ctypes
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from tap import Tap  # noqa: E402

HOLDFAST = os.path.abspath(os.environ.get('HOLDFAST', 'build/holdfast'))
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def run(*words, **more):
    """Runs a program that must succeed."""
    result = subprocess.run(words, capture_output=True, text=True, **more)
    if result.returncode:
        raise RuntimeError(f"{' '.join(words)}: {result.stderr or result.stdout}")
    return result.stdout


class Namespace:
    """A network namespace."""

    number = itertools.count()

    def __init__(self, name):
        self.name = f'holdfast-{name}-{os.getpid()}-{next(self.number)}'
        run('ip', 'netns', 'add', self.name)
        atexit.register(subprocess.run, ('ip', 'netns', 'del', self.name))
        self.fd = os.open(f'/run/netns/{self.name}', os.O_RDONLY | os.O_CLOEXEC)
        self.run('ip', 'link', 'set', 'lo', 'up')

    @contextlib.contextmanager
    def entered(self):
        """This thread is inside meanwhile; what is opened there stays there."""
        before = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
        self.enter(self.fd)
        try:
            yield
        finally:
            self.enter(before)
            os.close(before)

    @staticmethod
    def enter(fd):
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns')

    def run(self, *words, **more):
        return run('ip', 'netns', 'exec', self.name, *words, **more)

    def try_run(self, *words, **more):
        return subprocess.run(('ip', 'netns', 'exec', self.name) + words, capture_output=True,
                              text=True, **more)


class Node(Namespace):
    """A namespace with holdfast in it, whose files lie below a folder of its own."""

    def __init__(self, role, name='node'):
        super().__init__(name)
        self.root = tempfile.mkdtemp(prefix='holdfast-net-')
        atexit.register(shutil.rmtree, self.root, True)
        os.makedirs(f'{self.root}/etc/holdfast')
        self.set_role(role)

    def set_role(self, role):
        with open(f'{self.root}/etc/holdfast/role', 'w') as file:
            file.write(role + '\n')

    def holdfast(self, *words):
        return self.try_run(HOLDFAST, '--root', self.root, *words)

    def store(self, *changes):
        """Stores settings, by the daemon where one runs."""
        done = self.holdfast('set', *changes)
        assert done.returncode == 0, done

    def settings(self, text):
        """Begins anew with these settings over the defaults."""
        shutil.rmtree(f'{self.root}/var', True)
        path = f'{self.root}/settings'
        with open(path, 'w') as file:
            file.write(text)
        result = self.holdfast('import', '--yes', path)
        if result.returncode:
            raise RuntimeError(f'import: {result.stderr}')

    def boot(self):
        """Enforces; other domains may fail here, so that 1 will do."""
        result = self.holdfast('boot')
        if result.returncode not in (0, 1):
            raise RuntimeError(f'boot: {result.returncode}: {result.stderr}')

    def rows(self, glob='firewall.*'):
        result = self.holdfast('check', '--format', 'json', '--id', glob)
        return {row['id']: row for row in json.loads(result.stdout)['checks']}

    def listing(self):
        return self.run('nft', 'list', 'table', 'inet', 'holdfast')


def needs():
    """Says why when this machine cannot run the test, which is then no success."""
    if os.geteuid():
        sys.exit('network namespaces need root')
    for program in ('ip', 'nft', HOLDFAST):
        if not shutil.which(program):
            sys.exit(f'{program} is missing')
    socket.setdefaulttimeout(5)
