#!/usr/bin/python3
"""A thousand slow handshakes at once, each from an address of its own: whoever behaves is served all
the same, known or new, and the front stays small. What makes a handshake slow differs: nothing is
said, half a hello, a byte now and then, or a whole hello and then nothing, which costs the front
most. All limits of time are an hour: only the order in which the front gives places and turns can
serve anybody, and each try that it does not serve is a failure."""
import os
import select
import socket
import ssl
import sys
import threading
import time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap, read_answer

CROWD = 1000
MEMORY_KB = 32 << 10
HOUR = 3600 * 1000
ASKED = 40
GET = b'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'

tap = Tap()


def hello():
    """The first flight of a client of today."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname='localhost').do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


HELLO = hello()
KINDS = {'silent': b'', 'half a hello': HELLO[:100], 'a whole hello': HELLO, 'a byte at a time': b''}


class Crowd(threading.Thread):
    """Keeps a thousand connections up: whoever is closed comes again from the next address."""

    def __init__(self, front, kind):
        super().__init__(daemon=True)
        self.front, self.kind = front, kind
        self.ended = threading.Event()
        self.full = threading.Event()
        self.count = 0
        self.waiting = select.epoll()
        self.clients = {}

    def come(self):
        self.count += 1
        client = socket.socket()
        client.setblocking(False)
        client.bind((f'127.{1 + self.count // 62500 % 200}.{self.count // 250 % 250}.'
                     f'{1 + self.count % 250}', 0))
        client.connect_ex(('127.0.0.1', self.front.port))
        self.clients[client.fileno()] = [client, False]
        self.waiting.register(client.fileno(), select.EPOLLOUT)

    def go(self, fd):
        self.waiting.unregister(fd)
        self.clients.pop(fd)[0].close()

    def act(self, fd, event):
        client, spoken = self.clients[fd]
        if event & select.EPOLLOUT and not spoken:
            self.clients[fd][1] = True
            self.waiting.modify(fd, select.EPOLLIN)
            if KINDS[self.kind]:
                client.send(KINDS[self.kind])
            return
        try:
            if client.recv(65536):
                return
        except OSError:
            pass
        self.go(fd)

    def run(self):
        while not self.ended.is_set():
            for _ in range(min(50, CROWD - len(self.clients))):
                self.come()
            for fd, event in self.waiting.poll(0.02):
                try:
                    self.act(fd, event)
                except OSError:
                    self.go(fd)
            if self.kind == 'a byte at a time':
                for client, spoken in list(self.clients.values())[:50]:
                    if spoken:
                        try:
                            client.send(HELLO[:1])
                        except OSError:
                            pass
            if self.count >= CROWD:
                self.full.set()
            time.sleep(0.005)  # the one processor here is the front's too
        for client, _ in self.clients.values():
            client.close()


def ask(client):
    client.sendall(GET)
    if read_answer(client).status != 200:
        raise ConnectionError('not served')


def come_and_ask(front, context):
    with context.wrap_socket(front.connect('127.0.0.3'), server_hostname='localhost') as client:
        ask(client)


def is_served(act, *arguments):
    try:
        act(*arguments)
        return True
    except OSError as error:
        print(f'# {error!r}')
        return False


for kind in KINDS:
    front = Front(handshake_ms=HOUR, head_ms=HOUR, idle_ms=HOUR)
    context = front.context()
    known = front.tls('127.0.0.2')
    ask(known)
    come_and_ask(front, context)
    crowd = Crowd(front, kind)
    crowd.start()
    tap.ok(crowd.full.wait(300), f'{kind}: the crowd is there', crowd.count)
    asked = came = 0
    for _ in range(ASKED):
        asked += is_served(ask, known)
        came += is_served(come_and_ask, front, context)
        time.sleep(0.01)
    tap.same(asked, ASKED, f'{kind}: who is in is served')
    tap.same(came, ASKED, f'{kind}: who comes is served')
    memory = int(front.status('VmHWM').split()[0])
    tap.ok(memory <= MEMORY_KB, f'{kind}: {memory} KB at most')
    print(f'# {kind}: {memory} KB, {crowd.count} came')
    crowd.ended.set()
    crowd.join()
    tap.ok(front.counted('gave_way', 500) >= 500 and front.counts['timed_out'] == 0,
           f'{kind}: who gave way is counted', front.counts)
    tap.ok(front.alive(), f'{kind}: the front stands it, with system calls that kill')
    front.stop()
tap.done()
