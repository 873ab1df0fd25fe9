"""A running daemon, and the control socket's own messages, good and bad."""
import signal
import socket
import struct
import subprocess
import threading
import time

PATIENCE_S = 30
MAGIC = 0x48464431
LOGIN, LOAD, WIZARD, SET, IMPORT, REBOOT, EVENTS, CONSOLE, ACT_FOR = range(1, 10)
HEAD = struct.Struct('=IHHiI')


def wait_for(condition, what):
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until_s:
            raise AssertionError(f'in vain waited for {what}')
        time.sleep(0.01)


class Client:
    """The control socket's messages, good and bad."""

    def __init__(self, node):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(node.path('run/holdfast/control'))
        self.socket.settimeout(PATIENCE_S)

    def read(self, size):
        data = b''
        while len(data) < size:
            got = self.socket.recv(size - len(data))
            if not got:
                raise ConnectionResetError('closed')
            data += got
        return data

    def ask(self, verb, text='', consent=0):
        """The status and the payload of the answer."""
        data = text.encode()
        self.socket.sendall(HEAD.pack(MAGIC, verb, consent, 0, len(data)) + data)
        magic, echoed, reserved, status, size = HEAD.unpack(self.read(HEAD.size))
        if (magic, echoed, reserved) != (MAGIC, verb, 0):
            raise AssertionError('that is no answer')
        return -status, self.read(size).decode()

    def is_closed(self):
        try:
            return not self.socket.recv(1)
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()


class Daemon:
    """holdfast run in a network namespace of its own."""

    def __init__(self, node, log=subprocess.PIPE):
        self.node = node
        self.process = subprocess.Popen(['unshare', '-n', *node.argv('run')], text=True,
                                        stderr=log)
        self.log = ''
        self.reader = threading.Thread(target=self.read_log)
        self.reader.start()
        try:
            wait_for(self.answers, 'the control socket')
        except AssertionError:
            self.end(signal.SIGKILL)
            raise

    def read_log(self):
        for line in self.process.stderr or ():
            self.log += line

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f'the daemon ended: {self.log}')
        try:
            client = Client(self.node)
            client.ask(LOAD)
            client.close()
            return True
        except OSError:
            return False

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        if self.process.stderr:
            self.process.stderr.close()
        return code
