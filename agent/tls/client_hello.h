/*
 * The ClientHello, as far as the choice of a TLS library and of its parameters depends on it. It is
 * the first input from an unknown client: every length is checked against the enclosing one, and
 * nothing is allocated.
 *
 * Sources: RFC 8446, 4.1.2, 4.2.1, 4.2.7, 4.2.8 and 5.1; RFC 5246, 7.4.1.2; RFC 2246, 7.4.1.2;
 * RFC 7507 (fallback), RFC 7627 (extended master secret).
 */
#ifndef HOLDFAST_TLS_CLIENT_HELLO_H
#define HOLDFAST_TLS_CLIENT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CLIENT_HELLO_MAX = 8192,             /* of the message, bytes */
    CLIENT_HELLO_WIRE_MAX = 16384,       /* of the records that carry it */
    CLIENT_HELLO_VERSION_LIMIT = 0x0304, /* what lies above is not looked at */
    CLIENT_HELLO_SHARES_MAX = 16         /* more are not looked at */
};

/* Two-byte codes, big-endian, as they came. */
struct hello_codes {
    const unsigned char *data;
    size_t count;
};

struct client_hello {
    uint16_t version;        /* the highest offered that is no higher than the limit; 0: none */
    uint16_t legacy_version; /* as it came; a list of versions overrules it */
    bool fallback;           /* TLS_FALLBACK_SCSV: the client would have liked a higher one */
    bool signatures;         /* it says which signatures it takes */
    bool extended_master_secret;
    struct hello_codes suites;
    struct hello_codes groups;                /* empty where the client names none */
    uint16_t shares[CLIENT_HELLO_SHARES_MAX]; /* groups with a key share, the client's order */
    size_t share_count;
    unsigned char alert; /* why it is refused; 0: it is accepted, or this is no TLS */
    size_t message_length, wire_length; /* of the message, and of the records that carried it */
};

/* Reads `size` bytes from the beginning of a connection. The message is put together in `message`,
 * from as many records as it takes; `hello` points into it. 0; -EAGAIN when it is not complete;
 * -EBADMSG when it is refused, for which `hello->alert` has the reason: it is no ClientHello, its
 * lengths do not fit, an extension comes twice, compression cannot be left out, a handshake message
 * follows in its last record, or it is longer than CLIENT_HELLO_MAX. The records behind it are not
 * looked at. */
int client_hello_read(struct client_hello *hello, const void *wire, size_t size,
                      unsigned char message[CLIENT_HELLO_MAX]);

bool client_hello_lists(const struct hello_codes *codes, uint16_t code);

/* Whether the client has sent a key share of that group. */
bool client_hello_shares(const struct client_hello *hello, uint16_t group);

#endif
