#!/usr/bin/env python3
"""An older database that is put back, and a blank or foreign state disk on a node that the platform
says was deployed: each fails closed, is an event, and keeps the admin account locked. What a power
cut leaves is never taken for it."""
import contextlib
import json
import os
import re
import shutil
import sqlite3
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import Node, Tap  # noqa: E402

STATE = 'var/lib/holdfast'
DATABASE = ('state.db', 'state.db-wal', 'state.db-shm')
FW_CFG = 'sys/firmware/qemu_fw_cfg/by_name/opt/holdfast/deployed'
t = Tap()


def case(name, check):
    """One sentence; what its check raises says why it does not hold."""
    try:
        t.ok(check(), name)
    except Exception:  # noqa: BLE001 (the next one is looked at all the same)
        t.ok(False, name, traceback.format_exc())


def boot(node):
    """As each boot of the image begins: the files of /etc are those of the build again."""
    node.write('etc/shadow', f'root:!*:0::::::\nadmin:{harness.hashed(harness.PASSWORD)}:0::::::\n',
               0o600)
    for name, text in harness.FILES.items():
        node.write(name, text)
    return node.run('boot')


def save(node, names=None):
    """A copy of the state folder, or of some of its files."""
    folder = node.path(STATE)
    return {name: open(f'{folder}/{name}', 'rb').read() for name in names or os.listdir(folder)
            if os.path.isfile(f'{folder}/{name}')}


def put(node, files):
    for name, data in files.items():
        with open(node.path(f'{STATE}/{name}'), 'wb') as file:
            file.write(data)


def remove(node, *names):
    for name in names:
        if os.path.exists(node.path(f'{STATE}/{name}')):
            os.unlink(node.path(f'{STATE}/{name}'))


def blank(node):
    shutil.rmtree(node.path(STATE))
    os.mkdir(node.path(STATE), 0o700)


def report(node):
    return json.loads(node.run('check', '--format', 'json').stdout)


def locked(node):
    return node.read('etc/shadow').splitlines()[1].startswith('admin:!')


def is_closed(node, done, *words):
    reason = report(node)['reason']
    assert done.returncode == 1, done
    assert 'FAILED CLOSED' in done.stderr, done.stderr
    assert reason and all(word in reason for word in words), reason
    assert locked(node), node.read('etc/shadow')
    return True


def set_up(*values):
    node = Node()
    assert node.run('set', *values).returncode == 0
    return node


def older_settings():
    """A node with its database of an earlier revision saved, and a later one in force."""
    node = set_up('health.stations=192.0.2.66/32', 'global.ssh=yes')
    assert boot(node).returncode == 1  # the guide's rows need an environment; see `reason` instead
    old = save(node, DATABASE)
    assert node.run('set', 'health.stations=192.0.2.1/32', 'global.ssh=no').returncode == 0
    boot(node)
    assert report(node)['reason'] is None
    return node, old


def put_back_whole():
    node, old = older_settings()
    put(node, old)
    looked = report(node)
    assert 'older than what was written' in looked['reason'], looked['reason']
    verified = node.run('events', '--verify')
    assert verified.returncode == 1 and 'older' in verified.stderr, verified
    done = boot(node)
    is_closed(node, done, 'lost') or is_closed(node, done, 'older')
    assert '192.0.2.66' not in node.run('firewall').stdout
    lost = node.events('lost')
    assert len(lost) == 1 and 'older' in lost[0], lost
    assert any(name.startswith('state.db.damaged-') for name in os.listdir(node.path(STATE)))
    is_closed(node, boot(node), 'lost')
    return True


def put_back_without_its_journal():
    node, old = older_settings()
    put(node, {'state.db': old['state.db'], 'state.db-wal': b'', 'state.db-shm': b''})
    return is_closed(node, boot(node))


def put_back_by_one_event():
    node = set_up('node.hostname=a')
    boot(node)
    old = save(node, DATABASE)
    boot(node)
    put(node, old)
    return is_closed(node, boot(node))


def emptied(*names):
    """What is left without its journal and its record is a database that holds nothing."""
    def check():
        node = set_up('global.ssh=no', 'health.stations=192.0.2.1/32')
        for _ in range(2):
            boot(node)
        remove(node, *names)
        looked = report(node)['reason']
        assert looked and 'lost' in looked, looked
        is_closed(node, boot(node), 'lost')
        assert node.events('lost'), node.run('events').stdout
        assert is_closed(node, boot(node), 'lost')
        return 'tcp dport 22 ' not in node.run('firewall').stdout
    return check


def blank_of_another():
    node, other = set_up('global.ssh=no'), Node()
    boot(other)
    boot(node)
    remove(node, *DATABASE, 'state.db.head')
    put(node, save(other, DATABASE))
    is_closed(node, boot(node), 'lost')
    return node.events('lost')


def of_another_node():
    node, other = set_up('node.hostname=a'), set_up('node.hostname=b')
    for _ in range(3):
        boot(other)
    boot(node)
    put(node, save(other, DATABASE))
    return is_closed(node, boot(node))


def before_the_latch():
    node = set_up('node.hostname=a')
    old = save(node, DATABASE)
    assert node.run('set', '--yes', 'health.stations=192.0.2.1/32',
                    'security.disable_admin=yes').returncode == 0
    boot(node)
    assert locked(node)
    put(node, old)
    return is_closed(node, boot(node))


def power_cut():
    """The database is ahead of its record, which is one that it held before, or is empty."""
    node = set_up('node.hostname=a')
    boot(node)
    behind = save(node, ['state.db.head'])
    for value in 'bcd':
        assert node.run('set', f'node.hostname={value}').returncode == 0
    boot(node)
    put(node, behind)
    boot(node)
    assert report(node)['reason'] is None, report(node)['reason']
    assert node.get('node.hostname') == 'd'
    put(node, {'state.db.head': b''})
    boot(node)
    assert report(node)['reason'] is None
    assert len(node.events('record')) == 1, node.events('record')
    boot(node)
    assert len(node.events('record')) == 1 and not node.events('lost')
    return True


def record_lost():
    node, _ = older_settings()
    remove(node, 'state.db.head')
    boot(node)
    assert report(node)['reason'] is None
    assert len(node.events('record')) == 1, node.run('events').stdout
    return True


def database_and_known_lost():
    node, _ = older_settings()
    remove(node, *DATABASE, 'state.db.known')
    is_closed(node, boot(node), 'lost')
    assert node.events('lost')
    return True


def lost_in_parts():
    node = set_up('--yes', 'health.stations=192.0.2.1/32', 'security.disable_admin=yes')
    boot(node)
    whole = save(node)
    names = sorted(whole)
    for lost in (DATABASE, ('state.db.head', *DATABASE), ('state.db.known', *DATABASE),
                 tuple(name for name in names if 'latch' in name),
                 tuple(name for name in names if 'latch' in name) + DATABASE,
                 tuple(name for name in names if 'latch' in name or 'known' in name),
                 ('state.db.head', 'state.db.known',
                  *(name for name in names if 'latch' in name))):
        blank(node)
        put(node, {name: data for name, data in whole.items() if name not in lost})
        boot(node)
        assert locked(node), lost
    return True


def deployed_by(place):
    def anchor(node, value):
        if place == 'command line':
            os.makedirs(node.path('proc'), exist_ok=True)
            node.write('proc/cmdline', f'console=ttyS0 holdfast.deployed={value} quiet\n')
        else:
            os.makedirs(node.path(FW_CFG), exist_ok=True)
            node.write(f'{FW_CFG}/raw', value)

    def check():
        node = set_up('node.hostname=a', 'health.stations=192.0.2.1/32')
        anchor(node, 'yes')
        boot(node)
        assert report(node)['reason'] is None, report(node)['reason']
        assert not locked(node)
        blank(node)
        assert 'blank' in report(node)['reason']
        is_closed(node, boot(node), 'blank', place)
        assert node.events('lost')
        refused = node.run('set', 'node.hostname=b')
        assert refused.returncode == 2, refused
        blank(node)
        anchor(node, 'no')
        boot(node)
        assert report(node)['reason'] is None
        return True
    return check


def foreign_disk():
    node, other = set_up('node.hostname=a'), set_up('node.hostname=b')
    boot(node)
    boot(other)
    seen = report(node)
    os.makedirs(node.path('proc'))
    node.write('proc/cmdline', f'quiet holdfast.deployed={seen["event"]}:{seen["head"]}\n')
    boot(node)
    boot(node)
    assert report(node)['reason'] is None, report(node)['reason']
    own = save(node)
    blank(node)
    put(node, save(other))
    is_closed(node, boot(node), 'not this node')
    blank(node)
    put(node, own)
    boot(node)
    return report(node)['reason'] is None


def head_is_shown():
    node = set_up('node.hostname=a')
    boot(node)
    seen = report(node)
    assert re.fullmatch('[0-9a-f]{64}', seen['head']), seen
    assert seen['head'] in node.run('check').stdout
    newest = json.loads(node.run('events', '--format', 'json').stdout)['events'][-1]
    assert (newest['sequence'], newest['hash']) == (seen['event'], seen['head']), (newest, seen)
    return True


def truncate(node, sequence):
    """Takes the newest event away, and what else on the disk tells of it."""
    with contextlib.closing(sqlite3.connect(node.path(f'{STATE}/state.db'),
                                            isolation_level=None)) as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
                                    ).fetchall()
        for name, _ in triggers:
            database.execute('DROP TRIGGER ' + name)
        database.execute('DELETE FROM events WHERE sequence = ?', (sequence,))
        for _, sql in triggers:
            database.execute(sql)
    os.unlink(node.path(f'{STATE}/state.db.head'))


def head_is_verified():
    node = set_up('node.hostname=a')
    boot(node)
    log = json.loads(node.run('events', '--format', 'json').stdout)['events']
    for event in log:
        for head in (event['hash'], event['hash'].upper()):
            done = node.run('events', '--verify', '--head', head)
            assert done.returncode == 0 and f'of event {event["sequence"]}' in done.stdout, done
    done = node.run('events', '--verify', '--head', 'ab' * 32)
    assert done.returncode == 1 and 'no event has the hash' in done.stdout, done
    for wrong in ('', 'ab', 'ab' * 33, 'xy' * 32, f' {"ab" * 31}c'):
        done = node.run('events', '--verify', f'--head={wrong}')
        assert done.returncode == 2 and '64 hexadecimal' in done.stderr, done
    truncate(node, log[-1]['sequence'])
    done = node.run('events', '--verify', '--head', log[-1]['hash'])
    assert done.returncode == 1 and 'no event has the hash' in done.stdout, done
    done = node.run('events', '--verify', '--head', log[-2]['hash'])
    assert done.returncode == 0, done
    done = node.run('events', '--head', log[0]['hash'])
    return done.returncode == 2 and '--verify' in done.stderr


def nothing_can_be_made():
    node = Node()
    shutil.rmtree(node.path('var/lib'))
    node.write('var/lib', 'no folder')
    looked = report(node)
    booted = node.run('boot')
    assert 'FAILED CLOSED' in booted.stderr, booted.stderr
    return looked['reason'] and 'Not a directory' in looked['reason']


for name, check in (
        ('an older database that is put back fails closed, and is an event', put_back_whole),
        ('so does one without its journal', put_back_without_its_journal),
        ('and one that is older by a single event', put_back_by_one_event),
        ('and that of another node', of_another_node),
        ('and a database that holds nothing any more',
         emptied('state.db-wal', 'state.db-shm', 'state.db.head')),
        ('and one of no settings, in place of those that were stored', blank_of_another),
        ('and one from before the admin account was disabled', before_the_latch),
        ('a record that a power cut left behind the database is valid', power_cut),
        ('a record that is missing is an event, once', record_lost),
        ('the record alone tells that a database is lost', database_and_known_lost),
        ('whatever part is lost, the admin account stays locked', lost_in_parts),
        ("a blank disk fails closed where the kernel's command line says deployed",
         deployed_by('command line')),
        ('and where the fw_cfg of the virtual machine does', deployed_by('fw_cfg')),
        ("another node's disk fails closed where the platform knows an event", foreign_disk),
        ('the head of the chain stands in the reports', head_is_shown),
        ('events --verify --head finds every event by its hash', head_is_verified),
        ('check fails closed where a boot could not make a database', nothing_can_be_made)):
    case(name, check)
t.done()
