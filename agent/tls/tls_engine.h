/*
 * A TLS stack behind tls.h: a server that holds keys and choices, and sessions that belong to one
 * connection each. Results are those of tls.h. Only tls.c and the stacks themselves include this.
 */
#ifndef HOLDFAST_TLS_TLS_ENGINE_H
#define HOLDFAST_TLS_TLS_ENGINE_H

#include "tls/client_hello.h"
#include "tls/tls_offer.h"
#include "tls/tls_wire.h"

struct tls_engine {
    int (*handshake)(void *session);
    ssize_t (*read)(void *session, void *to, size_t size);
    int (*write)(void *session, const void *data, size_t size);
    void (*rest)(void *session);
    void (*alert)(void *session, unsigned char level, unsigned char alert);
    void (*finish)(void *session);
    void (*close)(void *session);
};

extern const struct tls_engine tls_mbedtls, tls_bearssl;

/* mbedTLS, for TLS 1.2 and 1.3. 0, -ENOMEM, or -EINVAL with the message logged; the offer must
 * outlive the server. A session speaks the version that it is opened with, and no other. */
struct tls_mbedtls_server;
int tls_mbedtls_server_open(struct tls_mbedtls_server **server,
                            const struct tls_server_setup *setup);
void tls_mbedtls_server_close(struct tls_mbedtls_server *server);
int tls_mbedtls_server_rotate(struct tls_mbedtls_server *server);
int tls_mbedtls_open(void **session, struct tls_mbedtls_server *server,
                     const struct client_hello *hello, uint16_t version, struct tls_stream *stream);

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): ld's names for them. */

/* Takes the place of mbedTLS's own, which reads two bytes of a version (--wrap). */
uint16_t __wrap_mbedtls_ssl_read_version(const unsigned char version[2], int transport);
uint16_t __real_mbedtls_ssl_read_version(const unsigned char version[2], int transport);

/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* BearSSL, for TLS 1.0 and 1.1; without session resumption. A session has the one version that was
 * chosen by the hello. */
struct tls_bearssl_server;
int tls_bearssl_server_open(struct tls_bearssl_server **server,
                            const struct tls_server_setup *setup);
void tls_bearssl_server_close(struct tls_bearssl_server *server);
int tls_bearssl_open(void **session, const struct tls_bearssl_server *server,
                     const struct client_hello *hello, uint16_t version, struct tls_stream *stream);

#endif
