/*
 * TLS 1.2 and 1.3 by mbedTLS. It lets a client's order decide over the suite and the group of
 * TLS 1.3; so that the server's order holds there too, each connection gets a copy of the
 * configuration whose lists hold the one suite and the one group that the order leads to.
 */
#include "serve/tls_alert.h"
#include "serve/tls_engine.h"
#include "serve/tls_records.h"

#include "base/log.h"
#include "base/str.h"
#include "pki/random.h"

#include <errno.h>
#include <mbedtls/dhm.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* A handshake in a larger field costs 30 to 80 ms here: nobody shall have them for the asking.
     */
    LAST_GROUP = MBEDTLS_SSL_IANA_TLS_GROUP_FFDHE2048,
    TICKET_KEY_SIZE = 32,
    TICKET_NAME_SIZE = MBEDTLS_SSL_TICKET_KEY_NAME_BYTES,
    /* The library pads what it encrypts to 16 bytes; head and tag come with it. */
    ALERT_RECORD_TLS13 = TLS_RECORD_HEAD + 16 + 16,
    KEPT_SIZE = 64 /* counter and head of a record: all pointers into a buffer lie within */
};

struct tls_mbedtls_server {
    mbedtls_ssl_config config;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    mbedtls_ssl_ticket_context tickets;
    uint32_t ticket_lifetime_s;
    size_t group_count;
    int suites[SUITE_COUNT + 1]; /* the lists end with 0 */
    uint16_t groups[NAMED_GROUP_COUNT + 1];
    uint16_t signatures[SIGNATURE_COUNT + 1];
    int unsigned_suites[SUITE_COUNT + 1]; /* those of TLS 1.2 that the server signs nothing for */
    int one_suite[SUITE_COUNT][2];        /* each of the suites, as a list of its own */
    uint16_t one_group[NAMED_GROUP_COUNT][2];
};

struct session {
    struct tls *tls;
    struct tls_mbedtls_server *server;
    mbedtls_ssl_protocol_version version; /* chosen by the ClientHello */
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;      /* the server's, but for its lists; it owns nothing */
    size_t input_size, output_size; /* of the buffers, while it rests; else 0 */
    bool alerted;                   /* what it sent last was an alert */
};

/* --- the server --- */

static void take_offer(struct tls_mbedtls_server *server, const struct tls_offer *offer)
{
    size_t suites = 0;
    for (size_t i = 0; i < offer->suite_count; i++)
        if (tls_offer_suite_fits(offer->suites[i], TLS_1_2) ||
            tls_offer_suite_fits(offer->suites[i], TLS_1_3)) {
            server->one_suite[suites][0] = offer->suites[i];
            server->suites[suites++] = offer->suites[i];
        }
    for (size_t i = 0; i < offer->group_count; i++)
        if (offer->groups[i] <= LAST_GROUP) {
            server->one_group[server->group_count][0] = offer->groups[i];
            server->groups[server->group_count++] = offer->groups[i];
        }
    memcpy(server->signatures, offer->signatures,
           offer->signature_count * sizeof(offer->signatures[0]));
}

static void take_unsigned_suites(struct tls_mbedtls_server *server)
{
    size_t count = 0;
    for (size_t i = 0; server->suites[i]; i++)
        if (!tls_offer_suite_signs((uint16_t)server->suites[i]))
            server->unsigned_suites[count++] = server->suites[i];
}

static int parse_pair(struct tls_mbedtls_server *server, const struct tls_server_setup *setup)
{
    /* PEM is given with its NUL. */
    int error = mbedtls_x509_crt_parse(&server->chain,
                                       (const unsigned char *)buf_text(setup->certificate_pem),
                                       setup->certificate_pem->length + 1);
    if (error == 0)
        error = mbedtls_pk_parse_key(&server->key, (const unsigned char *)buf_text(setup->key_pem),
                                     setup->key_pem->length + 1, NULL, 0, random_bytes, NULL);
    if (error == 0)
        error = mbedtls_pk_check_pair(&server->chain.pk, &server->key, random_bytes, NULL);
    return error;
}

static int version_of(unsigned version)
{
    return version >= TLS_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2;
}

/* Finite fields of TLS 1.2 are the server's to choose (RFC 7919, appendix A). */
static int configure(struct tls_mbedtls_server *server, const struct tls_server_setup *setup)
{
    static const unsigned char field[] = MBEDTLS_DHM_RFC7919_FFDHE2048_P_BIN;
    static const unsigned char generator[] = MBEDTLS_DHM_RFC7919_FFDHE2048_G_BIN;
    mbedtls_ssl_config *config = &server->config;
    int error = mbedtls_ssl_config_defaults(
        config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (error)
        return error;
    mbedtls_ssl_conf_rng(config, random_bytes, NULL);
    mbedtls_ssl_conf_min_tls_version(config,
                                     (mbedtls_ssl_protocol_version)version_of(setup->offer.first));
    mbedtls_ssl_conf_max_tls_version(config,
                                     (mbedtls_ssl_protocol_version)version_of(setup->offer.last));
    mbedtls_ssl_conf_ciphersuites(config, server->suites);
    mbedtls_ssl_conf_groups(config, server->groups);
    mbedtls_ssl_conf_sig_algs(config, server->signatures);
    mbedtls_ssl_conf_tls13_key_exchange_modes(config,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
    server->ticket_lifetime_s = 2 * setup->ticket_key_s;
    error = mbedtls_ssl_ticket_setup(&server->tickets, random_bytes, NULL,
                                     MBEDTLS_CIPHER_AES_256_GCM, server->ticket_lifetime_s);
    if (error == 0)
        error = mbedtls_ssl_conf_dh_param_bin(config, field, sizeof(field), generator,
                                              sizeof(generator));
    return error ? error : mbedtls_ssl_conf_own_cert(config, &server->chain, &server->key);
}

int tls_mbedtls_server_open(struct tls_mbedtls_server **server,
                            const struct tls_server_setup *setup)
{
    struct tls_mbedtls_server *opened = calloc(1, sizeof(*opened));
    *server = opened;
    if (!opened)
        return -ENOMEM;
    mbedtls_ssl_config_init(&opened->config);
    mbedtls_x509_crt_init(&opened->chain);
    mbedtls_pk_init(&opened->key);
    mbedtls_ssl_ticket_init(&opened->tickets);
    take_offer(opened, &setup->offer);
    take_unsigned_suites(opened);
    int error = psa_crypto_init() == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
    if (error == 0)
        error = parse_pair(opened, setup);
    if (error == 0)
        error = configure(opened, setup);
    if (error == 0)
        return 0;
    log_error("endpoint: certificate or key cannot be used: mbedTLS error -0x%04x",
              (unsigned)-error);
    return -EINVAL;
}

void tls_mbedtls_server_close(struct tls_mbedtls_server *server)
{
    if (!server)
        return;
    mbedtls_ssl_ticket_free(&server->tickets);
    mbedtls_pk_free(&server->key);
    mbedtls_x509_crt_free(&server->chain);
    mbedtls_ssl_config_free(&server->config);
    free(server);
}

/* mbedTLS keeps two keys: this one takes the place of the older. */
int tls_mbedtls_server_rotate(struct tls_mbedtls_server *server)
{
    unsigned char key[TICKET_KEY_SIZE], name[TICKET_NAME_SIZE];
    int error = random_bytes(NULL, key, sizeof(key)) || random_bytes(NULL, name, sizeof(name));
    if (error == 0)
        error = mbedtls_ssl_ticket_rotate(&server->tickets, name, sizeof(name), key, sizeof(key),
                                          server->ticket_lifetime_s);
    explicit_bzero(key, sizeof(key));
    return error ? -EIO : 0;
}

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
    /* One whose share is there already saves the client a round. */
    for (size_t i = server->group_count; i-- > 0;)
        if (client_hello_shares(hello, server->groups[i]))
            chosen = server->one_group[i];
    if (chosen)
        mbedtls_ssl_conf_groups(&session->config, chosen);
}

/* --- tickets --- */

static int write_ticket(void *context, const mbedtls_ssl_session *ticket, unsigned char *start,
                        const unsigned char *end, size_t *length, uint32_t *lifetime)
{
    struct session *session = context;
    return mbedtls_ssl_ticket_write(&session->server->tickets, ticket, start, end, length,
                                    lifetime);
}

/* A ticket resumes the version that it was made in. The library would take one of TLS 1.3, which
 * travels in clear and holds no master secret, for a session of TLS 1.2 whose master secret is all
 * zeros (CVE-2026-93831). What is no ticket is not resumed, and the handshake goes on. */
static int parse_ticket(void *context, mbedtls_ssl_session *ticket, unsigned char *data,
                        size_t size)
{
    struct session *session = context;
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
    return tls_send(session->tls, data, size) < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)size;
}

static int wire_receive(void *context, unsigned char *to, size_t size)
{
    struct session *session = context;
    ssize_t got = tls_receive(session->tls, to, size);
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
                     const struct client_hello *hello, uint16_t version, struct tls *tls)
{
    struct session *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return -ENOMEM;
    opened->tls = tls;
    opened->server = server;
    opened->version = (mbedtls_ssl_protocol_version)version_of(version);
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
        {FIELD(in_ctr), FIELD(in_hdr), FIELD(in_len), FIELD(in_iv), FIELD(in_msg)}
    };
}

static struct record_buffer output_of(struct session *session)
{
    return (struct record_buffer){
        FIELD(out_buf),
        FIELD(out_buf_len),
        {FIELD(out_ctr), FIELD(out_hdr), FIELD(out_len), FIELD(out_iv), FIELD(out_msg)}
    };
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

/* --- a version above those known --- */

static bool reads_hello_of_tls12; /* of the one session that has its turn */

/* A hello without a list of versions whose version is unknown asks for the highest known below it
 * (RFC 5246, E.1), where the library refuses it. */
uint16_t __wrap_mbedtls_ssl_read_version(const unsigned char version[2], int transport)
{
    uint16_t read = __real_mbedtls_ssl_read_version(version, transport);
    return reads_hello_of_tls12 && read > TLS_1_2 ? TLS_1_2 : read;
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
        {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE,      TLS_ALERT_UNEXPECTED_MESSAGE     },
        {MBEDTLS_ERR_SSL_UNEXPECTED_RECORD,       TLS_ALERT_UNEXPECTED_MESSAGE     },
        {MBEDTLS_ERR_SSL_INVALID_RECORD,          TLS_ALERT_UNEXPECTED_MESSAGE     },
        {MBEDTLS_ERR_SSL_BAD_CERTIFICATE,         TLS_ALERT_UNEXPECTED_MESSAGE     },
        {MBEDTLS_ERR_SSL_INVALID_MAC,             TLS_ALERT_BAD_RECORD_MAC         },
        {MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE,       TLS_ALERT_HANDSHAKE_FAILURE      },
        {MBEDTLS_ERR_SSL_DECODE_ERROR,            TLS_ALERT_DECODE_ERROR           },
        {MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION,    TLS_ALERT_PROTOCOL_VERSION       },
        {MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL, TLS_ALERT_NO_APPLICATION_PROTOCOL},
        {MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION,   TLS_ALERT_UNSUPPORTED_EXTENSION  },
        {MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME,       TLS_ALERT_UNRECOGNIZED_NAME      },
        {MBEDTLS_ERR_SSL_ALLOC_FAILED,            TLS_ALERT_INTERNAL_ERROR         },
        {MBEDTLS_ERR_SSL_INTERNAL_ERROR,          TLS_ALERT_INTERNAL_ERROR         },
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

/* The end of a session by an error: whoever is still there is told why, if the library has not done
 * so (RFC 8446, 6.2; RFC 5246, 7.2.2). -EOPNOTSUPP where the client began another handshake. */
static int fail(struct session *session, int error)
{
    if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE || error == MBEDTLS_ERR_SSL_CONN_EOF)
        return -EPROTO;
    if (!session->alerted && !tls_refuses(session->tls))
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
        reads_hello_of_tls12 = session->version == MBEDTLS_SSL_VERSION_TLS1_2 &&
                               *FIELD(state) == MBEDTLS_SSL_CLIENT_HELLO;
        error = mbedtls_ssl_handshake_step(&session->ssl);
        reads_hello_of_tls12 = false;
        adjust(session);
    }
    if (error == 0)
        return 0;
    return translate(error) == -EAGAIN ? -EAGAIN : fail(session, error);
}

static ssize_t session_read(void *context, void *to, size_t size)
{
    struct session *session = context;
    if (wake(session) < 0)
        return -EPROTO;
    session->alerted = false;
    int error = mbedtls_ssl_read(&session->ssl, to, size);
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
