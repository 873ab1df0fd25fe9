"""What a TLS client computes (raw.py): groups, the derivation of keys, and the protection of records,
TLS 1.0 to 1.3. AES is libcrypto's, which the openssl of the tests brings along; the rest stands here."""
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import struct

CCS, ALERT, HANDSHAKE, DATA, HEARTBEAT = 20, 21, 22, 23, 24
TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
P256, P384, X25519, X448, FFDHE3072 = 23, 24, 29, 30, 257


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
