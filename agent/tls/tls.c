/* The ClientHello, the choice between the stacks, and then nothing but passing on. */
#include "tls/tls.h"

#include "base/clock.h"
#include "tls/tls_alert.h"
#include "tls/tls_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HELLO_CHUNK = 1024 };

struct tls_server {
    struct tls_offer offer;
    struct tls_mbedtls_server *mbedtls;
    struct tls_bearssl_server *bearssl; /* NULL: nothing below TLS 1.2 is offered */
    uint64_t ticket_key_ms, rotate_ms;
};

struct tls {
    struct tls_server *server;
    struct tls_stream stream;
    uint16_t version;                /* chosen, once the ClientHello is there */
    const struct tls_engine *engine; /* NULL until the ClientHello is there */
    void *session;
};

/* --- the server --- */

int tls_server_open(struct tls_server **server, const struct tls_server_setup *setup)
{
    if (!tls_offer_is_valid(&setup->offer))
        return -EINVAL;
    *server = calloc(1, sizeof(**server));
    if (!*server)
        return -ENOMEM;
    (*server)->offer = setup->offer;
    (*server)->ticket_key_ms = (uint64_t)setup->ticket_key_s * 1000;
    (*server)->rotate_ms = clock_boot_ms() + (*server)->ticket_key_ms;
    int error = tls_mbedtls_server_open(&(*server)->mbedtls, setup);
    if (error == 0 && setup->offer.first < TLS_1_2)
        error = tls_bearssl_server_open(&(*server)->bearssl, setup);
    if (error) {
        tls_server_close(*server);
        *server = NULL;
    }
    return error;
}

void tls_server_close(struct tls_server *server)
{
    if (!server)
        return;
    tls_mbedtls_server_close(server->mbedtls);
    tls_bearssl_server_close(server->bearssl);
    free(server);
}

uint64_t tls_server_rotate(struct tls_server *server, uint64_t now_ms)
{
    if (now_ms >= server->rotate_ms && tls_mbedtls_server_rotate(server->mbedtls) == 0)
        server->rotate_ms = now_ms + server->ticket_key_ms;
    return server->rotate_ms;
}

/* A fatal alert before anything is agreed on (RFC 5246, 7.2). */
static int refuse(struct tls *tls, unsigned char alert)
{
    const unsigned char record[] = {21, 3, 1, 0, 2, 2, alert};
    (void)tls_stream_send(&tls->stream, record,
                          sizeof(record)); /* the connection ends in either case */
    return -EPROTO;
}

/* --- the choice --- */

static int open_session(struct tls *tls, const struct client_hello *hello)
{
    struct tls_server *server = tls->server;
    bool modern = tls->version >= TLS_1_2;
    int error =
        modern
            ? tls_mbedtls_open(&tls->session, server->mbedtls, hello, tls->version, &tls->stream)
            : tls_bearssl_open(&tls->session, server->bearssl, hello, tls->version, &tls->stream);
    if (error == 0)
        tls->engine = modern ? &tls_mbedtls : &tls_bearssl;
    return error ? refuse(tls, TLS_ALERT_INTERNAL_ERROR) : 0;
}

/* Whether a suite that needs no signature of the server's is offered on both sides. */
static bool does_without_signature(const struct tls_offer *offer, const struct client_hello *hello)
{
    for (size_t i = 0; i < offer->suite_count; i++)
        if (!tls_offer_suite_signs(offer->suites[i]) &&
            client_hello_lists(&hello->suites, offer->suites[i]))
            return true;
    return false;
}

/* A client of TLS 1.2 that does not say which signatures it takes means SHA-1 (RFC 5246,
 * 7.4.1.4.1), which is not signed with here (RFC 9155). */
static int choose(struct tls *tls, const struct client_hello *hello)
{
    const struct tls_offer *offer = &tls->server->offer;
    tls->version = hello->version < offer->last ? hello->version : offer->last;
    tls_records_choose(&tls->stream.records, tls->version == TLS_1_3);
    if (hello->version < offer->first || hello->legacy_version <= SSL_3_0) /* RFC 8446, D.5 */
        return refuse(tls, TLS_ALERT_PROTOCOL_VERSION);
    if (hello->fallback && hello->version < offer->last)
        return refuse(tls, TLS_ALERT_INAPPROPRIATE_FALLBACK);
    /* BearSSL goes by the version of old alone, and would end without an alert. */
    if (tls->version < TLS_1_2 && hello->legacy_version < tls->version)
        return refuse(tls, TLS_ALERT_PROTOCOL_VERSION);
    if (tls->version != TLS_1_2)
        return open_session(tls, hello);
    if (!hello->signatures && !does_without_signature(offer, hello))
        return refuse(tls, TLS_ALERT_HANDSHAKE_FAILURE);
    if (!hello->extended_master_secret && offer->extended_master_secret)
        return refuse(tls, TLS_ALERT_HANDSHAKE_FAILURE);
    return open_session(tls, hello);
}

/* The message as one record, whatever number of records brought it: a stack may ask for the whole
 * head of a message in the first of them. Records are not part of the transcript, and the version
 * in their heads is to be ignored (RFC 8446, 5.1), which a stack does not. */
static int frame(struct tls *tls, const struct client_hello *hello, const unsigned char *message)
{
    struct buf framed = {0};
    const char head[] = {TLS_RECORD_HANDSHAKE, TLS_1_0 >> 8, TLS_1_0 & 0xFF,
                         (char)(hello->message_length >> 8), (char)hello->message_length};
    buf_append(&framed, head, sizeof(head));
    buf_append(&framed, message, hello->message_length);
    buf_append(&framed, tls->stream.hello.data + hello->wire_length,
               tls->stream.hello.length - hello->wire_length);
    tls_stream_free(&tls->stream);
    tls->stream.hello = framed;
    return buf_error(&framed);
}

static int read_hello(struct tls *tls)
{
    unsigned char chunk[HELLO_CHUNK], message[CLIENT_HELLO_MAX];
    struct client_hello hello;
    int error;
    do {
        ssize_t got = tls->stream.wire->receive(tls->stream.context, chunk, sizeof(chunk));
        if (got <= 0)
            return got == -EAGAIN ? -EAGAIN : -EPROTO;
        buf_append(&tls->stream.hello, chunk, (size_t)got);
        if (buf_error(&tls->stream.hello))
            return -EPROTO;
        error =
            client_hello_read(&hello, tls->stream.hello.data, tls->stream.hello.length, message);
    } while (error == -EAGAIN);
    if (error)
        return hello.alert ? refuse(tls, hello.alert) : -EPROTO;
    error = choose(tls, &hello);
    return error ? error : frame(tls, &hello, message);
}

/* --- one connection --- */

int tls_open(struct tls **tls, struct tls_server *server, const struct tls_wire *wire,
             void *context)
{
    *tls = calloc(1, sizeof(**tls));
    if (!*tls)
        return -ENOMEM;
    **tls = (struct tls){.server = server, .stream = {.wire = wire, .context = context}};
    return 0;
}

void tls_close(struct tls *tls)
{
    if (!tls)
        return;
    if (tls->engine)
        tls->engine->close(tls->session);
    tls_stream_free(&tls->stream);
    free(tls);
}

/* A stack that could not go on because a record was refused has said nothing yet. */
static void say_refusal(struct tls *tls)
{
    if (tls->stream.records.renegotiates) {
        tls->engine->alert(tls->session, TLS_ALERT_WARNING, TLS_ALERT_NO_RENEGOTIATION);
        tls->engine->finish(tls->session);
    } else if (tls->stream.records.alert) {
        tls->engine->alert(tls->session, TLS_ALERT_FATAL, tls->stream.records.alert);
    }
}

int tls_handshake(struct tls *tls)
{
    int error = tls->engine ? 0 : read_hello(tls);
    if (error)
        return error;
    error = tls->engine->handshake(tls->session);
    if (error == 0)
        tls_records_open(&tls->stream.records);
    else if (error != -EAGAIN)
        say_refusal(tls);
    return error;
}

ssize_t tls_read(struct tls *tls, void *to, size_t size)
{
    ssize_t got = tls->engine->read(tls->session, to, size);
    if (got > 0)
        tls_records_note_data(&tls->stream.records);
    if (got >= 0 || got == -EAGAIN)
        return got;
    say_refusal(tls);
    return tls->stream.records.renegotiates ? -EOPNOTSUPP : got;
}

int tls_write(struct tls *tls, const void *data, size_t size)
{
    return tls->engine->write(tls->session, data, size);
}

void tls_hibernate(struct tls *tls)
{
    tls->engine->rest(tls->session);
}

void tls_finish(struct tls *tls)
{
    tls->engine->finish(tls->session);
}
