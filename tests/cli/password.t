#!/usr/bin/env python3
"""holdfast password: which passwords it takes, what it writes, and that the log-in takes them."""
import os
import re
import stat
import subprocess
import time

from control import LOGIN, Client, Daemon
from harness import Node, Tap, Terminal

NEW = 'a brand-new pässword'
OTHERS = ('root:!*:0::::::\n', 'holdfast:!*:0:0:99999:7:::\n')
FRESH = 'admin:*:0:0:99999:7:::\n'
HASH = re.compile(r'\$6\$(rounds=656000\$[./0-9A-Za-z]{16})\$[./0-9A-Za-z]{86}')
DAY_S = 86400
REFUSED = {
    'an empty one': b'',
    'one of 7 characters': b'1234567',
    'one of 7 characters and 14 bytes': 'äöüÄÖÜß'.encode(),
    'one of 257 bytes': b'x' * 257,
    'one longer than any line': b'x' * 5000,
    'one with a tab': b'left\tright',
    'one with a control character': b'left\x01right',
    'one with a NUL': b'left\0right and more',
    'one that is not UTF-8': b'left\xffright',
}


def make_node(line=FRESH):
    node = Node()
    node.write('etc/shadow', OTHERS[0] + line + OTHERS[1], 0o600)
    return node


def put(node, password, *words):
    text = password if isinstance(password, bytes) else password.encode()
    result = subprocess.run(node.argv('password', *words), input=text + b'\n', capture_output=True,
                            timeout=120)
    return result.returncode, (result.stdout + result.stderr).decode()


def stored(node):
    return node.read('etc/shadow').splitlines(keepends=True)


def sets(t):
    node = make_node()
    os.chown(node.path('etc/shadow'), 0, 42)
    os.chmod(node.path('etc/shadow'), 0o640)
    code, said = put(node, NEW, '--keep', node.path('kept'))
    t.ok(code == 0, 'a password is taken from standard input', code, said)
    lines = stored(node)
    fields = lines[1].rstrip('\n').split(':')
    match = HASH.fullmatch(fields[1])
    t.ok(match, 'the hash is sha512crypt of 656,000 rounds with a salt of 16 characters', fields[1])
    made = subprocess.run(['openssl', 'passwd', '-6', '-salt', match[1], '-stdin'], input=NEW,
                          text=True, capture_output=True, check=True).stdout.strip()
    t.same(fields[1], made, 'as another program makes it of the same password and salt')
    t.ok(abs(int(fields[2]) - time.time() // DAY_S) <= 1, 'the day of the change is today', fields)
    t.same(fields[3:], ['0', '99999', '7', '', '', ''], 'every other field stays')
    t.same((lines[0], lines[2]), OTHERS, 'and every other line')
    status = os.stat(node.path('etc/shadow'))
    t.same((stat.S_IMODE(status.st_mode), status.st_gid), (0o640, 42), 'and the file\'s mode and owner')
    t.same(node.read('kept'), lines[1], 'the line is kept in another file too')
    t.same(stat.S_IMODE(os.stat(node.path('kept')).st_mode), 0o600, 'which only its owner reads')
    t.ok(NEW not in said and fields[1] not in said, 'neither password nor hash is printed', said)
    put(node, NEW)
    t.ok(stored(node)[1] != lines[1], 'the same password again has another salt')
    logs_in(t, node)


def logs_in(t, node):
    daemon = Daemon(node)
    try:
        client = Client(node)
        client.socket.settimeout(120)
        t.ok(client.ask(LOGIN, NEW + 'x')[0], 'the control socket refuses another password')
        t.same(client.ask(LOGIN, NEW)[0], 0, 'and takes this one')
        client.close()
    finally:
        daemon.end()


def refuses(t):
    node = make_node()
    for name, password in REFUSED.items():
        code, said = put(node, password)
        t.ok(code == 2 and 'The password is' in said or 'The password holds' in said,
             f'{name} is refused with the reason', code, said)
    t.same(''.join(stored(node)), OTHERS[0] + FRESH + OTHERS[1], 'and nothing is written')
    t.same(put(node, 'x' * 256)[0], 0, 'one of 256 bytes is taken')


def refuses_accounts(t):
    cases = {
        'a locked account': ('admin:!:0:0:99999:7:::\n', 'is locked'),
        'a locked account with a hash': ('admin:!$6$a$b:0:0:99999:7:::\n', 'is locked'),
        'a line with a field too few': ('admin:*:0:0:99999:7::\n', '9 fields'),
        'a line with a field too many': ('admin:*:0:0:99999:7::::\n', '9 fields'),
        'no such account': ('administrator:*:0:0:99999:7:::\n', 'no account'),
    }
    for name, (line, why) in cases.items():
        node = make_node(line)
        code, said = put(node, NEW, '--keep', node.path('kept'))
        t.ok(code == 2 and why in said and stored(node)[1] == line and
             not os.path.exists(node.path('kept')), f'{name} is left alone', code, said)
    node = make_node()
    code, said = put(node, NEW, '--keep', node.path('no/such/folder'))
    t.ok(code == 2 and stored(node)[1] == FRESH, 'what cannot be kept is not set', said)


def first(t):
    node = make_node()
    t.same(put(node, NEW, '--first')[0], 0, 'a first password is set')
    line = stored(node)[1]
    code, said = put(node, NEW + 'er', '--first')
    t.ok(code == 2 and 'set already' in said and stored(node)[1] == line, 'once', said)
    t.same(put(node, NEW + 'er')[0], 0, 'and changed without that word')


def terminal(t):
    node = make_node()
    asked = Terminal(node, 'password', '--first')
    asked.expect('New password for admin')
    t.ok(not asked.echoes(), 'the terminal does not echo')
    asked.send('short')
    asked.expect('too short')
    asked.expect('New password for admin')
    asked.send(NEW)
    asked.expect('same password again: ')
    asked.send(NEW + 'x')
    asked.expect('two differ')
    asked.expect('New password for admin')
    asked.send(NEW)
    asked.expect('same password again: ')
    asked.send(NEW)
    asked.expect('The password is set')
    t.same(asked.end(), 0, 'what is too short or differs is asked for again')
    t.ok(NEW not in asked.seen and 'short\n' not in asked.seen.replace('too short', ''),
         'nothing that was typed is shown', asked.seen)
    t.ok(HASH.match(stored(node)[1].split(':')[1]), 'and the password is stored')
    line = stored(node)[1]
    for byte, name in ((b'\x04', 'the end of input'), (b'\x03', 'an interrupt')):
        asked = Terminal(node, 'password')
        asked.expect('New password for admin')
        asked.press(byte)
        asked.expect('nothing is changed')
        echoes = asked.echoes()
        t.ok(asked.end() == 2 and echoes and stored(node)[1] == line,
             f'{name} changes nothing, and the terminal echoes again', asked.seen)


with Tap() as t:
    sets(t)
    refuses(t)
    refuses_accounts(t)
    first(t)
    terminal(t)
