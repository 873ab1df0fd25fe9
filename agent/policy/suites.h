/*
 * The suites, groups and signatures of TLS that Holdfast knows by name: one table each, in the
 * server's order of preference. What a surface offers of them is crypto.h's to say; what a listener
 * in the field may offer beside them, the probe's.
 * Source: spec/crypto.md; IANA, "Transport Layer Security (TLS) Parameters".
 */
#ifndef HOLDFAST_POLICY_SUITES_H
#define HOLDFAST_POLICY_SUITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As they stand on the wire (RFC 8446, 4.1.2). */
enum tls_version {
    SSL_3_0 = 0x0300,
    TLS_1_0 = 0x0301,
    TLS_1_1 = 0x0302,
    TLS_1_2 = 0x0303,
    TLS_1_3 = 0x0304
};

/* What a suite asks of the server's certificate and of the two sides' keys. */
enum exchange {
    EXCHANGE_ANY, /* TLS 1.3: agreed on beside the suite */
    EXCHANGE_ECDHE_ECDSA,
    EXCHANGE_ECDHE_RSA,
    EXCHANGE_DHE_RSA,
    EXCHANGE_RSA,
    EXCHANGE_DH_ANON
};

/* Suites that are switched together. */
enum suite_group {
    GROUP_TLS13,
    GROUP_AEAD,
    GROUP_CBC,
    GROUP_AES128_SHA,
    GROUP_BELOW_1_2,
    GROUP_ANONYMOUS,
    GROUP_COUNT
};

struct suite {
    uint16_t id;
    const char *name;    /* IANA's */
    const char *openssl; /* OpenSSL's, which nginx and Kamailio take too */
    enum suite_group group;
    enum exchange exchange;
    enum tls_version first, last;
    bool approved; /* in FIPS mode */
};

enum { SUITE_COUNT = 26 };
extern const struct suite suite_table[SUITE_COUNT];

/* A group of elliptic curves or finite fields, or a signature scheme. */
struct named_code {
    uint16_t code;
    const char *name;    /* IANA's */
    const char *openssl; /* OpenSSL's */
    bool approved;       /* in FIPS mode */
};

enum { NAMED_GROUP_COUNT = 7, SIGNATURE_COUNT = 9 };
extern const struct named_code named_group_table[NAMED_GROUP_COUNT];
extern const struct named_code signature_table[SIGNATURE_COUNT];

/* NULL where the table has none. */
const struct suite *suite_find(uint16_t id);

/* "TLS 1.2"; "unknown" for what is no version. */
const char *tls_version_text(enum tls_version version);

#endif
