"""A TLS client that is made of records: it sends what a test wants, lawful or not, and takes nothing
that does not decrypt under the keys of its own connection. TLS 1.0 to 1.3; it checks Finished, and
neither certificates nor signatures. AES is libcrypto's, which the openssl of the tests brings along;
the rest stands here."""
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import socket
import struct

CCS, ALERT, HANDSHAKE, DATA, HEARTBEAT = 20, 21, 22, 23, 24
CLIENT_HELLO, SERVER_HELLO, TICKET, CERTIFICATE, KEY_EXCHANGE, FINISHED, KEY_UPDATE = \
    1, 2, 4, 11, 12, 20, 24
UNEXPECTED_MESSAGE, BAD_RECORD_MAC, RECORD_OVERFLOW, HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, \
    DECODE_ERROR, DECRYPT_ERROR, PROTOCOL_VERSION, NO_RENEGOTIATION, MISSING_EXTENSION = \
    10, 20, 22, 40, 47, 50, 51, 70, 100, 109
TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
P256, P384, X25519, X448, FFDHE3072 = 23, 24, 29, 30, 257
SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601)
RETRY = bytes.fromhex('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c')
PATIENCE_S = 30


class Foreign(Exception):
    """A record that the connection's own keys do not open."""


# --- primitives ---

libcrypto = ctypes.CDLL(ctypes.util.find_library('crypto'))
libcrypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
for bits in (128, 256):
    for mode in ('gcm', 'cbc'):
        getattr(libcrypto, f'EVP_aes_{bits}_{mode}').restype = ctypes.c_void_p
GET_TAG, SET_TAG, TAG = 0x10, 0x11, 16


def aes(mode, key, iv, data, encrypt, aad=b''):
    """AES-GCM with its tag behind the data, or AES-CBC without padding."""
    context = ctypes.c_void_p(libcrypto.EVP_CIPHER_CTX_new())
    cipher = ctypes.c_void_p(getattr(libcrypto, f'EVP_aes_{len(key) * 8}_{mode}')())
    out, size, tag = ctypes.create_string_buffer(len(data) + 32), ctypes.c_int(), None
    if mode == 'gcm' and not encrypt:
        data, tag = data[:-TAG], data[-TAG:]
    libcrypto.EVP_CipherInit_ex(context, cipher, None, key, iv, int(encrypt))
    libcrypto.EVP_CIPHER_CTX_set_padding(context, 0)
    if tag is not None:
        libcrypto.EVP_CIPHER_CTX_ctrl(context, SET_TAG, TAG, tag)
    if aad:
        libcrypto.EVP_CipherUpdate(context, None, ctypes.byref(size), aad, len(aad))
    libcrypto.EVP_CipherUpdate(context, out, ctypes.byref(size), data, len(data))
    done = libcrypto.EVP_CipherFinal_ex(context, ctypes.create_string_buffer(32),
                                        ctypes.byref(size))
    result = out.raw[:len(data)]
    if mode == 'gcm' and encrypt:
        mark = ctypes.create_string_buffer(TAG)
        libcrypto.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG, mark)
        result += mark.raw
    libcrypto.EVP_CIPHER_CTX_free(context)
    if done != 1:
        raise Foreign('a record does not decrypt')
    return result


def x25519(secret, point):
    """RFC 7748, 5."""
    p, a24 = 2**255 - 19, 121665
    k = int.from_bytes(secret, 'little') & ~7 & (2**254 - 1) | 2**254
    u = int.from_bytes(point, 'little') & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for bit in range(254, -1, -1):
        if swap ^ (k >> bit & 1):
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = k >> bit & 1
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % p, b * b % p, d * a % p, c * b % p
        e = aa - bb
        x3, z3 = (da + cb)**2 % p, u * (da - cb)**2 % p
        x2, z2 = aa * bb % p, e * (aa + a24 * e) % p
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, 'little')


CURVES = {  # p, generator; a is -3 (FIPS 186-4, D.1.2)
    P256: (2**256 - 2**224 + 2**192 + 2**96 - 1,
           (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
            0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)),
    P384: (2**384 - 2**128 - 2**96 + 2**32 - 1,
           (int('aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38'
                '5502f25dbf55296c3a545e3872760ab7', 16),
            int('3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c0'
                '0a60b1ce1d7e819d7a431d7c90ea0e5f', 16)))}


def add(p, one, two):
    if one is None or two is None:
        return one or two
    if one == two:
        slope = (3 * one[0]**2 - 3) * pow(2 * one[1], -1, p)
    elif one[0] == two[0]:
        return None
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, p)
    x = (slope**2 - one[0] - two[0]) % p
    return x, (slope * (one[0] - x) - one[1]) % p


def multiply(p, number, point):
    total = None
    while number:
        if number & 1:
            total = add(p, total, point)
        point, number = add(p, point, point), number >> 1
    return total


class Share:
    """An ephemeral key in one group."""

    def __init__(self, group):
        self.group, self.secret = group, os.urandom(32)
        if group == X25519:
            self.public = x25519(self.secret, b'\x09' + bytes(31))
        elif group in CURVES:
            p, generator = CURVES[group]
            self.public = self.encode(multiply(p, int.from_bytes(self.secret, 'big'), generator))
        else:
            self.public = os.urandom({X448: 56, FFDHE3072: 384}[group])

    def encode(self, point):
        size = (CURVES[self.group][0].bit_length() + 7) // 8
        return b'\x04' + point[0].to_bytes(size, 'big') + point[1].to_bytes(size, 'big')

    def agree(self, other):
        if self.group == X25519:
            return x25519(self.secret, other)
        p, size = CURVES[self.group][0], (len(other) - 1) // 2
        point = tuple(int.from_bytes(other[at:at + size], 'big') for at in (1, 1 + size))
        return multiply(p, int.from_bytes(self.secret, 'big'), point)[0].to_bytes(size, 'big')


def p_hash(name, secret, seed, size):
    out, a = b'', seed
    while len(out) < size:
        a = hmac.digest(secret, a, name)
        out += hmac.digest(secret, a + seed, name)
    return out[:size]


def prf(version, name, secret, label, seed, size):
    """RFC 5246, 5; RFC 2246, 5."""
    if version == TLS12:
        return p_hash(name, secret, label + seed, size)
    half = (len(secret) + 1) // 2
    md5 = p_hash('md5', secret[:half], label + seed, size)
    sha = p_hash('sha1', secret[-half:], label + seed, size)
    return bytes(a ^ b for a, b in zip(md5, sha))


def expand_label(name, secret, label, context, size):
    """RFC 8446, 7.1; never longer than one block here."""
    label = b'tls13 ' + label
    info = struct.pack('>HB', size, len(label)) + label + bytes([len(context)]) + context + b'\x01'
    return hmac.digest(secret, info, name)[:size]


# --- protection of records ---

class Gcm12:
    def __init__(self, key, salt):
        self.key, self.salt, self.number = key, salt, 0

    def seal(self, kind, data, version):
        nonce = struct.pack('>Q', self.number)
        aad = nonce + struct.pack('>BHH', kind, version, len(data))
        self.number += 1
        return kind, nonce + aes('gcm', self.key, self.salt + nonce, data, True, aad)

    def open(self, kind, data, version):
        if len(data) < 8 + TAG:
            raise Foreign(f'a record of type {kind} in clear')
        aad = struct.pack('>QBHH', self.number, kind, version, len(data) - 8 - TAG)
        self.number += 1
        return kind, aes('gcm', self.key, self.salt + data[:8], data[8:], False, aad)


class Gcm13:
    def __init__(self, name, secret, key_size):
        self.name, self.secret, self.key_size = name, secret, key_size
        self.take_keys()

    def take_keys(self):
        self.key = expand_label(self.name, self.secret, b'key', b'', self.key_size)
        self.iv = expand_label(self.name, self.secret, b'iv', b'', 12)
        self.number = 0

    def update(self):
        size = hashlib.new(self.name).digest_size
        self.secret = expand_label(self.name, self.secret, b'traffic upd', b'', size)
        self.take_keys()

    def nonce(self):
        mask = bytes(4) + struct.pack('>Q', self.number)
        self.number += 1
        return bytes(a ^ b for a, b in zip(self.iv, mask))

    def seal(self, kind, data, version):
        head = struct.pack('>BHH', DATA, TLS12, len(data) + 1 + TAG)
        return DATA, aes('gcm', self.key, self.nonce(), data + bytes([kind]), True, head)

    def open(self, kind, data, version):
        if kind == CCS and data == b'\x01':
            return kind, data
        if kind != DATA:
            raise Foreign(f'a record of type {kind} in clear')
        inner = aes('gcm', self.key, self.nonce(), data, False,
                    struct.pack('>BHH', kind, TLS12, len(data))).rstrip(b'\0')
        return inner[-1], inner[:-1]


class CbcSha1:
    """TLS 1.0 and 1.1."""
    BLOCK = MAC = 0x10

    def __init__(self, version, mac_key, key, iv):
        self.explicit, self.mac_key, self.key, self.iv = version > TLS10, mac_key, key, iv
        self.number = 0

    def mac(self, kind, data, version):
        head = struct.pack('>QBHH', self.number, kind, version, len(data))
        self.number += 1
        return hmac.digest(self.mac_key, head + data, 'sha1')

    def seal(self, kind, data, version):
        data += self.mac(kind, data, version)
        pad = 15 - len(data) % 16
        data += bytes([pad] * (pad + 1))
        iv = os.urandom(16) if self.explicit else self.iv
        data = aes('cbc', self.key, iv, data, True)
        self.iv = data[-16:]
        return kind, (iv if self.explicit else b'') + data

    def open(self, kind, data, version):
        iv, body = (data[:16], data[16:]) if self.explicit else (self.iv, data)
        if len(body) % 16 or len(body) < 32:
            raise Foreign(f'a record of type {kind} in clear')
        self.iv = body[-16:]
        plain = aes('cbc', self.key, iv, body, False)
        plain = plain[:-1 - plain[-1]]
        data, mac = plain[:-20], plain[-20:]
        if len(plain) < 20 or not hmac.compare_digest(mac, self.mac(kind, data, version)):
            raise Foreign('a record does not decrypt')
        return kind, data


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


SUITES12 = {0xC02B: ('sha256', 16), 0xC02C: ('sha384', 32), 0xC02F: ('sha256', 16),
            0xC030: ('sha384', 32)}
SUITES13 = {0x1301: ('sha256', 16), 0x1302: ('sha384', 32)}
SUITES10 = {0xC009: 16, 0xC00A: 32, 0xC013: 16, 0xC014: 32}


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
        return self.inbound.open(kind, data, version) if self.inbound else (kind, data)

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

    def read_flight12(self):
        self.name = SUITES12[self.suite][0] if self.suite in SUITES12 else 'sha1'
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

    def keys12(self):
        secret = self.share.agree(self.peer)
        randoms = self.random + self.server_random
        if self.ems and 23 in self.server_extensions:
            digest = self.hash() if self.version == TLS12 else self.hash_old()
            self.master = prf(self.version, self.name, secret, b'extended master secret', digest, 48)
        else:
            self.master = prf(self.version, self.name, secret, b'master secret', randoms, 48)
        seed = self.server_random + self.random
        block = prf(self.version, self.name, self.master, b'key expansion', seed, 160)
        if self.version == TLS12:
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

    def finish12(self):
        self.read_flight12()
        self.send(16, vector(1, self.share.public))
        client, server = self.keys12()
        self.record(CCS, b'\x01')
        self.outbound = client
        self.send(FINISHED, self.verify_data12(b'client finished'))
        wanted = self.verify_data12(b'server finished')
        self.read_up_to_ccs()
        self.inbound = server
        wanted = self.verify_data12(b'server finished') if self.saw_ticket else wanted
        if self.read_message() != (FINISHED, wanted):
            raise Foreign('the Finished of another connection')

    def read_up_to_ccs(self):
        """The server's change of ciphers, and a ticket before it."""
        self.saw_ticket = False
        while True:
            kind, data = self.read()
            if kind == CCS:
                return
            if kind == ALERT:
                raise ConnectionAbortedError(*data)
            self.transcript += data
            self.saw_ticket = True

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
