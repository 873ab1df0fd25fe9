/*
 * The ClientHello that the probe sends, from SSL 3.0 to TLS 1.3. No key is kept, since nothing is
 * read past the ServerHello.
 *
 * Sources: RFC 8446, 4.1.2 and 4.2; RFC 5246, 7.4.1.2; RFC 6101, 5.6.1.2; RFC 5746 (renegotiation);
 * RFC 7627 (extended master secret); RFC 5077 (tickets); RFC 6066, 3 (server name).
 */
#ifndef HOLDFAST_PROBE_HELLO_H
#define HOLDFAST_PROBE_HELLO_H

#include "policy/suites.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HELLO_SIZE_MAX = 2048 };

/* Which signatures the client says that it takes (RFC 5246, 7.4.1.4.1). */
enum hello_signatures {
    HELLO_SIGNATURES_ALL,       /* what a server is refused for must be the suite alone */
    HELLO_SIGNATURES_FORBIDDEN, /* by SHA-1 and MD5 alone */
    HELLO_SIGNATURES_UNSAID     /* no such extension: before RFC 9155 that meant SHA-1 */
};

struct hello {
    enum tls_version version; /* the only one that is offered from TLS 1.3 on, else the newest */
    const uint16_t *suites;   /* borrowed, the client's order */
    size_t suite_count;
    const uint16_t *groups; /* borrowed */
    size_t group_count;
    enum hello_signatures signatures;
    const char *server_name; /* NULL: none is sent */
    bool share; /* TLS 1.3: key shares of x25519 and secp256r1. Else none, so that the server asks
                   again (HelloRetryRequest) and names suite and group without any work */
};

/* Writes the record; its size, or -ENOSPC. `to` holds HELLO_SIZE_MAX bytes. */
int hello_write(const struct hello *hello, unsigned char to[HELLO_SIZE_MAX]);

#endif
