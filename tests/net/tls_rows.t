#!/usr/bin/env python3
"""The rows of the tls domain on a running node: the daemon probes its own endpoint, a web server that
is wrongly configured, and a SIP port that takes connections and says nothing, by a process that has no
privileges and that nobody waits for; check shows what was found, by the policy of the moment."""
import os
import socket
import subprocess

import harness
from listeners import probers, rows, wait_for, web_server

PORT = 9443
SIP_PORT = 5061
NOBODY = '65534'


def status_of(number):
    with open(f'/proc/{number}/status') as file:
        return dict(line.split(':\t', 1) for line in file if ':\t' in line)


def before(t, node):
    found = rows(node)
    t.same({row['verdict'] for row in found.values()}, {'not_applicable'},
           'before anything was probed no row applies')


def the_process(t, node, warden):
    t.ok(wait_for(lambda: probers(warden)), 'some seconds after the start a process probes')
    number = (probers(warden) or [warden])[0]
    t.ok(wait_for(lambda: status_of(number)['Uid'].split() == [NOBODY] * 4), 'as nobody',
         status_of(number)['Uid'])
    status = status_of(number)
    t.same((int(status['CapEff'], 16), int(status['CapPrm'], 16)), (0, 0), 'without capabilities')
    t.same(status['NoNewPrivs'].strip(), '1', 'and gets none any more')
    t.ok(wait_for(lambda: status_of(number)['Seccomp'].strip() == '2'),
         'what it may ask of the kernel is filtered')
    t.same(os.listdir(f'/proc/{number}/root'), [], 'its root folder is empty')
    with open(f'/proc/{number}/environ', 'rb') as file:
        t.same(file.read(), b'', 'it has no environment')
    node.run('nft', 'delete', 'table', 'inet', 'holdfast')
    repaired = wait_for(lambda: node.try_run('nft', 'list', 'chain', 'inet', 'holdfast',
                                             'input').returncode == 0)
    t.ok(repaired and probers(warden) == [number], 'the warden repairs drift meanwhile', repaired, probers(warden))


def verdicts(t, node):
    took = wait_for(lambda: rows(node)['tls.health.suites']['verdict'] == 'pass')
    found = rows(node)
    t.ok(took is not None, "the node's own endpoint keeps to the policy", found)
    wanted = dict.fromkeys([name for name in found if '.health.' in name], 'pass')
    wanted['tls.health.certificate'] = 'fail'  # it is self-signed
    t.same({name: row['verdict'] for name, row in found.items() if '.health.' in name}, wanted,
           'in every respect but its certificate, though its limits count the probe like anybody')
    row = found['tls.https.versions']
    t.same((row['verdict'], row['setting'], row['observed']),
           ('fail', 'https.legacy_inbound', 'TLS 1.0 is accepted; TLS 1.1 is accepted'),
           'a web server that accepts TLS 1.0 is a failing row, with the setting')
    t.ok(row['section'], "and with the guide's section", row)
    row = found['tls.https.suites']
    t.ok(row['verdict'] == 'fail' and 'TLS_RSA_WITH_AES_256_GCM_SHA384' in row['observed'],
         'one that accepts static RSA likewise, with the name of the suite', row)
    row = found['tls.https.signatures']
    t.same((row['verdict'], row['observed']),
           ('fail', 'a key exchange of TLS 1.2 is signed by rsa_pkcs1_sha1'),
           'one that signs by SHA-1 for a client that says nothing of signatures, too')
    row = found['tls.sip-tls.suites']
    t.ok(row['verdict'] == 'error' and 'sends nothing' in row['reason'],
         'a silent listener is an error', row)


def by_the_policy_of_the_moment(t, node):
    result = node.holdfast('set', 'https.legacy_inbound=yes')
    t.ok(result.returncode == 0, 'TLS 1.0 is permitted', result.stderr)
    t.same(rows(node)['tls.https.versions']['verdict'], 'pass', 'and its row passes at once')


def closed(t, node, servers):
    for server in servers:
        server.terminate()
        server.wait()
    result = node.holdfast('set', 'https.legacy_inbound=no')
    t.ok(result.returncode == 0, 'a change of settings', result.stderr)
    took = wait_for(lambda: rows(node)['tls.https.suites']['verdict'] == 'not_applicable')
    row = rows(node)['tls.https.suites']
    t.ok(took is not None and 'port 443' in row['reason'],
         'is followed by a new probe: the rows of a closed port do not apply', row)


def main():
    t = harness.Tap()
    node = harness.Node('conferencing')
    node.settings(f'health.port = {PORT}\nhealth.stations = 127.0.0.0/8\n'
                  f'sip.tls_port = {SIP_PORT}\nhttps.legacy_inbound = no\n')
    before(t, node)
    with node.entered():
        mute = socket.create_server(('127.0.0.1', SIP_PORT), backlog=64)
    servers = [web_server(node)]
    daemon = subprocess.Popen(['ip', 'netns', 'exec', node.name, harness.HOLDFAST, '--root',
                               node.root, 'run'], stdout=subprocess.DEVNULL)
    try:
        the_process(t, node, daemon.pid)  # `ip netns exec` becomes it
        verdicts(t, node)
        by_the_policy_of_the_moment(t, node)
        mute.close()
        closed(t, node, servers)
    finally:
        for process in [daemon, *servers]:
            process.terminate()
            process.wait()
    t.done()


main()
