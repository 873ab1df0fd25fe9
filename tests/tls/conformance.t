#!/usr/bin/python3
"""The endpoint's TLS by the letter of RFC 8446, 5246, 7627 and 9155: what has to be served is, and
what is refused is refused by the alert that is due, before the connection is closed.

What mbedTLS 3.6 does by itself, and cannot be changed from outside of it: a first fragment of less than
four bytes is taken for the ClientHello alone, which the endpoint puts together itself; and some alerts
are more general than the RFC's own. Early data: early_data.t; KeyUpdate: key_update.t."""
import os
import re
import subprocess
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap
from raw import (ALERT, BAD_RECORD_MAC, CCS, CLIENT_HELLO, DATA, DECODE_ERROR, DECRYPT_ERROR, FINISHED,
                 HANDSHAKE, HANDSHAKE_FAILURE, HEARTBEAT, ILLEGAL_PARAMETER, P256,
                 PROTOCOL_VERSION, RECORD_OVERFLOW, TLS10, TLS11, TLS12, TLS13, UNEXPECTED_MESSAGE,
                 X448, X25519, Raw, codes, extension, key_shares, message, vector)

SERVED = 'HTTP/1.1 200 OK'
STATIC_RSA = 0x002F
VERSIONS = {'TLS 1.3': TLS13, 'TLS 1.2': TLS12, 'TLS 1.1': TLS11, 'TLS 1.0': TLS10}
SHA1 = (0x0201, 0x0203)
tap = Tap()


def alert(number):
    return ('fatal', number, 'closed')


class Against:
    """Cases against one front, each a connection of its own and a sentence."""

    def __init__(self, **how):
        self.front = Front(**how)

    def same(self, wanted, name, act, version):
        with Raw(self.front, version) as client:
            try:
                got = act(client)
            except ConnectionAbortedError as error:
                got = ('fatal', error.args[1], *client.end())
            except Exception as error:  # the case fails, and the next one runs
                got = f'{type(error).__name__}: {error}'
        tap.same(got, wanted, name)

    def serves(self, name, version, **how):
        self.same(SERVED, name, lambda c: c.shake(**how).asks(), version)

    def refuses(self, number, name, version, **how):
        def act(client):
            client.send(CLIENT_HELLO, client.hello(**how), version=TLS10)
            return client.end()
        self.same(alert(number), name, act, version)

    def says(self, number, name, version, act):
        """`act` sends; then comes the alert."""
        def whole(client):
            act(client)
            return client.end()
        self.same(alert(number), name, whole, version)


def up_to_flight(client, **how):
    client.send(CLIENT_HELLO, client.hello(**how), version=TLS10)
    client.parse_server_hello(client.read_message()[1])
    if client.version == TLS13:
        client.read_flight13()
        client.outbound = client.handshake_keys
    else:
        client.read_flight12()


def in_handshake(act, **how):
    def whole(client):
        up_to_flight(client, **how)
        act(client)
    return whole


def when_open(act):
    def whole(client):
        client.shake()
        act(client)
    return whole


def ask_behind_empty_records(count):
    def whole(client):
        client.shake()
        for _ in range(count):
            client.record(DATA, b'')
        return client.asks()
    return whole


def use_wrong_key(client):
    client.outbound.key = bytes(len(client.outbound.key))
    client.record(DATA, b'GET')


def public_key(front):
    """Modulus and exponent of an RSA certificate that openssl made."""
    said = subprocess.run(['openssl', 'x509', '-noout', '-modulus', '-in', front.certificate],
                          check=True, capture_output=True, text=True).stdout
    return int(said.split('=')[1], 16), 65537


def shake_rsa(client, front, legacy, inside, **how):
    """A handshake by RSA without forward secrecy; then a request."""
    client.send(CLIENT_HELLO, client.hello(suites=(STATIC_RSA,), legacy=legacy, **how), version=TLS10)
    client.parse_server_hello(client.read_message()[1])
    client.finish12(public_key(front), inside)
    return client.asks()


with tap:
    case = Against(settings=('https.legacy_inbound=yes',))

    # --- the ClientHello: what is served ---

    for name, version in VERSIONS.items():
        case.serves(f'{name} is served', version)
        for size in (1, 2, 3, 4, 5):
            case.serves(f'{name}: a hello in records of {size} bytes is served', version, split=size)
    for legacy in (0x0304, 0x0305, 0x03ff, 0x0404, 0xffff):
        case.serves(f'a version that is not known yet, {legacy:#06x}, is served with TLS 1.2', TLS12,
                    legacy=legacy)
    for name, version in VERSIONS.items():  # the record layer of 1.0 is not that of 1.1
        listed = extension(43, vector(1, codes((version,)))) if version < TLS13 else b''
        for legacy in ((0x0301, 0x0302, 0x0304, 0x0305, 0x0404, 0xffff) if version >= TLS12 else
                       (0x0302, 0x0303, 0x0304, 0xffff)):
            case.serves(f'{name} in the list of versions is served, whatever stands in the place of old '
                        f'({legacy:#06x})', version, legacy=legacy, more=listed)
            case.serves(f'{name}: and with a hello in records of 3 bytes ({legacy:#06x})', version,
                        legacy=legacy, more=listed, split=3)
    case.refuses(PROTOCOL_VERSION, 'TLS 1.1 in the list of versions alone is refused by an alert', TLS11,
                 legacy=0x0301, more=extension(43, vector(1, codes((TLS11,)))))
    for legacy in (0x0300, 0x0200, 0x0001):
        case.refuses(PROTOCOL_VERSION, f'{legacy:#06x} there is refused in spite of the list', TLS13,
                     legacy=legacy)
    case.serves('a hello that offers compression and does without it is served', TLS12,
                compression=b'\x01\x00')
    case.serves('an extension that is not known is passed over', TLS13, more=extension(0xfafa, b'x'))
    case.serves('TLS 1.2 without extended master secret is served where FIPS mode is off', TLS12,
                ems=False)

    # --- the ClientHello: what is refused ---

    refused = case.refuses
    for name, version in (('TLS 1.3', TLS13), ('TLS 1.2', TLS12)):
        refused(ILLEGAL_PARAMETER, f'{name}: a hello that cannot do without compression is refused',
                version, compression=b'\x01')
        refused(DECODE_ERROR, f'{name}: a hello without a list of compressions is refused', version,
                compression=b'')
        refused(ILLEGAL_PARAMETER, f'{name}: an extension that comes twice is refused', version,
                more=extension(0xfafa) * 2)
        refused(DECODE_ERROR, f'{name}: an extension that runs over its end is refused', version,
                more=b'\xfa\xfa\x00\x09x')
        refused(DECODE_ERROR, f'{name}: half an extension is refused', version, more=b'\xfa')
        refused(DECODE_ERROR, f'{name}: a session of 33 bytes is refused', version, session=bytes(33))
        refused(DECODE_ERROR, f'{name}: signatures of an odd length are refused', version,
                signatures=None, more=extension(13, b'\x00\x03\x04\x03\x05'))
    refused(ILLEGAL_PARAMETER, 'TLS 1.3: a hello that offers compression is refused', TLS13,
            compression=b'\x01\x00')
    refused(DECODE_ERROR, 'a list of versions of an odd length is refused', TLS12,
            more=extension(43, b'\x03\x03\x03\x02'))
    refused(DECODE_ERROR, 'key shares that run over their end are refused', TLS13,
            shares=extension(51, b'\x00\x09\x00\x1d\x00\x20'))
    refused(DECODE_ERROR, 'early data that is announced with a size is refused', TLS13,
            more=extension(42, bytes(4)))
    refused(PROTOCOL_VERSION, 'a list of versions without one that is known is refused', TLS12,
            more=extension(43, b'\x02\x7f\x1c'))
    refused(PROTOCOL_VERSION, 'SSL 3.0 is refused', TLS12, legacy=0x0300)
    refused(HANDSHAKE_FAILURE, 'TLS 1.3 without a group in common is refused', TLS13, groups=(X448,))
    refused(HANDSHAKE_FAILURE, 'TLS 1.2 without a suite in common is refused', TLS12, suites=(0x0005,))
    refused(HANDSHAKE_FAILURE, 'TLS 1.3 without a suite in common is refused', TLS13, suites=(0x1304,))

    def raw_hello(data):
        return lambda c: c.raw(data)

    for number, name, data in (
            (UNEXPECTED_MESSAGE, 'a change of ciphers', b'\x14\x03\x03\x00\x01\x01'),
            (UNEXPECTED_MESSAGE, 'data', b'\x17\x03\x03\x00\x05hello'),
            (UNEXPECTED_MESSAGE, 'a heartbeat', b'\x18\x03\x03\x00\x03\x01\x00\x01'),
            (UNEXPECTED_MESSAGE, 'a ServerHello', b'\x16\x03\x03\x00\x04\x02\x00\x00\x00'),
            (UNEXPECTED_MESSAGE, 'an empty record', b'\x16\x03\x03\x00\x00'),
            (RECORD_OVERFLOW, 'a record of 16385 bytes', b'\x16\x03\x03\x40\x01\x01'),
            (DECODE_ERROR, 'a hello of two bytes', b'\x16\x03\x03\x00\x06\x01\x00\x00\x02\x03\x03'),
            (UNEXPECTED_MESSAGE, 'a hello with a message behind it in its record',
             b'\x16\x03\x01\x00\x08\x01\x00\x00\x00\x14\x00\x00\x00')):
        case.says(number, f'first of all {name}: refused', TLS12, raw_hello(data))
    case.same(('closed',), 'what is no TLS is closed without a word',
              lambda c: (c.raw(b'GET / HTTP/1.1\r\n\r\n'), c.end())[1], TLS12)

    # --- key shares and points ---

    for name, group, public in (('X25519, all zeros', X25519, bytes(32)),
                                ('X25519, one byte short', X25519, bytes([9] * 31)),
                                ('P-256, off the curve', P256, b'\x04' + bytes(63) + b'\x01'),
                                ('P-256, cut', P256, b'\x04' + bytes(20)),
                                ('P-256, the point at infinity', P256, b'\x00')):
        def send(client, group=group, public=public):
            client.send(CLIENT_HELLO, client.hello(groups=(group,), shares=key_shares((group, public))),
                        version=TLS10)
            said = client.end()
            return said if said[1] in (ILLEGAL_PARAMETER, DECODE_ERROR) else (said, 'wrong alert')
        with Raw(case.front, TLS13) as client:
            try:
                said = send(client)
            except Exception as error:  # printed below
                said = (type(error).__name__, error)
        tap.ok(said[0] == 'fatal' and said[-1] == 'closed', f'TLS 1.3: a share that is no share is '
               f'refused by an alert ({name})', said)
    for name, public in (('off the curve', b'\x04' + bytes(64)), ('cut', b'\x04' + bytes(20)),
                         ('empty', b'')):
        with Raw(case.front, TLS12) as client:
            up_to_flight(client, groups=(P256,))
            client.send(16, vector(1, public))
            said = client.end()
        tap.ok(said[0] == 'fatal' and said[-1] == 'closed',
               f'TLS 1.2: a point that is none is refused by an alert ({name})', said)

    # --- messages out of order ---

    says = case.says
    says(UNEXPECTED_MESSAGE, 'TLS 1.2: a change of ciphers before the keys (CVE-2014-0224) is refused',
         TLS12, in_handshake(lambda c: c.record(CCS, b'\x01')))
    says(UNEXPECTED_MESSAGE, 'TLS 1.2: a Finished that comes first is refused', TLS12,
         in_handshake(lambda c: c.send(FINISHED, bytes(12))))
    says(UNEXPECTED_MESSAGE, 'TLS 1.2: a second hello in a handshake is refused', TLS12,
         in_handshake(lambda c: c.send(CLIENT_HELLO, c.hello())))
    says(UNEXPECTED_MESSAGE, 'TLS 1.2: a heartbeat in a handshake is refused', TLS12,
         in_handshake(lambda c: c.record(HEARTBEAT, b'\x01\x00\x01')))
    says(UNEXPECTED_MESSAGE, 'a change of ciphers of two bytes is refused', TLS12,
         in_handshake(lambda c: c.record(CCS, b'\x01\x01')))
    says(UNEXPECTED_MESSAGE, 'TLS 1.3: a second hello in a handshake is refused', TLS13,
         in_handshake(lambda c: c.send(CLIENT_HELLO, c.hello())))
    says(DECRYPT_ERROR, 'TLS 1.3: a wrong Finished is refused, under the keys that the client reads by',
         TLS13, in_handshake(lambda c: c.send(FINISHED, bytes(48 if c.name == 'sha384' else 32))))
    says(UNEXPECTED_MESSAGE, 'changes of ciphers without end are refused', TLS13,
         in_handshake(lambda c: [c.record(CCS, b'\x01', clear=True) for _ in range(20)]))
    says(UNEXPECTED_MESSAGE, 'TLS 1.3: a change of ciphers with another value is refused', TLS13,
         in_handshake(lambda c: c.record(CCS, b'\x02', clear=True)))

    # --- after the handshake ---

    for name, version in VERSIONS.items():
        says(BAD_RECORD_MAC, f'{name}: a record of another key is refused', version,
             when_open(use_wrong_key))
        says(RECORD_OVERFLOW, f'{name}: a record that is too long is refused', version,
             when_open(lambda c: c.raw(b'\x17\x03\x03\xff\xff')))
        says(UNEXPECTED_MESSAGE, f'{name}: an empty record is refused', version,
             when_open(lambda c: c.raw(b'\x17\x03\x03\x00\x00')))
        says(UNEXPECTED_MESSAGE, f'{name}: a heartbeat is refused', version,
             when_open(lambda c: c.record(HEARTBEAT, b'\x01\x00\x01', clear=True)))
        says(UNEXPECTED_MESSAGE, f'{name}: a change of ciphers is refused', version,
             when_open(lambda c: c.record(CCS, b'\x01', clear=True)))
        says(UNEXPECTED_MESSAGE, f'{name}: warnings without end are refused', version,
             when_open(lambda c: [c.record(ALERT, b'\x01\x5a') for _ in range(40)]))
        says(UNEXPECTED_MESSAGE, f'{name}: records without data, without end, are refused', version,
             when_open(lambda c: [c.record(DATA, b'') for _ in range(40)]))
        for count in (1, 2, 3, 4, 20):
            case.same(SERVED, f'{name}: {count} records without data before a request harm nobody',
                      ask_behind_empty_records(count), version)
    says(UNEXPECTED_MESSAGE, 'TLS 1.3: a Certificate that was not asked for is refused', TLS13,
         when_open(lambda c: c.record(HANDSHAKE, message(11, b'\x00'))))
    with Raw(case.front, TLS12) as client:
        client.shake()
        client.record(ALERT, b'\x01\x5a')
        client.record(DATA, b'')
        tap.same(client.asks(), SERVED, 'a warning and a record without data harm nobody')

    def in_one_write(client):
        client.shake()
        sealed = [client.outbound.seal(*each, TLS12) for each in (
            (ALERT, b'\x01\x5a'), (ALERT, b'\x01\x5a'), (DATA, b'GET /live HTTP/1.1\r\nHost: a\r\n\r\n'))]
        client.raw(b''.join(bytes([kind]) + b'\x03\x03' + vector(2, data) for kind, data in sealed))
        return client.answer()
    case.same(SERVED, 'a request behind warnings in one write is answered', in_one_write, TLS12)

    # --- signatures by SHA-1 ---

    for rsa in (False, True):
        kind = 'an RSA key' if rsa else 'an ECDSA key'
        for profile, settings in (('defaults', ()), ('the guide, FIPS mode', ('guide',)),
                                  ('RSA without forward secrecy', ('tls.aes128_sha=yes',))):
            other = Against(rsa=rsa, settings=settings)
            for what, how in (('does not say which signatures it takes', {'signatures': None}),
                              ('takes SHA-1 alone', {'signatures': SHA1}),
                              ('has no extensions at all', {'block': b''})):
                other.refuses(HANDSHAKE_FAILURE, f'{kind}, {profile}: a client that {what} is refused',
                              TLS12, **how, **({} if 'block' in how else {'groups': (P256,)}))
            other.serves(f'{kind}, {profile}: one that takes SHA-256 is served', TLS12, groups=(P256,))
            if rsa and settings == ('tls.aes128_sha=yes',):
                other.same(SERVED, 'a client that has no extensions at all is served by a suite that '
                           'needs no signature',
                           lambda c: shake_rsa(c, other.front, TLS12, TLS12, block=b''), TLS12)
                for legacy in (0x0303, 0x0304, 0x0305, 0xffff):
                    other.same(SERVED, f'and is served to a client of version {legacy:#06x}, whose '
                               'premaster secret says so',
                               lambda c, v=legacy: shake_rsa(c, other.front, v, v), TLS12)
                for legacy, inside in ((0x0304, 0x0303), (0x0303, 0x0304), (0xffff, 0x0304)):
                    other.same(('fatal', BAD_RECORD_MAC, 'closed'), 'and refused where the secret says '
                               f'{inside:#06x} and the hello {legacy:#06x}',
                               lambda c, v=legacy, i=inside: shake_rsa(c, other.front, v, i), TLS12)
            other.front.stop()

    # --- extended master secret in FIPS mode ---

    fips = Against(settings=('guide',))
    fips.serves('FIPS mode: TLS 1.2 with extended master secret is served', TLS12, groups=(P256,))
    fips.refuses(HANDSHAKE_FAILURE, 'FIPS mode: TLS 1.2 without extended master secret is refused',
                 TLS12, groups=(P256,), ems=False)
    fips.serves('FIPS mode: TLS 1.3 needs none', TLS13, groups=(P256,))

    # --- clients of others ---

    def openssl(front, *words):
        done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{front.port}', *words],
                              input=b'', capture_output=True, timeout=60)
        return (done.stdout + done.stderr).decode('latin-1')

    for words, wanted in ((('-tls1_3', '-groups', 'X448'), 'alert handshake failure'),
                          (('-tls1_3', '-groups', 'P-256'), 'TLSv1.3'),
                          (('-tls1_2',), 'TLSv1.2')):
        said = openssl(case.front, *words)
        tap.ok(re.search(wanted, said), f'openssl {" ".join(words)}: {wanted}', said[-600:])

    def gnutls(front, priority):
        done = subprocess.run(['gnutls-cli', '--insecure', '--priority', priority, '-p',
                               str(front.port), '127.0.0.1'], input=b'', capture_output=True,
                              timeout=60)
        return (done.stdout + done.stderr).decode('latin-1')

    static = Against(rsa=True, settings=('tls.aes128_sha=yes',))
    for each, priority, wanted in (
            (case, 'NORMAL', 'Handshake was completed'),
            (case, 'NORMAL:%NO_EXTENSIONS:-VERS-ALL:+VERS-TLS1.2', 'Handshake failed'),
            (static, 'NORMAL:%NO_EXTENSIONS:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA',
             'Handshake was completed')):
        said = gnutls(each.front, priority)
        tap.ok(wanted in said, f'gnutls-cli {priority}: {wanted}', said[-600:])
    tap.ok(all(each.front.alive() for each in (case, fips, static)),
           'the endpoint has outlived all of it')
