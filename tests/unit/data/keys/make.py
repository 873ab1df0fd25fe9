#!/usr/bin/env python3
"""Makes the keys of tests/unit/key_rules_test.c: good ones by openssl, bad ones by arithmetic.

Run in this folder, once; what it made is kept, so that the tests need neither it nor luck.
"""
import base64
import math
import random
import subprocess

CHANCE = random.Random(56)
E = 65537
HALF = 1024


def openssl(name, *arguments):
    subprocess.run(['openssl', 'genpkey', *arguments, '-out', name + '.pem'], check=True,
                   stderr=subprocess.DEVNULL)


def der(tag, body):
    size = len(body)
    head = bytes([size]) if size < 128 else bytes([0x80 + (size.bit_length() + 7) // 8]) + \
        size.to_bytes((size.bit_length() + 7) // 8, 'big')
    return bytes([tag]) + head + body


def integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, 'big'))


def write(name, p, q, e=E, n=None, d=None, dp=None, qp=None):
    """An RSAPrivateKey (RFC 8017, A.1.2); whatever is not given follows from p, q and e."""
    lcm = math.lcm(p - 1, q - 1)
    d = d or pow(e, -1, lcm)
    numbers = (0, n or p * q, e, d, p, q, dp or d % (p - 1), d % (q - 1), qp or pow(q, -1, p))
    text = base64.encodebytes(der(0x30, b''.join(map(integer, numbers)))).decode()
    text = ''.join(text.split())
    lines = '\n'.join(text[i:i + 64] for i in range(0, len(text), 64))
    with open(name + '.pem', 'w', encoding='ascii') as out:
        out.write('-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----\n' % lines)


def is_prime(number):
    return all(number % small for small in (3, 5, 7, 11, 13)) and \
        all(pow(base, number - 1, number) == 1 for base in (2, 3, 5))


def prime_from(start, e=E):
    start |= 1
    while not is_prime(start) or math.gcd(start - 1, e) != 1:
        start += 2
    return start


def prime(bits=HALF, e=E):
    return prime_from(CHANCE.getrandbits(bits) | 3 << (bits - 2), e)


def main():
    for bits in (1024, 2048, 3072):
        openssl('rsa%d' % bits, '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:%d' % bits)
    for curve in ('P-256', 'P-384', 'P-521', 'secp256k1', 'brainpoolP256r1'):
        openssl(curve, '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:' + curve)
    openssl('X25519', '-algorithm', 'X25519')
    openssl('ED25519', '-algorithm', 'ED25519')
    p, q = prime(), prime()
    lcm = math.lcm(p - 1, q - 1)
    write('made-good', p, q)
    for name, e in (('e-3', 3), ('e-65535', 65535), ('e-257-bits', (1 << 256) + 1)):
        r, s = prime(e=e), prime(e=e)
        while name == 'e-257-bits' and math.gcd(e, (r - 1) * (s - 1)) != 1:
            s = prime(e=e)
        write(name, r, s, e)
    write('e-even', p, q, E + 1, d=pow(E, -1, lcm))
    write('close-primes', p, prime_from(p + (1 << (HALF - 101))))
    write('odd-sizes', prime(HALF + 64), prime(HALF - 64))
    write('p-composite', prime(HALF // 2) * prime(HALF // 2), q)
    write('q-composite', p, prime(HALF // 2) * prime(HALF // 2))
    small = prime(HALF - 2)
    write('d-small', p, q, pow(small, -1, lcm), d=small)
    write('d-large', p, q, d=pow(E, -1, lcm) + lcm)
    write('d-another', p, q, d=pow(E, -1, lcm) + 2)
    write('n-another', p, q, n=p * prime())
    write('dp-another', p, q, dp=pow(E, -1, lcm) % (p - 1) + 2)
    write('qp-another', p, q, qp=pow(q, -1, p) + 1)


main()
