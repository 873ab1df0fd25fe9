/*
 * TLS 1.2 and 1.3 by mbedTLS. In TLS 1.3 it chooses suite and group by the client's order; to apply
 * the server's order, each connection gets a copy of the configuration with only the suite and the
 * group that the server's order selects.
 */
#include "tls/tls_alert.h"
#include "tls/tls_engine.h"
#include "tls/tls_mbedtls_server.h"
#include "tls/tls_records.h"

#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* The library pads what it encrypts to 16 bytes; head and tag come with it. */
    ALERT_RECORD_TLS13 = TLS_RECORD_HEAD + 16 + 16,
    KEPT_SIZE = 64 /* counter and head of a record: all pointers into a buffer lie within */
};

struct session {
    struct tls_stream *stream;
    struct tls_mbedtls_server *server;
    mbedtls_ssl_protocol_version version; /* chosen by the ClientHello */
    uint16_t legacy_version;              /* which the ClientHello had in its place of old */
    bool extended_master_secret;          /* offered, and then used: the library always takes it */
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;      /* the server's with other lists; it owns nothing */
    size_t input_size, output_size; /* of the buffers, while it rests; else 0 */
    bool alerted;                   /* what it sent last was an alert */
    bool dry;                       /* the wire has nothing more now */
    bool ended;                     /* the wire has nothing more ever */
};

/* --- the server's order in TLS 1.3 --- */

static void narrow_suites(struct session *session, const struct tls_mbedtls_server *server,
                          const struct client_hello *hello)
{
    for (size_t i = 0; server->suites[i]; i++) {
        uint16_t suite = (uint16_t)server->suites[i];
        if (tls_offer_suite_fits(suite, TLS_1_3) && client_hello_lists(&hello->suites, suite)) {
            mbedtls_ssl_conf_ciphersuites(&session->config, server->one_suite[i]);
            return;
        }
    }
}

static void narrow_groups(struct session *session, const struct tls_mbedtls_server *server,
                          const struct client_hello *hello)
{
    const uint16_t *chosen = NULL;
    for (size_t i = server->group_count; i-- > 0;)
        if (client_hello_lists(&hello->groups, server->groups[i]))
            chosen = server->one_group[i];
    /* A group with a key share from the client saves a round trip. */
    for (size_t i = server->group_count; i-- > 0;)
        if (client_hello_shares(hello, server->groups[i]))
            chosen = server->one_group[i];
    if (chosen)
        mbedtls_ssl_conf_groups(&session->config, chosen);
}

/* --- tickets --- */

/* In TLS 1.2 only sessions with the extended master secret are resumed, and for clients that still
 * offer it: the library keeps no note of it, and without it a session can be another client's
 * (RFC 7627, 5.3). */
static bool takes_tickets(const struct session *session)
{
    return session->version == MBEDTLS_SSL_VERSION_TLS1_3 || session->extended_master_secret;
}

/* On an error the library sends an empty ticket, which means no ticket (RFC 5077, 3.3). */
static int write_ticket(void *context, const mbedtls_ssl_session *ticket, unsigned char *start,
                        const unsigned char *end, size_t *length, uint32_t *lifetime)
{
    struct session *session = context;
    if (!takes_tickets(session))
        return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
    return mbedtls_ssl_ticket_write(&session->server->tickets, ticket, start, end, length,
                                    lifetime);
}

/* A ticket resumes only the version that it was made in. The library would accept one of TLS 1.3,
 * which travels in clear and holds no master secret, as a session of TLS 1.2 with a master secret
 * of zeros (CVE-2026-93831). An invalid ticket is not resumed, and the handshake goes on. */
static int parse_ticket(void *context, mbedtls_ssl_session *ticket, unsigned char *data,
                        size_t size)
{
    struct session *session = context;
    if (!takes_tickets(session))
        return MBEDTLS_ERR_SSL_INVALID_MAC;
    int error = mbedtls_ssl_ticket_parse(&session->server->tickets, ticket, data, size);
    if (error || ticket->MBEDTLS_PRIVATE(tls_version) == session->version)
        return error;
    mbedtls_ssl_session_free(ticket);
    return MBEDTLS_ERR_SSL_INVALID_MAC;
}

/* --- one connection --- */

/* Whether the last of the records is an alert. In TLS 1.3 its size says so: of what a server sends
 * in a call that fails, nothing else is as short. */
static bool ends_with_alert(const unsigned char *data, size_t size)
{
    bool alert = false;
    while (size >= TLS_RECORD_HEAD) {
        size_t length = TLS_RECORD_HEAD + ((size_t)data[3] << 8 | data[4]);
        alert = data[0] == TLS_RECORD_ALERT ||
                (data[0] == TLS_RECORD_DATA && length == ALERT_RECORD_TLS13);
        if (length > size)
            break;
        data += length;
        size -= length;
    }
    return alert;
}

static int wire_send(void *context, const unsigned char *data, size_t size)
{
    struct session *session = context;
    session->alerted = ends_with_alert(data, size);
    return tls_stream_send(session->stream, data, size) < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR
                                                            : (int)size;
}

static int wire_receive(void *context, unsigned char *to, size_t size)
{
    struct session *session = context;
    ssize_t got = tls_stream_receive(session->stream, to, size);
    session->dry = got == -EAGAIN;
    session->ended = got == 0;
    if (got == -EAGAIN)
        return MBEDTLS_ERR_SSL_WANT_READ;
    return got < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)got;
}

static void session_close(void *context)
{
    struct session *session = context;
    mbedtls_ssl_free(&session->ssl);
    free(session);
}

/* TLS 1.2 is spoken by a configuration that has nothing higher: else the library reads the hello by
 * the rules of TLS 1.3 first, which asks for extensions that TLS 1.2 does without. */
static void narrow(struct session *session, const struct client_hello *hello)
{
    const struct tls_mbedtls_server *server = session->server;
    if (session->version == MBEDTLS_SSL_VERSION_TLS1_3) {
        narrow_suites(session, server, hello);
        narrow_groups(session, server, hello);
        return;
    }
    mbedtls_ssl_conf_max_tls_version(&session->config, session->version);
    if (!hello->signatures)
        mbedtls_ssl_conf_ciphersuites(&session->config, server->unsigned_suites);
}

int tls_mbedtls_open(void **session, struct tls_mbedtls_server *server,
                     const struct client_hello *hello, uint16_t version, struct tls_stream *stream)
{
    struct session *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return -ENOMEM;
    opened->stream = stream;
    opened->server = server;
    opened->version = tls_mbedtls_version(version);
    opened->legacy_version = hello->legacy_version;
    opened->extended_master_secret = hello->extended_master_secret;
    opened->config = server->config;
    mbedtls_ssl_conf_session_tickets_cb(&opened->config, write_ticket, parse_ticket, opened);
    narrow(opened, hello);
    mbedtls_ssl_init(&opened->ssl);
    if (mbedtls_ssl_setup(&opened->ssl, &opened->config) == 0) {
        mbedtls_ssl_set_bio(&opened->ssl, opened, wire_send, wire_receive, NULL);
        *session = opened;
        return 0;
    }
    session_close(opened);
    return -ENOMEM;
}

/* Maps errors of mbedTLS; all but waiting and the end are faults of the client. */
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

/* --- rest --- */

/* One of the two buffers of mbedTLS, which has no call to give them back: it is as large as a whole
 * record may be, and between records only its first bytes mean something. */
struct record_buffer {
    unsigned char **begin;
    size_t *size;
    unsigned char **inside[5]; /* what else points into it */
};

#define FIELD(name) (&session->ssl.MBEDTLS_PRIVATE(name))

static struct record_buffer input_of(struct session *session)
{
    return (struct record_buffer){
        FIELD(in_buf),
        FIELD(in_buf_len),
        {FIELD(in_ctr), FIELD(in_hdr), FIELD(in_len), FIELD(in_iv), FIELD(in_msg)}};
}

static struct record_buffer output_of(struct session *session)
{
    return (struct record_buffer){
        FIELD(out_buf),
        FIELD(out_buf_len),
        {FIELD(out_ctr), FIELD(out_hdr), FIELD(out_len), FIELD(out_iv), FIELD(out_msg)}};
}

static int resize(const struct record_buffer *buffer, size_t size)
{
    unsigned char *old = *buffer->begin, *new = calloc(1, size);
    if (!new)
        return -ENOMEM;
    memcpy(new, old, KEPT_SIZE);
    for (size_t i = 0; i < countof(buffer->inside); i++)
        *buffer->inside[i] = new + (*buffer->inside[i] - old);
    explicit_bzero(old, *buffer->size);
    free(old);
    *buffer->begin = new;
    *buffer->size = size;
    return 0;
}

static void session_rest(void *context)
{
    struct session *session = context;
    struct record_buffer input = input_of(session), output = output_of(session);
    if (session->input_size || *FIELD(in_left) || *FIELD(out_left) ||
        mbedtls_ssl_check_pending(&session->ssl))
        return;
    size_t input_size = *input.size, output_size = *output.size;
    if (resize(&input, KEPT_SIZE) < 0)
        return; /* they just stay */
    session->input_size = input_size;
    session->output_size = resize(&output, KEPT_SIZE) < 0 ? 0 : output_size;
}

/* Undoes session_rest(), before anything is read or written. */
static int wake(struct session *session)
{
    struct record_buffer input = input_of(session), output = output_of(session);
    if (session->input_size && resize(&input, session->input_size) < 0)
        return -EPROTO;
    session->input_size = 0;
    if (session->output_size && resize(&output, session->output_size) < 0)
        return -EPROTO;
    session->output_size = 0;
    return 0;
}

/* --- the version of old in a hello --- */

enum { MESSAGE_HEAD = 4 };

/* Where it stands in the hello that the one session that has its turn reads; else NULL. */
static const unsigned char *legacy_version;

/* The version is chosen before the library has the hello, by the list of versions where there is
 * one (RFC 8446, 4.2.1), else by this one, and an unknown one asks for the highest known below it
 * (RFC 5246, E.1). The library, which refuses all but TLS 1.2 in this place, reads that here. */
uint16_t __wrap_mbedtls_ssl_read_version(const unsigned char version[2], int transport)
{
    if (version == legacy_version)
        return TLS_1_2;
    return __real_mbedtls_ssl_read_version(version, transport);
}

/* One step of a handshake. The premaster secret that a client encrypts by RSA begins with the
 * version that its hello had (RFC 5246, 7.4.7.1); the library compares it with the session's. */
static int step(struct session *session)
{
    int state = *FIELD(state);
    mbedtls_ssl_session *negotiated = *FIELD(session_negotiate);
    bool rsa = state == MBEDTLS_SSL_CLIENT_KEY_EXCHANGE && negotiated;
    legacy_version = state == MBEDTLS_SSL_CLIENT_HELLO ? *FIELD(in_msg) + MESSAGE_HEAD : NULL;
    if (rsa)
        negotiated->MBEDTLS_PRIVATE(tls_version) =
            (mbedtls_ssl_protocol_version)session->legacy_version;
    int error = mbedtls_ssl_handshake_step(&session->ssl);
    if (rsa)
        negotiated->MBEDTLS_PRIVATE(tls_version) = session->version;
    legacy_version = NULL;
    return error;
}

/* --- what tls.c calls --- */

/* Which alert an error asks for. What no module of TLS says is a failure of arithmetic: a key share
 * that is no point, or one that gives nothing (RFC 8446, 4.2.8.2 and 7.4.2). */
static unsigned char alert_of(int error)
{
    static const struct {
        int error;
        unsigned char alert;
    } alerts[] = {
        {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE},
        {MBEDTLS_ERR_SSL_UNEXPECTED_RECORD, TLS_ALERT_UNEXPECTED_MESSAGE},
        {MBEDTLS_ERR_SSL_INVALID_RECORD, TLS_ALERT_UNEXPECTED_MESSAGE},
        {MBEDTLS_ERR_SSL_BAD_CERTIFICATE, TLS_ALERT_UNEXPECTED_MESSAGE},
        {MBEDTLS_ERR_SSL_INVALID_MAC, TLS_ALERT_BAD_RECORD_MAC},
        {MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE, TLS_ALERT_HANDSHAKE_FAILURE},
        {MBEDTLS_ERR_SSL_DECODE_ERROR, TLS_ALERT_DECODE_ERROR},
        {MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION, TLS_ALERT_PROTOCOL_VERSION},
        {MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL, TLS_ALERT_NO_APPLICATION_PROTOCOL},
        {MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION, TLS_ALERT_UNSUPPORTED_EXTENSION},
        {MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME, TLS_ALERT_UNRECOGNIZED_NAME},
        {MBEDTLS_ERR_SSL_ALLOC_FAILED, TLS_ALERT_INTERNAL_ERROR},
        {MBEDTLS_ERR_SSL_INTERNAL_ERROR, TLS_ALERT_INTERNAL_ERROR},
    };
    for (size_t i = 0; i < countof(alerts); i++)
        if (alerts[i].error == error)
            return alerts[i].alert;
    return TLS_ALERT_ILLEGAL_PARAMETER;
}

/* With output left over the library would send that alone. */
static void send_alert(struct session *session, unsigned char level, unsigned char alert)
{
    if (*FIELD(out_left))
        (void)mbedtls_ssl_send_alert_message(&session->ssl, level, alert);
    (void)mbedtls_ssl_send_alert_message(&session->ssl, level, alert); /* it ends anyway */
}

/* The end of a session by an error: the peer is sent the reason, if the library has not done so
 * (RFC 8446, 6.2; RFC 5246, 7.2.2). -EOPNOTSUPP where the client began another handshake. */
static int fail(struct session *session, int error)
{
    if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE || error == MBEDTLS_ERR_SSL_CONN_EOF)
        return -EPROTO;
    if (!session->alerted && !tls_stream_refuses(session->stream))
        send_alert(session, TLS_ALERT_FATAL, alert_of(error));
    bool begins = error == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE &&
                  *FIELD(state) == MBEDTLS_SSL_HANDSHAKE_OVER &&
                  *FIELD(in_msgtype) == MBEDTLS_SSL_MSG_HANDSHAKE && *FIELD(in_msglen) &&
                  **FIELD(in_msg) == MBEDTLS_SSL_HS_CLIENT_HELLO;
    return begins ? -EOPNOTSUPP : -EPROTO;
}

/* What the library does late or not at all, between two steps of a handshake.
 * Once the hello is read, the highest version that the server has may be known again: it makes the
 * mark by which clients see a downgrade (RFC 8446, 4.1.3).
 * Behind the server's Finished the library goes on to write under the keys of the handshake until
 * the client's has come, but the client reads under those of the application (RFC 8446, 4.4.4
 * and 7.3): an alert in between would be unreadable. Nothing but alerts is written there. */
static void adjust(struct session *session)
{
    if (*FIELD(state) == MBEDTLS_SSL_SERVER_HELLO)
        mbedtls_ssl_conf_max_tls_version(&session->config,
                                         session->server->config.MBEDTLS_PRIVATE(max_tls_version));
    if (*FIELD(state) != MBEDTLS_SSL_CLIENT_FINISHED ||
        session->version != MBEDTLS_SSL_VERSION_TLS1_3 || !*FIELD(transform_application) ||
        *FIELD(transform_out) == *FIELD(transform_application))
        return;
    *FIELD(transform_out) = *FIELD(transform_application);
    memset(*FIELD(cur_out_ctr), 0, sizeof(*FIELD(cur_out_ctr)));
}

static int session_handshake(void *context)
{
    struct session *session = context;
    int error = 0;
    session->alerted = false;
    while (error == 0 && *FIELD(state) != MBEDTLS_SSL_HANDSHAKE_OVER) {
        error = step(session);
        adjust(session);
    }
    if (error == 0)
        return 0;
    return translate(error) == -EAGAIN ? -EAGAIN : fail(session, error);
}

/* After a warning or a KeyUpdate (RFC 8446, 4.6.3) the library returns as if there were no data,
 * and after a record of no bytes, which is valid (RFC 8446, 5.1), as if the stream had ended,
 * although the next record may be here; several records without data are an error to it.
 * tls_records.h bounds how many of these may follow each other. */
static ssize_t session_read(void *context, void *to, size_t size)
{
    struct session *session = context;
    if (wake(session) < 0)
        return -EPROTO;
    int error;
    do {
        session->dry = session->alerted = false;
        *FIELD(nb_zero) = 0;
        error = mbedtls_ssl_read(&session->ssl, to, size);
    } while ((error == MBEDTLS_ERR_SSL_WANT_READ && !session->dry) ||
             (error == 0 && !session->ended));
    ssize_t got = translate(error);
    return got == -EPROTO ? fail(session, error) : got;
}

/* mbedTLS writes one record a call, and its own limit of a record is a little less. */
static int session_write(void *context, const void *data, size_t size)
{
    struct session *session = context;
    const unsigned char *from = data;
    if (wake(session) < 0)
        return -EPROTO;
    while (size) {
        int written = mbedtls_ssl_write(&session->ssl, from, size);
        if (written <= 0)
            return -EPROTO;
        from += written;
        size -= (size_t)written;
    }
    return 0;
}

static void session_alert(void *context, unsigned char level, unsigned char alert)
{
    struct session *session = context;
    if (wake(session) == 0)
        send_alert(session, level, alert);
}

static void session_finish(void *context)
{
    struct session *session = context;
    if (wake(session) == 0)
        (void)mbedtls_ssl_close_notify(&session->ssl); /* the connection ends in either case */
}

const struct tls_engine tls_mbedtls = {
    .handshake = session_handshake,
    .read = session_read,
    .write = session_write,
    .rest = session_rest,
    .alert = session_alert,
    .finish = session_finish,
    .close = session_close,
};
