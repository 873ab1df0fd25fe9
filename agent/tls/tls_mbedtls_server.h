/*
 * What all connections of the mbedTLS stack share: the configuration, the certificate with its key,
 * the keys that seal tickets, and the offer as lists of the library's. Private to tls_mbedtls.c and
 * tls_mbedtls_server.c; others know it by tls_engine.h.
 */
#ifndef HOLDFAST_TLS_TLS_MBEDTLS_SERVER_H
#define HOLDFAST_TLS_TLS_MBEDTLS_SERVER_H

#include "policy/suites.h"

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

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

/* The library's word for a version of TLS from 1.2 on. */
mbedtls_ssl_protocol_version tls_mbedtls_version(unsigned version);

#endif
