#!/usr/bin/env python3
"""A Management Node from its first boot to the lock-out, as its administrator sees it."""
import hashlib
import json
import os
import shutil
import ssl
import tempfile

import harness
import deploy
import disk
from demo import ANSWERS, configure
from fetch import fetch, fetch_json
from node import ASKED, PROMPT, QUESTION, Node

PASSWORD = deploy.PASSWORD
TYPED_AS_A_NAME = 'hunter2'


def boot_order(t, text):
    """The record of one boot: nothing was up before it, and the network came after it."""
    record = dict(line.split(None, 1) for line in text.splitlines() if ' ' in line)
    t.same(record.get('interfaces-up'), 'none', 'no interface is up when the policy is enforced')
    t.ok(record.get('boot-exit') in ('0', '1'), 'holdfast boot could enforce the policy', text)
    t.ok(float(record['boot-start']) <= float(record['boot-end']) <=
         float(record['network-start']), 'the network starts after holdfast boot has ended', text)


def first_boot(t, machine):
    machine.expect(r'New password for admin[^\n]*: ')
    machine.send('short')
    t.ok(machine.expect('too short'), 'a short first password is refused')
    machine.expect(r'New password for admin[^\n]*: ')
    machine.send(PASSWORD)
    machine.expect(r'same password again: ')
    machine.send(PASSWORD + 'x')
    t.ok(machine.expect('two differ'), 'two different first passwords are refused')
    machine.first_password(PASSWORD)
    t.ok(PASSWORD.encode() not in machine.console, 'the console does not show the password')
    machine.expect(r'login: $')
    machine.send('admin')
    machine.expect(r'Password: $')
    machine.send('wrong' + PASSWORD)
    t.ok(machine.expect('Login incorrect'), 'a wrong password does not log in')
    machine.expect(r'login: $')
    machine.send(TYPED_AS_A_NAME)
    machine.expect(r'Password: $')
    machine.send(PASSWORD)
    t.ok(machine.expect('Login incorrect'), 'nor does another user')
    machine.log_in(PASSWORD)
    t.same(machine.run('id -u')[1].strip(), '1000', 'admin logs in as an ordinary user')
    boot_order(t, machine.run('cat /run/holdfast/boot-order')[1])
    t.same(machine.run('cat /sys/kernel/rcu_expedited')[1].strip(), '0',
           'what made the kernel hurry during the boot is switched off')
    t.ok(machine.run('cat /etc/shadow')[0] and machine.run('ls /var/lib/holdfast')[0],
         'admin reads neither the passwords nor the state')
    t.ok(machine.run('touch /x /etc/x /usr/x /bin/x')[0], 'admin cannot write where programs live')
    t.ok(machine.run('kill -TERM 1')[0], 'admin cannot reboot the node past the wizard')


def settings(t, machine):
    configure(machine)
    code, output = machine.run('holdfast get health.stations', PASSWORD)
    t.same((code, output.strip()), (0, 'health.stations = 10.0.2.2/32'), 'settings are stored')
    code, output = machine.run('holdfast set health.port=70000', PASSWORD)
    t.ok(code == 2 and 'health.port' in output, 'a bad value is refused and named', output)
    code, output = machine.run('holdfast set health.port=9444', 'wrong', tries=3)
    t.ok(code == 2, 'after three wrong passwords nothing is stored', output)


def what_admin_sees(t, machine):
    """Without a password, and after a boot with the addresses that were set."""
    code, output = machine.run('holdfast check | head -n 3')
    t.ok('FAILED' not in output and 'waits for the next boot' in output,
         'admin sees that the stored addresses wait for a boot', code, output)
    machine.send('holdfast reboot')
    machine.expect(ASKED)
    machine.send(PASSWORD)
    t.ok(machine.expect(r'network allowed at'), 'admin reboots the node, with the password')
    machine.log_in(PASSWORD)
    for _ in range(10):  # until no walk came between the two
        station = fetch_json(machine.port, '/checks', patience=180)[1]
        output = machine.run('holdfast check --format json')[1]
        admin = json.loads(output[output.index('{'):output.rindex('}') + 1])
        if admin['generation'] == station['generation']:
            break
    t.same(admin, station, 'admin sees what /checks shows')
    t.same(admin['reboot_required'], False, 'nothing waits for a boot any more')
    for command, pattern in (('firewall', 'table inet holdfast'), ('tls https-in', 'TLS 1.3'),
                             ('events', 'reboot  '), ('events --verify', 'verified')):
        code, output = machine.run('holdfast ' + command)
        t.ok(code == 0 and pattern in output and 'strictest' not in output,
             'admin sees the node\'s own %s' % command, code, output[-500:])


def interrupted_wizard(t, machine):
    machine.send('securitywizard')
    machine.expect(ASKED)
    machine.send(PASSWORD)
    machine.expect(QUESTION)
    machine.send('yes')
    machine.expect(QUESTION)
    machine.send_raw(b'\x03')
    machine.expect(PROMPT)
    machine.wizard(PASSWORD, ANSWERS, confirm='no')
    machine.expect(PROMPT)
    output = machine.run('holdfast get security.fips', PASSWORD)[1]
    t.same(output.strip(), 'security.fips = no',
           'a wizard that is interrupted or not confirmed stores nothing')


def locked_out(t, machine):
    t.ok(fetch(machine.port, '/health', patience=180)[0] in (200, 503),
         'the station reads the health')
    shown = machine.expect(r'Certificate of the endpoint, SHA-256:\s+([0-9A-F:]+)')[1][1].decode()
    pem = ssl.get_server_certificate(('127.0.0.1', machine.port), timeout=60)
    t.same(shown.replace(':', '').lower(), hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest(),
           'the console shows the certificate that the endpoint serves')
    rows = {row['id']: row for row in fetch_json(machine.port, '/checks')[1]['checks']}
    bad = ['%(id)s: %(actual)s' % row for row in rows.values()
           if row['domain'] in ('accounts', 'sysctl', 'firewall', 'files', 'network') and
           row['verdict'] in ('fail', 'error')]
    t.same(bad, [], 'every enforced row holds')
    t.ok(any(row['domain'] == 'accounts' for row in rows.values()), 'the accounts are checked')
    t.ok(not machine.offers_login(), 'no console offers a login')
    t.ok(not machine.answers_on_ssh(), 'port 22 says nothing')


def on_disk(t, machine):
    """What the node kept, read on this machine once the node is off."""
    folder = tempfile.mkdtemp(prefix='holdfast-disk-')
    try:
        state = os.path.join(folder, 'var/lib/holdfast')
        t.ok(disk.repair(machine.state), 'the state disk is sound')
        names = disk.take_out(machine.state, state)
        t.ok('state.db.latch-admin-disabled' in names, 'the latch stands beside the database',
             names)
        done = deploy.holdfast(folder, 'events', '--verify')
        t.same(done.returncode, 0, 'the chain of events is whole: ' + done.stdout.strip())
        events = deploy.holdfast(folder, 'events').stdout
        t.ok(PASSWORD not in events, 'no event holds the password')
        t.ok('console ttyS0: wrong password for admin' in events and
             'console ttyS0: unknown user' in events and TYPED_AS_A_NAME not in events,
             'a log-in that failed at the console is an event, without a name that is none', events)
        with open(os.path.join(state, 'shadow')) as shadow:
            t.ok(shadow.read().startswith('admin:$6$rounds=656000$'),
                 "the password's hash is of today's cost")
        done = deploy.holdfast(folder, 'set', 'security.disable_admin=no')
        t.ok(done.returncode == 2 and 'disable' in done.stderr,
             'root itself cannot enable the account again', done.stdout + done.stderr)
        stored = deploy.holdfast(folder, 'get', 'security.fips', 'web.max_sessions').stdout
        t.same(stored, 'security.fips = yes\nweb.max_sessions = 100\n',
               'the wizard\'s answers are stored')
    finally:
        shutil.rmtree(folder)


def database_lost(t, machine):
    """Whoever removes the database and the password from a locked node's disk gains nothing."""
    disk.debugfs(machine.state, *('rm /' + name for name in disk.names(machine.state)
                                  if name in ('state.db', 'state.db-wal', 'state.db-shm', 'shadow')),
                 write=True)
    machine.start()
    machine.expect(r'FAILED CLOSED')
    machine.expect(r'network allowed at')
    t.ok(not machine.offers_login(), 'without its database the node stays locked')
    t.same(fetch_json(machine.port, '/health', patience=180)[1]['status'], 'fail',
           'and its health is fail, at the address last known')
    machine.power_off()


with harness.Tap() as t, Node() as machine:
    t.on(machine).start()
    first_boot(t, machine)
    settings(t, machine)
    what_admin_sees(t, machine)
    interrupted_wizard(t, machine)
    t.same(machine.wizard(PASSWORD, ANSWERS), 25, 'the wizard asks 25 questions')
    t.ok(machine.expect(r'network allowed at'), 'the node reboots by itself after the wizard')
    locked_out(t, machine)
    machine.power_off()
    t.ok(True, 'the power button shuts the node down')
    machine.start()
    machine.expect(r'network allowed at')
    locked_out(t, machine)
    machine.power_off()
    on_disk(t, machine)
    database_lost(t, machine)
