#!/usr/bin/env python3
"""The security wizard as an administrator meets it: at a terminal, and with answers from a file."""
import termios
import time

from harness import PASSWORD, PATIENCE_S, Node, Tap, Terminal

# spec: the 25 questions in their order: key, prompt, value in brackets, the guide's answer
QUESTIONS = (
    ('security.fips', 'Enable FIPS compliance mode', 'NO', 'yes'),
    ('security.disable_admin', 'Disable system administrator account', 'NO', 'yes'),
    ('net.accept_icmpv6_redirects', 'Accept ICMPv6 redirects', 'NO', 'no'),
    ('net.drop_closed_ports', 'Drop incoming packets to closed ports rather than reject', 'YES',
     'yes'),
    ('net.accept_icmpv6_multicast_echo', 'Accept multicast ICMPv6 echo requests', 'YES', 'no'),
    ('net.ipv6_dad', 'Enable IPv6 Duplicate Address Detection', 'YES', 'no'),
    ('sip.udp_port', 'SIP UDP listen port', '5060', '5060'),
    ('sip.tcp_port', 'SIP TCP listen port', '5060', '5060'),
    ('sip.tls_port', 'SIP TLS listen port', '5061', '5061'),
    ('web.max_sessions', 'Active management web sessions', '0', '100'),
    ('web.max_sessions_per_user', 'Active per-user management web sessions', '0', '10'),
    ('tls.legacy', 'Enable TLS < 1.2', 'NO', 'no'),
    ('sip_tls.anonymous_dh_outbound', 'Enable Anonymous DH for outbound SIP/TLS', 'NO', 'no'),
    ('https.legacy_inbound', 'Permit TLS <1.2 for inbound HTTPS', 'NO', 'no'),
    ('sip.cca_id', 'Configure CCA-ID', '""', 'cca-1'),
    ('sip.resource_priority_prefix', 'Configure Resource-Priority prefix', '""', 'uc'),
    ('rtcp.fir', 'Enable FIR', 'NO', 'yes'),
    ('tls.aes128_sha', 'Enable AES128-SHA ciphersuite', 'NO', 'no'),
    ('sip_tls.aes128_sha_outbound', 'Enable AES128-SHA ciphersuite for outbound SIP/TLS', 'YES',
     'no'),
    ('sip_tls.tolerate_ip_san',
     'Tolerate IPAddress SubjectAlternativeNames in SIP/TLS certificates', 'NO', 'no'),
    ('http.referrer_policy', 'Enable Referrer-Policy: same-origin on HTTP responses', 'YES',
     'yes'),
    ('http.hsts_preload', 'Enable preload in HSTS header', 'NO', 'no'),
    ('srtp.aes_cm_128_hmac_sha1', 'Enable AES_CM_128_HMAC_SHA1_* SRTP ciphersuites', 'YES', 'yes'),
    ('tls.cbc', 'Enable TLSv1.2 CBC-mode ciphersuites', 'YES', 'yes'),
    ('h323.dh_2048', 'Enable 2048-bit DH groups for H323', 'NO', 'no'),
)
APPLY = 'Apply these settings and reboot?'


def begin(node, *words):
    """At the first question."""
    wizard = Terminal(node, 'wizard', *words)
    wizard.expect('Password for admin: ')
    wizard.send(PASSWORD)
    return wizard


def stored(node):
    return node.run('export').stdout


def all_questions(t, node):
    wizard = begin(node, '--no-reboot')
    for _, prompt, shown, answer in QUESTIONS:
        wizard.expect(f'\n{prompt} ({shown}): ')
        wizard.send(answer)
    t.ok(True, 'the 25 questions come in order, each with its default in brackets')
    wizard.expect('nothing can undo that')
    t.ok('security.fips: no -> yes' in wizard.seen, 'what changes is shown before it is applied',
         wizard.seen[-900:])
    wizard.expect(APPLY)
    wizard.send('yes')
    t.same(wizard.end(), 0, 'the wizard ends well')
    t.ok('Conferencing Nodes that are deployed must be rebooted by hand' in wizard.seen,
         'and says what it does not reboot', wizard.seen[-300:])
    t.ok(PASSWORD not in wizard.seen, 'the password is not shown')
    wrong = {key: node.get(key) for key, _, _, answer in QUESTIONS if node.get(key) != answer}
    t.same(wrong, {}, 'every answer is stored')
    t.same(len(node.events('wizard')), 1, 'in one revision')


def later_run(t, node):
    before = stored(node)
    wizard = begin(node, '--no-reboot')
    for _, prompt, shown, answer in QUESTIONS:
        now = answer.upper() if shown in ('NO', 'YES') else answer
        now = f'"{answer}"' if shown == '""' else now
        wizard.expect(f'\n{prompt} ({now}): ')
        wizard.send('')
    wizard.expect('No setting changes.')
    wizard.expect(APPLY)
    wizard.send('no')
    t.same(wizard.end(), 1, 'a later run shows what is stored, and Enter keeps it')
    t.same(stored(node), before, 'what is not confirmed is not stored')


def bad_answers(t, node):
    wizard = begin(node, '--no-reboot')
    wizard.expect('Enable FIPS compliance mode (')
    for answer, why in (('maybe', 'neither yes nor no'), ('y\x01', 'not a line of text')):
        wizard.send(answer)
        wizard.expect(why)
        wizard.expect('Enable FIPS compliance mode (NO): ')
        t.ok(True, f'{answer!r} is told to be {why!r}, and the question comes again')
    wizard.send('YES')
    for _, prompt, _, _ in QUESTIONS[1:8]:
        wizard.expect(f'\n{prompt} (')
        wizard.send('70000' if 'UDP' in prompt else '')
        if 'UDP' in prompt:
            wizard.expect(f'\n{prompt} (')
            wizard.send('')
    wizard.expect('SIP TLS listen port (')
    wizard.send('5060')
    wizard.expect('SIP TLS listen port (')
    t.ok('sip.tcp_port' in wizard.seen[-300:], 'so is one that another answer forbids, at once',
         wizard.seen[-300:])
    wizard.send('')
    for _ in range(2):
        wizard.expect('sessions (')
        wizard.send('')
    wizard.expect('Enable TLS < 1.2 (')
    wizard.send('yes')
    wizard.expect('masked by FIPS mode')
    t.ok(True, 'a yes that FIPS mode masks is said to be masked')
    wizard.press(b'\x04')
    t.same(wizard.end(), 2, 'the end of input ends the wizard')


def skips(t, node):
    wizard = begin(node, '--no-reboot')
    for key, prompt, _, _ in QUESTIONS[:18]:
        wizard.expect(f'\n{prompt} (')
        wizard.send('yes' if key == 'tls.aes128_sha' else 'no' if key == 'security.fips' else '')
    wizard.expect('\nTolerate IPAddress')
    t.ok('AES128-SHA ciphersuite for outbound' not in wizard.seen,
         'question 19 is passed over where 18 is yes', wizard.seen[-300:])
    wizard.press(b'\x03')
    t.same(wizard.end(), 2, 'Ctrl-C ends the wizard')


def nothing_stored(t, node):
    """However it ends before the last question is answered."""
    before = stored(node)
    for after in (0, 1, 12, 25):
        for key, name in ((b'\x03', 'Ctrl-C'), (b'\x04', 'the end of input')):
            wizard = begin(node, '--no-reboot')
            for _, prompt, shown, answer in QUESTIONS[:after]:
                wizard.expect(f'\n{prompt} (')
                wizard.send('4321' if prompt.startswith('SIP UDP') else '')
            wizard.expect(APPLY if after == 25 else f'\n{QUESTIONS[after][1]} (')
            wizard.expect('): ')
            wizard.press(key)
            code = wizard.end()
            t.ok(code == 2 and 'nothing is stored' in wizard.seen and stored(node) == before,
                 f'{name} after {after} answers stores nothing', code, wizard.seen[-200:])


def declined(t, node):
    """The last question is answered otherwise than with yes."""
    before = stored(node)
    wizard = begin(node, '--no-reboot')
    for _, prompt, _, _ in QUESTIONS:
        wizard.expect(f'\n{prompt} (')
        wizard.send('4321' if prompt.startswith('SIP UDP') else '')
    wizard.expect('sip.udp_port: 5060 -> 4321')
    wizard.expect(APPLY)
    for typo in ('oh yes', '', 'maybe', 'noo', 'y\x01', 'YES!'):
        wizard.send(typo)
        wizard.expect('neither yes nor no')
        wizard.expect(APPLY)
        t.ok(stored(node) == before, f'{typo!r} at the last question asks it again')
    wizard.send('No')
    t.ok(wizard.end() == 1 and 'Nothing is stored' in wizard.seen and stored(node) == before,
         'what is declined is not stored', wizard.seen[-300:])


def locking(t):
    """An answer that locks everybody out, with and without a station that could reach the node."""
    node = Node()
    wizard = begin(node, '--no-reboot')
    for key, prompt, _, _ in QUESTIONS:
        wizard.expect(f'\n{prompt} (')
        wizard.send('yes' if key == 'security.disable_admin' else '')
        if key == 'security.disable_admin':
            wizard.expect('no station is configured')
    t.ok(wizard.end() == 2 and '--force' in wizard.seen and stored(node) == '',
         'no administrator and no station: the wizard refuses', wizard.seen[-400:])
    node.write('answers', 'security.disable_admin = yes\n')
    node.write('password', PASSWORD + '\n', 0o600)
    words = ('wizard', '--no-reboot', '--answers', node.path('answers'), '--password-file',
             node.path('password'))
    for more, told in (((), '--force'), (('--yes',), '--force'), (('--force',), '--yes')):
        result = node.run(*words, *more)
        t.ok(result.returncode == 2 and told in result.stderr and stored(node) == '',
             f'a file of answers with {more or "neither word"} wants {told}', result.stderr)
    result = node.run(*words, '--yes', '--force')
    t.ok(result.returncode == 0 and 'nothing can undo' in result.stdout and
         node.get('security.disable_admin') == 'yes', 'and is stored with both', result.stderr)


def password(t, node):
    refused = len(node.events('refused'))
    wizard = Terminal(node, 'wizard', '--no-reboot')
    took = []
    for number in (1, 2, 3):
        wizard.expect('Password for admin: ')
        if number == 1:
            t.ok(not wizard.echoes(), 'the terminal does not echo while the password is typed')
        began = time.monotonic()
        wizard.send(f'wrong {number}')
        wizard.expect('wrong password' if number < 3 else 'no more tries')
        took.append(time.monotonic() - began)
    t.same(wizard.end(), 2, 'three wrong passwords end the wizard')
    t.ok(all(seconds >= delay for seconds, delay in zip(took, (1, 2, 4))),
         'each is told after a delay twice as long', took)
    events = node.events('refused')[refused:]
    t.same(len(events), 3, 'each failure is an event')
    t.ok(not any(f'wrong {number}' in wizard.seen + ''.join(events) for number in (1, 2, 3)),
         'what was typed is neither shown nor in the event')


def echo(t, node):
    """Whatever happens at the password, the terminal echoes afterwards."""
    for keys, name in ((b'\x03', 'Ctrl-C'), (b'\x04\x04', 'the end of input'),
                      (b'\x1c', 'Ctrl-\\')):
        wizard = Terminal(node, 'wizard', '--no-reboot')
        wizard.expect('Password for admin: ')
        wizard.press(b'half')
        wizard.press(keys)
        wizard.expect('no password was given')
        t.ok(wizard.echoes() and 'half' not in wizard.seen,
             f'after {name} at the password the terminal echoes again', wizard.seen)
        t.same(wizard.end(), 2, 'and the wizard has ended')
    wizard = Terminal(node, 'wizard', '--no-reboot')
    wizard.expect('Password for admin: ')
    suspends = termios.tcgetattr(wizard.fd)[6][termios.VSUSP]
    t.same(suspends, b'\0', 'no key stops it and leaves the terminal without echo')
    wizard.send(PASSWORD)
    wizard.expect('Enable FIPS compliance mode (')
    t.ok(wizard.echoes() and termios.tcgetattr(wizard.fd)[6][termios.VSUSP] != suspends,
         'answers are echoed, and the key stops again')
    wizard.press(b'\x03')
    wizard.end()


def hidden(t, node):
    """From the first prompt to the last try nothing that is typed is shown, or counts."""
    before = len(node.events('refused'))
    wizard = Terminal(node, 'wizard', '--no-reboot')
    for number in (1, 2, 3):
        wizard.expect('Password for admin: ')
        # in one write, so that the rest is there before the answer to the first line
        wizard.press(f'wrong {number}\ntyped-ahead\rsecret'.encode())
        shown = False
        for _ in range(50 if number < 3 else 0):
            shown = shown or wizard.echoes()
            time.sleep(0.01)
        t.ok(not shown, f'the terminal does not echo while the answer to try {number} is held back')
    wizard.expect('no more tries')
    t.same(wizard.end(), 2, 'three wrong passwords end it')
    t.ok('typed-ahead' not in wizard.seen and 'secret' not in wizard.seen,
         'what is typed meanwhile is not shown', wizard.seen)
    t.same(len(node.events('refused')) - before, 3, 'and is no try')
    wizard = Terminal(node, 'wizard', '--no-reboot')
    wizard.expect('Password for admin: ')
    wizard.press(b'wrong\n')
    time.sleep(0.2)
    wizard.press(b'\x03')
    until = time.monotonic() + PATIENCE_S
    while not wizard.echoes() and time.monotonic() < until:
        time.sleep(0.01)
    t.ok(wizard.echoes(), 'an interrupt meanwhile is heard, and the terminal echoes again')
    t.same(wizard.end(), 2, 'and that is the end')


def where_answers_are(t):
    node = Node()
    refused = len(node.events('refused'))
    result = node.run('wizard', '--no-reboot', '--answers', '/nosuch', stdin=None, input='wrong\n')
    t.ok(result.returncode == 2 and 'No such file' in result.stderr and
         'Password' not in result.stderr and len(node.events('refused')) == refused,
         'a file that is not there is told before the password is asked for', result.stderr)
    result = node.run('wizard', '--no-reboot', '--answers', '-', stdin=None,
                      input=PASSWORD + '\nsip.cca_id = piped\n')
    t.same((result.returncode, node.get('sip.cca_id')), (0, 'piped'),
           'the answers may stand on standard input, behind the password')
    result = node.run('wizard', '--no-reboot', '--answers', '-', stdin=None,
                      input=PASSWORD + '\nsip.cca_id = a\nnosuch = 1\n')
    t.ok(result.returncode == 2 and 'standard input:2:' in result.stderr and
         node.get('sip.cca_id') == 'piped', 'and are refused as those of a file', result.stderr)


def from_file(t, node):
    good = ''.join(f'{key} = {answer}\n' for key, _, _, answer in QUESTIONS)
    cases = (
        ('an unknown key', good + 'nosuch = 1\n', 'nosuch'),
        ('a key outside the 25', good + 'global.ssh = no\n', 'global.ssh'),
        ('a bad value', 'sip.udp_port = 0\nsip.tls_port = x\n', 'sip.tls_port'),
        ('a broken rule', 'sip.tls_port = 22\n', 'sip.tls_port'),
        ('binary', '\x00\x01\x02' * 100, ':1:'),
        ('a file of 64 KiB and a byte', '#' * 65535 + '\n\n', 'longer than'),
    )
    before = stored(node)
    for name, text, told in cases:
        node.write('answers', text)
        node.write('password', PASSWORD + '\n', 0o600)
        result = node.run('wizard', '--no-reboot', '--answers', node.path('answers'),
                          '--password-file', node.path('password'))
        t.ok(result.returncode == 2 and told in result.stderr and stored(node) == before,
             f'{name} refuses the whole file', result.returncode, result.stderr[-300:])
    for name, told in (('etc', 'directory'), ('nosuch', 'No such file')):
        result = node.run('wizard', '--no-reboot', '--answers', node.path(name),
                          '--password-file', node.path('password'))
        t.ok(result.returncode == 2 and told in result.stderr and name in result.stderr,
             f'{told}: told with its name', result.stderr)
    node.write('answers', '#' * (65536 - len(good) - 1) + '\n' + good)
    result = node.run('wizard', '--no-reboot', '--yes', '--answers', node.path('answers'), stdin=None,
                      input='wrong\n')
    t.ok(result.returncode == 2 and stored(node) == before, 'so does a wrong password')
    result = node.run('wizard', '--no-reboot', '--yes', '--answers', node.path('answers'), stdin=None,
                      input=PASSWORD + '\n')
    t.same((result.returncode, node.get('sip.cca_id')), (0, 'cca-1'),
           'a good file of 64 KiB is stored')


def conferencing(t):
    node = Node('conferencing')
    node.write('answers', 'rtcp.fir = yes\n')
    result = node.run('wizard', '--yes', '--answers', node.path('answers'), stdin=None,
                      input=PASSWORD + '\n')
    t.ok(result.returncode == 2 and 'not offered on a Conferencing Node' in result.stderr,
         'a Conferencing Node refuses the wizard and says why', result.stderr)


def locked(t):
    node = Node()
    node.write('etc/shadow', 'admin:!$6$x$y:0::::::\n', 0o600)
    result = node.run('wizard', stdin=None, input='anything\n')
    t.ok(result.returncode == 2 and stored(node) == '', 'a locked account opens no wizard')


with Tap() as t:
    first, second = Node(), Node()
    first.run('set', 'health.stations=192.0.2.1/32')
    all_questions(t, first)
    later_run(t, first)
    bad_answers(t, second)
    skips(t, second)
    nothing_stored(t, second)
    declined(t, second)
    password(t, second)
    hidden(t, second)
    echo(t, second)
    where_answers_are(t)
    locking(t)
    reachable = Node()
    reachable.run('set', 'health.stations=192.0.2.1/32')
    from_file(t, reachable)
    conferencing(t)
    locked(t)
