/*
 * Power-on self-tests: each cryptographic library must compute answers that others have published
 * before it is used (FIPS 140-3 implementation guidance, 10.3.A: algorithm self-tests).
 *
 * A process runs them once, before its first key, nonce or handshake; one that it forks has the
 * same code and need not. A library that gave a wrong answer must not be used for anything: the
 * caller fails closed. Nothing is allocated that outlives a call, and no result is kept here.
 */
#ifndef HOLDFAST_PKI_SELFTEST_H
#define HOLDFAST_PKI_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

enum selftest_library {
    SELFTEST_MBEDTLS,
    SELFTEST_BEARSSL,
    SELFTEST_KERNEL, /* the source of every random number: pki/random.h */
    SELFTEST_LIBRARIES
};

enum selftest_scope {
    SELFTEST_STATE, /* SHA-256 of mbedTLS alone, by which the state is read: some microseconds */
    SELFTEST_ALL
};

struct selftest_report {
    struct selftest_result {
        unsigned ran, failed;
        const char *first_failed; /* "AES-256-GCM", a constant; NULL: none */
    } library[SELFTEST_LIBRARIES];
};

void selftest_run(enum selftest_scope scope, struct selftest_report *report);

/* The same over vectors of the caller's (pki/selftest_vectors.h), for the test of the tests. */
struct selftest_vector;
void selftest_run_vectors(const struct selftest_vector *vectors, size_t count,
                          enum selftest_scope scope, struct selftest_report *report);

/* True where tests ran and none failed. */
bool selftest_passed(const struct selftest_report *report);

/* "mbedTLS", "BearSSL", "the kernel". */
const char *selftest_library_name(enum selftest_library library);

#endif
