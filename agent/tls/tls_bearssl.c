/*
 * TLS 1.0 and 1.1 by BearSSL, for clients that offer no more, where the offer goes so low. Every
 * part is chosen here, so that no suite, hash or version beyond those can come in by a default.
 */
#include "tls/tls_alert.h"
#include "tls/tls_engine.h"
#include "tls/tls_records.h"

#include "base/log.h"
#include "base/str.h"
#include "pki/random.h"

#include <bearssl.h>
#include <errno.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHAIN_MAX = 8,
    CURVES_END = 32,
    KEY_DER_MAX = 8192, /* RSA of 8192 bits takes 4.7 KB */
    INPUT_SIZE = BR_SSL_BUFSIZE_INPUT,
    OUTPUT_SIZE = 4096 + 85, /* of plaintext, and a record's overhead (bearssl_ssl.h) */
    ALERT_SIZE = 2,
    ALERT_ROOM = 128, /* for head and IV before it, authentication and padding behind it */
    SEED_SIZE = 32
};

struct tls_bearssl_server {
    mbedtls_x509_crt parsed; /* the chain points into it */
    br_x509_certificate chain[CHAIN_MAX];
    size_t chain_length;
    br_skey_decoder_context key;
    uint16_t suites[SUITE_COUNT];
    size_t suite_count;
    uint16_t groups[NAMED_GROUP_COUNT]; /* BearSSL numbers its curves as TLS does */
    size_t group_count;
};

struct session {
    br_ssl_server_context server;
    br_ec_impl curves; /* the library's own, with the one curve that shall be used */
    struct tls_stream *stream;
    unsigned char input[INPUT_SIZE], output[OUTPUT_SIZE];
};

/* --- the server --- */

static int take_chain(struct tls_bearssl_server *server, const struct buf *pem)
{
    int error = mbedtls_x509_crt_parse(&server->parsed, (const unsigned char *)buf_text(pem),
                                       pem->length + 1);
    for (mbedtls_x509_crt *each = &server->parsed; each && error == 0; each = each->next) {
        if (server->chain_length == CHAIN_MAX)
            return -E2BIG;
        server->chain[server->chain_length++] = (br_x509_certificate){each->raw.p, each->raw.len};
    }
    return error ? -EINVAL : 0;
}

static int decode_key(struct tls_bearssl_server *server, const mbedtls_pk_context *key)
{
    unsigned char der[KEY_DER_MAX];
    int length = mbedtls_pk_write_key_der(key, der, sizeof(der)); /* at the end of it */
    if (length > 0) {
        br_skey_decoder_init(&server->key);
        br_skey_decoder_push(&server->key, der + sizeof(der) - length, (size_t)length);
    }
    explicit_bzero(der, sizeof(der));
    return length > 0 && br_skey_decoder_last_error(&server->key) == 0 ? 0 : -EINVAL;
}

static int take_key(struct tls_bearssl_server *server, const struct buf *pem)
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int error = mbedtls_pk_parse_key(&key, (const unsigned char *)buf_text(pem), pem->length + 1,
                                     NULL, 0, random_bytes, NULL);
    error = error ? -EINVAL : decode_key(server, &key);
    mbedtls_pk_free(&key);
    return error;
}

static void take_suites(struct tls_bearssl_server *server, const struct tls_offer *offer)
{
    for (size_t i = 0; i < offer->suite_count; i++)
        if (tls_offer_suite_fits(offer->suites[i], TLS_1_0))
            server->suites[server->suite_count++] = offer->suites[i];
}

static void take_groups(struct tls_bearssl_server *server, const struct tls_offer *offer)
{
    const br_ec_impl *curves = br_ec_get_default();
    for (size_t i = 0; i < offer->group_count; i++)
        if (offer->groups[i] < CURVES_END && curves->supported_curves >> offer->groups[i] & 1)
            server->groups[server->group_count++] = offer->groups[i];
}

int tls_bearssl_server_open(struct tls_bearssl_server **server,
                            const struct tls_server_setup *setup)
{
    *server = calloc(1, sizeof(**server));
    if (!*server)
        return -ENOMEM;
    mbedtls_x509_crt_init(&(*server)->parsed);
    take_suites(*server, &setup->offer);
    take_groups(*server, &setup->offer);
    int error = take_chain(*server, setup->certificate_pem);
    if (error == 0)
        error = take_key(*server, setup->key_pem);
    if (error)
        log_error("endpoint: certificate or key cannot be used below TLS 1.2: %s",
                  strerror(-error));
    return error;
}

void tls_bearssl_server_close(struct tls_bearssl_server *server)
{
    if (!server)
        return;
    mbedtls_x509_crt_free(&server->parsed);
    explicit_bzero(server, sizeof(*server));
    free(server);
}

/* --- one connection --- */

/* The library would take the client's mask and its own order: it is given the first curve of the
 * server's order that the client has. One that names none has P-256 (RFC 8422, 4). */
static void choose_curve(struct session *session, const struct tls_bearssl_server *server,
                         const struct client_hello *hello)
{
    session->curves = *br_ec_get_default();
    session->curves.supported_curves = 0;
    for (size_t i = server->group_count; i-- > 0;)
        if (hello->groups.count ? client_hello_lists(&hello->groups, server->groups[i])
                                : server->groups[i] == BR_EC_secp256r1)
            session->curves.supported_curves = (uint32_t)1 << server->groups[i];
    br_ssl_engine_set_ec(&session->server.eng, &session->curves);
}

static void choose_algorithms(br_ssl_server_context *context, uint16_t version)
{
    br_ssl_engine_context *engine = &context->eng;
    br_ssl_engine_set_versions(engine, version, version); /* BearSSL numbers them as TLS does */
    br_ssl_engine_set_hash(engine, br_md5_ID, &br_md5_vtable); /* half of RFC 2246's PRF */
    br_ssl_engine_set_hash(engine, br_sha1_ID, &br_sha1_vtable);
    br_ssl_engine_set_prf10(engine, &br_tls10_prf);
    br_ssl_engine_set_default_aes_cbc(engine);
    br_ssl_engine_set_all_flags(engine,
                                BR_OPT_ENFORCE_SERVER_PREFERENCES | BR_OPT_NO_RENEGOTIATION);
}

static void set_policy(br_ssl_server_context *context, const struct tls_bearssl_server *server)
{
    if (br_skey_decoder_key_type(&server->key) == BR_KEYTYPE_RSA)
        br_ssl_server_set_single_rsa(context, server->chain, server->chain_length,
                                     br_skey_decoder_get_rsa(&server->key),
                                     BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN,
                                     br_rsa_private_get_default(), br_rsa_pkcs1_sign_get_default());
    else
        br_ssl_server_set_single_ec(context, server->chain, server->chain_length,
                                    br_skey_decoder_get_ec(&server->key), BR_KEYTYPE_SIGN, 0,
                                    br_ec_get_default(), br_ecdsa_sign_asn1_get_default());
}

static void session_close(void *context)
{
    struct session *session = context;
    explicit_bzero(session, sizeof(*session));
    free(session);
}

int tls_bearssl_open(void **session, const struct tls_bearssl_server *server,
                     const struct client_hello *hello, uint16_t version, struct tls_stream *stream)
{
    unsigned char seed[SEED_SIZE];
    struct session *opened = calloc(1, sizeof(*opened));
    if (!opened || random_bytes(NULL, seed, sizeof(seed)) < 0) {
        free(opened);
        return -ENOMEM;
    }
    opened->stream = stream;
    br_ssl_server_zero(&opened->server);
    br_ssl_engine_set_suites(&opened->server.eng, server->suites, server->suite_count);
    choose_algorithms(&opened->server, version);
    choose_curve(opened, server, hello);
    set_policy(&opened->server, server);
    br_ssl_engine_set_buffers_bidi(&opened->server.eng, opened->input, sizeof(opened->input),
                                   opened->output, sizeof(opened->output));
    br_ssl_engine_inject_entropy(&opened->server.eng, seed, sizeof(seed));
    explicit_bzero(seed, sizeof(seed));
    if (br_ssl_server_reset(&opened->server)) {
        *session = opened;
        return 0;
    }
    session_close(opened);
    return -ENOMEM;
}

static int send_records(struct session *session)
{
    br_ssl_engine_context *engine = &session->server.eng;
    size_t size;
    for (unsigned char *record = br_ssl_engine_sendrec_buf(engine, &size); record;
         record = br_ssl_engine_sendrec_buf(engine, &size)) {
        if (tls_stream_send(session->stream, record, size) < 0)
            return -EPROTO;
        br_ssl_engine_sendrec_ack(engine, size);
    }
    return 0;
}

/* The library has no call for it: a record by the encryption that it has set for what goes out, in
 * clear before there is any. */
static void session_alert(void *context, unsigned char level, unsigned char alert)
{
    struct session *session = context;
    br_ssl_engine_context *engine = &session->server.eng;
    unsigned char space[2 * ALERT_ROOM] = {[ALERT_ROOM] = level, [ALERT_ROOM + 1] = alert};
    size_t size = ALERT_SIZE;
    const unsigned char *record = engine->out.vtable->encrypt(
        &engine->out.vtable, TLS_RECORD_ALERT, engine->version_out, space + ALERT_ROOM, &size);
    (void)tls_stream_send(session->stream, record, size); /* the connection ends in either case */
}

/* Which alert an error of the library's asks for. */
static unsigned char alert_of(int error)
{
    static const struct {
        int error;
        unsigned char alert;
    } alerts[] = {
        {BR_ERR_BAD_MAC, TLS_ALERT_BAD_RECORD_MAC},
        {BR_ERR_UNEXPECTED, TLS_ALERT_UNEXPECTED_MESSAGE},
        {BR_ERR_BAD_CCS, TLS_ALERT_UNEXPECTED_MESSAGE},
        {BR_ERR_BAD_HANDSHAKE, TLS_ALERT_UNEXPECTED_MESSAGE},
        {BR_ERR_TOO_LARGE, TLS_ALERT_RECORD_OVERFLOW},
        {BR_ERR_BAD_VERSION, TLS_ALERT_PROTOCOL_VERSION},
        {BR_ERR_BAD_FINISHED, TLS_ALERT_DECRYPT_ERROR},
        {BR_ERR_INVALID_ALGORITHM, TLS_ALERT_ILLEGAL_PARAMETER},
        {BR_ERR_BAD_LENGTH, TLS_ALERT_DECODE_ERROR},
        {BR_ERR_BAD_PARAM, TLS_ALERT_DECODE_ERROR},
    };
    for (size_t i = 0; i < countof(alerts); i++)
        if (alerts[i].error == error)
            return alerts[i].alert;
    return TLS_ALERT_HANDSHAKE_FAILURE;
}

/* The end of a session by an error, which has sent an alert where it is one of
 * BR_ERR_SEND_FATAL_ALERT and above, and is the client's own alert where it is one of
 * BR_ERR_RECV_FATAL_ALERT and above. */
static int fail(struct session *session, int error)
{
    if (error < BR_ERR_RECV_FATAL_ALERT && !tls_stream_refuses(session->stream))
        session_alert(session, TLS_ALERT_FATAL, alert_of(error));
    return -EPROTO;
}

/* Moves records until `wanted` (a bit of BR_SSL_*) can be done: 1 then, 0 at the end of the stream,
 * -EAGAIN or -EPROTO. */
static int pump(struct session *session, unsigned wanted)
{
    br_ssl_engine_context *engine = &session->server.eng;
    for (;;) {
        if (send_records(session) < 0)
            return -EPROTO;
        unsigned state = br_ssl_engine_current_state(engine);
        if (state & wanted)
            return 1;
        if (state & BR_SSL_CLOSED)
            return br_ssl_engine_last_error(engine) == BR_ERR_OK
                       ? 0
                       : fail(session, br_ssl_engine_last_error(engine));
        if (!(state & BR_SSL_RECVREC))
            return -EPROTO;
        size_t size;
        unsigned char *to = br_ssl_engine_recvrec_buf(engine, &size);
        ssize_t got = tls_stream_receive(session->stream, to, size);
        if (got <= 0)
            return got == -EAGAIN ? -EAGAIN : got < 0 ? -EPROTO : 0;
        br_ssl_engine_recvrec_ack(engine, (size_t)got);
    }
}

static int session_handshake(void *context)
{
    int done = pump(context, BR_SSL_SENDAPP);
    if (done == 0)
        return -EPROTO;
    return done < 0 ? done : 0;
}

static ssize_t session_read(void *context, void *to, size_t size)
{
    struct session *session = context;
    int ready = pump(session, BR_SSL_RECVAPP);
    if (ready <= 0)
        return ready;
    size_t there;
    const unsigned char *from = br_ssl_engine_recvapp_buf(&session->server.eng, &there);
    size_t taken = size < there ? size : there;
    memcpy(to, from, taken);
    br_ssl_engine_recvapp_ack(&session->server.eng, taken);
    return (ssize_t)taken;
}

static int session_write(void *context, const void *data, size_t size)
{
    struct session *session = context;
    br_ssl_engine_context *engine = &session->server.eng;
    const unsigned char *from = data;
    while (size) {
        size_t room;
        unsigned char *to = br_ssl_engine_sendapp_buf(engine, &room);
        if (!to)
            return -EPROTO;
        size_t taken = size < room ? size : room;
        memcpy(to, from, taken);
        br_ssl_engine_sendapp_ack(engine, taken);
        br_ssl_engine_flush(engine, 0);
        if (send_records(session) < 0)
            return -EPROTO;
        from += taken;
        size -= taken;
    }
    return 0;
}

/* Its buffers are part of its state: they stay. */
static void session_rest(void *context)
{
    (void)context;
}

static void session_finish(void *context)
{
    struct session *session = context;
    br_ssl_engine_close(&session->server.eng);
    (void)send_records(session); /* the connection ends in either case */
}

const struct tls_engine tls_bearssl = {
    .handshake = session_handshake,
    .read = session_read,
    .write = session_write,
    .rest = session_rest,
    .alert = session_alert,
    .finish = session_finish,
    .close = session_close,
};
