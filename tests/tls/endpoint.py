"""The ground of the endpoint's tests: a loopback of their own, the front started by endpoint_driver on
it, as nobody and with denied system calls that kill, and clients of it."""
import atexit
import ctypes
import itertools
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from tap import Tap  # noqa: E402

BUILD = os.path.abspath(os.environ.get('BUILD', 'build'))
DRIVER = os.path.join(BUILD, 'tests', 'endpoint_driver')
NOBODY = 65534
GROUPS = [27, 42]  # the caller's, which the front must not keep
PATIENCE_S = 60  # before a condition that never holds is a failure
IP_FREEBIND, IPV6_FREEBIND = 15, 78
CLONE_NEWNET = 0x40000000
ports = itertools.count(8443)  # below those that the kernel gives to clients


def own_network():
    """A loopback of this test alone, so that its ports and addresses are nobody else's."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'cannot make a network namespace: run as root')
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    for network in '10.0.0.0/8', '2001:db8::/32':  # clients may come from any of their addresses
        subprocess.run(['ip', 'route', 'add', 'local', network, 'dev', 'lo'], check=True)


own_network()


class Front:
    """The front under endpoint_driver; settings as words of its command line, limits by name, as in
    struct front_limits; with a certificate of its own making, or one that openssl made."""

    def __init__(self, address='::', settings=(), rsa=False, **limits):
        self.folder = tempfile.mkdtemp(prefix='holdfast-tls-')
        if rsa:
            self.make_rsa()
        self.port = next(ports)
        limits = {'handshakes_per_address_s': 1000, **limits}
        self.counts = dict.fromkeys(['requests', 'handshakes', 'timed_out'], 0)
        self.process = subprocess.Popen(
            [DRIVER, address, str(self.port), self.folder,
             *(f'{name}={value}' for name, value in limits.items()), *settings],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, extra_groups=GROUPS)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.pending = ''
        atexit.register(self.stop)
        self.pid = int(self.line('ready').split()[1])
        self.certificate = os.path.join(self.folder, 'cert.pem')

    def make_rsa(self):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
                        '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
                        '-keyout', f'{self.folder}/key.pem', '-out', f'{self.folder}/cert.pem'],
                       check=True, capture_output=True)

    def lines(self):
        """What the driver has printed since the last look."""
        self.pending += (self.process.stdout.read() or b'').decode()
        *whole, self.pending = self.pending.split('\n')
        for line in whole:
            for name, value in re.findall(r'(\w+)=(\d+)', line):
                self.counts[name] = int(value)
        return whole

    def line(self, start):
        """Waits for a line that starts so."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for line in self.lines():
                if line.startswith(start):
                    return line
            time.sleep(0.01)
        raise TimeoutError(f'endpoint_driver did not print {start!r}')

    def tell(self, command):
        self.process.stdin.write(command.encode() + b'\n')
        self.process.stdin.flush()

    def counted(self, name, value):
        """Waits until the front has recorded at least so many; the figure."""
        deadline = time.monotonic() + PATIENCE_S
        while self.counts.get(name, 0) < value and time.monotonic() < deadline:
            self.lines()
            time.sleep(0.02)
        return self.counts.get(name, 0)

    def alive(self):
        return os.path.exists(f'/proc/{self.pid}') and self.process.poll() is None

    def status(self, field):
        with open(f'/proc/{self.pid}/status', encoding='ascii') as status:
            return re.search(rf'^{field}:[ \t]*(.*)$', status.read(), re.M).group(1)

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            deadline = time.monotonic() + PATIENCE_S
            while self.process.poll() is None and time.monotonic() < deadline:
                self.lines()  # what it still prints must not fill the pipe
                time.sleep(0.01)
            self.process.wait(0)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- clients ---

    def connect(self, source=None, host=None, port=0, wait=True):
        """From any address, over loopback."""
        six = ':' in (source or host or '')
        client = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        client.settimeout(PATIENCE_S)
        client.setsockopt(*((socket.IPPROTO_IPV6, IPV6_FREEBIND) if six
                            else (socket.IPPROTO_IP, IP_FREEBIND)), 1)
        if source:
            client.bind((source, port))
        client.settimeout(PATIENCE_S if wait else 0)
        try:
            client.connect((host or ('::1' if six else '127.0.0.1'), self.port))
        except BlockingIOError:
            pass
        return client

    def context(self, version=None):
        context = ssl.create_default_context(cafile=self.certificate)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def tls(self, source=None, version=None, context=None, **place):
        context = context or self.context(version)
        return context.wrap_socket(self.connect(source, **place), server_hostname='localhost')

    def talk(self, data, source=None, patience=PATIENCE_S):
        """Sends bytes over TLS and reads to the end; what came."""
        with self.tls(source) as client:
            client.settimeout(patience)
            client.sendall(data)
            return read_all(client)

    def get(self, path, *headers, method='GET', source=None):
        """One request over a connection of its own."""
        lines = [f'{method} {path} HTTP/1.1', 'Host: localhost', 'Connection: close', *headers]
        return Answer(self.talk(('\r\n'.join(lines) + '\r\n\r\n').encode(), source), method)


def ended(client):
    """Waits for the end of a connection: what it said before; None where it never came."""
    client.settimeout(PATIENCE_S)
    chunks = []
    try:
        while chunk := client.recv(65536):
            chunks.append(chunk)
    except TimeoutError:
        return None
    except OSError:
        pass
    return b''.join(chunks)


def read_all(client):
    """What comes until the other end closes, in whatever manner it does."""
    chunks = []
    try:
        while chunk := client.recv(65536):
            chunks.append(chunk)
    except OSError:
        pass
    return b''.join(chunks)


def read_answer(client, method='GET'):
    """One answer on a connection that goes on."""
    data = b''
    while b'\r\n\r\n' not in data:
        chunk = client.recv(65536)
        if not chunk:
            return Answer(data, method)
        data += chunk
    head, _, body = data.partition(b'\r\n\r\n')
    length = re.search(rb'(?i)\r\ncontent-length: (\d+)', head)
    wanted = int(length.group(1)) if length and method != 'HEAD' else 0
    while len(body) < wanted:
        chunk = client.recv(65536)
        if not chunk:
            break
        body += chunk
    return Answer(head + b'\r\n\r\n' + body, method)


class Answer:
    def __init__(self, data, method='GET'):
        head, _, self.body = data.partition(b'\r\n\r\n')
        first, *lines = head.decode('latin-1').split('\r\n')
        self.status = int(first.split()[1]) if first.startswith('HTTP/1.1 ') else None
        self.headers = {name.lower(): value for name, _, value in
                        (line.partition(': ') for line in lines)}
        self.method = method

    def __getitem__(self, name):
        return self.headers.get(name.lower())


def statuses(data):
    """The status of each answer in what one connection gave, heads found by their lengths."""
    found = []
    while data.startswith(b'HTTP/1.1 '):
        found.append(int(data[9:12]))
        head, _, rest = data.partition(b'\r\n\r\n')
        length = re.search(rb'(?i)\r\ncontent-length: (\d+)', head)
        data = rest[int(length.group(1)):] if length else b''
    return found if not data else found + ['garbage']
