/* mbedTLS writes it, by a key that is made once. */
#include "certificate_fixture.h"

#include "pki/random.h"
#include "pki/selfsigned.h"

#include <arpa/inet.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DER_SIZE = 16384, SANS_SIZE = 12288 };

static void read_key(mbedtls_pk_context *key)
{
    static struct buf pem;
    static const char *const names[] = {"key.example"};
    const struct selfsigned_order order = {.names = names, .count = 1};
    struct buf certificate = {0};
    if (pem.length == 0) {
        assert_int_equal(selfsigned_make(&order, &certificate, &pem), 0);
        buf_free(&certificate);
    }
    mbedtls_pk_init(key);
    assert_int_equal(mbedtls_pk_parse_key(key, (const unsigned char *)buf_text(&pem),
                                          pem.length + 1, NULL, 0, random_bytes, NULL),
                     0);
}

/* GeneralNames (RFC 5280, 4.2.1.6), written from the end. */
static void set_names(mbedtls_x509write_cert *certificate,
                      const char (*names)[CERTIFICATE_NAME_SIZE], size_t count)
{
    enum { DNS = 2, ADDRESS = 7, V4_SIZE = 4, V6_SIZE = 16 };
    static unsigned char sans[SANS_SIZE];
    unsigned char *at = sans + sizeof(sans);
    for (size_t i = count; i-- > 0;) {
        unsigned char address[V6_SIZE];
        const unsigned char *bytes = (const unsigned char *)names[i];
        size_t size = strlen(names[i]);
        bool v4 = inet_pton(AF_INET, names[i], address) == 1;
        bool v6 = !v4 && inet_pton(AF_INET6, names[i], address) == 1;
        if (v4 || v6) {
            bytes = address;
            size = v4 ? V4_SIZE : V6_SIZE;
        }
        assert_true(mbedtls_asn1_write_raw_buffer(&at, sans, bytes, size) >= 0);
        assert_true(mbedtls_asn1_write_len(&at, sans, size) >= 0);
        assert_true(mbedtls_asn1_write_tag(&at, sans,
                                           (unsigned char)(MBEDTLS_ASN1_CONTEXT_SPECIFIC |
                                                           (v4 || v6 ? ADDRESS : DNS))) >= 0);
    }
    assert_true(mbedtls_asn1_write_len(&at, sans, (size_t)(sans + sizeof(sans) - at)) >= 0);
    assert_true(
        mbedtls_asn1_write_tag(&at, sans, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) >= 0);
    assert_int_equal(
        mbedtls_x509write_crt_set_extension(certificate, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                            MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, at,
                                            (size_t)(sans + sizeof(sans) - at)),
        0);
}

void certificate_with_names(struct certificate_chain *chain,
                            const char (*names)[CERTIFICATE_NAME_SIZE], size_t count)
{
    static unsigned char der[DER_SIZE];
    unsigned char serial[] = {1};
    mbedtls_x509write_cert certificate;
    mbedtls_pk_context key;
    read_key(&key);
    mbedtls_x509write_crt_init(&certificate);
    mbedtls_x509write_crt_set_version(&certificate, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&certificate, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&certificate, &key);
    mbedtls_x509write_crt_set_issuer_key(&certificate, &key);
    set_names(&certificate, names, count);
    assert_int_equal(mbedtls_x509write_crt_set_subject_name(&certificate, "CN=many"), 0);
    assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&certificate, "CN=many"), 0);
    assert_int_equal(mbedtls_x509write_crt_set_serial_raw(&certificate, serial, sizeof(serial)), 0);
    assert_int_equal(
        mbedtls_x509write_crt_set_validity(&certificate, "20200101000000", "20491231235959"), 0);
    int size = mbedtls_x509write_crt_der(&certificate, der, sizeof(der), random_bytes, NULL);
    assert_true(size > 0);
    *chain = (struct certificate_chain){.count = 0};
    certificate_chain_add(chain, der + sizeof(der) - size, (size_t)size);
    mbedtls_x509write_crt_free(&certificate);
    mbedtls_pk_free(&key);
}
