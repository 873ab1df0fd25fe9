/*
 * Whole handshakes by mbedTLS: TLS 1.3, and what of TLS 1.2 BearSSL lacks. The certificate is not
 * verified; its signature over the handshake is.
 */
#include "probe/proof_stack.h"

#include "base/clock.h"
#include "pki/random.h"

#include <errno.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>

static bool implements(enum tls_version version, uint16_t suite)
{
    const mbedtls_ssl_ciphersuite_t *info = mbedtls_ssl_ciphersuite_from_id(suite);
    mbedtls_ssl_protocol_version wanted =
        version == TLS_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2;
    return version >= TLS_1_2 && info && info->MBEDTLS_PRIVATE(min_tls_version) <= wanted &&
           info->MBEDTLS_PRIVATE(max_tls_version) >= wanted;
}

/* --- one client --- */

enum { TICKET_WAIT_MS = 300 }; /* for a ticket that a server sends at once or never */

struct client {
    const struct proof_task *task;
    uint64_t deadline_ms;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    int suites[2];
    int fd;
    bool heard;       /* the server has said something */
    bool certificate; /* it has shown one: the session is a new one */
};

/* Called for each certificate; accepts every one. */
static int take_certificate(void *context, mbedtls_x509_crt *certificate, int depth,
                            uint32_t *flags)
{
    struct client *client = context;
    (void)certificate;
    (void)depth;
    client->certificate = true;
    *flags = 0;
    return 0;
}

static int wire_send(void *context, const unsigned char *data, size_t size)
{
    const struct client *client = context;
    ssize_t sent = connect_write(client->fd, data, size, client->deadline_ms);
    if (sent == -ETIMEDOUT)
        return MBEDTLS_ERR_SSL_TIMEOUT;
    return sent < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)sent;
}

static int wire_receive(void *context, unsigned char *to, size_t size)
{
    struct client *client = context;
    ssize_t got = connect_read(client->fd, to, size, client->deadline_ms);
    if (got == -ETIMEDOUT)
        return MBEDTLS_ERR_SSL_TIMEOUT;
    if (got <= 0)
        return MBEDTLS_ERR_SSL_CONN_EOF;
    client->heard = true;
    return (int)got;
}

static int configure(struct client *client)
{
    mbedtls_ssl_config *config = &client->config;
    mbedtls_ssl_protocol_version version =
        client->task->version == TLS_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2;
    int error = mbedtls_ssl_config_defaults(
        config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (error)
        return error;
    client->suites[0] = client->task->suite;
    mbedtls_ssl_conf_rng(config, random_bytes, NULL);
    mbedtls_ssl_conf_min_tls_version(config, version);
    mbedtls_ssl_conf_max_tls_version(config, version);
    mbedtls_ssl_conf_ciphersuites(config, client->suites);
    if (client->task->plain_secret)
        mbedtls_ssl_conf_extended_master_secret(config, MBEDTLS_SSL_EXTENDED_MS_DISABLED);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_verify(config, take_certificate, client);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    return 0;
}

static void client_close(struct client *client)
{
    mbedtls_ssl_free(&client->ssl);
    mbedtls_ssl_config_free(&client->config);
    if (client->fd >= 0)
        connect_close(client->task->target, client->fd);
}

static int client_open(struct client *client, const struct proof_task *task,
                       const mbedtls_ssl_session *session)
{
    const char *name = task->target->named ? task->target->name : NULL;
    *client = (struct client){.task = task, .deadline_ms = task->deadline_ms};
    mbedtls_ssl_init(&client->ssl);
    mbedtls_ssl_config_init(&client->config);
    ++*task->connections;
    client->fd = connect_open(task->target, task->deadline_ms);
    if (client->fd < 0)
        return client->fd;
    int error = psa_crypto_init() == PSA_SUCCESS ? configure(client) : -1;
    if (error == 0)
        error = mbedtls_ssl_setup(&client->ssl, &client->config);
    if (error == 0)
        error = mbedtls_ssl_set_hostname(&client->ssl, name);
    if (error == 0 && session)
        error = mbedtls_ssl_set_session(&client->ssl, session);
    mbedtls_ssl_set_bio(&client->ssl, client, wire_send, wire_receive, NULL);
    return error ? -ENOMEM : 0;
}

/* What ended a handshake, in the terms of proof_stack.h. */
static int translate(const struct client *client, int error)
{
    if (error == 0)
        return 0;
    if (error == MBEDTLS_ERR_SSL_TIMEOUT)
        return -ETIMEDOUT;
    return client->heard ? -EPROTO : -ECONNRESET;
}

static int shake_hands(struct client *client, const struct proof_task *task,
                       const mbedtls_ssl_session *session)
{
    int error = client_open(client, task, session);
    return error ? error : translate(client, mbedtls_ssl_handshake(&client->ssl));
}

static void take_chain(const struct client *client, const struct proof_task *task)
{
    const mbedtls_x509_crt *leaf = mbedtls_ssl_get_peer_cert(&client->ssl);
    if (!task->chain || !leaf)
        return;
    bool seen = certificate_chain_is_seen(task->chain);
    for (const mbedtls_x509_crt *each = leaf; each && !seen; each = each->next)
        certificate_chain_add(task->chain, each->raw.p, each->raw.len);
    *task->key_proved |= certificate_chain_begins(task->chain, leaf->raw.p, leaf->raw.len);
}

static int handshake(const struct proof_task *task)
{
    struct client client;
    int error = shake_hands(&client, task, NULL);
    if (error == 0) {
        take_chain(&client, task);
        (void)mbedtls_ssl_close_notify(&client.ssl); /* the connection ends in either case */
    }
    client_close(&client);
    return error;
}

/* --- resumption --- */

/* In TLS 1.3 a ticket comes after the handshake, if at all (RFC 8446, 4.6.1). 1 when there is a
 * session to go on with. */
static int wait_for_session(struct client *client)
{
    unsigned char byte;
    uint64_t wait_ms = clock_boot_ms() + TICKET_WAIT_MS;
    int got = MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
    if (client->deadline_ms > wait_ms)
        client->deadline_ms = wait_ms;
    if (client->task->version == TLS_1_3)
        do
            got = mbedtls_ssl_read(&client->ssl, &byte, sizeof(byte));
        while (got == MBEDTLS_ERR_SSL_WANT_READ); /* something else came; time itself ends it */
    return got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
}

static int first_session(const struct proof_task *task, mbedtls_ssl_session *session)
{
    struct client client;
    int error = shake_hands(&client, task, NULL);
    int there = error ? error : wait_for_session(&client);
    if (there > 0 && mbedtls_ssl_get_session(&client.ssl, session) != 0)
        there = 0;
    if (error == 0)
        (void)mbedtls_ssl_close_notify(&client.ssl);
    client_close(&client);
    return there;
}

static int resumes(const struct proof_task *task)
{
    mbedtls_ssl_session session;
    mbedtls_ssl_session_init(&session);
    int result = first_session(task, &session);
    if (result > 0) {
        struct client client;
        int error = shake_hands(&client, task, &session);
        result = error ? error : !client.certificate;
        client_close(&client);
    }
    mbedtls_ssl_session_free(&session);
    return result;
}

/* --- a question over HTTPS --- */

static int send_request(struct client *client, const char *request)
{
    size_t left = strlen(request);
    while (left) {
        int sent = mbedtls_ssl_write(&client->ssl, (const unsigned char *)request, left);
        if (sent <= 0)
            return translate(client, sent ? sent : -1);
        request += sent;
        left -= (size_t)sent;
    }
    return 0;
}

/* Tickets may come first. */
static bool says_something_else(int got)
{
    return got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
}

static int read_answer(struct client *client, struct page_answer *page)
{
    unsigned char head[PAGE_HEAD_MAX];
    size_t size = 0;
    int error = -EAGAIN;
    while (error == -EAGAIN) {
        int got = clock_boot_ms() < client->deadline_ms
                      ? mbedtls_ssl_read(&client->ssl, head + size, sizeof(head) - size)
                      : MBEDTLS_ERR_SSL_TIMEOUT;
        if (says_something_else(got))
            continue;
        if (got <= 0)
            return got == MBEDTLS_ERR_SSL_TIMEOUT ? -ETIMEDOUT : -EBADMSG;
        size += (size_t)got;
        error = page_read((const char *)head, size, page);
    }
    return error;
}

int proof_mbedtls_ask(const struct proof_task *task)
{
    struct client client;
    int error = shake_hands(&client, task, NULL);
    if (error == 0) {
        error = send_request(&client, task->request);
        if (error == 0)
            error = read_answer(&client, task->page);
        (void)mbedtls_ssl_close_notify(&client.ssl);
    }
    client_close(&client);
    return error;
}

const struct proof_stack proof_mbedtls = {implements, handshake, resumes};
