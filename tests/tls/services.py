"""Shared by the tests that give a rendered file to its real consumer: a loopback, a /run and an
/etc of this test alone, the files of a node at their real place, and servers that read them."""
import atexit
import ctypes
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

from endpoint import Tap, own_network  # noqa: F401  (importing it makes the network)

HOLDFAST = os.path.abspath(os.environ.get('HOLDFAST', 'build/holdfast'))
CLONE_NEWNS = 0x20000
PATIENCE_S = 30
FILES = '/run/holdfast/crypto'
folder = tempfile.mkdtemp(prefix='holdfast-rendered-')
atexit.register(shutil.rmtree, folder, True)


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=120,
                          **{'check': True, **more})


def own_files():
    """/run and /etc of this test alone, over the machine's."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), 'cannot make a mount namespace: run as root')
    run('mount', '--make-rprivate', '/')
    run('mount', '-t', 'tmpfs', 'none', '/run')
    for name in 'upper', 'work', 'holdfast', 'kamailio':
        os.makedirs(f'/run/{name}')
    run('mount', '-t', 'overlay', '-o', 'lowerdir=/etc,upperdir=/run/upper,workdir=/run/work',
        'none', '/etc')
    os.makedirs('/etc/holdfast/tls')


def make_certificates():
    for name, kind in ('rsa', ('rsa:2048',)), ('ec', ('ec', '-pkeyopt', 'ec_paramgen_curve:P-256')):
        run('openssl', 'req', '-x509', '-newkey', *kind, '-nodes', '-days', '2', '-subj',
            '/CN=localhost', '-keyout', f'{folder}/{name}.key', '-out', f'{folder}/{name}.pem')
    for source, name in ('rsa.pem', 'certificate'), ('rsa.key', 'key'), ('rsa.pem', 'ca-certificates'):
        shutil.copy(f'{folder}/{source}', f'/etc/holdfast/tls/{name}.pem')


def render(settings):
    """The files of a node with these settings, at their real place; the records."""
    root = tempfile.mkdtemp(dir=folder)
    os.makedirs(f'{root}/etc/holdfast')
    with open(f'{root}/etc/holdfast/role', 'w') as file:
        file.write('management\n')
    argv = 'unshare', '-n', HOLDFAST, '--root', root
    if settings:
        run(*argv, 'set', *settings)
    run(*argv, 'boot', check=False)
    run('mount', '--bind', f'{root}/run/holdfast', '/run/holdfast')
    with open(f'{FILES}/policy.json') as file:
        return json.load(file)['surfaces']


class Server:
    """A program that listens on a port, until `with` ends."""

    def __init__(self, port, *words, environment=None):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env={**os.environ, **(environment or {})})
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(('127.0.0.1', port), 5).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f'{words[0]} does not listen: {self.said()}') from None
                time.sleep(0.05)

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors='replace')[-2000:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.log.close()
