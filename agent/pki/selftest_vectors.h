/*
 * The known answers of the self-tests, and what a library does with them. Private to agent/pki; the
 * unit test walks the same table with one answer changed at a time.
 *
 * Numbers are hexadecimal text, as they were published.
 */
#ifndef HOLDFAST_PKI_SELFTEST_VECTORS_H
#define HOLDFAST_PKI_SELFTEST_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

enum selftest_kind {
    SELFTEST_HASH,
    SELFTEST_HMAC,
    SELFTEST_GCM,       /* seals; opens; refuses another tag */
    SELFTEST_DRBG,      /* the second of two outputs */
    SELFTEST_ECDSA,     /* signs as RFC 6979 (mbedTLS alone signs); verifies */
    SELFTEST_RSA_PKCS1, /* signs; verifies; refuses another digest or signature */
    SELFTEST_RSA_PSS,   /* verifies; refuses another digest */
    SELFTEST_RANDOM,
    SELFTEST_KINDS
};

struct selftest_rsa {
    const char *n, *e, *d, *p, *q, *dp, *dq, *iq;
};

struct selftest_vector {
    enum selftest_kind kind;
    const char *name;   /* "AES-256-GCM" */
    const char *source; /* who published it, and where it stands there */
    unsigned hash_bits; /* 256, 384 or 512 */
    const char *key;    /* DRBG: entropy input and nonce */
    const char *point;  /* the public key of an ECDSA vector, uncompressed (SEC 1, 2.3.3) */
    const char *nonce;
    const char *aad;
    const char *input;
    const char *text;   /* the input, where it was published as text */
    const char *answer; /* GCM: ciphertext and tag; ECDSA: r and s */
    const struct selftest_rsa *rsa;
    const struct selftest_vector *also; /* by the same key, which costs more than its use */
};

enum { SELFTEST_VECTORS = 12 };
extern const struct selftest_vector selftest_vectors[SELFTEST_VECTORS];

/* True where the library computes what the vector says. NULL: the product asks the library for no
 * such thing. */
typedef bool selftest_function(const struct selftest_vector *vector);
extern selftest_function *const selftest_mbedtls[SELFTEST_KINDS];
extern selftest_function *const selftest_bearssl[SELFTEST_KINDS];
extern selftest_function *const selftest_kernel[SELFTEST_KINDS];

enum { SELFTEST_BYTES_MAX = 512, SELFTEST_DIGEST_MAX = 64 };

struct selftest_bytes {
    size_t length;
    unsigned char data[SELFTEST_BYTES_MAX];
};

/* Reads hexadecimal text; none where it is NULL. */
void selftest_bytes(struct selftest_bytes *bytes, const char *hex);

/* The vector's input, in whichever form it was published. */
void selftest_input(struct selftest_bytes *bytes, const struct selftest_vector *vector);

bool selftest_equal(const struct selftest_bytes *answer, const unsigned char *computed,
                    size_t size);

#endif
