#!/usr/bin/env python3
"""holdfast login, which asks at a console: who is let in, what a failure leaves in the event log, and
that nothing that was typed shows anywhere."""
import os
import re
import subprocess

from control import Daemon
from harness import PASSWORD, Node, Tap, Terminal

WRONG = 's3cret-guess'
ADMIN = 1000


def try_in(node, *answers):
    """At a terminal of its own: name and password again and again; the terminal."""
    console = Terminal(node, 'login')
    for name, password in answers:
        console.expect('login: ')
        if not console.echoes():
            raise AssertionError('the name is not echoed')
        console.send(name)
        console.expect('Password: ')
        if console.echoes():
            raise AssertionError('the password is echoed')
        console.send(password)
        if (name, password) != ('admin', PASSWORD):
            console.expect('Login incorrect')
    return console


def failures(node):
    return [re.sub(r'.*refused\s+', '', line) for line in node.events('refused')]


def lets_in(t, node, how):
    console = try_in(node, ('admin', PASSWORD))
    code = console.end()
    t.ok(code == 0 and 'admin is let in' in console.seen, f'{how} the administrator is let in',
         console.seen)
    t.ok(PASSWORD not in console.seen and not failures(node), 'which leaves no failure', console.seen)


def refuses(t, node, how):
    before = len(failures(node))
    console = try_in(node, ('admin', WRONG), ('root', WRONG), (WRONG, WRONG))
    t.same(console.end(), 2, f'{how} three failures end it')
    told = failures(node)[before:]
    wanted = ['wrong password for admin', 'wrong password for root', 'unknown user']
    t.ok(len(told) == len(wanted) and all(re.fullmatch(rf'console pts/\d+: {why}', line)
                                          for line, why in zip(told, wanted)),
         'each is an event with terminal and name, but no name that is none', *told)
    events = node.run('events').stdout
    t.ok(WRONG not in events and console.seen.count(WRONG) == 1,
         'what was typed as a password stands nowhere', console.seen)
    try_in(node, ('admin', PASSWORD)).end()  # the delay grows no more
    for name in ('admin:x', 'x' * 200, 'admin ', 'a\x01b', '\xff'):
        console = Terminal(node, 'login')
        console.expect('login: ')
        os.write(console.fd, name.encode('latin-1') + b'\n')
        console.expect('Password: ')
        console.send(PASSWORD)
        console.expect('Login incorrect')
        console.press(b'\x03')
        console.end()
        try_in(node, ('admin', PASSWORD)).end()
    told = failures(node)[before + len(wanted):]
    t.ok(told and all('unknown user' in line for line in told), 'hostile names are unknown users', *told)


def locked(t, node, how):
    node.write('etc/shadow', 'admin:!:0::::::\n', 0o600)
    before = len(failures(node))
    console = try_in(node, ('admin', PASSWORD + 'x'))
    console.press(b'\x04')
    console.end()
    t.ok('admin is let in' not in console.seen and len(failures(node)) == before + 1,
         f'{how} a locked account is refused as a wrong password is', console.seen)


def root_alone(t, node):
    result = subprocess.run(node.argv('login'), stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=60)
    t.same(result.returncode, 2, 'it asks at a terminal alone')
    console = Terminal(node, 'login', user=ADMIN)
    t.ok(console.end() == 2 and 'is for root' in console.seen, 'and for root alone', console.seen)


def make_node():
    node = Node()
    os.chmod(node.root, 0o755)
    return node


with Tap() as tap:
    for daemon_runs, place in ((True, 'with a daemon'), (False, 'without one')):
        node = make_node()
        daemon = Daemon(node) if daemon_runs else None
        try:
            lets_in(tap, node, place)
            refuses(tap, node, place)
            locked(tap, node, place)
        finally:
            if daemon:
                daemon.end()
    root_alone(tap, node)
