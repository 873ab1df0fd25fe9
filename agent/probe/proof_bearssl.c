/*
 * Whole handshakes of TLS 1.0 to 1.2 by BearSSL. Every part is chosen here: one version, one suite.
 * The certificate is read for its key alone; that the server holds that key is proved by its
 * signature, or by its Finished.
 */
#include "probe/proof_stack.h"

#include "base/str.h"
#include "pki/random.h"

#include <bearssl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SEED_SIZE = 32, CERTIFICATE_MAX = CERTIFICATE_CHAIN_SIZE };

/* The suites of IANA's registry that the library has, except static ECDH. */
static const struct {
    uint16_t first, last; /* of a run of suites */
    enum tls_version since;
} implemented[] = {
    {0x000A, 0x000A, TLS_1_0}, /* 3DES */
    {0x002F, 0x002F, TLS_1_0}, {0x0035, 0x0035, TLS_1_0}, {0x003C, 0x003D, TLS_1_2},
    {0x009C, 0x009D, TLS_1_2}, {0xC008, 0xC00A, TLS_1_0}, {0xC012, 0xC014, TLS_1_0},
    {0xC023, 0xC024, TLS_1_2}, {0xC027, 0xC028, TLS_1_2}, {0xC02B, 0xC02C, TLS_1_2},
    {0xC02F, 0xC030, TLS_1_2}, {0xC09C, 0xC09D, TLS_1_2}, /* CCM */
    {0xC0A0, 0xC0A1, TLS_1_2}, {0xC0AC, 0xC0AF, TLS_1_2}, {0xCCA8, 0xCCA9, TLS_1_2},
};

static bool implements(enum tls_version version, uint16_t suite)
{
    if (version < TLS_1_0 || version > TLS_1_2)
        return false;
    for (size_t i = 0; i < countof(implemented); i++)
        if (suite >= implemented[i].first && suite <= implemented[i].last)
            return version >= implemented[i].since;
    return false;
}

/* --- the certificates: a key, and the chain as it came --- */

struct reader {
    const br_x509_class *methods; /* first: BearSSL hands out a pointer to it */
    br_x509_decoder_context leaf;
    unsigned count; /* of certificates; 0 after a handshake: the server showed none */
    struct certificate_chain *chain; /* may be NULL */
    bool seen;                       /* the chain is that of an earlier connection */
    bool begins;                     /* the output begins with the chain's first certificate */
    size_t size; /* of the certificate that is being read; more than `der` has is not kept */
    unsigned char der[CERTIFICATE_MAX];
};

static struct reader *reader_of(const br_x509_class **context)
{
    return (struct reader *)context;
}

static void start_chain(const br_x509_class **context, const char *name)
{
    struct reader *reader = reader_of(context);
    (void)name;
    br_x509_decoder_init(&reader->leaf, NULL, NULL);
    reader->seen = reader->chain && certificate_chain_is_seen(reader->chain);
    reader->begins = false;
}

static void start_certificate(const br_x509_class **context, uint32_t length)
{
    (void)length;
    reader_of(context)->size = 0;
}

static void append(const br_x509_class **context, const unsigned char *data, size_t size)
{
    struct reader *reader = reader_of(context);
    if (reader->count == 0)
        br_x509_decoder_push(&reader->leaf, data, size);
    if (reader->size <= sizeof(reader->der) && size <= sizeof(reader->der) - reader->size)
        memcpy(reader->der + reader->size, data, size);
    reader->size += size;
}

static void end_certificate(const br_x509_class **context)
{
    struct reader *reader = reader_of(context);
    if (reader->chain && !reader->seen)
        certificate_chain_add(reader->chain, reader->der, reader->size);
    if (reader->chain && reader->count == 0)
        reader->begins = certificate_chain_begins(reader->chain, reader->der, reader->size);
    reader->count++;
}

static unsigned end_chain(const br_x509_class **context)
{
    struct reader *reader = reader_of(context);
    return br_x509_decoder_get_pkey(&reader->leaf) ? 0 : BR_ERR_X509_EMPTY_CHAIN;
}

static const br_x509_pkey *get_key(const br_x509_class *const *context, unsigned *usages)
{
    br_x509_class const **own = (const br_x509_class **)(uintptr_t)context;
    if (usages)
        *usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
    return br_x509_decoder_get_pkey(&reader_of(own)->leaf);
}

static const br_x509_class reader_class = {
    .context_size = sizeof(struct reader),
    .start_chain = start_chain,
    .start_cert = start_certificate,
    .append = append,
    .end_cert = end_certificate,
    .end_chain = end_chain,
    .get_pkey = get_key,
};

/* --- one client --- */

struct client {
    br_ssl_client_context context;
    struct reader reader;
    uint16_t suite;
    unsigned char buffer[BR_SSL_BUFSIZE_BIDI];
};

static void set_algorithms(struct client *client)
{
    static const br_hash_class *const hashes[] = {&br_md5_vtable,    &br_sha1_vtable,
                                                  &br_sha224_vtable, &br_sha256_vtable,
                                                  &br_sha384_vtable, &br_sha512_vtable};
    br_ssl_engine_context *engine = &client->context.eng;
    for (size_t i = 0; i < countof(hashes); i++)
        br_ssl_engine_set_hash(engine, (int)i + br_md5_ID, hashes[i]);
    br_ssl_engine_set_prf10(engine, &br_tls10_prf);
    br_ssl_engine_set_prf_sha256(engine, &br_tls12_sha256_prf);
    br_ssl_engine_set_prf_sha384(engine, &br_tls12_sha384_prf);
    br_ssl_engine_set_default_aes_cbc(engine);
    br_ssl_engine_set_default_aes_gcm(engine);
    br_ssl_engine_set_default_aes_ccm(engine);
    br_ssl_engine_set_default_des_cbc(engine);
    br_ssl_engine_set_default_chapol(engine);
    br_ssl_engine_set_default_ec(engine);
    br_ssl_engine_set_default_rsavrfy(engine);
    br_ssl_engine_set_default_ecdsa(engine);
    br_ssl_client_set_default_rsapub(&client->context);
}

static struct client *client_new(const struct proof_task *task)
{
    unsigned char seed[SEED_SIZE];
    struct client *client = calloc(1, sizeof(*client));
    if (!client || random_bytes(NULL, seed, sizeof(seed)) < 0) {
        free(client);
        return NULL;
    }
    client->suite = task->suite;
    client->reader.methods = &reader_class;
    client->reader.chain = task->chain;
    br_ssl_client_zero(&client->context);
    br_ssl_engine_set_versions(&client->context.eng, task->version, task->version);
    br_ssl_engine_set_suites(&client->context.eng, &client->suite, 1);
    set_algorithms(client);
    br_ssl_engine_set_x509(&client->context.eng, &client->reader.methods);
    br_ssl_engine_set_buffer(&client->context.eng, client->buffer, sizeof(client->buffer), 1);
    br_ssl_engine_inject_entropy(&client->context.eng, seed, sizeof(seed));
    explicit_bzero(seed, sizeof(seed));
    return client;
}

static void client_free(struct client *client)
{
    explicit_bzero(client, sizeof(*client));
    free(client);
}

/* --- its wire --- */

static int send_record(br_ssl_engine_context *engine, int fd, const struct proof_task *task)
{
    size_t size;
    const unsigned char *data = br_ssl_engine_sendrec_buf(engine, &size);
    ssize_t sent = connect_write(fd, data, size, task->deadline_ms);
    if (sent < 0)
        return (int)sent;
    br_ssl_engine_sendrec_ack(engine, (size_t)sent);
    return 0;
}

/* `heard` becomes true with the first byte. */
static int receive_record(br_ssl_engine_context *engine, int fd, const struct proof_task *task,
                          bool *heard)
{
    size_t size;
    unsigned char *to = br_ssl_engine_recvrec_buf(engine, &size);
    ssize_t got = connect_read(fd, to, size, task->deadline_ms);
    if (got <= 0)
        return got < 0 && (got != -ECONNRESET || !*heard) ? (int)got
                                                          : (*heard ? -EPROTO : -ECONNRESET);
    *heard = true;
    br_ssl_engine_recvrec_ack(engine, (size_t)got);
    return 0;
}

static int pump(struct client *client, int fd, const struct proof_task *task)
{
    br_ssl_engine_context *engine = &client->context.eng;
    bool heard = false;
    for (int error = 0; error == 0;) {
        unsigned state = br_ssl_engine_current_state(engine);
        if (state & BR_SSL_SENDAPP)
            return 0;
        if (state & BR_SSL_CLOSED)
            return -EPROTO;
        error = state & BR_SSL_SENDREC ? send_record(engine, fd, task)
                                       : receive_record(engine, fd, task, &heard);
        if (error)
            return error;
    }
    return -EPROTO;
}

/* The peer may keep its half of the session, which ends with a close_notify. */
static void finish(struct client *client, int fd, const struct proof_task *task)
{
    br_ssl_engine_context *engine = &client->context.eng;
    br_ssl_engine_close(engine);
    if (br_ssl_engine_current_state(engine) & BR_SSL_SENDREC)
        (void)send_record(engine, fd, task);
}

static int shake_hands(struct client *client, const struct proof_task *task, bool resume)
{
    const char *name = task->target->named ? task->target->name : NULL;
    client->reader.count = 0;
    if (!br_ssl_client_reset(&client->context, name, resume))
        return -EIO;
    ++*task->connections;
    int fd = connect_open(task->target, task->deadline_ms);
    if (fd < 0)
        return fd;
    int error = pump(client, fd, task);
    if (error == 0)
        finish(client, fd, task);
    connect_close(task->target, fd);
    return error;
}

static int handshake(const struct proof_task *task)
{
    struct client *client = client_new(task);
    if (!client)
        return -ENOMEM;
    int error = shake_hands(client, task, false);
    if (error == 0 && task->key_proved)
        *task->key_proved |= client->reader.begins;
    client_free(client);
    return error;
}

/* A session that goes on needs no certificate (RFC 5246, 7.3). */
static int resumes(const struct proof_task *task)
{
    struct client *client = client_new(task);
    if (!client)
        return -ENOMEM;
    int error = shake_hands(client, task, false);
    if (error == 0)
        error = shake_hands(client, task, true);
    int result = error ? error : client->reader.count == 0;
    client_free(client);
    return result;
}

const struct proof_stack proof_bearssl = {implements, handshake, resumes};
