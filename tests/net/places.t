#!/usr/bin/env python3
"""Whom the endpoint of a running node serves: its own probe while local processes hold every place
that they can get, and the stations of the moment, whose connections outlive a change of the list
when they stay and end when they do not."""
import select
import socket
import ssl
import subprocess
import threading
import time

import harness

PORT = 9443
SIP_PORT = 5061
PATIENCE_S = 60
IP_FREEBIND = 15
GET = b'GET /live HTTP/1.1\r\nHost: node\r\n\r\n'


def wait_for(found):
    until = time.monotonic() + PATIENCE_S
    while not found():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def connect(node, source):
    """A connection over loopback from any address."""
    with node.entered():
        client = socket.socket()
    client.settimeout(PATIENCE_S)
    client.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    client.bind((source, 0))
    client.connect(('127.0.0.1', PORT))
    return client


def come(node, source):
    """None where it is not served."""
    try:
        return ssl._create_unverified_context().wrap_socket(connect(node, source))
    except OSError:
        return None


def ask(client):
    """The status of one request; None at the end of the connection."""
    try:
        client.sendall(GET)
        said = client.recv(4096)
        return said.split()[1] if said else None
    except TimeoutError:
        return 'no end and no answer'
    except OSError:
        return None


class Hoarder(threading.Thread):
    """Local processes that take every place that they can get, and come again when they lose one."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.ended, self.came = node, threading.Event(), 0

    def run(self):
        held = {}
        while not self.ended.is_set():
            while len(held) < 200:
                source = f'127.0.0.{1 + self.came % 20}'
                try:
                    client = connect(self.node, source)
                    held[client.fileno()] = client
                except OSError:
                    break
                self.came += 1
            for client in select.select(list(held.values()), [], [], 0.05)[0]:
                del held[client.fileno()]
                client.close()
        for client in held.values():
            client.close()


def the_probe(t, node, sip):
    hoarder = Hoarder(node)
    hoarder.start()
    t.ok(wait_for(lambda: hoarder.came >= 200), 'local processes hold every place that they can get', hoarder.came)
    verdict = lambda: node.rows('tls.health.suites')['tls.health.suites']
    t.ok(wait_for(lambda: verdict()['verdict'] == 'pass'), "the node's own probe is served all the same", verdict())
    hoarder.ended.set()
    hoarder.join()
    peer = sip.accept()[1]
    t.ok(peer[1] < 1024, 'it comes from a port that a local process without privileges cannot have', peer)


def endpoint_of(daemon):
    found = subprocess.run(['pgrep', '-P', str(daemon.pid), '-f', 'endpoint'], capture_output=True, text=True, check=False)
    return found.stdout.split()


def the_stations(t, node, daemon):
    stays, goes, local = come(node, '10.2.0.1'), come(node, '10.1.0.1'), come(node, '127.0.0.1')
    t.same([ask(client) for client in (stays, goes, local)], [b'200'] * 3, 'stations and the node are served')
    t.same(come(node, '10.3.0.1'), None, 'another address is not, though the firewall lets it pass')
    before = endpoint_of(daemon)
    result = node.holdfast('set', 'health.stations=10.2.0.0/16')
    t.ok(result.returncode == 0, 'a station is removed', result.stderr)
    t.ok(wait_for(lambda: ask(goes) is None), 'its connection ends')
    t.same((ask(stays), ask(local)), (b'200', b'200'), 'those of others go on')
    t.ok(before and endpoint_of(daemon) == before, 'served by the same process', before, endpoint_of(daemon))
    t.same((come(node, '10.1.0.1'), ask(come(node, '10.2.0.9'))), (None, b'200'), 'the new list counts')


def main():
    harness.needs()
    t = harness.Tap()
    node = harness.Node('conferencing')
    node.run('ip', 'route', 'add', 'local', '10.0.0.0/8', 'dev', 'lo')
    node.settings(f'health.port = {PORT}\nsip.tls_port = {SIP_PORT}\nhealth.stations = 10.1.0.0/16\nhealth.stations = 10.2.0.0/16\n')
    with node.entered():
        sip = socket.create_server(('127.0.0.1', SIP_PORT), backlog=64)  # who probes it is seen there
    sip.settimeout(PATIENCE_S)
    daemon = subprocess.Popen(['ip', 'netns', 'exec', node.name, harness.HOLDFAST, '--root', node.root, 'run'],
                              stdout=subprocess.DEVNULL)
    try:
        t.ok(wait_for(lambda: (client := come(node, '127.0.0.1')) and ask(client) == b'200'), 'the endpoint is up')
        the_probe(t, node, sip)
        the_stations(t, node, daemon)
    finally:
        daemon.terminate()
        daemon.wait()
    t.done()


main()
