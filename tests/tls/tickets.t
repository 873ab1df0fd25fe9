#!/usr/bin/python3
"""Session tickets: each resumes the version of TLS that it was made in, for a client that can prove the
secret of that session, and nothing else. A ticket of TLS 1.3, which travels in clear, is no session of
TLS 1.2 whose master secret is all zeros (CVE-2026-93831), and none of TLS 1.2 is a pre-shared key of
TLS 1.3. Without the extended master secret there is no resumption in TLS 1.2 (RFC 7627, 5.3)."""
import os
import subprocess
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap
from raw import CERTIFICATE, P256, TLS12, TLS13, Raw, extension

SERVED = 'HTTP/1.1 200 OK'
ASKS_FOR_TICKET = {'more': extension(35)}
tap = Tap()


def attempt(act):
    try:
        return act()
    except Exception as error:  # the case fails, and the next one runs
        return f'{type(error).__name__}: {error}'


def session12(front, **how):
    """Ticket and master secret of a whole handshake in TLS 1.2."""
    with Raw(front, TLS12) as client:
        client.shake(groups=(P256,), **ASKS_FOR_TICKET, **how)
        return client.ticket, client.master


def ticket13(front):
    with Raw(front, TLS13) as client:
        return client.shake(groups=(P256,)).read_ticket13()


def resumes12(front, ticket, master, **how):
    """'resumed', with an answer, or 'whole': the server showed its certificate."""
    def act():
        with Raw(front, TLS12) as client:
            if client.resume12(ticket, master, groups=(P256,), **how):
                return 'resumed', client.asks()
            return 'whole' if client.read_message()[0] == CERTIFICATE else 'neither'
    return attempt(act)


def psk13(front, ticket, secret, name):
    """Whether the server takes a ticket as a pre-shared key, and what it answers."""
    def act():
        with Raw(front, TLS13) as client:
            client.offer_psk(ticket, secret, name, groups=(P256,))
            client.parse_server_hello(client.read_message()[1])
            if 41 in client.server_extensions:
                return 'taken'
            client.finish13()
            return 'whole', client.asks()
    return attempt(act)


def of_its_own_version(front, name):
    ticket, master = session12(front)
    tap.ok(ticket, f'{name}: TLS 1.2 gives a ticket')
    tap.same(resumes12(front, ticket, master), ('resumed', SERVED), f'{name}: which resumes')
    tap.ok(resumes12(front, ticket, bytes(48)) != ('resumed', SERVED),
           f'{name}: for nobody who does not know its master secret')
    for version in '-tls1_2', '-tls1_3':
        path = os.path.join(front.folder, 'session')
        said = [subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{front.port}', version,
                                '-groups', 'P-256', '-ign_eof', option, path],
                               input=b'GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
                               capture_output=True, timeout=60).stdout
                for option in ('-sess_out', '-sess_in')]
        tap.ok(b'\nNew, ' in said[0] and b'\nReused, ' in said[1],
               f'{name}: openssl resumes {version}', said)


def of_another_version(front, name):
    for master, what in ((bytes(48), 'all zeros'), (os.urandom(48), 'anything')):
        tap.same(resumes12(front, ticket13(front), master), 'whole',
                 f'{name}: a ticket of TLS 1.3 is no session of TLS 1.2 with a secret of {what}')
    ticket, master = session12(front)
    for secret, what in ((bytes(48), 'zeros'), (bytes(32), '32 zeros'), (b'', 'nothing'),
                         (master, 'the master secret')):
        for digest in 'sha384', 'sha256':
            tap.same(psk13(front, ticket, secret, digest), ('whole', SERVED),
                     f'{name}: a ticket of TLS 1.2 is no key of TLS 1.3 ({what}, {digest})')


def of_nobody(front, name):
    other = Front()
    foreign, master = session12(other)
    tap.same(resumes12(front, foreign, master), 'whole', f'{name}: a ticket of another server is none')
    other.stop()
    ticket, master = session12(front)
    for what, forged in (('changed at its end', ticket[:-1] + bytes([ticket[-1] ^ 1])),
                         ('changed at its start', bytes([ticket[0] ^ 1]) + ticket[1:]),
                         ('cut', ticket[:-1]), ('of one byte', b'x'), ('longer', ticket + b'x'),
                         ('of 7000 bytes', bytes(7000))):
        tap.same(resumes12(front, forged, master), 'whole', f'{name}: one {what} is none')
        tap.same(psk13(front, forged, bytes(48), 'sha384'), ('whole', SERVED),
                 f'{name}: nor in TLS 1.3')


def by_extended_master_secret(front):
    ticket, master = session12(front)
    tap.same(resumes12(front, ticket, master, ems=False), 'whole',
             'a session with extended master secret is not resumed without')
    plain, master = session12(front, ems=False)
    tap.same(plain, b'', 'a session without it gets an empty ticket')
    with Raw(front, TLS12) as client:
        tap.same(client.shake(groups=(P256,), ems=False, **ASKS_FOR_TICKET).asks(), SERVED,
                 'and is served')


with tap:
    for title, settings in (('defaults', ()), ('the guide, FIPS mode', ('guide',)),
                            ('TLS 1.0 too', ('https.legacy_inbound=yes',))):
        served = Front(settings=settings)
        of_its_own_version(served, title)
        of_another_version(served, title)
        of_nobody(served, title)
        tap.ok(served.alive(), f'{title}: the endpoint has outlived all of it')
        served.stop()
    last = Front()
    by_extended_master_secret(last)
    last.stop()
