"""A TLS client that is made of records: it sends what a test wants, lawful or not, and takes nothing
that does not decrypt under the keys of its own connection. TLS 1.0 to 1.3; it checks Finished, and
neither certificates nor signatures. What it computes stands in raw_crypto.py."""
import hashlib
import hmac
import os
import socket
import struct

from raw_crypto import (ALERT, CCS, DATA, HANDSHAKE, HEARTBEAT, P256, TLS10, TLS11, TLS12, TLS13,
                        X25519, X448, CbcSha1, Foreign, Gcm12, Gcm13, Share, expand_label, prf)

CLIENT_HELLO, SERVER_HELLO, TICKET, CERTIFICATE, KEY_EXCHANGE, FINISHED, KEY_UPDATE = \
    1, 2, 4, 11, 12, 20, 24
UNEXPECTED_MESSAGE, BAD_RECORD_MAC, RECORD_OVERFLOW, HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, \
    DECODE_ERROR, DECRYPT_ERROR, PROTOCOL_VERSION, NO_RENEGOTIATION, MISSING_EXTENSION = \
    10, 20, 22, 40, 47, 50, 51, 70, 100, 109
SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601)
RETRY = bytes.fromhex('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c')
PATIENCE_S = 30


# --- messages ---

def vector(size, data):
    return len(data).to_bytes(size, 'big') + data


def codes(numbers):
    return b''.join(struct.pack('>H', number) for number in numbers)


def message(kind, body):
    return bytes([kind]) + vector(3, body)


def extension(kind, body=b''):
    return struct.pack('>H', kind) + vector(2, body)


def key_shares(*shares):
    return extension(51, vector(2, b''.join(struct.pack('>H', group) + vector(2, public)
                                            for group, public in shares)))


def rsa_encrypt(key, secret):
    """By a public key, modulus and exponent (RFC 8017, 7.2.1)."""
    modulus, exponent = key
    size = (modulus.bit_length() + 7) // 8
    filling = bytes(1 + os.urandom(1)[0] % 255 for _ in range(size - 3 - len(secret)))
    block = int.from_bytes(b'\0\x02' + filling + b'\0' + secret, 'big')
    return pow(block, exponent, modulus).to_bytes(size, 'big')


SUITES12 = {0xC02B: ('sha256', 16), 0xC02C: ('sha384', 32), 0xC02F: ('sha256', 16),
            0xC030: ('sha384', 32)}
SUITES13 = {0x1301: ('sha256', 16), 0x1302: ('sha384', 32)}
SUITES10 = {0xC009: 16, 0xC00A: 32, 0xC013: 16, 0xC014: 32, 0x002F: 16}


class Raw:
    """One connection. What `hello` sends may be changed by keywords; None leaves an extension out.
    """

    def __init__(self, front, version=TLS13, source=None, host='127.0.0.1'):
        self.socket = socket.create_connection((host, front.port), PATIENCE_S,
                                               (source, 0) if source else None)
        self.version, self.buffer, self.transcript = version, b'', b''
        self.inbound = self.outbound = None
        self.messages, self.session = b'', b''
        self.random = os.urandom(32)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # --- records ---

    def raw(self, data):
        self.socket.sendall(data)

    def record(self, kind, data, version=None, clear=False):
        """Sends one record, under the keys if there are any."""
        wire = version or min(self.version, TLS12)
        if self.outbound and not clear:
            kind, data = self.outbound.seal(kind, data, wire)
        self.raw(struct.pack('>BH', kind, wire) + vector(2, data))

    def send(self, kind, body, split=None, **how):
        """Sends a handshake message, in records of `split` bytes."""
        data = message(kind, body)
        self.transcript += data
        for at in range(0, len(data), split or len(data)):
            self.record(HANDSHAKE, data[at:at + (split or len(data))], **how)

    def fill(self, size):
        while len(self.buffer) < size:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise EOFError
            self.buffer += chunk
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read(self):
        """The next record, type and plaintext; Foreign where it is none of ours."""
        kind, version, size = struct.unpack('>BHH', self.fill(5))
        if kind not in (CCS, ALERT, HANDSHAKE, DATA) or version >> 8 != 3 or size > 18432:
            raise Foreign('no record at all')
        data = self.fill(size)
        if self.inbound is None:
            return kind, data
        kind, data = self.inbound.open(kind, data, version)
        if kind == HANDSHAKE and data[:1] == bytes([KEY_UPDATE]):
            self.inbound.update()  # what comes behind it has the next key
        return kind, data

    def read_message(self):
        """The next handshake message, type and body; an alert is raised."""
        while len(self.messages) < 4 or len(self.messages) < 4 + self.size():
            kind, data = self.read()
            if kind == ALERT:
                raise ConnectionAbortedError(*data)
            if kind == HANDSHAKE:
                self.messages += data
        size = 4 + self.size()
        data, self.messages = self.messages[:size], self.messages[size:]
        self.transcript += data
        return data[0], data[4:]

    def size(self):
        return int.from_bytes(self.messages[1:4], 'big')

    def end(self):
        """How the other end closes: what it says in its last alerts, ('fatal', 40) or ('close',),
        and then 'closed', or 'reset' where its end is none. Data before that is left out."""
        said = []
        try:
            while True:
                kind, data = self.read()
                if kind == ALERT:
                    said.append({1: 'warning', 2: 'fatal'}[data[0]] if data[1] else 'close')
                    said += [data[1]] if data[1] else []
        except EOFError:
            return (*said, 'closed')
        except ConnectionError:
            return (*said, 'reset')

    # --- the handshake ---

    def extensions(self, groups=None, signatures=SIGNATURES, versions=(), shares=None, ems=True,
                   more=b''):
        if groups is None:
            groups = (X25519, P256)
        parts = [extension(10, vector(2, codes(groups))) if groups else b'']
        parts += [extension(13, vector(2, codes(signatures)))] if signatures else []
        parts += [extension(23)] if ems else []
        parts += [extension(11, vector(1, b'\0'))]
        if self.version == TLS13:
            self.shares = [Share(group) for group in groups[:1]]
            parts += [extension(43, vector(1, codes(versions or (TLS13,)))),
                      shares if shares is not None else
                      key_shares(*((share.group, share.public) for share in self.shares)),
                      extension(45, vector(1, b'\x01'))]
        return b''.join(parts) + more

    def hello(self, suites=None, legacy=None, compression=b'\0', block=None, session=b'', **how):
        """The body of a ClientHello; `block` in place of the whole extensions block."""
        suites = suites or tuple({TLS13: SUITES13, TLS12: SUITES12}.get(self.version, SUITES10))
        self.ems = self.version < TLS13 and how.get('ems', True) and block is None
        if block is None:
            block = vector(2, self.extensions(**how))
        return (struct.pack('>H', legacy or min(self.version, TLS12)) + self.random +
                vector(1, session) + vector(2, codes(suites)) + vector(1, compression) + block)

    def hash(self, data=None):
        return hashlib.new(self.name, self.transcript if data is None else data).digest()

    def parse_server_hello(self, body):
        self.server_random = body[2:34]
        at = 35 + body[34]
        self.session, self.suite = body[35:at], struct.unpack('>H', body[at:at + 2])[0]
        found, rest = {}, body[at + 5:]
        while rest:
            kind, size = struct.unpack('>HH', rest[:4])
            found[kind], rest = rest[4:4 + size], rest[4 + size:]
        self.server_extensions = found

    def shake(self, split=None, **how):
        """A whole handshake; ConnectionAbortedError with level and alert where it fails."""
        self.send(CLIENT_HELLO, self.hello(**how), split, version=TLS10)
        kind, body = self.read_message()
        if kind != SERVER_HELLO:
            raise Foreign(f'message {kind} in place of ServerHello')
        self.parse_server_hello(body)
        if self.version == TLS13:
            self.finish13()
        else:
            self.finish12()
        return self

    # --- TLS 1.3 (RFC 8446, 7.1) ---

    def derive(self, secret, label, data=None):
        size = hashlib.new(self.name).digest_size
        return expand_label(self.name, secret, label, self.hash(data), size)

    def keys13(self):
        """Takes the handshake's keys."""
        self.name, key_size = SUITES13[self.suite]
        zeros = bytes(hashlib.new(self.name).digest_size)
        group, size = struct.unpack('>HH', self.server_extensions[51][:4])
        share = next(share for share in self.shares if share.group == group)
        early = hmac.digest(zeros, zeros, self.name)
        secret = hmac.digest(self.derive(early, b'derived', b''),
                             share.agree(self.server_extensions[51][4:]), self.name)
        self.client_secret = self.derive(secret, b'c hs traffic')
        self.server_secret = self.derive(secret, b's hs traffic')
        self.master = hmac.digest(self.derive(secret, b'derived', b''), zeros, self.name)
        self.inbound = Gcm13(self.name, self.server_secret, key_size)
        self.handshake_keys = Gcm13(self.name, self.client_secret, key_size)

    def read_retry(self):
        """HelloRetryRequest, and the group that it asks for. The hash of the first hello takes the
        place of it (RFC 8446, 4.4.1)."""
        first = self.transcript
        self.parse_server_hello(self.read_message()[1])
        if self.server_random != RETRY:
            raise Foreign('a ServerHello in place of HelloRetryRequest')
        self.name = SUITES13[self.suite][0]
        self.transcript = message(254, self.hash(first)) + self.transcript[len(first):]
        return struct.unpack('>H', self.server_extensions[51])[0]

    def verify_data13(self, secret):
        size = hashlib.new(self.name).digest_size
        key = expand_label(self.name, secret, b'finished', b'', size)
        return hmac.digest(key, self.hash(), self.name)

    def read_flight13(self):
        """The server's flight, after which the server writes under the application's keys."""
        self.keys13()
        wanted = b''
        while True:
            wanted = self.verify_data13(self.server_secret)
            kind, body = self.read_message()
            if kind == FINISHED:
                break
        if body != wanted:
            raise Foreign('the Finished of another connection')
        key_size = SUITES13[self.suite][1]
        self.inbound = Gcm13(self.name, self.derive(self.master, b's ap traffic'), key_size)
        self.application = Gcm13(self.name, self.derive(self.master, b'c ap traffic'), key_size)

    def finish13(self):
        self.read_flight13()
        self.record(CCS, b'\x01')
        self.outbound = self.handshake_keys
        self.send(FINISHED, self.verify_data13(self.client_secret))
        self.outbound = self.application

    # --- TLS 1.0 to 1.2 (RFC 5246, 7.3) ---

    def take_name12(self):
        self.name = SUITES12.get(self.suite, ('sha256' if self.version == TLS12 else 'sha1',))[0]

    def read_flight12(self):
        self.take_name12()
        self.signature = None
        while True:
            kind, body = self.read_message()
            if kind == KEY_EXCHANGE:
                group, size = struct.unpack('>HB', body[1:4])
                self.peer = body[4:4 + size]
                self.share = Share(group)
                self.signature = struct.unpack('>H', body[4 + size:6 + size])[0]
            if kind == 14:
                return

    def take_master(self, secret):
        randoms = self.random + self.server_random
        if self.ems and 23 in self.server_extensions:
            digest = self.hash() if self.version == TLS12 else self.hash_old()
            self.master = prf(self.version, self.name, secret, b'extended master secret', digest, 48)
        else:
            self.master = prf(self.version, self.name, secret, b'master secret', randoms, 48)

    def keys12(self):
        seed = self.server_random + self.random
        block = prf(self.version, self.name, self.master, b'key expansion', seed, 160)
        if self.suite in SUITES12:
            size = SUITES12[self.suite][1]
            client, server = (Gcm12(block[at:at + size], block[2 * size + salt:2 * size + salt + 4])
                              for at, salt in ((0, 0), (size, 4)))
        else:
            size = SUITES10[self.suite]
            client, server = (CbcSha1(self.version, block[20 * i:20 * i + 20],
                                      block[40 + size * i:40 + size * (i + 1)],
                                      block[40 + 2 * size + 16 * i:56 + 2 * size + 16 * i])
                              for i in (0, 1))
        return client, server

    def hash_old(self):
        return hashlib.md5(self.transcript).digest() + hashlib.sha1(self.transcript).digest()

    def verify_data12(self, label):
        digest = self.hash() if self.version == TLS12 else self.hash_old()
        return prf(self.version, self.name, self.master, label, digest, 12)

    def finish12(self, key=None, version=None):
        """`key`: the server's of RSA, to which the premaster secret is encrypted; it begins with
        `version`, which is the hello's where all is right (RFC 5246, 7.4.7.1)."""
        self.read_flight12()
        secret = struct.pack('>H', version or self.version) + os.urandom(46)
        self.send(16, vector(2, rsa_encrypt(key, secret)) if key else vector(1, self.share.public))
        self.take_master(secret if key else self.share.agree(self.peer))
        client, server = self.keys12()
        self.record(CCS, b'\x01')
        self.outbound = client
        self.send(FINISHED, self.verify_data12(b'client finished'))
        self.read_server_end(server)

    def resume12(self, ticket, master, **how):
        """Offers a ticket of TLS 1.2 (RFC 5077, 3.4): whether the server goes on from `master`, which
        is proved by its Finished."""
        sent = os.urandom(32)
        self.send(CLIENT_HELLO, self.hello(session=sent, more=extension(35, ticket), **how),
                  version=TLS10)
        self.parse_server_hello(self.read_message()[1])
        if self.session != sent:
            return False
        self.take_name12()
        self.master = master
        client, server = self.keys12()
        self.read_server_end(server)
        self.record(CCS, b'\x01')
        self.outbound = client
        self.send(FINISHED, self.verify_data12(b'client finished'))
        return True

    def read_server_end(self, keys):
        """The server's ticket, if any, its change of ciphers, and its Finished."""
        self.read_up_to_ccs()
        self.inbound = keys
        wanted = self.verify_data12(b'server finished')
        if self.read_message() != (FINISHED, wanted):
            raise Foreign('the Finished of another connection')

    def read_up_to_ccs(self):
        """The server's change of ciphers, and a ticket before it."""
        self.ticket = None
        while True:
            kind, data = self.read()
            if kind == CCS:
                return
            if kind == ALERT:
                raise ConnectionAbortedError(*data)
            self.transcript += data
            self.ticket = data[10:10 + int.from_bytes(data[8:10], 'big')]

    # --- tickets of TLS 1.3 (RFC 8446, 4.2.11 and 4.6.1) ---

    def read_ticket13(self):
        """The ticket that comes behind the handshake: lifetime, age and nonce taken off."""
        self.get()
        while True:
            kind, body = self.read()
            if kind == HANDSHAKE and body[0] == TICKET:
                nonce = body[12]
                size = int.from_bytes(body[13 + nonce:15 + nonce], 'big')
                return body[15 + nonce:15 + nonce + size]

    def offer_psk(self, ticket, secret, name='sha384', more=b'', **how):
        """Sends a hello with a ticket as a pre-shared key, and its binder by `secret`."""
        size = hashlib.new(name).digest_size
        behind = vector(2, vector(1, bytes(size)))
        more += extension(41, vector(2, vector(2, ticket) + bytes(4)) + behind)
        body = self.hello(more=more, **how)
        early = hmac.digest(bytes(size), secret, name)
        key = expand_label(name, early, b'res binder', hashlib.new(name).digest(), size)
        key = expand_label(name, key, b'finished', b'', size)
        head = message(CLIENT_HELLO, body)[:-len(behind)]
        binder = hmac.digest(key, hashlib.new(name, head).digest(), name)
        self.send(CLIENT_HELLO, body[:-size] + binder, version=TLS10)

    # --- data ---

    def get(self, path='/live'):
        self.record(DATA, f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())

    def answer(self):
        """The next whole answer's first line; what is no data, but an alert, is skipped."""
        data = b''
        while b'\r\n\r\n' not in data:
            kind, part = self.read()
            if kind == ALERT:
                raise ConnectionAbortedError(*part)
            data += part if kind == DATA else b''
        head, _, body = data.partition(b'\r\n\r\n')
        size = int(head.lower().split(b'content-length: ')[1].split(b'\r\n')[0])
        while len(body) < size:
            kind, part = self.read()
            body += part if kind == DATA else b''
        return head.split(b'\r\n')[0].decode()

    def asks(self):
        self.get()
        return self.answer()
