#!/usr/bin/env python3
"""Listeners that take their time, under the daemon: one that begins every answer and ends none, and a
web server that does so with old versions alone. No limit of the prober's holds up the daemon, nothing
that was not answered passes, and what the others show is judged."""
import asyncio
import contextlib
import os
import signal
import subprocess
import threading

import harness
from listeners import probers, rows, wait_for, web_server

PORT, SIP_PORT, WEB_PORT = 9443, 5061, 8443
ALERT = bytes.fromhex('15030100020228')  # handshake_failure, of which the last byte never comes
TLS_1_2 = b'\x03\x03'
CLIENT_VERSION = slice(9, 11)  # in a record with a hello: RFC 5246, 6.2.1, 7.4 and 7.4.1.2
PAUSE_S = 0.2


class Relay(threading.Thread):
    """A port of the node's: hellos that `is_slow` names are answered by an alert that never ends, a
    byte now and then; others go to the server at `target`."""

    def __init__(self, node, port, is_slow, target=None):
        super().__init__(daemon=True)
        self.node, self.port, self.is_slow, self.target = node, port, is_slow, target
        self.begun = 0
        self.start()

    def run(self):
        with self.node.entered():
            asyncio.run(self.serve())

    async def serve(self):
        server = await asyncio.start_server(self.take, '127.0.0.1', self.port)
        async with server:
            await server.serve_forever()

    async def take(self, reader, writer):
        try:
            hello = await reader.read(4096)
            await (self.drip if self.is_slow(hello) else self.pass_on)(hello, reader, writer)
        except OSError:
            pass
        writer.close()

    async def drip(self, _, reader, writer):
        for byte in ALERT[:-1]:
            writer.write(bytes((byte,)))
            await writer.drain()
            self.begun += 1
            await asyncio.sleep(PAUSE_S)
        await reader.read()

    async def pass_on(self, hello, reader, writer):
        reader_in, writer_in = await asyncio.open_connection('127.0.0.1', self.target)
        writer_in.write(hello)
        await asyncio.wait([asyncio.create_task(self.copy(*pair)) for pair in
                            ((reader, writer_in), (reader_in, writer))],
                           return_when=asyncio.FIRST_COMPLETED)
        writer_in.close()

    @staticmethod
    async def copy(source, to):
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                to.write(data)
                await to.drain()


def daemon_goes_on(t, node, slow, daemon):
    """The prober is stopped while it waits for an answer, so that it surely waits all the while."""
    t.ok(wait_for(lambda: slow.begun > 1 and probers(daemon)), 'a prober waits for a slow answer')
    number = int((probers(daemon) or [daemon])[0])
    os.kill(number, signal.SIGSTOP)
    result = node.holdfast('set', 'global.dscp_management=1')
    t.ok(result.returncode == 0, 'meanwhile the daemon stores settings', result.stderr)
    node.run('nft', 'delete', 'table', 'inet', 'holdfast')
    t.ok(wait_for(lambda: node.try_run('nft', 'list', 'chain', 'inet', 'holdfast',
                                       'input').returncode == 0), 'and repairs drift')
    t.same(probers(daemon), [str(number)], 'beside the same prober')
    os.kill(number, signal.SIGCONT)


def verdicts(t, node):
    t.ok(wait_for(lambda: rows(node)['tls.sip-tls.suites']['verdict'] == 'error'),
         'the prober comes to its end', rows(node))
    found = rows(node)
    t.same({row['reason'] for name, row in found.items() if '.sip-tls.' in name},
           {'it begins to answer and does not finish in time'},
           'each row of a listener that ends no answer says so')
    t.same({row['verdict'] for name, row in found.items() if '.sip-tls.' in name}, {'error'},
           'and is an error')
    t.same(found['tls.health.suites']['verdict'], 'pass', "the node's endpoint is judged")
    row = found['tls.https.suites']
    t.ok(row['verdict'] == 'fail' and 'TLS_RSA_WITH_AES_256_GCM_SHA384' in row['observed'],
         'what a web server shows in time is judged', row)
    row = found['tls.https.versions']
    t.ok(row['verdict'] == 'not_checked' and 'too slowly' in row['reason'],
         'and that it begins to answer the hellos of old versions is no refusal of them', row)


def main():
    t = harness.Tap()
    node = harness.Node('conferencing')
    node.settings(f'health.port = {PORT}\nhealth.stations = 127.0.0.0/8\n'
                  f'sip.tls_port = {SIP_PORT}\nhttps.legacy_inbound = no\n')
    slow = Relay(node, SIP_PORT, lambda hello: True)
    Relay(node, 443, lambda hello: hello[CLIENT_VERSION] < TLS_1_2, WEB_PORT)
    server = web_server(node, WEB_PORT)
    daemon = subprocess.Popen(['ip', 'netns', 'exec', node.name, harness.HOLDFAST, '--root',
                               node.root, 'run'], stdout=subprocess.DEVNULL)
    try:
        daemon_goes_on(t, node, slow, daemon.pid)  # `ip netns exec` becomes it
        verdicts(t, node)
    finally:
        for process in daemon, server:
            process.terminate()
            process.wait()
    t.done()


main()
