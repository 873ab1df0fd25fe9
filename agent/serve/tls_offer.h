/*
 * What a TLS server offers, as codes on the wire: the form in which a surface's record (crypto.h)
 * crosses into the process that speaks TLS. No pointers, so that it can be carried as bytes.
 */
#ifndef HOLDFAST_SERVE_TLS_OFFER_H
#define HOLDFAST_SERVE_TLS_OFFER_H

#include "policy/crypto.h"

#include <stdbool.h>
#include <stdint.h>

/* Each list in the server's order of preference. */
struct tls_offer {
    uint16_t first, last; /* versions */
    uint16_t suite_count, group_count, signature_count;
    uint16_t suites[SUITE_COUNT];
    uint16_t groups[NAMED_GROUP_COUNT];
    uint16_t signatures[SIGNATURE_COUNT];
};

/* The record's versions, suites, groups and signatures. */
void tls_offer_make(struct tls_offer *offer, const struct surface_record *record);

/* False where a count does not fit, or nothing is offered at all. */
bool tls_offer_is_sound(const struct tls_offer *offer);

/* Whether a suite may be used with a version: policy's table of suites knows. */
bool tls_offer_suite_fits(uint16_t suite, uint16_t version);

#endif
