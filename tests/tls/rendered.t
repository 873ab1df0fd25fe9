#!/usr/bin/env python3
"""The rendered files, each judged by its real consumer: OpenSSL's own programs, nginx and Kamailio
start with them, and what they then accept, suite by suite and by live handshakes, is the record:
so say sslscan and `holdfast probe`.
Servers run on a loopback of this test alone, which sees /run and /etc of its own."""
import json
import os
import re
import socket
import ssl
import time

from services import (FILES, HOLDFAST, PATIENCE_S, Server, Tap, folder, make_certificates, own_files,
                      render, run)

HTTPS, SIP, PLAIN, PEER, SLOW = 8443, 5061, 9443, 7061, 9000
OLD = ('tls.legacy=yes', 'https.legacy_inbound=yes', 'tls.aes128_sha=yes',
       'sip_tls.anonymous_dh_outbound=yes', 'http.hsts_preload=yes', 'http.referrer_policy=no')
GUIDE = ('security.fips=yes', 'sip_tls.aes128_sha_outbound=no', 'global.sip_tls_verification=on',
         'web.max_sessions=100', 'web.max_sessions_per_user=10', 'global.session_timeout_min=10',
         'rtcp.fir=yes', 'global.media_encryption=required')
PROFILES = {
    'defaults': (),
    'the guide': GUIDE,
    'all that is old': OLD,
    'FIPS over all that is old': OLD + ('security.fips=yes',),
    'the guide without FIPS and CBC': GUIDE[1:] + ('tls.cbc=no',),
}
NGINX = '''
pid {folder}/nginx.pid; error_log {folder}/nginx.log; daemon off; master_process off;
events {{}}
http {{
    access_log off;
    include {files}/nginx.conf;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/rsa.pem; ssl_certificate_key {folder}/rsa.key;
        ssl_certificate {folder}/ec.pem; ssl_certificate_key {folder}/ec.key;
        location / {{ return 200 "timeout $holdfast_session_timeout_s\\n"; }}
        location = /page {{ alias {folder}/rsa.pem; }}
        location /slow {{ proxy_pass http://127.0.0.1:{slow}; }}
    }}
}}
'''
# One reader: Kamailio 5.6's processes share what OpenSSL 3 does not lock between processes, and two
# that read at once free the same memory twice.
KAMAILIO = '''#!KAMAILIO
debug=0
log_stderror=yes
children=1
tcp_children=1
enable_tls=yes
listen=tls:127.0.0.1:{port}
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "pv.so"
modparam("tls", "config", "{files}/kamailio-tls.cfg")
request_route {{
    if ($rU == "out") {{
        $du = "sip:127.0.0.1:{peer};transport=tls";
        forward();
        exit;
    }}
    sl_send_reply("200", "OK");
}}
'''
OPTIONS = ('OPTIONS sip:{user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:4;branch=z9hG4bK1\r\n'
           'From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: 1\r\n'
           'CSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n')
tap = Tap()

# --- what is accepted, and what should be ---


def scan(port):
    """sslscan's findings: suites by version in the server's order, and the groups of TLS 1.3."""
    said = run('sslscan', '--no-colour', '--certs', f'{folder}/rsa.pem', '--pk', f'{folder}/rsa.key',
               f'127.0.0.1:{port}', check=False).stdout
    found = {}
    for version, name in re.findall(r'(?:Accepted|Preferred)\s+(\S+)\s+\d+ bits\s+(\S+)', said):
        found.setdefault(version, []).append(name)
    enabled = re.findall(r'^(SSLv\d|TLSv[\d.]+)\s+enabled', said, re.M)
    return {version: found.get(version, []) for version in enabled}, \
        sorted(re.findall(r'^TLSv1\.3\s+\d+ bits\s+(\S+)', said.partition('Key Exchange Group')[2],
                          re.M))


def probed(port):
    """The probe's findings, which end at the server's hello: suites by version, and groups."""
    said = json.loads(run(HOLDFAST, '--root', folder, 'probe', f'127.0.0.1:{port}', '--timeout',
                          str(PATIENCE_S), '--format', 'json', check=False).stdout)
    return {version['version']: sorted(suite['name'] for suite in version['suites'])
            for version in said['versions'] if version['accepted']}, sorted(said['groups'])


def by_version(record, ecdsa, name):
    return {version['name']: [suite[name] for suite in record['suites']
                              if suite['first'] <= version['name'] <= suite['last']
                              and (ecdsa or '_ECDSA_' not in suite['name'])]
            for version in record['versions']}


def judge(name, port, record, ecdsa=True, whole=True):
    """`whole`: the server ends handshakes with clients that have no certificate."""
    found, groups = scan(port)
    expected = {version.replace('TLS ', 'TLSv'): suites
                for version, suites in by_version(record, ecdsa, 'openssl').items()}
    offered = sorted(group['name'] for group in record['groups'])
    if whole:
        tap.same(dict(sorted(found.items())), dict(sorted(expected.items())),
                 f'{name}: its versions and suites in the order of the record, and no others')
    tap.same(groups, offered, f'{name}: its groups and no others')
    found, groups = probed(port)
    expected = {version: sorted(suites)
                for version, suites in by_version(record, ecdsa, 'name').items()}
    tap.same((dict(sorted(found.items())), groups), (dict(sorted(expected.items())), offered),
             f'{name}: the probe finds the same')
    for scheme in 'RSA+SHA1', 'RSA+SHA224':
        said = run('openssl', 's_client', '-connect', f'127.0.0.1:{port}', '-tls1_2', '-sigalgs',
                   scheme, '-cipher', 'ECDHE:@SECLEVEL=0', check=False, input='').stdout
        tap.ok('Cipher is (NONE)' in said, f'{name}: no signature by {scheme}', said)


# --- dh.pem ---


def try_dh(title):
    """RFC 7919, A.1: OpenSSL knows its groups by modulus and generator."""
    said = run('openssl', 'dhparam', '-in', f'{FILES}/dh.pem', '-noout', '-text', '-check', check=False)
    tap.ok(said.returncode == 0 and 'GROUP: ffdhe2048' in said.stdout,
           f'{title}: dh.pem is ffdhe2048, with its generator', said.stdout, said.stderr)
    with open(f'{FILES}/dh.pem') as file:
        der = run('openssl', 'asn1parse', input=file.read()).stdout
    tap.ok(re.search(r'INTEGER +:02$', der, re.M), f'{title}: which is 2', der)


# --- openssl.cnf ---


def under(path):
    return {**os.environ, 'OPENSSL_CONF': path}


def try_openssl(title, surfaces):
    with open(f'{FILES}/openssl.cnf') as file:
        text = file.read()
    for name in 'https-out', 'https-in', 'sip-in', 'sip-out':
        path = f'{FILES}/openssl.cnf'
        if name != 'https-out':
            path = f'{folder}/openssl.cnf'
            with open(path, 'w') as file:
                file.write(text.replace('system_default = https-out', f'system_default = {name}'))
        said = run('openssl', 'ciphers', '-s', '-stdname', env=under(path)).stdout
        tap.same(re.findall(r'^(\S+)', said, re.M),
                 [suite['name'] for suite in surfaces[name]['suites']],
                 f'{title}: openssl ciphers -s under openssl.cnf gives the suites of {name}')
    with Server(PLAIN, 'openssl', 's_server', '-accept', f'127.0.0.1:{PLAIN}', '-www', '-cert',
                f'{folder}/rsa.pem', '-key', f'{folder}/rsa.key', '-dcert', f'{folder}/ec.pem',
                '-dkey', f'{folder}/ec.key', environment=under(f'{FILES}/openssl.cnf')):
        judge(f'{title}, openssl s_server', PLAIN, surfaces['https-out'])


# --- nginx.conf ---


def request(path, port=HTTPS):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = context.wrap_socket(socket.create_connection(('127.0.0.1', port), PATIENCE_S))
    connection.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'.encode())
    return connection


def answer(connection):
    said = b''
    while True:
        try:
            data = connection.recv(65536)
        except ssl.SSLEOFError:
            data = b''
        if not data:
            connection.close()
            return said.decode()
        said += data


def try_headers(title, record, settings):
    said = answer(request('/'))
    tap.ok(f"\r\nStrict-Transport-Security: {record['strict_transport_security']}\r\n" in said
           and ('\r\nReferrer-Policy: same-origin\r\n' in said) == bool(record['referrer_policy'])
           and ('preload' in said) == ('http.hsts_preload=yes' in settings),
           f'{title}: nginx sends the headers of the record', said)
    timeout_s = 600 if 'global.session_timeout_min=10' in settings else 1800
    tap.ok(said.endswith(f'timeout {timeout_s}\n'), f'{title}: and knows the session timeout', said)


def try_limits(title):
    """The server block has no server_name, so that nginx knows it by none."""
    with socket.create_server(('127.0.0.1', SLOW), backlog=64):
        waiting = [request('/slow') for _ in range(10)]
        deadline = time.monotonic() + PATIENCE_S
        said = answer(request('/page'))
        while ' 503 ' not in said.partition('\r\n')[0] and time.monotonic() < deadline:
            said = answer(request('/page'))
        tap.ok(' 503 ' in said.partition('\r\n')[0],
               f'{title}: the session beyond web.max_sessions_per_user is refused', said)
        for connection in waiting:
            connection.close()


def try_tickets(title):
    """OpenSSL gives a session of TLS 1.3 a name of 32 bytes in place of a ticket."""
    said = run('openssl', 's_client', '-connect', f'127.0.0.1:{HTTPS}', '-tls1_2', check=False, input='').stdout
    tap.ok('New, TLSv1.2' in said and 'session ticket' not in said, f'{title}: nginx gives no ticket', said)
    said = run('openssl', 's_client', '-connect', f'127.0.0.1:{HTTPS}', '-tls1_3', '-ign_eof', check=False,
               input='HEAD / HTTP/1.0\r\n\r\n').stdout
    tickets = re.findall(r'TLS session ticket:\n((?: +[0-9a-f]{4} - .*\n)+)', said)
    tap.ok(tickets and all(ticket.count('\n') == 2 for ticket in tickets),
           f'{title}: nor one of TLS 1.3 that nginx would have to keep a key for', said)


def try_nginx(title, surfaces, settings):
    path = f'{folder}/nginx.conf'
    with open(path, 'w') as file:
        file.write(NGINX.format(folder=folder, files=FILES, port=HTTPS, slow=SLOW))
    words = 'nginx', '-p', folder, '-c', path
    result = run(*words, '-t', check=False)
    tap.ok(result.returncode == 0 and '[warn]' not in result.stderr,
           f'{title}: nginx -t has nothing to say', result.stderr)
    with Server(HTTPS, *words):
        judge(f'{title}, nginx', HTTPS, surfaces['https-in'])
        try_headers(title, surfaces['https-in'], settings)
        try_tickets(title)
        if 'web.max_sessions_per_user=10' in settings:
            try_limits(title)


# --- kamailio-tls.cfg ---


def call(user, certificate):
    """Asks Kamailio for its options; the connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(f'{folder}/rsa.pem', f'{folder}/rsa.key')
    connection = context.wrap_socket(socket.create_connection(('127.0.0.1', SIP), PATIENCE_S))
    connection.sendall(OPTIONS.format(user=user).encode())
    return connection


def reply(certificate):
    try:
        with call('me', certificate) as connection:
            return connection.recv(65536).decode().partition('\r\n')[0]
    except OSError as error:
        return f'refused: {type(error).__name__}'


def offered_outbound():
    """The suites of the ClientHello with which Kamailio calls a peer (RFC 8446, 4.1.2)."""
    with socket.create_server(('127.0.0.1', PEER)) as listener:
        listener.settimeout(PATIENCE_S)
        with call('out', True):
            peer = listener.accept()[0]
            peer.settimeout(PATIENCE_S)
            hello = peer.recv(65536)
            peer.close()
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    length = int.from_bytes(hello[at:at + 2], 'big')
    codes = [hello[i:i + 2].hex() for i in range(at + 2, at + 2 + length, 2)]
    return [f'0x{code}' for code in codes if code != '00ff']


def try_kamailio(title, surfaces, settings):
    path = f'{folder}/kamailio.cfg'
    with open(path, 'w') as file:
        file.write(KAMAILIO.format(files=FILES, port=SIP, peer=PEER))
    words = 'kamailio', '-f', path, '-w', folder, '-Y', folder
    result = run(*words, '-c', check=False, env=under(f'{FILES}/openssl.cnf'))
    tap.ok(result.returncode == 0, f'{title}: kamailio -c is content', result.stderr)
    with Server(SIP, *words, '-DD', '-E', environment=under(f'{FILES}/openssl.cnf')) as server:
        verified = 'global.sip_tls_verification=on' in settings
        judge(f'{title}, Kamailio', SIP, surfaces['sip-in'], ecdsa=False, whole=not verified)
        tap.same(reply(True), 'SIP/2.0 200 OK', f'{title}: Kamailio answers over TLS')
        said = reply(False)
        tap.ok(('200 OK' in said) != verified,
               f"{title}: a peer without a certificate is {'refused' if verified else 'served'}",
               said, server.said())
        tap.same(offered_outbound(), [suite['code'] for suite in surfaces['sip-out']['suites']],
                 f'{title}: Kamailio offers a peer the suites of sip-out, in their order')


own_files()
make_certificates()
for title, settings in PROFILES.items():
    surfaces = render(settings)
    try_dh(title)
    try_openssl(title, surfaces)
    try_nginx(title, surfaces, settings)
    try_kamailio(title, surfaces, settings)
    run('umount', '/run/holdfast')
tap.done()
