#!/usr/bin/env python3
"""The files that the services read: written at boot, judged by their schemas, only when something
differs, and never through what somebody else put in their place."""
import hashlib
import json
import os
import re
import stat
import subprocess
import time

import jsonschema

from harness import PATIENCE_S, Node, Tap
import timer

FOLDER = 'run/holdfast/crypto'
NETWORK = 'run/holdfast/network.conf'
WEB = 'run/holdfast/web.json'
FIPS = 'etc/fips/enabled'


def paths():
    """Where each file lies, by its row's name: as the rows of a node without files say."""
    rows = Files().rows()
    return {name: row['reason'].removeprefix('/') for name, row in rows.items()
            if row['verdict'] != 'pass'}


class Files(Node):
    """A node in a network of its own."""

    def argv(self, *words):
        return ['unshare', '-n', *super().argv(*words)]

    def rows(self):
        result = self.run('check', '--format', 'json', '--id', 'files.*')
        return {row['id'].partition('.')[2]: row for row in json.loads(result.stdout)['checks']}

    def inodes(self):
        return {name: os.lstat(self.path(f'{FOLDER}/{name}')).st_ino for name in NAMES.values()}

    def text(self, name):
        return self.read(f'{FOLDER}/{name}')


PATHS = paths()
NAMES = {name: os.path.basename(path) for name, path in PATHS.items()
         if os.path.dirname(path) == FOLDER}


def verdicts(rows):
    return {row['verdict'] for row in rows.values()}


def judge_json(t, node, name):
    for kind, path in ('policy', f'{FOLDER}/policy.json'), ('sip', f'{FOLDER}/sip.json'), ('web', WEB):
        with open(f'agent/report/{kind}.schema.json') as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        faults = [f'{fault.json_path}: {fault.message}' for fault in
                  jsonschema.Draft202012Validator(schema).iter_errors(json.loads(node.read(path)))]
        t.same(faults, [], f'{name}: {kind}.json is as its schema says')
    t.same(node.text('policy.json'), node.run('tls', '--format', 'json').stdout,
           f'{name}: `holdfast tls` prints policy.json')


def first_boot(t, node):
    before = node.rows()
    t.same(verdicts(before) | {before['fips']['verdict']}, {'fail', 'pass'},
           'before a boot the files are missing')
    t.ok(all(before[name]['observed'].split(':')[0] == 'absent' for name in before), 'and the rows say so', before)
    node.run('boot')
    t.same(sorted(os.listdir(node.path(FOLDER))), sorted(NAMES.values()), 'a boot writes all of them')
    t.same({stat.filemode(os.lstat(node.path(f'{FOLDER}/{name}')).st_mode) for name in NAMES.values()},
           {'-rw-r--r--'}, 'of mode 0644')
    rows = node.rows()
    t.same(verdicts(rows), {'pass'}, 'then every row passes')
    digests = {name: hashlib.sha256(node.read(path).encode()).hexdigest()
               for name, path in PATHS.items()}
    t.same({name: rows[name]['observed'] for name in digests},
           {name: f'SHA-256 {digest}' for name, digest in digests.items()},
           'and shows the digest of the file that was read')
    t.ok('tls.cbc' in rows['openssl']['reason'] and 'Management Node' in rows['openssl']['section'],
         'a row names the settings and the section of the guide', rows['openssl'])
    for name, text in ((name, node.read(path)) for name, path in PATHS.items()):
        t.ok('holdfast' in text.splitlines()[0][:100] and re.search('revision 1|"revision":1', text),
             f'{name}: its first line says who wrote it, for which revision', text[:200])
    with open('agent/man/holdfast.8') as manual:
        page = manual.read()
    described = set(re.findall(r'^\.It Pa (.*)', page, re.M))
    t.same([path for path in PATHS.values() if not {f'/{path}', os.path.basename(path)} & described], [],
           'holdfast(8) has each of them')
    judge_json(t, node, 'defaults')


def network(t):
    """What S60network of the image reads, and what it has where the settings are lost."""
    node = Files()
    stated = ['node.hostname = far', 'node.address = 192.0.2.7/24', 'node.address = 198.51.100.7/25',
              'node.address6 = 2001:db8::7/64', 'node.gateway = 192.0.2.1']
    node.run('import', '-', stdin=None, input='\n'.join(stated) + '\n')
    node.run('boot')
    t.same(node.read(NETWORK).splitlines()[1:], stated, 'network.conf has what was answered, and no more')
    node.run('set', 'node.gateway6=fe80::1')
    t.same(node.rows()['network']['verdict'], 'fail', 'another answer is drift until it is enforced')
    node.run('boot')
    stated.append('node.gateway6 = fe80::1')
    t.same(node.read(NETWORK).splitlines()[1:], stated, 'and then stands there')
    with open(node.path('var/lib/holdfast/state.db'), 'r+b') as database:
        database.write(bytes(8192))
    os.unlink(node.path(NETWORK))
    result = node.run('boot')
    t.ok('FAILED CLOSED' in result.stderr, 'a node whose settings are lost', result)
    t.same(node.read(NETWORK).splitlines()[1:], stated, 'stays where it was last known')


def only_when_changed(t, node):
    before = node.inodes()
    node.run('boot')
    t.same(node.inodes(), before, 'a boot with nothing to change writes none of them')
    node.run('set', 'sip.cca_id=abc', 'global.sip_tls_verification=on', 'tls.legacy=yes')
    rows = node.rows()
    t.same(verdicts(rows), {'fail', 'pass'}, 'a new revision is drift until it is enforced')
    t.same(rows['sip']['observed'], 'rendered for revision 1', 'and the row says of which one the file is')
    node.run('boot')
    t.same(verdicts(node.rows()), {'pass'}, 'and then is not')
    t.same(json.loads(node.text('sip.json'))['sip']['cca_id'], 'abc', 'sip.json has the answer')
    t.ok('verify_certificate = yes' in node.text('kamailio-tls.cfg'), 'so has kamailio-tls.cfg')
    judge_json(t, node, 'answers')


def first_answer(t):
    """A node without answers is at revision 0: its files say so, and the first answer makes 1."""
    node = Files()
    node.run('boot')
    node.run('set', 'node.hostname=first')
    rows = node.rows()
    t.same({name: rows[name]['observed'] for name in PATHS},
           dict.fromkeys(PATHS, 'rendered for revision 0'),
           'after the first answer each row says that its file is of revision 0')


def change_content(path):
    with open(path, 'a') as file:
        file.write('ssl_protocols TLSv1;\n')


def swap(make):
    def do(path):
        os.unlink(path)
        make(path)
    return do


def drift(t, node):
    target = node.path('victim')
    node.write('victim', 'untouched\n', 0o600)
    kinds = [
        ('a line of its own', change_content, 'is "ssl_protocols TLSv1;'),
        ('nothing in it', lambda path: os.truncate(path, 0), 'line 1 is cut off after 0 bytes'),
        ('more than any such file', lambda path: os.truncate(path, 1 << 30), 'bytes long'),
        ('another mode', lambda path: os.chmod(path, 0o666), 'of mode 0666'),
        ('another owner', lambda path: os.chown(path, 1, 1), 'owned by 1:1'),
        ('a symbolic link', swap(lambda path: os.symlink(target, path)), 'a symbolic link'),
        ('a FIFO', swap(os.mkfifo), 'a FIFO'),
        ('nothing', os.unlink, 'absent'),
    ]
    good = node.text('nginx.conf')
    for name, spoil, words in kinds:
        spoil(node.path(f'{FOLDER}/nginx.conf'))
        row = node.rows()['nginx']
        t.ok(row['verdict'] == 'fail' and words in row['observed'], f'{name} is drift', row)
        node.run('boot')
        t.ok(node.rows()['nginx']['verdict'] == 'pass' and node.text('nginx.conf') == good,
             f'{name}: repaired', node.rows()['nginx'])
    t.ok(node.read('victim') == 'untouched\n'
         and os.lstat(target).st_mode & 0o777 == 0o600, 'what a link led to is untouched')
    os.unlink(node.path(f'{FOLDER}/nginx.conf'))
    os.mkdir(node.path(f'{FOLDER}/nginx.conf'))
    node.run('boot')
    row = node.rows()['nginx']
    t.same((row['verdict'], row['observed']), ('fail', 'a folder'), 'a folder is told, not emptied')
    os.rmdir(node.path(f'{FOLDER}/nginx.conf'))


def folders(t, node):
    node.run('boot')
    os.rename(node.path(FOLDER), node.path('elsewhere'))
    os.symlink(node.path('elsewhere'), node.path(FOLDER))
    before = {name: os.lstat(node.path(f'elsewhere/{name}')).st_ino for name in NAMES.values()}
    t.same({row['observed'] for name, row in node.rows().items() if name in NAMES},
           {'a symbolic link'}, 'a link in place of the folder is drift')
    node.run('set', 'tls.cbc=no')
    node.run('boot')
    t.ok(not os.path.islink(node.path(FOLDER)) and verdicts(node.rows()) == {'pass'},
         'and is replaced by a folder')
    t.same({name: os.lstat(node.path(f'elsewhere/{name}')).st_ino for name in NAMES.values()}, before,
           'where it led nothing is written')
    os.chmod(node.path(FOLDER), 0o777)
    t.same(verdicts(node.rows()), {'fail', 'pass'}, 'a folder that others may write to is drift')
    node.run('boot')
    t.same(stat.S_IMODE(os.lstat(node.path(FOLDER)).st_mode), 0o755, 'and is closed')


def fips(t, node):
    t.ok(not os.path.exists(node.path('etc/fips')), 'outside FIPS mode there is no etc/fips')
    node.run('set', 'security.fips=yes')
    t.same(node.rows()['fips']['observed'], 'absent', 'in FIPS mode its sign is missed')
    node.run('boot')
    t.same(node.rows()['fips']['verdict'], 'pass', 'and written')
    t.ok(os.path.isfile(node.path(FIPS)), 'where the platform looks for it')
    t.ok('CHACHA20' not in node.text('nginx.conf') + node.text('openssl.cnf')
         and 'TLSv1 ' not in node.text('nginx.conf'), 'no file has what FIPS mode masks')
    judge_json(t, node, 'FIPS')
    node.run('set', 'security.fips=no')
    t.same(node.rows()['fips']['verdict'], 'fail', 'it must not stay behind')
    node.run('boot')
    t.ok(not os.path.exists(node.path(FIPS)), 'and is removed')


OTHER = {  # a value that no default has, of what is neither yes nor no
    'sip.udp_port': '6060', 'sip.tcp_port': '6061', 'sip.tls_port': '6062', 'sip.cca_id': 'xyz',
    'sip.resource_priority_prefix': 'uc', 'web.max_sessions': '7', 'web.max_sessions_per_user': '7',
    'global.login_banner': 'x', 'auth.client_certificate': 'required_cn',
    'global.media_encryption': 'off', 'global.signaling_port_start': '33002',
    'global.signaling_port_end': '39997', 'global.media_port_start': '40002',
    'global.media_port_end': '49997', 'global.session_timeout_min': '7',
    'global.sip_tls_verification': 'on', 'global.dscp_management': '7', 'location.dscp_media': '7',
    'location.dscp_signaling': '7', 'location.mtu': '1400', 'snmp.mode': 'v3_read_only',
    'health.port': '7443', 'global.ocsp_state': 'on', 'auth.source': 'ldap',
    'node.hostname': 'other', 'node.address': '192.0.2.7/24', 'node.address6': '2001:db8::7/64',
    'node.gateway': '192.0.2.1', 'node.gateway6': 'fe80::1',
}
FOR_GOOD = 'security.disable_admin'
STAMP = re.compile(r'(for revision |"revision":)\d+')


def contents(node):
    node.run('boot')
    texts = {name: STAMP.sub(r'\1N', node.read(path)) for name, path in PATHS.items()}
    return {**texts, 'fips': str(os.path.exists(node.path(FIPS)))}


def who_decides(t):
    """Each setting that has a yes or a no, or another value here, is changed and put back."""
    node = Files()
    node.run('set', 'node.address=192.0.2.9/24')  # without which there is no router
    before = contents(node)
    named = {name: set(row['reason'].partition(', from ')[2].split(', ')) - {''}
             for name, row in node.rows().items()}
    found = {name: set() for name in before}
    for line in node.run('export', '--defaults').stdout.splitlines():
        key, _, value = (part.strip() for part in line.partition('='))
        other = {'yes': 'no', 'no': 'yes'}.get(value, OTHER.get(key))
        if other is None or key == FOR_GOOD:
            continue
        result = node.run('set', f'{key}={other}')
        if result.returncode:
            t.ok(False, f'{key} is changed', result.stderr)
        now = contents(node)
        for name in found:
            found[name] |= {key} if now[name] != before[name] else set()
        node.run('set', f'{key}={value}')
    t.same({name: sorted(found[name] ^ named[name]) for name in found},
           {name: [] for name in found}, "each file's row names the settings that decide, and no others")


def wait_for(condition):
    """True when the condition came to hold, or None."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until:
            return None
        time.sleep(0.02)
    return True


# From the shortest escape to the longest: what ends a string, what markup and scripts read, C1's
# neighbours, what moves text, what no single unit of UTF-16 holds.
BANNERS = ['"', '\\', '\\"\\u0000', "'", '</script><!--', '&amp;&quot;', '{"max_sessions":null}', '${x} %s %n',
           '\u00a0\u00ad', '\u2028\u2029', '\u202e\u2066', '\ufeff', '\ufffd\uffff', '\U0001f512\U0010ffff',
           'Zugriff nur für Befugte', 'x' * 1024]


def web(t):
    node = Files()
    node.run('boot')
    t.same(json.loads(node.read(WEB))['web'],
           {'max_sessions': None, 'max_sessions_per_user': None, 'session_timeout_s': 1800,
            'login_banner': None, 'client_certificate': 'not_required'},
           'web.json has the defaults: no limit, no banner')
    node.run('set', 'web.max_sessions=100', 'web.max_sessions_per_user=10',
             'global.session_timeout_min=10', 'auth.client_certificate=required_upn')
    for banner in BANNERS:
        result = node.run('set', f'global.login_banner={banner}')
        node.run('boot')
        t.same(json.loads(node.read(WEB))['web'],
               {'max_sessions': 100, 'max_sessions_per_user': 10, 'session_timeout_s': 600,
                'login_banner': banner, 'client_certificate': 'required_upn'},
               f'and then the answers, with the banner {banner[:30]!a}' + (result.stderr and ' ?'))
    judge_json(t, node, 'answers for the web')
    refused = ['a\tb', 'a\nb', 'a\x1b[2J', 'a\x7f', 'a\u0085b', b'a\xff', b'a\xed\xa0\x80', 'x' * 1025]
    for banner in refused:
        word = banner if isinstance(banner, bytes) else banner.encode()
        result = node.run('set', b'global.login_banner=' + word)
        t.ok(result.returncode != 0, f'a banner of {banner[:20]!a} is refused', result)
    node.run('set', 'global.session_timeout_enabled=no')
    t.same(node.rows()['web']['verdict'], 'fail', 'another answer is drift of web.json')
    node.run('boot')
    t.same(json.loads(node.read(WEB))['web']['session_timeout_s'], None,
           'without a session timeout web.json has none')
    node.write('etc/holdfast/role', 'conferencing\n')
    node.run('boot')
    t.same((json.loads(node.read(WEB))['web'], node.rows()['web']['verdict']), (None, 'pass'),
           'a Conferencing Node has no management web')
    judge_json(t, node, 'conferencing')


def sip(t):
    node = Files('conferencing')

    def handed():
        node.run('boot')
        return json.loads(node.text('sip.json'))
    every = {name: True for name in ('sip', 'h323', 'webrtc', 'rtmp', 'client_api')}
    t.same(handed()['protocols'], every, 'sip.json has the calls that are taken: at first all')
    for name in every:
        node.run('set', f'global.{name}=no')
        t.same(handed()['protocols'], {**every, name: False}, f'and global.{name}=no alone says no to it')
        node.run('set', f'global.{name}=yes')
    t.same(handed()['sip']['resource_priority_prefix'], None, 'without a namespace there is none')
    for namespace in 'uc', 'dsn':
        node.run('set', f'sip.resource_priority_prefix={namespace}')
        t.same(handed()['sip']['resource_priority_prefix'], namespace, f'{namespace} is handed over')
    for wrong in 'UC', 'uc ', ' uc', 'ucc', 'u', 'uc|dsn', '|', 'dsn.flash', 'drsn', 'ets', 'wps', 'q735', 'uc,dsn':
        result = node.run('set', f'sip.resource_priority_prefix={wrong}')
        t.ok(result.returncode != 0 and 'uc' in result.stderr and 'dsn' in result.stderr,
             f'the namespace {wrong!r} is refused, with the two that there are', result)
    t.same(handed()['sip']['resource_priority_prefix'], 'dsn', 'and what stood there stays')
    judge_json(t, node, 'calls')
    with open(node.path('var/lib/holdfast/state.db'), 'r+b') as database:
        database.write(bytes(8192))
    result = node.run('boot')
    t.ok('FAILED CLOSED' in result.stderr and not any(json.loads(node.text('sip.json'))['protocols'].values()),
         'where the settings are lost no calls are taken', result, node.text('sip.json'))


def repaired_by_the_daemon(t, node):
    node.run('boot')
    with subprocess.Popen(node.argv('run'), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as daemon:
        try:
            assert wait_for(lambda: os.path.exists(node.path('run/holdfast/control'))), 'the daemon did not start'
            node.run('get', 'rtcp.fir')  # answered behind the first walk, whose changes are no drift
            for name in f'{FOLDER}/sip.json', WEB, NETWORK:
                path, good = node.path(name), node.read(name)
                for spoil in change_content, change_content, os.unlink:
                    t.ok(timer.done_before_expiry(daemon.pid, lambda: spoil(path),
                                                  lambda: os.path.exists(path) and node.read(name) == good,
                                                  wait_for),
                         f'the daemon sets {name} right before its timer makes it look: {spoil.__name__}')
                row = os.path.basename(name).partition('.')[0]
                t.ok(wait_for(lambda: any(f'files.{row}' in line for line in node.events('drift'))),
                     f'with an event that names files.{row}', node.events('drift'))
        finally:
            daemon.terminate()


with Tap() as t:
    node = Files()
    node.run('set', 'node.hostname=rendered')
    first_boot(t, node)
    only_when_changed(t, node)
    first_answer(t)
    drift(t, node)
    folders(t, node)
    fips(t, node)
    network(t)
    web(t)
    sip(t)
    repaired_by_the_daemon(t, node)
    who_decides(t)
