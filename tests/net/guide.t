#!/usr/bin/env python3
"""The guide's rows: what is merely stored is not checked and is counted on every page, the wizard's 25
answers are judged where they are asked, and the largest packet is held against the interfaces."""
import json
import os
import re

import harness

STORED = 'stored; nothing on this node acts on it yet'
SETTINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        '../../agent/settings/settings.def')
QUESTIONS = 25
# By hand: what the node stores for services that do not exist yet.
MERELY_STORED = {
    'management': ('install.incident_reporting', 'install.usage_statistics', 'global.ocsp_state',
                   'auth.source', 'auth.ldap_server', 'auth.ldap_base_dn', 'auth.ldap_bind_dn',
                   'auth.ldap_bind_password', 'dns.server', 'ntp.server', 'syslog.server', 'snmp.community', 'snmp.username', 'snmp.auth_password',
                   'snmp.privacy_password'),
    'conferencing': ('global.ocsp_state', 'dns.server', 'ntp.server', 'syslog.server', 'snmp.username'),
}
STRICT = ('dns.server = 192.0.2.1\ndns.server = 192.0.2.2\nauth.source = ldap_and_local\n'
          'auth.ldap_server = ldap.example.com\nauth.ldap_base_dn = dc=example\n'
          'auth.ldap_bind_dn = cn=node\nauth.ldap_bind_password = a password\n'
          'install.usage_statistics = no\nglobal.ssh = no\n')


def questions():
    """The settings of the wizard's 25 questions, with the roles that each concerns."""
    with open(SETTINGS) as file:
        table = file.read()
    found = re.findall(r'SETTING\(\w+, "([^"]+)",\s+\.question = \d+.*?\.roles = ROLE_(\w+)', table, re.S)
    return {name: roles for name, roles in found}


def guide(node):
    return {name.removeprefix('guide.'): row for name, row in node.rows('guide.*').items()}


def answers(t, node):
    asked = questions()
    t.ok(len(asked) == QUESTIONS, 'the wizard asks 25 questions', asked)
    node.set_role('management')
    node.settings('')
    rows = guide(node)
    t.same(set(asked) - set(rows), set(), 'the Management Node judges each answer of the wizard')
    elsewhere = [name for name, roles in asked.items() if roles == 'CONFERENCING']
    t.same({(rows[name]['verdict'], rows[name]['reason']) for name in elsewhere}, {('not_checked', STORED)},
           'those for Conferencing Nodes alone are stored there')
    node.set_role('conferencing')
    node.settings('')
    t.same(set(asked) & set(guide(node)), {name for name, roles in asked.items() if roles != 'MANAGEMENT'},
           'a Conferencing Node judges those that reach it')


def stored(t, node, role, text, words):
    node.set_role(role)
    node.settings(text)
    rows = guide(node)
    t.same({name: (rows[name]['verdict'], rows[name]['reason']) for name in MERELY_STORED[role]},
           dict.fromkeys(MERELY_STORED[role], ('not_checked', STORED)),
           f'what is merely stored is not checked: {role}, {words}')
    t.ok(all(row['verdict'] != 'pass' or row['observed'] != row['expected'] for row in rows.values()),
         'what passes says where it was seen', rows)


def counted(t, node):
    report = json.loads(node.holdfast('check', '--format', 'json').stdout)
    rows = sum(row['verdict'] == 'not_checked' for row in report['checks'])
    t.ok(rows > len(MERELY_STORED['conferencing']) and report['counts']['not_checked'] == rows,
         'the report counts them', report['counts'])
    text = node.holdfast('check').stdout
    t.ok(f', {rows} not checked' in text.splitlines()[-1], 'and so does its last line', text)


def mtu(t, node, wanted, words):
    row = guide(node)['location.mtu']
    t.same((row['verdict'], row['observed']), wanted, words)
    return row


def add_link(node, peer, name, size, up=True):
    """One end of a pair whose other end lies elsewhere."""
    node.run('ip', 'link', 'add', name, 'mtu', str(size), 'type', 'veth', 'peer', 'name', name,
             'netns', peer.name)
    if up:
        node.run('ip', 'link', 'set', name, 'up')


def packets(t, node):
    peer = harness.Namespace('peer')
    node.set_role('conferencing')
    node.settings('location.mtu = 1400\n')
    mtu(t, node, ('not_checked', '1400'), 'without an interface the largest packet is not checked')
    add_link(node, peer, 'm0', 1500, up=False)
    mtu(t, node, ('not_checked', '1400'), 'nor with one that is down')
    node.run('ip', 'link', 'set', 'm0', 'up')
    row = mtu(t, node, ('fail', '1400 stored; 1500 on m0'), 'an interface with another MTU fails it')
    t.ok('another MTU' in row['reason'], 'and the row says why', row)
    node.run('ip', 'link', 'set', 'm0', 'mtu', '1400')
    mtu(t, node, ('pass', '1400 stored; 1400 on m0'), 'one with that MTU passes')
    add_link(node, peer, 'm1', 1399)
    mtu(t, node, ('fail', '1400 stored; 1399 on m1'), 'each interface counts, and one byte does')
    node.settings('location.mtu = 1399\n')
    mtu(t, node, ('fail', '1399 stored; 1400 on m0'), 'the stored value alone satisfies nobody')
    for number in range(2, 12):
        add_link(node, peer, f'm{number}', 1400)
    row = guide(node)['location.mtu']
    t.ok(row['observed'].endswith(' and 3 more') and row['observed'].count('m') == 8 + 1,
         'a few interfaces are named and the rest are counted', row)


def main():
    harness.needs()
    t = harness.Tap()
    node = harness.Node('management')
    answers(t, node)
    for role in MERELY_STORED:
        stored(t, node, role, '', 'by default')
    stored(t, node, 'management', STRICT, "with the guide's values")
    node.set_role('conferencing')
    node.settings('')
    counted(t, node)
    packets(t, node)
    t.done()


main()
