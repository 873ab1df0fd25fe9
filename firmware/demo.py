#!/usr/bin/env python3
"""make demo: deploys a Management Node in qemu as the guide says, and shows what came of it.

Sets the administrator's password, stores the node's settings, answers the security wizard with the
guide's values, lets the node reboot, fetches its health and checks over HTTPS, shows that nobody
can log in any more, probes its TLS, and powers it off. KEEP=1 leaves the node running.
"""
import collections
import os
import signal
import subprocess
import sys
import time

import node
from fetch import fetch, fetch_json

PASSWORD = 'correct horse battery'
HOLDFAST = os.path.join(os.path.dirname(node.IMAGES), 'holdfast')

# The guide's secure value of each question whose default differs from it.
ANSWERS = {
    'Enable FIPS compliance mode': 'yes',
    'Disable system administrator account': 'yes',
    'Accept multicast ICMPv6 echo requests': 'no',
    'Enable IPv6 Duplicate Address Detection': 'no',
    'Active management web sessions': '100',
    'Active per-user management web sessions': '10',
    'Enable FIR': 'yes',
    'Enable AES128-SHA ciphersuite for outbound SIP/TLS': 'no',
}


class Steps:
    """Says what is being done and how long it took."""

    def __init__(self):
        self.name = None
        self.began = self.begin = time.monotonic()

    def next(self, name):
        self.done()
        self.name, self.begin = name, time.monotonic()
        print('%-52s' % (name + ' ...'), end='', flush=True)

    def done(self, result='done'):
        if self.name:
            print(' %s, %.1f s' % (result, time.monotonic() - self.begin), flush=True)
        self.name = None


def configure(machine):
    with open(os.path.join(node.TOP, 'firmware', 'demo.conf'), encoding='utf-8') as conf:
        machine.upload('node.conf', conf.read())
    code, output = machine.run('holdfast import node.conf', PASSWORD)
    if code:
        raise node.NodeError('holdfast import ended with %d:\n%s' % (code, output))


def probe(machine):
    """What the endpoint accepts, found out from this side: by hellos, and by whole handshakes."""
    done = subprocess.run([HOLDFAST, 'probe', '127.0.0.1:%d' % machine.port, '--timeout',
                           str(node.PATIENCE)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise node.NodeError('holdfast probe: ' + (done.stderr or done.stdout).strip())
    return done.stdout


def show_verdict(machine, probed):
    print('\nThe endpoint, probed from outside:')
    print(''.join('  %s\n' % line for line in probed.splitlines()))
    status, health = fetch_json(machine.port, '/health')
    rows = fetch_json(machine.port, '/checks')[1]['checks']
    print('The endpoint, probed by the node itself and held against its policy:')
    for row in rows:
        if row['id'].startswith('tls.health.'):
            print('  %-24s %-5s %s' % (row['id'], row['verdict'], row['reason'] or row['observed']))
    verdicts = ('pass', 'fail', 'error', 'not_applicable', 'not_checked')
    counts = collections.Counter((row['domain'], row['verdict']) for row in rows)
    reason = ': ' + health['output'] if 'output' in health else ''
    print('\n/health: HTTP %d, status %s%s\n' % (status, health['status'], reason))
    print('%-12s' % 'domain' + ''.join('%16s' % verdict for verdict in verdicts))
    for domain in sorted({row['domain'] for row in rows}):
        print('%-12s' % domain + ''.join('%16d' % counts[domain, verdict] for verdict in verdicts))
    short = [row for row in rows if row['verdict'] in ('fail', 'error')]
    print('\n%d checks, %d fail%s' % (len(rows), len(short), ':' if short else ''))
    for row in short:
        print('  %-5s %s: observed %s, expected %s' % (row['verdict'], row['id'],
                                               row.get('reason') or row['observed'], row['expected']))
    print()
    return health['status']


def wait_for_probe(machine):
    until = time.monotonic() + node.PATIENCE
    while time.monotonic() < until:
        rows = fetch_json(machine.port, '/checks')[1]['checks']
        if any(row['id'].startswith('tls.health.') and row['verdict'] != 'not_applicable'
               for row in rows):
            return
        time.sleep(1)
    raise node.NodeError('the node did not probe its own endpoint')


def demonstrate(machine, steps):
    steps.next('Booting the Management Node in qemu')
    machine.start()
    machine.expect('New password for admin', advance=False)
    steps.next('Setting the administrator\'s password')
    machine.first_password(PASSWORD)
    steps.next('Logging in as admin')
    machine.log_in(PASSWORD)
    steps.next('Storing the node\'s settings')
    configure(machine)
    steps.next('Answering the security wizard')
    asked = machine.wizard(PASSWORD, ANSWERS)
    steps.done('%d questions' % asked)
    steps.next('Rebooting with the policy enforced')
    machine.expect(r'network allowed at')
    steps.next('Waiting for the endpoint')
    fetch(machine.port, '/health', patience=node.PATIENCE)
    steps.next('Waiting for the node to probe its own endpoint')
    wait_for_probe(machine)
    steps.next('Trying to log in')
    if machine.offers_login():
        raise node.NodeError('the console still asks for a login')
    if machine.answers_on_ssh():
        raise node.NodeError('port 22 answers')
    steps.done('nobody can')
    steps.next('Probing its TLS from outside')
    return probe(machine)


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the machine ends with us
    steps = Steps()
    with node.Node() as machine:
        try:
            probed = demonstrate(machine, steps)
            steps.done()
            status = show_verdict(machine, probed)
            if os.environ.get('KEEP'):
                print('The node runs on:  curl -k https://127.0.0.1:%d/checks\n'
                      'To end it:         %s' % (machine.port, machine.detach()))
            else:
                steps.next('Powering off')
                machine.power_off()
                steps.done()
        except KeyboardInterrupt:
            print('\nThe node is stopped.')
            return 2
        except (node.NodeError, OSError, ValueError, KeyError) as error:
            print(' FAILED\n\n%s: %s\n\nThe console\'s end:\n%s' %
                  (steps.name or 'Verdict', error, machine.tail()))
            return 2
    print('\nThe demonstration took %.0f s.' % (time.monotonic() - steps.began))
    return 0 if status != 'fail' else 1


if __name__ == '__main__':
    sys.exit(main())
