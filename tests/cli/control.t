#!/usr/bin/env python3
"""The control socket of a running daemon: the admin user with the right and the wrong password, the
management application, others, garbage, too many, and a daemon that is killed while settings are stored through it."""
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import harness
from control import (ACT_FOR, EVENTS, HEAD, IMPORT, LOAD, LOGIN, MAGIC, PATIENCE_S, REBOOT, SET,
                     WIZARD, Client, Daemon, wait_for)
from harness import PASSWORD, Node, Tap, Terminal
from memory import memory

ADMIN, MANAGEMENT, STRANGER = 1000, 990, 1234
KILLS = 8
SEED = 20240229
CLIENTS_MAX, REFUSALS_MAX = 14, 10
EPERM, EACCES, EINVAL, EBADMSG = 1, 13, 22, 74


def as_user(node, *words, user=ADMIN, group=ADMIN, password=PASSWORD, more=''):
    return node.run(*words, stdin=None, input=f'{password}\n{more}', user=user, group=group,
                    extra_groups=[])


def admin_in(t, node):
    result = as_user(node, 'set', 'web.max_sessions=77')
    t.ok(result.returncode == 0 and node.get('web.max_sessions') == '77',
         'the admin user sets with the password', result.stderr)
    result = as_user(node, 'get', 'web.max_sessions')
    t.same(result.stdout, 'web.max_sessions = 77\n', 'gets, and the prompt is no part of it')
    result = as_user(node, 'import', '-', more='web.max_sessions = 78\nsip.cca_id = one\n')
    t.ok(result.returncode == 0 and node.get('sip.cca_id') == 'one',
         'imports standard input behind the password', result.stderr)
    node.write('answers', 'rtcp.fir = yes\n')
    result = as_user(node, 'wizard', '--no-reboot', '--answers', node.path('answers'))
    t.ok(result.returncode == 0 and node.get('rtcp.fir') == 'yes', 'and runs the wizard',
         result.stderr)
    kinds = [len([line for line in node.events(kind) if 'admin' in line])
             for kind in ('set', 'import', 'wizard')]
    t.same(kinds, [1, 1, 1], 'each of them is an event of the admin')
    result = as_user(node, 'set', 'sip.udp_port=0', 'nosuch=1')
    t.ok(result.returncode == 2 and 'nosuch' in result.stderr, 'a fault is told', result.stderr)
    result = as_user(node, 'wizard')
    t.ok(result.returncode == 2 and 'nothing is stored' in result.stderr,
         'the end of input stores nothing', result.stderr)


def terminal(t, node):
    before = node.run('export').stdout
    wizard = Terminal(node, 'wizard', '--no-reboot', user=ADMIN)
    wizard.expect('Password for admin: ')
    t.ok(not wizard.echoes(), 'at a terminal the password is not echoed')
    wizard.send(PASSWORD)
    wizard.expect('Enable FIPS compliance mode (')
    t.ok(wizard.echoes(), 'answers are')
    wizard.press(b'\x03')
    t.ok(wizard.end() == 2 and node.run('export').stdout == before, 'Ctrl-C stores nothing')


def page(daemon, path):
    """What a station on loopback is shown."""
    inside = ['nsenter', '-n', '-t', str(daemon.process.pid)]
    subprocess.run([*inside, 'ip', 'link', 'set', 'lo', 'up'], check=True)
    done = subprocess.run([*inside, 'curl', '-sk', '-m', '20', f'https://127.0.0.1:9443{path}'],
                          capture_output=True, text=True)
    return done.stdout


def look(node, *words, user=ADMIN, group=ADMIN):
    """By a user who gives no password and has no terminal."""
    return node.run(*words, user=user, group=group, extra_groups=[])


def same_generation(node, daemon):
    """/checks, and what the admin user is shown of the same walk."""
    for _ in range(PATIENCE_S):
        before = page(daemon, '/checks')
        seen = look(node, 'check', '--format', 'json')
        if seen.stdout.strip() == before.strip() or page(daemon, '/checks') == before:
            break
    return before, seen


def admin_looks(t, node, daemon):
    """Without a password, as the stations do."""
    wait_for(lambda: page(daemon, '/checks'), 'the endpoint')
    checks, seen = same_generation(node, daemon)
    t.same(seen.stdout.strip(), checks.strip(), 'the admin user sees what /checks shows')
    report = json.loads(checks)
    t.same(seen.returncode, 0 if report['status'] == 'pass' else 1, 'with its exit status')
    mine = json.loads(node.run('check', '--format', 'json').stdout)
    t.same([report[key] for key in ('revision', 'reason', 'admin_disabled', 'fips')],
           [mine[key] for key in ('revision', 'reason', 'admin_disabled', 'fips')],
           'and what root sees')
    rows = json.loads(look(node, 'check', '--format', 'json', '--id', 'guide.*').stdout)['checks']
    t.same(rows, [row for row in report['checks'] if row['id'].startswith('guide.')],
           'of chosen rows too')
    text = look(node, 'check', '--all').stdout
    missing = [row['id'] for row in report['checks'] if row['id'] not in text]
    t.ok(not missing and f"revision {report['revision']}" in text and 'FAILED' not in text,
         'as text every row is there', missing, text[:300])
    nothing = look(node, 'check', '--id', 'nosuch')
    t.ok(nothing.returncode == 2 and 'nosuch' in nothing.stderr, 'a mistyped id is told', nothing)
    for words in (('firewall',), ('tls',), ('tls', 'https-in'), ('tls', '--format', 'json'),
                  ('tls', 'sip-in', '--format', 'json'), ('events',), ('events', '--verify'),
                  ('events', '--format', 'json'), ('events', '--since', '1h'),
                  ('events', '--since', '2000-01-01T00:00:00Z', '--format', 'json')):
        admin, other = look(node, *words), node.run(*words)
        t.ok((admin.returncode, admin.stdout) == (0, other.stdout) and other.stdout,
             f"{' '.join(words)} is root's, to the byte", admin.returncode, admin.stderr,
             admin.stdout[-300:], other.stdout[-300:])


def admin_probes(t, node, daemon):
    inside = ['nsenter', '-n', '-t', str(daemon.process.pid)]
    said = [subprocess.run([*inside, *user, *node.argv('probe', '127.0.0.1:9443', '--surface',
                                                       'https-in', '--format', 'json',
                                                       '--timeout', '120')],
                           capture_output=True, text=True, stdin=subprocess.DEVNULL)
            for user in ((), ('setpriv', f'--reuid={ADMIN}', f'--regid={ADMIN}', '--clear-groups'))]
    findings = [json.loads(done.stdout)['findings'] if done.stdout else done.stderr
                for done in said]
    t.ok(findings[0] == findings[1] and said[0].returncode == said[1].returncode,
         'and a probe is held against the policy in force', *said)


def many_events(t, node):
    """More than a page of the log."""
    client = Client(node)
    for number in range(300):
        client.ask(SET, f'web.max_sessions = {2000 + number}\n')
    client.close()
    admin, other = look(node, 'events'), node.run('events')
    t.ok(admin.stdout == other.stdout and len(other.stdout.splitlines()) > 300,
         'a log of many pages is shown whole', len(admin.stdout.splitlines()),
         len(other.stdout.splitlines()))
    t.same(look(node, 'events', '--verify').stdout, node.run('events', '--verify').stdout,
           'and its chain verified')


def may_not_look(t, node, why, **who):
    """No permission is no failure of the node."""
    for words in (('check',), ('check', '--format', 'json'), ('firewall',), ('tls',), ('events',),
                  ('events', '--verify'), ('probe', '127.0.0.1:1', '--surface', 'https-in')):
        result = look(node, *words, **who)
        t.ok(result.returncode == 2 and not result.stdout and why in result.stderr and
             'FAILED' not in result.stderr and 'strictest' not in result.stderr,
             f"{' '.join(words)}: {why}", result.returncode, result.stdout[:300], result.stderr)


def change_log(node, change):
    """As another tool would that leaves the schema as it found it."""
    database = sqlite3.connect(node.path('var/lib/holdfast/state.db'))
    with database:
        triggers = database.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f'DROP TRIGGER {name}')
        database.execute(change)
        for _, sql in triggers:
            database.execute(sql)
    database.close()


def damaged_log(t):
    """Beside a daemon: what of its log is gone or altered, the admin user sees as root does."""
    first = '(SELECT min(sequence) FROM events)'
    for change, name in (
            (f"UPDATE events SET text = 'other' WHERE sequence = {first}", 'an altered first event'),
            (f'DELETE FROM events WHERE sequence <= {first} + 1', 'a beginning that is gone'),
            ('DELETE FROM events WHERE sequence = (SELECT max(sequence) FROM events)',
             'an end that is gone'),
            ('DELETE FROM events', 'a log that is gone')):
        node = make_node()
        daemon = Daemon(node)
        try:
            client = Client(node)
            for number in range(3):
                client.ask(SET, f'web.max_sessions = {2000 + number}\n')
            client.close()
            whole = look(node, 'events', '--verify')
            change_log(node, change)
            found = look(node, 'events', '--verify')
        finally:
            daemon.end()
        t.ok(whole.returncode == 0 and found.returncode == 1 and 'broken at event' in found.stdout,
             f'{name} is told to the admin user', whole, found)


def without_daemon(t, node):
    may_not_look(t, node, 'Permission denied')
    may_not_look(t, node, 'Permission denied', user=STRANGER, group=STRANGER)


def wrong_password(t, node, daemon):
    before, refused = node.run('export').stdout, len(node.events('refused'))
    outputs = ''
    for number, words in enumerate((('set', 'web.max_sessions=1'), ('get',))):
        began = time.monotonic()
        result = as_user(node, *words, password='s3cret-guess')
        took = time.monotonic() - began
        outputs += result.stdout + result.stderr
        t.ok(result.returncode == 2 and 'wrong password' in result.stderr and took >= 1 + number,
             f'{words[0]} with a wrong password is refused after {1 + number} s',
             result.stderr, f'{took:.1f} s')
    t.same(node.run('export').stdout, before, 'and stores nothing')
    events = node.events('refused')[refused:]
    t.ok(len(events) == 2 and all('admin: wrong password' in line for line in events),
         'each is an event', *events)
    outputs += daemon.log + node.run('events').stdout
    t.ok('s3cret' not in outputs and PASSWORD not in outputs, 'no password is in any output')
    result = as_user(node, 'get', 'rtcp.fir')
    t.same(result.returncode, 0, 'the right one is let in when the delay has passed')


def others(t, node):
    result = as_user(node, 'get', user=STRANGER, group=STRANGER)
    t.ok(result.returncode == 2 and 'Permission denied' in result.stderr,
         'another user cannot connect', result.stderr)
    before = len(node.events('refused'))
    result = as_user(node, 'get', user=STRANGER, group=ADMIN)
    t.ok(result.returncode == 2 and not result.stdout and 'does not answer' in result.stderr,
         'one of the same group gets no answer', result.returncode, result.stderr)
    t.same(len(node.events('refused')), before + 1, 'and is an event')
    may_not_look(t, node, 'Permission denied', user=STRANGER, group=STRANGER)
    may_not_look(t, node, 'root and the admin user alone', user=STRANGER, group=ADMIN)


def root(t, node):
    result = node.run('set', 'web.max_sessions=80')
    t.ok(result.returncode == 0, 'root sets without the password', result.stderr)
    client = Client(node)
    t.same(client.ask(WIZARD, 'rtcp.fir = no\n')[0], EACCES, 'but the wizard wants it of root too')
    t.same(client.ask(LOGIN, PASSWORD)[0], 0, 'who then logs in')
    t.same(client.ask(WIZARD, 'rtcp.fir = no\n')[0], 0, 'and stores')
    before = node.run('export').stdout
    bad = ('nosuch = 1\n', 'sip.udp_port = 0\n', 'sip.tls_port = 22\n', 'rtcp.fir', '\x01\n',
           'rtcp.fir = yes\nrtcp.fir = no\n')
    for text in bad:
        status, why = client.ask(SET, text)
        t.ok(status == EINVAL and why, f'the daemon itself refuses {text!r}', status, why)
    t.same(client.ask(WIZARD, 'global.ssh = no\n')[0], EINVAL,
           'and a wizard that answers what is not asked')
    t.same(node.run('export').stdout, before, 'and stores none of it')
    client.close()


def consents(t, node):
    """Whoever speaks to the socket without the commands is held to the same consent."""
    client = Client(node)
    client.ask(LOGIN, PASSWORD)
    before = node.run('export').stdout
    lock, lone = 'security.disable_admin = yes\n', 'health.stations =\n'
    station = 'health.stations = 192.0.2.1/32\n'
    # what is asked for, the consent in the request, the word that lacks
    cases = ((SET, lock + station, 0, '--yes'), (SET, lock + station, 2, '--yes'),
             (SET, lock + lone, 1, '--force'), (SET, lock + lone, 2, '--yes'),
             (IMPORT, lock + station, 0, '--yes'), (IMPORT, lock + lone, 1, '--force'),
             (WIZARD, lock, 0, '--'), (WIZARD, lock, 2, '--yes'))
    for verb, text, consent, word in cases:
        status, why = client.ask(verb, text, consent)
        t.ok(status == EPERM and word in why, f'{text!r} with consent {consent} wants {word}', verb,
             status, why)
    t.same(node.run('export').stdout, before, 'and nothing of it is stored')
    client.close()
    node = make_node()
    daemon = Daemon(node)
    try:
        client = Client(node)
        t.same(client.ask(SET, lock + station, 1)[0], 0, 'with its consent a change is stored')
        t.same(client.ask(IMPORT, lock + station)[0], 0, 'which wants none where it stands already')
        t.same(client.ask(SET, lone)[0], EPERM, 'but for the last station that is taken away')
        t.same(client.ask(SET, lone, 2)[0], 0, 'which has a consent of its own')
        client.close()
    finally:
        daemon.end()


def managed_node():
    """A node whose image has a management application."""
    node = make_node()
    node.write('etc/passwd', harness.FILES['etc/passwd'] + 'mcu:x:990:990::/:/bin/false\n')
    node.write('etc/holdfast/management-user', 'mcu\n')
    return node


def management_client(node):
    """The kernel notes the user at connect(2)."""
    os.seteuid(MANAGEMENT)
    try:
        return Client(node)
    finally:
        os.seteuid(0)


def by_management(node, *words, **more):
    return as_user(node, *words, user=MANAGEMENT, group=MANAGEMENT, password='', **more)


def management_commands(t, node):
    result = by_management(node, 'set', '--for', 'Alice Example', 'web.max_sessions=70')
    t.ok(result.returncode == 0 and node.get('web.max_sessions') == '70',
         'the management application sets without a password', result.stderr)
    t.ok(any('by management for Alice Example' in line for line in node.events('set')),
         'and the event names the administrator', *node.events('set'))
    result = by_management(node, 'get', '--for', 'alice', 'web.max_sessions')
    t.same(result.stdout, 'web.max_sessions = 70\n', 'it gets')
    result = by_management(node, 'import', '--for', 'alice', '-', more='web.max_sessions = 71\n')
    t.ok(result.returncode == 0 and node.get('web.max_sessions') == '71', 'imports', result.stderr)
    node.write('answers', 'rtcp.fir = yes\n')
    result = by_management(node, 'wizard', '--for', 'alice', '--no-reboot', '--answers',
                           node.path('answers'))
    t.ok(result.returncode == 0 and node.get('rtcp.fir') == 'yes', 'and runs the wizard',
         result.stderr)
    before = node.run('export').stdout
    for words, user in ((('set', 'web.max_sessions=1'), MANAGEMENT),
                        (('set', '--for', 'alice', 'web.max_sessions=1'), ADMIN),
                        (('set', '--for', 'alice', 'web.max_sessions=1'), 0),
                        (('set', '--for', 'x' * 65, 'web.max_sessions=1'), MANAGEMENT),
                        (('set', '--for', '', 'web.max_sessions=1'), MANAGEMENT),
                        (('set', '--yes', '--force', '--for', 'alice',
                          'security.disable_admin=yes'), MANAGEMENT)):
        result = as_user(node, *words, user=user, group=user)
        t.ok(result.returncode == 2 and result.stderr and node.run('export').stdout == before,
             f'user {user} is refused {words[-1]} with {words[1:-1]}', result.stderr)


def management_messages(t, node):
    client = management_client(node)
    statuses = [client.ask(verb, text)[0] for verb, text in
                ((LOAD, ''), (SET, 'web.max_sessions = 2\n'), (IMPORT, ''), (WIZARD, ''), (REBOOT, ''),
                 (LOGIN, PASSWORD))]
    t.same(statuses, [EACCES] * 6, 'without an administrator its requests are refused')
    t.same([client.ask(ACT_FOR, name)[0] for name in ('', 'a\0b')], [EBADMSG] * 2,
           'as are malformed names')
    t.same(client.ask(ACT_FOR, 'eve\n\x1b[2Jroot')[0], 0, 'a name is taken')
    t.same(client.ask(SET, 'web.max_sessions = 72\n')[0], 0, 'its change is stored')
    t.ok('management for eve??[2Jroot' in node.events('set')[-1], 'and the name cannot forge a line',
         *node.events('set')[-2:])
    lock = 'security.disable_admin = yes\nhealth.stations = 192.0.2.1/32\n'
    for verb in (SET, IMPORT, WIZARD):
        status, why = client.ask(verb, lock if verb != WIZARD else lock.splitlines()[0] + '\n', 3)
        t.ok(status == EPERM and 'root and the admin user alone' in why,
             f'by verb {verb} it cannot disable the administrator account', status, why)
    client.close()
    root_client = Client(node)
    t.same(root_client.ask(ACT_FOR, 'alice')[0], EACCES, 'root cannot act for an administrator')
    root_client.close()


def management(t):
    node = managed_node()
    daemon = Daemon(node)
    try:
        management_commands(t, node)
        management_messages(t, node)
    finally:
        daemon.end()
    result = node.run('set', '--yes', 'security.disable_admin=yes', 'health.stations=192.0.2.1/32')
    booted = subprocess.run(['unshare', '-n', *node.argv('boot')], capture_output=True, text=True,
                            check=False)
    daemon = Daemon(node)
    try:
        refused = as_user(node, 'set', 'web.max_sessions=73')
        t.ok(result.returncode == 0 and refused.returncode == 2, 'the administrator is locked out',
             result.stderr, booted.stderr, refused.stderr)
        result = by_management(node, 'set', '--for', 'alice', 'web.max_sessions=74')
        t.ok(result.returncode == 0 and node.get('web.max_sessions') == '74',
             'the management application is not', result.stderr)
        result = by_management(node, 'set', '--for', 'alice', 'security.disable_admin=no')
        t.ok(result.returncode == 2 and node.get('security.disable_admin') == 'yes',
             'but opens no latch', result.stderr)
    finally:
        daemon.end()


def unnamed_management(t):
    """A file that another user may write names no caller."""
    node = managed_node()
    os.chmod(node.path('etc/holdfast/management-user'), 0o666)
    daemon = Daemon(node)
    try:
        result = by_management(node, 'set', '--for', 'alice', 'web.max_sessions=75')
        t.ok(result.returncode == 2 and 'management-user' in daemon.log,
             'a file that anybody may write names no management application', result.stderr,
             daemon.log)
    finally:
        daemon.end()


def forgets(t, node, daemon):
    """Nothing of a password, nor of an imported text that is not a setting, stays in the daemon."""
    node.run('import', '-', stdin=None, input='# only-in-the-comment\nweb.max_sessions = 82\n')
    client = Client(node)
    client.ask(LOGIN, 'only-a-wrong-guess')
    t.same(client.ask(LOGIN, PASSWORD)[0], 0, 'the right password follows a wrong one')
    t.same(client.ask(IMPORT, '# only-in-the-text\nweb.max_sessions = 83\n')[0], 0,
           'and a text is imported')
    parts = []
    wait_for(lambda: parts.append(memory(daemon.process.pid)) or parts[-1], "the daemon's memory")
    held = parts[-1]
    t.ok(b'web.max_sessions' in held, "the daemon's memory can be read")
    t.same([word for word in (PASSWORD, 'only-a-wrong-guess', 'only-in-the-text', 'only-in-the-comment')
            if word.encode() in held], [], 'no password and no imported text stays in it')
    client.close()


def garbage(t, node, daemon):
    chance = random.Random(SEED)
    pieces = [chance.randbytes(size) for size in (1, 15, 16, 17, 4096, 200000)]
    pieces += [HEAD.pack(MAGIC, SET, 0, 0, 0xffffffff), HEAD.pack(MAGIC, SET, 0, 0, 65537),
               HEAD.pack(MAGIC, 99, 0, 0, 0), HEAD.pack(MAGIC, SET, 0, 0, 100) + b'half',
               HEAD.pack(MAGIC, REBOOT, 1, 0, 0), HEAD.pack(MAGIC, LOAD, 0, -1, 0),
               HEAD.pack(MAGIC, SET, 0, 0, 65536) + b'\0' * 65536,
               HEAD.pack(MAGIC, EVENTS, 0, 0, 17),
               HEAD.pack(MAGIC, EVENTS, 0, 0, 0), HEAD.pack(MAGIC, EVENTS, 0, 0, 16) + b'\xff' * 16]
    before = node.run('export').stdout
    for piece in pieces * 4:
        client = Client(node)
        try:
            client.socket.sendall(piece)
        except OSError:
            pass  # it was closed before the end
        client.close()
    t.same(node.run('export').stdout, before, 'garbage changes nothing')
    t.same(daemon.process.poll(), None, 'and ends nothing')
    told = [line for line in node.events('refused') if 'a malformed message' in line]
    t.ok(0 < len(told) <= REFUSALS_MAX, 'nor does it fill the event log', len(told))


def full(t, node):
    clients = [Client(node) for _ in range(CLIENTS_MAX)]
    for client in clients:
        client.ask(LOAD)
    result = node.run('set', 'web.max_sessions=81')
    t.ok(result.returncode == 2 and 'does not answer' in result.stderr,
         'one client too many is told so', result.returncode, result.stderr)
    for client in clients:
        client.close()
    wait_for(lambda: node.run('set', 'web.max_sessions=81').returncode == 0, 'a free place')
    t.ok(True, 'until another leaves')


def store_until_killed(client, process, chance, first):
    """Stores number after number; the last one that was acknowledged, and what was refused."""
    last, kill_at = first, first + chance.randint(1, 20)
    timer = threading.Timer(chance.random() * 0.02, process.kill)
    try:
        while True:
            status, why = client.ask(SET, f'web.max_sessions = {last + 1}\n'
                                          f'global.login_banner = {last + 1}\n')
            if status:
                process.kill()
                return last, f'{last + 1} was refused: {why}'
            last += 1
            if last == kill_at:
                timer.start()
    except OSError:
        return last, None
    finally:
        client.close()


def killed(t, node, daemon):
    """The daemon is killed at any moment of a client that stores on and on."""
    chance = random.Random(SEED)
    faults, last = [], 1000
    for _ in range(KILLS):
        last, refused = store_until_killed(Client(node), daemon.process, chance, last)
        daemon.end(signal.SIGKILL)
        daemon = Daemon(node)
        now, banner = node.get('web.max_sessions'), node.get('global.login_banner').strip('"')
        if refused or now != banner or int(now) not in (last, last + 1):
            faults.append(refused or f'{now} and {banner} stand where {last} was acknowledged')
        last = int(now)
        if node.run('events', '--verify').returncode:
            faults.append('the chain of events is broken')
    t.ok(not faults, f'{KILLS} kills lose no acknowledged revision and leave none half', *faults)
    return daemon


def conferencing(t):
    """On a Conferencing Node, with nobody at the other end of standard error."""
    node = make_node('conferencing')
    reader, writer = os.pipe()
    os.close(reader)
    daemon = Daemon(node, writer)
    try:
        os.close(writer)
        client = Client(node)
        client.ask(LOGIN, PASSWORD)
        status, why = client.ask(WIZARD, 'rtcp.fir = yes\n')
        t.ok(status == EPERM and 'Management Node' in why and node.get('rtcp.fir') == 'no',
             "a Conferencing Node's daemon refuses the wizard's answers", status, why)
        client.socket.sendall(b'garbage' * HEAD.size)
        t.ok(client.is_closed() and daemon.answers() and node.events('refused'),
             'a daemon whose log nobody reads goes on')
        client.close()
    finally:
        daemon.end()


def fails_closed(t):
    node = make_node()
    node.write('etc/holdfast/role', 'garbage\n')
    daemon = Daemon(node)
    try:
        client = Client(node)
        status, why = client.ask(LOAD)
        client.close()
        result = node.run('get')
        t.ok(status and 'neither management' in why and result.returncode == 2 and not result.stdout and
             'neither management' in result.stderr,
             'a daemon that fails closed shows no settings as stored, but why', status, why, result)
        told = look(node, 'check').stdout.splitlines()
        t.ok(told and told[0].startswith('FAILED CLOSED: ') and 'neither management' in told[0],
             'and the admin user is told that it fails closed', told[:3])
        t.same(look(node, 'firewall').stdout, node.run('firewall').stdout,
               'and shown the ruleset that stands')
    finally:
        daemon.end()


def boots(t):
    """A daemon knows whether a boot came to its end before it."""
    for boots_first, expected in ((False, 1), (True, 0)):
        node = make_node()
        if boots_first:
            subprocess.run(['unshare', '-n', *node.argv('boot')], capture_output=True, check=False)
        Daemon(node).end()
        t.same(len(node.events('unbooted')), expected,
               'a daemon after a boot says nothing of it' if boots_first
               else 'a boot that is missing is an event')


def loses_its_settings(t):
    """The database is damaged under a running daemon."""
    node = make_node()
    daemon = Daemon(node)
    try:
        client = Client(node)
        t.same(client.ask(SET, 'web.max_sessions = 5\n')[0], 0, 'a daemon stores')
        database = sqlite3.connect(node.path('var/lib/holdfast/state.db'))
        database.execute("INSERT INTO revisions SELECT max(revision) + 1, 0, 'x', 'x', zeroblob(32) "
                         'FROM revisions')
        database.commit()
        database.close()
        status, why = client.ask(SET, 'web.max_sessions = 6\n')
        loaded, reason = client.ask(LOAD)
        t.ok(loaded and reason, 'and fails closed once its settings cannot be read any more', status,
             why, loaded, reason)
        t.ok(client.ask(SET, 'web.max_sessions = 7\n')[0], 'which stores nothing any more')
        client.close()
        wait_for(lambda: look(node, 'check').stdout.startswith('FAILED CLOSED'),
                 'a report that it failed closed')
        t.ok(True, 'and says so')
    finally:
        daemon.end()


def long_root(t):
    node = make_node()
    node.root += '/' + 'x' * 120
    os.makedirs(node.path('etc/holdfast'))
    node.write('etc/holdfast/role', 'management\n')
    result = node.run('set', 'rtcp.fir=yes')
    t.ok(result.returncode == 0 and node.get('rtcp.fir') == 'yes',
         "a root too long for a socket's name works without a daemon", result.stderr)


def make_node(role='management'):
    """A node whose files every user can reach."""
    node = Node(role)
    os.chmod(node.root, 0o755)
    return node


def main():
    os.umask(0o022)
    with Tap() as t:
        node = make_node()
        harness.HOLDFAST = shutil.copy(harness.HOLDFAST, node.path('holdfast'))
        daemon = Daemon(node)
        try:
            admin_in(t, node)
            terminal(t, node)
            others(t, node)
            root(t, node)
            admin_looks(t, node, daemon)
            admin_probes(t, node, daemon)
            many_events(t, node)
            wrong_password(t, node, daemon)
            consents(t, node)
            forgets(t, node, daemon)
            garbage(t, node, daemon)
            full(t, node)
            daemon = killed(t, node, daemon)
        finally:
            code = daemon.end()
        t.same(code, 0, 'the daemon ends well')
        without_daemon(t, node)
        damaged_log(t)
        management(t)
        unnamed_management(t)
        conferencing(t)
        fails_closed(t)
        boots(t)
        loses_its_settings(t)
        long_root(t)


main()
