/*
 * TLS as the endpoint speaks it: one server for all connections, and one small object a
 * connection. It does no I/O of its own: bytes come and go through two callbacks, so that it can
 * stand in any event loop. What it offers is the offer it is given, in the server's order, in every
 * version.
 *
 * A connection begins by reading its ClientHello (client_hello.h). What offers TLS 1.2 or 1.3 is
 * served by mbedTLS; what offers less is served by BearSSL where the offer goes so low, and refused
 * with protocol_version where it does not. Until its hello is there a client costs no more than it
 * has sent.
 */
#ifndef HOLDFAST_TLS_TLS_H
#define HOLDFAST_TLS_TLS_H

#include "base/buf.h"
#include "tls/tls_offer.h"
#include "tls/tls_wire.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls_server;
struct tls;

/* Parses the certificate and its key, and makes the keys that seal session tickets. Call it before
 * the process gives up its privileges: nothing is opened later. 0, or -EINVAL or -ENOMEM with the
 * message logged. */
int tls_server_open(struct tls_server **server, const struct tls_server_setup *setup);
void tls_server_close(struct tls_server *server);

/* Makes a new key for session tickets when the present one has served its time: the one before it
 * still opens what it sealed, the one before that is gone. To be called now and then; when it is
 * due next, as CLOCK_BOOTTIME in ms. */
uint64_t tls_server_rotate(struct tls_server *server, uint64_t now_ms);

/* A connection that waits for its ClientHello; `server`, `wire` and `context` must outlive it. 0 or
 * -ENOMEM. */
int tls_open(struct tls **tls, struct tls_server *server, const struct tls_wire *wire,
             void *context);
void tls_close(struct tls *tls);

/* Goes on with the handshake: 0 when it is done, -EAGAIN when it waits for the client, -EPROTO
 * when it failed; an alert has been sent then, but to what does not speak TLS. */
int tls_handshake(struct tls *tls);

/* Decrypts: bytes, 0 when the client has ended its side, -EAGAIN, -EOPNOTSUPP when it began another
 * handshake, which no version takes here, or -EPROTO. With the last two an alert was sent. Whatever
 * this returns, it may have sent something. */
ssize_t tls_read(struct tls *tls, void *to, size_t size);

/* Encrypts and sends: 0, or -EPROTO. */
int tls_write(struct tls *tls, const void *data, size_t size);

/* The connection is idle: gives back what only records on their way need. Anything may follow. */
void tls_hibernate(struct tls *tls);

/* Says that nothing more will be sent (close_notify, RFC 8446, 6.1). */
void tls_finish(struct tls *tls);

#endif
