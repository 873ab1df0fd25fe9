/*
 * What a server answers to a hello: its own hello, up to the end of its first flight in clear, or
 * an alert. Hostile input: every length is checked against what encloses it, memory is bounded, and
 * each byte is looked at a bounded number of times however it is cut up.
 *
 * Sources: RFC 8446, 4.1.3, 4.1.4 and 5.1; RFC 5246, 7.2, 7.3 and 7.4; RFC 6101, 5.6; RFC
 * 8422, 5.4.
 */
#ifndef HOLDFAST_PROBE_REPLY_H
#define HOLDFAST_PROBE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REPLY_RECORD_MAX = 5 + 16384 + 2048, /* RFC 5246, 6.2.3 */
    REPLY_MESSAGE_MAX = 65536,           /* longer ones are refused */
    REPLY_WIRE_MAX = 131072              /* of one answer altogether */
};

struct reply {
    bool hello; /* the server's hello came; what follows is then known */
    bool retry; /* it is a HelloRetryRequest */
    uint16_t version, suite;
    uint16_t group;     /* 0: not sent, or none */
    uint16_t dh_bits;   /* of ServerKeyExchange's modulus, 0 likewise */
    uint16_t signature; /* the scheme that ServerKeyExchange is signed by in TLS 1.2, 0 likewise */
    uint8_t compression;
    bool session_id, renegotiation, master_secret, ticket;
    bool certificate; /* the message came: reader->certificates holds its list */
    bool alert;       /* instead of a hello, or behind it */
    uint8_t alert_code;
};

struct reply_reader {
    struct reply reply;
    bool done;
    size_t wire_length; /* of all that came */
    size_t record_length, message_length, certificates_length;
    unsigned char record[REPLY_RECORD_MAX];
    unsigned char message[REPLY_MESSAGE_MAX];
    unsigned char certificates[REPLY_MESSAGE_MAX]; /* certificate_list, each behind its length */
};

void reply_begin(struct reply_reader *reader);

/* Takes what came. 1: the answer is complete (`reply` holds it); 0: more is wanted; -EPROTO: this
 * is no TLS, or not well formed. */
int reply_feed(struct reply_reader *reader, const void *data, size_t size);

#endif
