"""The ground of the command line's tests: a node's files below a folder of their own, holdfast on
them, and a terminal to type at."""
import atexit
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from tap import Tap  # noqa: E402

HOLDFAST = os.path.abspath(os.environ.get('HOLDFAST', 'build/holdfast'))
PASSWORD = 'correct horse'
PATIENCE_S = 30
FILES = {
    'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nadmin:x:1000:1000:admin:/home/admin:/bin/sh\n',
    'etc/inittab': '::sysinit:/etc/init.d/rcS\n'
                   '::respawn:/usr/sbin/holdfast run\n'
                   'ttyS0::respawn:/usr/libexec/holdfast/getty ttyS0\n'
                   'tty1::respawn:/usr/libexec/holdfast/getty tty1\n'
                   '::shutdown:/etc/init.d/rcK\n',
}


def hashed(password):
    """As crypt(3) and the image's chpasswd have it."""
    return subprocess.run(['openssl', 'passwd', '-6', '-stdin'], input=password, text=True,
                          capture_output=True, check=True).stdout.strip()


class Node:
    """The files of a node, and holdfast below them."""

    def __init__(self, role='management', password=PASSWORD):
        self.root = tempfile.mkdtemp(prefix='holdfast-cli-')
        atexit.register(shutil.rmtree, self.root, True)
        for folder in ('etc/holdfast', 'run', 'var/lib'):
            os.makedirs(f'{self.root}/{folder}')
        for name, text in FILES.items():
            self.write(name, text)
        self.write('etc/holdfast/role', role + '\n')
        self.write('etc/shadow', f'root:!*:0::::::\nadmin:{hashed(password)}:0::::::\n', 0o600)

    def path(self, name):
        return f'{self.root}/{name}'

    def write(self, name, text, mode=0o644):
        with open(self.path(name), 'w') as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def read(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def argv(self, *words):
        return [HOLDFAST, '--root', self.root, *words]

    def run(self, *words, **more):
        return subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=60,
                              **{'stdin': subprocess.DEVNULL, **more})

    def get(self, key):
        return self.run('get', key).stdout.strip().partition(' = ')[2]

    def events(self, kind):
        lines = self.run('events').stdout.splitlines()
        return [line for line in lines if re.match(rf'\s*\d+\s+\S+\s+{kind}\b', line)]


class Terminal:
    """A command at a pseudo terminal."""

    def __init__(self, node, *words, user=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if user is not None:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            os.execv(HOLDFAST, node.argv(*words))
        self.seen = ''
        self.at = 0

    def read(self, until_s):
        ready = select.select([self.fd], [], [], max(0, until_s - time.monotonic()))[0]
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            data = b''
        self.seen += data.decode(errors='replace').replace('\r\n', '\n')
        return bool(data)

    def expect(self, text):
        """Reads on until `text` has come behind what was expected before."""
        until_s = time.monotonic() + PATIENCE_S
        while True:
            found = self.seen.find(text, self.at)
            if found >= 0:
                self.at = found + len(text)
                return True
            if not self.read(until_s):
                raise AssertionError(f'{text!r} did not come; the end: {self.seen[-400:]!r}')

    def send(self, line):
        os.write(self.fd, (line + '\n').encode())

    def press(self, byte):
        os.write(self.fd, byte)

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def end(self):
        """All that is left is read; the exit code."""
        until_s = time.monotonic() + PATIENCE_S
        while self.read(until_s):
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return code
