/*
 * The result of a probe: what a TLS listener offers in each version, by hellos and by whole
 * handshakes; and the options that the parts of a probe share.
 */
#ifndef HOLDFAST_PROBE_RESULT_H
#define HOLDFAST_PROBE_RESULT_H

#include "pki/certificate.h"
#include "policy/suites.h"
#include "probe/page.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROBE_VERSIONS = 5,     /* SSL 3.0 to TLS 1.3 */
    PROBE_SUITES_MAX = 320, /* more than the probe knows */
    PROBE_GROUPS_MAX = 64,  /* likewise */
    PROBE_SIGNATURES_MAX = 32,
    PROBE_REASON_SIZE = 160
};

/* The answer to a question; zero is "unknown". */
enum probe_answer { PROBE_UNKNOWN, PROBE_NO, PROBE_YES };

/* By a whole handshake; zero is "no library of ours implements it, it was not tried, or not
 * answered in time". */
enum probe_proof { PROOF_NONE, PROOF_FAILED, PROOF_DONE };

struct probe_suite {
    uint16_t id;
    uint16_t group;   /* of its key exchange (IANA, "TLS Supported Groups"), 0: none or not said */
    uint16_t dh_bits; /* of finite-field Diffie-Hellman before TLS 1.3, else 0 */
    uint8_t proof;    /* enum probe_proof */
};

/* What a version offers. Suites stand in the order in which the server chose them. */
struct probe_version {
    uint16_t version; /* enum tls_version */
    bool accepted;
    uint16_t suite_count;
    struct probe_suite suites[PROBE_SUITES_MAX];
    uint8_t server_order;  /* enum probe_answer: the same when the client prefers the reverse */
    uint8_t renegotiation; /* secure renegotiation (RFC 5746) */
    uint8_t master_secret; /* extended master secret (RFC 7627) */
    uint8_t plain_secret;  /* a handshake without it came to its end: by proof, of TLS 1.2 alone */
    uint8_t ticket;        /* the hello's answer announces session tickets (RFC 5077) */
    uint8_t session_id;    /* it gives a session a name */
    uint8_t resumption;    /* a second handshake resumed the first: by proof */
    uint8_t compression;   /* DEFLATE was taken (CRIME) */
};

struct probe_group {
    uint16_t code;
    uint16_t version; /* the newest in which it was seen */
};

struct probe_result {
    int32_t error; /* 0, or why the listener could not be probed: a negative errno */
    char reason[PROBE_REASON_SIZE]; /* the same for people */
    int32_t proof_error; /* 0, or -ETIME: the handshakes were not all answered (probe/proof.h) */
    struct probe_version version[PROBE_VERSIONS]; /* oldest first */
    uint16_t group_count;
    struct probe_group groups[PROBE_GROUPS_MAX];
    uint16_t signature_count;
    uint16_t signatures[PROBE_SIGNATURES_MAX]; /* schemes by which a key exchange of TLS 1.2 was
                                                  signed (RFC 5246, 7.4.3) */
    struct certificate_chain chain;            /* empty where it could not be read */
    bool key_proved; /* a handshake came to its end with the chain's first certificate: who answers
                        has its key, and does not merely show what others may read */
    struct certificate_facts certificate;
    struct page_answer page[PAGE_COUNT]; /* where it was asked */
    uint32_t connections, took_ms;
};

struct probe_options {
    uint32_t answer_ms; /* how long one connection may take */
    uint32_t total_ms;  /* the whole run */
    unsigned parallel;  /* connections at once at the most */
    bool proof;         /* whole handshakes too */
    const char *host;   /* then asks for pages of this host over HTTPS; NULL: it does not */
};

/* The version's part of a result. */
const struct probe_version *probe_version(const struct probe_result *result,
                                          enum tls_version version);

#endif
