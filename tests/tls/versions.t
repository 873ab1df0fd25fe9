#!/usr/bin/python3
"""TLS at the endpoint, judged by openssl and sslscan: the certificate, versions, suites, groups,
resumption, and what is refused."""
import os
import re
import ssl
import subprocess
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap

tap = Tap()
front = Front()
PEER = f'127.0.0.1:{front.port}'


def openssl(*arguments, text=''):
    return subprocess.run(['openssl', *arguments], input=text, capture_output=True, text=True,
                          timeout=120, check=False)


def client(*options):
    """What s_client says about one handshake."""
    done = openssl('s_client', '-connect', PEER, '-CAfile', front.certificate, '-servername',
                   'localhost', *options, text='Q\n')
    return done.stdout + done.stderr


def protocol(said):
    found = re.search(r'^(?:New|Reused), (TLSv[\d.]+), Cipher is (\S+)', said, re.M)
    return found.groups() if found and found.group(2) != '(NONE)' else None


# --- the certificate ---

certificate = openssl('x509', '-in', front.certificate, '-noout', '-text').stdout
for wanted in ('Version: 3', 'ASN1 OID: prime256v1', 'ecdsa-with-SHA256', 'CA:FALSE',
               'Digital Signature', 'TLS Web Server Authentication', 'DNS:localhost',
               'IP Address:127.0.0.1', 'IP Address:0:0:0:0:0:0:0:1', 'Subject Key Identifier',
               'Authority Key Identifier'):
    tap.ok(wanted in certificate, 'the certificate has ' + wanted, certificate)
for purpose in (), ('-purpose', 'sslserver'), ('-x509_strict', '-purpose', 'sslserver'):
    done = openssl('verify', *purpose, '-CAfile', front.certificate, front.certificate)
    tap.ok(done.returncode == 0, f"openssl verifies it {' '.join(purpose)}", done.stderr)
for name in (('-verify_hostname', 'localhost'), ('-verify_ip', '127.0.0.1'), ('-verify_ip', '::1')):
    said = client('-verify_return_error', *name)
    tap.ok('Verify return code: 0 (ok)' in said, f'it is valid for {name[1]}', said)
said = client('-verify_return_error', '-verify_hostname', 'elsewhere')
tap.ok('Verify return code: 0 (ok)' not in said, 'and for nothing else')

# --- versions ---

WEAK = 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'
tap.same(protocol(client('-tls1_3')), ('TLSv1.3', 'TLS_AES_256_GCM_SHA384'), 'TLS 1.3 is spoken')
tap.same(protocol(client('-tls1_2')), ('TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384'),
         'TLS 1.2 is spoken')
for version in '-tls1_1', '-tls1':
    tap.same(protocol(client(version, '-cipher', WEAK)), None, f'{version[1:]} is refused')

# --- suites and groups ---

for suite in 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256':
    tap.same(protocol(client('-tls1_3', '-ciphersuites', suite)), ('TLSv1.3', suite), suite)
tap.same(protocol(client('-tls1_3', '-ciphersuites', 'TLS_AES_128_CCM_SHA256')), None,
         'TLS_AES_128_CCM_SHA256 is refused')
WANTED = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305',
          'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-SHA384',
          'ECDHE-ECDSA-AES128-SHA256']
for suite in WANTED:
    tap.same(protocol(client('-tls1_2', '-cipher', suite)), ('TLSv1.2', suite), suite)
others = ':'.join(reversed(WANTED))
tap.same(protocol(client('-tls1_2', '-cipher', others)), ('TLSv1.2', WANTED[0]),
         "the server's order holds")
every = openssl('ciphers', '-tls1_2', '-s', WEAK).stdout.strip().split(':')
rest = [suite for suite in every if suite not in WANTED and not suite.startswith('TLS_')]
tap.ok(len(rest) > 45, 'openssl knows many other suites', len(rest))
tap.same(protocol(client('-tls1_2', '-cipher', ':'.join(rest) + ':@SECLEVEL=0')), None,
         'and none of them is accepted')
for group in 'P-384', 'P-256', 'X25519', 'P-521', 'ffdhe2048':
    tap.ok(protocol(client('-tls1_3', '-groups', group)), f'{group} with TLS 1.3')
for group in 'P-384', 'P-256', 'X25519', 'P-521':
    # TLS 1.2's groups say what certificates the client takes, too (RFC 8422, 5.1).
    both = group if group == 'P-256' else group + ':P-256'
    tap.ok(protocol(client('-tls1_2', '-groups', both)), f'{group} with TLS 1.2')
tap.ok('secp384r1' in client('-tls1_2', '-groups', 'P-256:P-384'), 'the strongest group is chosen')
for group in 'X448', 'brainpoolP256r1', 'ffdhe3072', 'ffdhe4096', 'secp256k1':
    tap.same(protocol(client('-groups', group, '-cipher', 'ECDHE')), None, f'{group} is refused')

# --- a second judge ---

scan = subprocess.run(['sslscan', '--no-colour', '--show-certificate', PEER], capture_output=True,
                      text=True, timeout=120, check=False).stdout
for line in ('SSLv2     disabled', 'SSLv3     disabled', 'TLSv1.0   disabled', 'TLSv1.1   disabled',
             'TLSv1.2   enabled', 'TLSv1.3   enabled', 'Session renegotiation not supported'):
    tap.ok(line in scan, 'sslscan: ' + re.sub(' +', ' ', line), scan)
tap.ok('not vulnerable to heartbleed' in scan and '\nvulnerable' not in scan, 'sslscan: no heartbleed')
found = set(re.findall(r'(?:Accepted|Preferred)\s+(\S+)\s+\d+ bits\s+(\S+)', scan))
tap.same(found, {('TLSv1.2', suite) for suite in WANTED} |
         {('TLSv1.3', suite) for suite in ('TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256',
                                           'TLS_CHACHA20_POLY1305_SHA256')},
         'sslscan: these suites and no other')

# --- sessions ---

said = client('-tls1_2')
tap.ok('Secure Renegotiation IS supported' in said and 'Extended master secret: yes' in said,
       'TLS 1.2 with the extended master secret')
for version, name in ((ssl.TLSVersion.TLSv1_2, 'TLS 1.2'), (ssl.TLSVersion.TLSv1_3, 'TLS 1.3')):
    context = front.context(version)
    request = b'GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n'
    with front.tls(context=context) as first:
        first.sendall(request)
        first.recv(4096)
        session = first.session
    raw = front.connect()
    with context.wrap_socket(raw, server_hostname='localhost', session=session) as second:
        second.sendall(request)
        answer = second.recv(4096)
        tap.ok(second.session_reused and answer.startswith(b'HTTP/1.1 200'),
               f'a session is resumed by its ticket, {name}')

tap.ok(front.alive(), 'the front stands all of it, with system calls that kill')
tap.done()
