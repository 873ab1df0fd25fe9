/*
 * A TLS stack as proof.c uses it: what it implements, one whole handshake, and whether a second one
 * resumes the first. Private to agent/probe.
 */
#ifndef HOLDFAST_PROBE_PROOF_STACK_H
#define HOLDFAST_PROBE_PROOF_STACK_H

#include "probe/connect.h"
#include "probe/result.h"

#include <stdbool.h>
#include <stdint.h>

struct proof_task {
    const struct target *target;
    enum tls_version version;
    uint16_t suite;
    bool plain_secret; /* without the extended master secret (RFC 7627), which BearSSL never has */
    uint64_t deadline_ms;
    struct certificate_chain *chain; /* filled where it is empty; may be NULL */
    bool *key_proved;                /* of struct probe_result; set with `chain` alone */
    uint32_t *connections;           /* counted up */
    const char *request;             /* proof_mbedtls_ask() only: the request */
    struct page_answer *page;        /* ... and the response */
};

struct proof_stack {
    bool (*implements)(enum tls_version version, uint16_t suite);

    /* 0 when both sides have finished with that version and suite; -ECONNRESET when the server
     * closed without a word, -EPROTO when it failed, -ETIMEDOUT, ... */
    int (*handshake)(const struct proof_task *task);

    /* 1 when a second connection resumed the session of a first one, 0 when it did not, or a
     * negative errno as above. */
    int (*resumes)(const struct proof_task *task);
};

extern const struct proof_stack proof_bearssl, proof_mbedtls;

/* A whole handshake, the task's request, and the head of the response: 0, -EBADMSG when it is not
 * valid, or a negative errno as above. */
int proof_mbedtls_ask(const struct proof_task *task);

#endif
