/* TLS by mbedTLS: the tables of suites, groups and signatures, and thin calls. */
#include "serve/tls.h"

#include "base/log.h"
#include "pki/random.h"

#include <errno.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_ticket.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    TICKET_LIFETIME_S = 3600, /* the keys that seal them change as often */
    COUNTER_ROOM = 64
};

/* spec/crypto.md: groups "TLS 1.3" and "TLS 1.2 AEAD", strongest first. */
static const int suites[] = {
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    0,
};

static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,    MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

static const uint16_t signatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,       MBEDTLS_TLS1_3_SIG_NONE,
};

struct tls_server {
    mbedtls_ssl_config config;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    mbedtls_ssl_ticket_context tickets;
};

struct tls {
    mbedtls_ssl_context ssl;
    const struct tls_wire *wire;
    void *context;
};

/* --- the server's configuration --- */

static int parse_pair(struct tls_server *server, const struct buf *certificate_pem,
                      const struct buf *key_pem)
{
    /* PEM is given with its NUL. */
    int error =
        mbedtls_x509_crt_parse(&server->chain, (const unsigned char *)buf_text(certificate_pem),
                               certificate_pem->length + 1);
    if (error == 0)
        error = mbedtls_pk_parse_key(&server->key, (const unsigned char *)buf_text(key_pem),
                                     key_pem->length + 1, NULL, 0, random_bytes, NULL);
    if (error == 0)
        error = mbedtls_pk_check_pair(&server->chain.pk, &server->key, random_bytes, NULL);
    return error;
}

static int configure(struct tls_server *server)
{
    mbedtls_ssl_config *config = &server->config;
    int error = mbedtls_ssl_config_defaults(
        config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (error)
        return error;
    mbedtls_ssl_conf_rng(config, random_bytes, NULL);
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_ciphersuites(config, suites);
    mbedtls_ssl_conf_groups(config, groups);
    mbedtls_ssl_conf_sig_algs(config, signatures);
    mbedtls_ssl_conf_tls13_key_exchange_modes(config,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
    mbedtls_ssl_conf_session_tickets_cb(config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                        &server->tickets);
    error = mbedtls_ssl_ticket_setup(&server->tickets, random_bytes, NULL,
                                     MBEDTLS_CIPHER_AES_256_GCM, TICKET_LIFETIME_S);
    return error ? error : mbedtls_ssl_conf_own_cert(config, &server->chain, &server->key);
}

int tls_server_open(struct tls_server **server, const struct buf *certificate_pem,
                    const struct buf *key_pem)
{
    *server = calloc(1, sizeof(**server));
    if (!*server)
        return -ENOMEM;
    mbedtls_ssl_config_init(&(*server)->config);
    mbedtls_x509_crt_init(&(*server)->chain);
    mbedtls_pk_init(&(*server)->key);
    mbedtls_ssl_ticket_init(&(*server)->tickets);
    int error = psa_crypto_init() == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
    if (error == 0)
        error = parse_pair(*server, certificate_pem, key_pem);
    if (error == 0)
        error = configure(*server);
    if (error == 0)
        return 0;
    log_error("endpoint: certificate or key cannot be used: mbedTLS error -0x%04x",
              (unsigned)-error);
    tls_server_close(*server);
    *server = NULL;
    return -EINVAL;
}

void tls_server_close(struct tls_server *server)
{
    if (!server)
        return;
    mbedtls_ssl_ticket_free(&server->tickets);
    mbedtls_pk_free(&server->key);
    mbedtls_x509_crt_free(&server->chain);
    mbedtls_ssl_config_free(&server->config);
    free(server);
}

/* --- one connection --- */

static int wire_send(void *context, const unsigned char *data, size_t size)
{
    const struct tls *tls = context;
    return tls->wire->send(tls->context, data, size) < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR
                                                         : (int)size;
}

static int wire_receive(void *context, unsigned char *to, size_t size)
{
    const struct tls *tls = context;
    ssize_t got = tls->wire->receive(tls->context, to, size);
    if (got == -EAGAIN)
        return MBEDTLS_ERR_SSL_WANT_READ;
    return got < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)got;
}

int tls_open(struct tls **tls, struct tls_server *server, const struct tls_wire *wire,
             void *context)
{
    *tls = calloc(1, sizeof(**tls));
    if (!*tls)
        return -ENOMEM;
    (*tls)->wire = wire;
    (*tls)->context = context;
    mbedtls_ssl_init(&(*tls)->ssl);
    if (mbedtls_ssl_setup(&(*tls)->ssl, &server->config) == 0) {
        mbedtls_ssl_set_bio(&(*tls)->ssl, *tls, wire_send, wire_receive, NULL);
        return 0;
    }
    tls_close(*tls);
    *tls = NULL;
    return -ENOMEM;
}

void tls_close(struct tls *tls)
{
    if (!tls)
        return;
    mbedtls_ssl_free(&tls->ssl);
    free(tls);
}

/* Errors of mbedTLS in our terms; what is neither waiting nor an end is a fault of the client's. */
static int translate(int error)
{
    switch (error) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        return -EAGAIN;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
    case MBEDTLS_ERR_SSL_CONN_EOF:
        return 0;
    default:
        return error < 0 ? -EPROTO : error;
    }
}

/* The room for a whole record is needed again only where a client sends one. The allocator has
 * cleared all of it; but for its beginning, where mbedTLS keeps the record counter, it goes back to
 * the kernel until then. */
static void give_back(const mbedtls_ssl_context *ssl)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)ssl->MBEDTLS_PRIVATE(in_buf);
    uintptr_t end = (begin + ssl->MBEDTLS_PRIVATE(in_buf_len)) / page * page;
    begin = (begin + COUNTER_ROOM + page - 1) / page * page;
    if (ssl->MBEDTLS_PRIVATE(in_left) == 0 && begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED); /* else it just stays */
}

int tls_handshake(struct tls *tls)
{
    int error = mbedtls_ssl_handshake(&tls->ssl);
    if (error == 0) {
        give_back(&tls->ssl);
        return 0;
    }
    return translate(error) == -EAGAIN ? -EAGAIN : -EPROTO;
}

ssize_t tls_read(struct tls *tls, void *to, size_t size)
{
    return translate(mbedtls_ssl_read(&tls->ssl, to, size));
}

/* mbedTLS writes one record a call, and its own limit of a record is a little less. */
int tls_write(struct tls *tls, const void *data, size_t size)
{
    const unsigned char *from = data;
    while (size) {
        int written = mbedtls_ssl_write(&tls->ssl, from, size);
        if (written <= 0)
            return -EPROTO;
        from += written;
        size -= (size_t)written;
    }
    return 0;
}

void tls_finish(struct tls *tls)
{
    (void)mbedtls_ssl_close_notify(&tls->ssl); /* the connection ends in either case */
}
