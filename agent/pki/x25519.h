/*
 * X25519 (RFC 7748, 5) by HACL*, the implementation with machine-checked proofs of its arithmetic
 * and of its constant time that mbedTLS's sources bring along (3rdparty/everest). Half the key
 * exchanges of a TLS handshake are this one multiplication.
 */
#ifndef HOLDFAST_PKI_X25519_H
#define HOLDFAST_PKI_X25519_H

enum { X25519_SIZE = 32 };

/* result = scalar * point; little-endian, `result` may be one of the others. The scalar is clamped
 * and the point's highest bit ignored, as RFC 7748 says; points of low order give zero, which the
 * caller refuses (RFC 8446, 7.4.2). */
void x25519_multiply(unsigned char result[X25519_SIZE], const unsigned char scalar[X25519_SIZE],
                     const unsigned char point[X25519_SIZE]);

#endif
