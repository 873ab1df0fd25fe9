/*
 * TLS as the endpoint speaks it: one configuration for all connections, and one small object a
 * connection. It does no I/O of its own: bytes come and go through two callbacks, so that it can
 * stand in any event loop. Versions, suites and groups are those of spec/crypto.md, surface
 * https-in, in the server's order.
 */
#ifndef HOLDFAST_SERVE_TLS_H
#define HOLDFAST_SERVE_TLS_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls_server;
struct tls;

/* The wire below. `receive` gives at most `size` bytes: their number, 0 at the end of the stream,
 * -EAGAIN when there are none now. `send` takes all of them, or fails with a negative errno. */
struct tls_wire {
    ssize_t (*receive)(void *context, void *to, size_t size);
    int (*send)(void *context, const void *data, size_t size);
};

/* Parses the certificate (PEM, server's first) and its key, and makes the keys that seal session
 * tickets. Call it before the process gives up its privileges: nothing is opened later. 0, or
 * -EINVAL or -ENOMEM with the message told. */
int tls_server_open(struct tls_server **server, const struct buf *certificate_pem,
                    const struct buf *key_pem);
void tls_server_close(struct tls_server *server);

/* A connection that waits for its ClientHello; `wire` and `context` must outlive it. 0 or -ENOMEM.
 */
int tls_open(struct tls **tls, struct tls_server *server, const struct tls_wire *wire,
             void *context);
void tls_close(struct tls *tls);

/* Goes on with the handshake: 0 when it is done, -EAGAIN when it waits for the client, -EPROTO
 * when it failed; an alert has been sent then. */
int tls_handshake(struct tls *tls);

/* Decrypts: bytes, 0 when the client has ended its side, -EAGAIN, or -EPROTO. */
ssize_t tls_read(struct tls *tls, void *to, size_t size);

/* Encrypts and sends: 0, or -EPROTO. */
int tls_write(struct tls *tls, const void *data, size_t size);

/* Says that nothing more will be sent (close_notify, RFC 8446, 6.1). */
void tls_finish(struct tls *tls);

#endif
