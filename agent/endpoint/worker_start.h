/*
 * What the endpoint's process is started with: whom it serves, with which certificate and TLS
 * offer, within which limits. It crosses execve(2) in one sealed memfd, a struct worker_start and
 * the two PEM texts behind it. No secret is an argument, and there is no environment.
 *
 * Sources: memfd_create(2), fcntl(2) (file sealing).
 */
#ifndef HOLDFAST_ENDPOINT_WORKER_START_H
#define HOLDFAST_ENDPOINT_WORKER_START_H

#include "base/buf.h"
#include "endpoint/stations.h"
#include "tls/tls_offer.h"

#include <stdbool.h>
#include <stdint.h>

enum { WORKER_CONNECTIONS_MAX = 256 };

struct worker_limits {
    unsigned connections;                    /* 100; WORKER_CONNECTIONS_MAX at the most */
    unsigned connections_per_address;        /* 10; stations.h says what counts as one */
    unsigned handshake_ms, head_ms, idle_ms; /* 10 s, 10 s, 60 s */
    unsigned life_ms;                        /* 10 min: then its next answer is its last */
    unsigned handshakes_per_address_s;       /* a budget an address a second */
    unsigned head_bytes;                     /* 8 KiB */
};

struct worker_setup {
    const char *address; /* health.address: "::" is both families */
    uint16_t port;
    struct buf certificate_pem, key_pem; /* the child wipes its copies, the caller its own */
    struct tls_offer offer;              /* versions, suites, groups, signatures of TLS */
    unsigned ticket_key_s;               /* how long a key seals session tickets */
    struct worker_limits limits;
    const struct stations *stations; /* whom it serves, beside the node itself */
    bool fips;                       /* the self-tests come before the first handshake */
    int errors;                      /* its standard error; the caller keeps and closes its own */
};

/* Fixed-size and without pointers; both sides are the same binary. What the child is to know more
 * is a field more here. */
struct worker_start {
    uint32_t magic, size; /* of this struct */
    uint32_t certificate_size, key_size;
    uint32_t fips;
    uint32_t ticket_key_s;
    struct worker_limits limits;
    struct stations stations;
    struct tls_offer offer;
};

/* In the daemon: a sealed memfd (the caller closes it), or a negative errno. */
int worker_start_seal(const struct worker_setup *setup);

/* In the child, from the memfd's beginning; the texts are appended. 0, -EBADMSG when it is not what
 * worker_start_seal made, or another negative errno. */
int worker_start_read(int fd, struct worker_start *start, struct buf *certificate, struct buf *key);

#endif
