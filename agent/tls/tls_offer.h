/*
 * What a TLS server offers, as codes on the wire: the form in which a surface's record (crypto.h)
 * crosses into the process that speaks TLS. No pointers, so that it can be carried as bytes.
 */
#ifndef HOLDFAST_TLS_TLS_OFFER_H
#define HOLDFAST_TLS_TLS_OFFER_H

#include "base/buf.h"
#include "policy/crypto.h"

#include <stdbool.h>
#include <stdint.h>

/* Each list in the server's order of preference. */
struct tls_offer {
    uint16_t first, last; /* versions */
    uint16_t suite_count, group_count, signature_count;
    uint16_t extended_master_secret; /* 1: TLS 1.2 with it alone (RFC 7627) */
    uint16_t suites[SUITE_COUNT];
    uint16_t groups[NAMED_GROUP_COUNT];
    uint16_t signatures[SIGNATURE_COUNT];
};

/* What a server is opened with. */
struct tls_server_setup {
    struct tls_offer offer;
    const struct buf *certificate_pem, *key_pem; /* the server's certificate first */
    unsigned ticket_key_s; /* a session ticket is taken for one to two times as long */
};

/* The surface's versions, suites, groups and signatures. In FIPS mode TLS 1.2 derives its keys with
 * the extended master secret alone (FIPS 140-3 IG, D.Q). */
void tls_offer_make(struct tls_offer *offer, const struct crypto *crypto, enum surface surface);

/* False where a count does not fit, or nothing is offered at all. */
bool tls_offer_is_valid(const struct tls_offer *offer);

/* Whether the server signs its part of a handshake with the suite: static RSA alone does
 * without. */
bool tls_offer_suite_signs(uint16_t suite);

/* Whether a suite may be used with a version: policy's table of suites knows. */
bool tls_offer_suite_fits(uint16_t suite, uint16_t version);

#endif
