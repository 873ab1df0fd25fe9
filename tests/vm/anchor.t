#!/usr/bin/env python3
"""What the platform says of a node from outside its state disk, in the machine: a disk that is blank
or older than the platform knows fails closed, with an event, whatever lies on it."""
import json
import os
import shutil
import tempfile

import harness
import deploy
import disk
from fetch import fetch_json
from node import Node

FW_CFG = 'opt/holdfast/deployed'


def newest(root):
    """The newest event of a node in a folder, as the platform would note it down."""
    log = json.loads(deploy.holdfast(root, 'events', '--format', 'json').stdout)['events']
    return f"{log[-1]['sequence']}:{log[-1]['hash']}"


def events(image, folder):
    """The events on a state disk, by kind and text."""
    disk.take_out(image, os.path.join(folder, 'var/lib/holdfast'))
    done = deploy.holdfast(folder, 'events', '--format', 'json')
    if done.returncode:
        raise RuntimeError('holdfast cannot read the events: ' + done.stderr)
    return [(event['kind'], event['text']) for event in json.loads(done.stdout)['events']]


def blank(t, folder, name, **platform):
    with Node() as machine:
        machine.fw_cfg = platform.get('fw_cfg', {})
        t.on(machine).start(platform.get('append', ''))
        t.ok(machine.expect(r'FAILED CLOSED: [^\r\n]*blank'),
             f'{name}: a blank disk of a node that was deployed fails closed')
        t.ok(machine.expect(r'network allowed at'), 'the strictest policy stands')
        t.ok(not machine.offers_login(), 'no first password is asked and no login offered')
        machine.power_off()
        found = [text for kind, text in events(machine.state, os.path.join(folder, name.replace(' ', '-')))
                 if kind == 'lost']
        t.ok(found and 'blank' in found[0], 'and that is an event', found)


def older(t, folder):
    """All of the disk is an earlier state of the same node, so that nothing on it tells."""
    root = os.path.join(folder, 'node')
    state = deploy.stored(root)
    former = deploy.state_disk(state, os.path.join(folder, 'older.ext4'))
    earlier = newest(root)
    if deploy.holdfast(root, 'set', 'web.max_sessions=7').returncode:
        raise RuntimeError('holdfast cannot store settings')
    current = deploy.state_disk(state, os.path.join(folder, 'current.ext4'))
    with Node(state=current) as machine:
        machine.fw_cfg = {FW_CFG: earlier}
        t.on(machine).start()
        machine.expect(r'network allowed at')
        t.ok(b'FAILED CLOSED' not in machine.console,
             "fw_cfg: a disk that holds the platform's event works")
    with Node(state=former) as machine:
        machine.fw_cfg = {FW_CFG: newest(root)}
        t.on(machine).start()
        t.ok(machine.expect(r'FAILED CLOSED: [^\r\n]*fw_cfg'),
             'fw_cfg: an older disk than the platform knows fails closed')
        t.ok(machine.expect(r'network allowed at'), 'the strictest policy stands')
        status, page = fetch_json(machine.port, '/checks', patience=180)
        t.same(fetch_json(machine.port, '/health')[0], 503, 'its health is fail, to the stations '
               'last known')
        t.ok('fw_cfg' in (page['reason'] or ''), 'the report says why', status, page['reason'])
        t.ok(not machine.offers_login(), 'no login is offered')
        machine.power_off()
        found = [kind for kind, _ in events(machine.state, os.path.join(folder, 'closed'))]
        t.ok('lost' in found, 'and that is an event', found)


folder = tempfile.mkdtemp(prefix='holdfast-anchor-')
try:
    with harness.Tap() as t:
        blank(t, folder, 'command line', append='holdfast.deployed=yes')
        blank(t, folder, 'fw_cfg', fw_cfg={FW_CFG: 'yes'})
        older(t, folder)
finally:
    shutil.rmtree(folder)
