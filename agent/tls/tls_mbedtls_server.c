/* The offer as mbedTLS's lists, the pair of certificate and key, and the keys of tickets. */
#include "tls/tls_mbedtls_server.h"

#include "base/log.h"
#include "pki/random.h"
#include "tls/tls_engine.h"

#include <errno.h>
#include <mbedtls/dhm.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* A handshake in a larger field costs 30 to 80 ms here: too much for an unknown client. */
    LAST_GROUP = MBEDTLS_SSL_IANA_TLS_GROUP_FFDHE2048,
    TICKET_KEY_SIZE = 32,
    TICKET_NAME_SIZE = MBEDTLS_SSL_TICKET_KEY_NAME_BYTES
};

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

mbedtls_ssl_protocol_version tls_mbedtls_version(unsigned version)
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
    mbedtls_ssl_conf_min_tls_version(config, tls_mbedtls_version(setup->offer.first));
    mbedtls_ssl_conf_max_tls_version(config, tls_mbedtls_version(setup->offer.last));
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
