/*
 * The heads of the records that a client sends (RFC 8446, 5.1; RFC 5246, 6.2.1), looked at before a
 * TLS stack has their bytes. A stack answers or ignores some records without end, and refuses some
 * without an alert; here they are refused for both stacks alike, with the alert that is due. It
 * holds five bytes of a record and no more, and allocates nothing.
 */
#ifndef HOLDFAST_TLS_TLS_RECORDS_H
#define HOLDFAST_TLS_TLS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TLS_RECORD_CHANGE_CIPHER_SPEC = 20,
    TLS_RECORD_ALERT = 21,
    TLS_RECORD_HANDSHAKE = 22,
    TLS_RECORD_DATA = 23,
    TLS_RECORD_HEAD = 5,
    TLS_RECORD_MAX = 16384,    /* plaintext */
    TLS_RECORDS_ODD_MAX = 8,   /* no handshake messages, in a handshake */
    TLS_RECORDS_EMPTY_MAX = 32 /* in succession without a byte of data, after the handshake */
};

/* A zeroed one is at the beginning of a connection. */
struct tls_records {
    unsigned char head[TLS_RECORD_HEAD];
    size_t head_length; /* of the head under way */
    size_t body_left;   /* of the record under way */
    unsigned odd, empty;
    bool open;           /* the handshake is over */
    bool tls13;          /* TLS 1.3 was chosen: then all that is encrypted looks like data */
    bool renegotiates;   /* refused, because the client begins another handshake */
    unsigned char alert; /* why the next byte is refused (RFC 8446, 6); 0: nothing is refused */
};

/* Looks at the next `size` bytes of the stream: how many of them may go to the stack. Fewer than
 * `size` where `alert` says why; then nothing that follows may. */
size_t tls_records_look(struct tls_records *records, const unsigned char *data, size_t size);

/* The version is chosen, before any record is looked at: TLS 1.3 or one below it. */
void tls_records_choose(struct tls_records *records, bool tls13);

/* The handshake is over. */
void tls_records_open(struct tls_records *records);

/* Data came out of the records so far. */
void tls_records_note_data(struct tls_records *records);

#endif
