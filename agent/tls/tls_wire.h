/*
 * The wire of a connection: the caller's two callbacks, and the stream that a TLS library reads
 * from them. The stream gives the ClientHello again, which was read to choose the library, and
 * judges each record before the library sees it (tls_records.h).
 */
#ifndef HOLDFAST_TLS_TLS_WIRE_H
#define HOLDFAST_TLS_TLS_WIRE_H

#include "base/buf.h"
#include "tls/tls_records.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* `receive` gives at most `size` bytes: their number, 0 at the end of the stream, -EAGAIN when
 * there are none now. `send` takes all of them, or fails with a negative errno. */
struct tls_wire {
    ssize_t (*receive)(void *context, void *to, size_t size);
    int (*send)(void *context, const void *data, size_t size);
};

struct tls_stream {
    const struct tls_wire *wire; /* borrowed, as is its context */
    void *context;
    struct buf hello; /* what came so far, then what the library has not read again; owned */
    size_t hello_read;
    struct tls_records records; /* of what the library has read */
};

/* As the wire's receive; the ClientHello comes first. -EPROTO once a record was refused. */
ssize_t tls_stream_receive(struct tls_stream *stream, void *to, size_t size);

/* As the wire's send. */
int tls_stream_send(const struct tls_stream *stream, const void *data, size_t size);

/* Whether a record was refused: tls.c sends the alert for it, once the library has failed. */
bool tls_stream_refuses(const struct tls_stream *stream);

/* Frees what the stream owns. */
void tls_stream_free(struct tls_stream *stream);

#endif
