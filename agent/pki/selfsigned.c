/* The self-signed certificate, written with mbedTLS (RFC 5280; CA/Browser Forum's profile of a
 * server certificate where RFC 5280 leaves a choice). */
#include "pki/selfsigned.h"

#include "base/log.h"
#include "base/str.h"
#include "pki/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    NAMES_MAX = 32,
    COMMON_NAME_MAX = 64, /* ub-common-name, RFC 5280 appendix A.1 */
    DNS_NAME_MAX = 253,
    SUBJECT_MAX = 192,
    SERIAL_SIZE = 16, /* RFC 5280, 4.1.2.2: at most 20 octets; 64 bits at random or more */
    PEM_SIZE = 4096,
    TIME_TEXT_SIZE = sizeof("YYYYMMDDHHMMSS")
};

struct sans {
    mbedtls_x509_san_list list[NAMES_MAX];
    unsigned char address[NAMES_MAX][sizeof(struct in6_addr)];
};

/* Not every DNS name, but all that a node has; nothing that means something in a distinguished
 * name's text. */
static bool is_dns_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= DNS_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*") ==
               length;
}

static int fill_san(mbedtls_x509_subject_alternative_name *san, const char *name,
                    unsigned char address[static sizeof(struct in6_addr)])
{
    mbedtls_asn1_buf *value = &san->san.unstructured_name;
    san->type = MBEDTLS_X509_SAN_IP_ADDRESS;
    *value = (mbedtls_asn1_buf){.tag = MBEDTLS_X509_SAN_IP_ADDRESS, .p = address};
    if (inet_pton(AF_INET, name, address) == 1) {
        value->len = sizeof(struct in_addr);
        return 0;
    }
    if (inet_pton(AF_INET6, name, address) == 1) {
        value->len = sizeof(struct in6_addr);
        return 0;
    }
    if (!is_dns_name(name))
        return -EINVAL;
    san->type = MBEDTLS_X509_SAN_DNS_NAME;
    /* mbedTLS takes a pointer that is not const, and only reads. */
    *value = (mbedtls_asn1_buf){.tag = MBEDTLS_X509_SAN_DNS_NAME,
                                .p = (unsigned char *)(uintptr_t)name,
                                .len = strlen(name)};
    return 0;
}

static int fill_sans(struct sans *sans, const char *const *names, size_t count)
{
    if (count == 0 || count > NAMES_MAX)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        if (fill_san(&sans->list[i].node, names[i], sans->address[i]) < 0) {
            log_error("certificate: '%s' is neither a DNS name nor an address", names[i]);
            return -EINVAL;
        }
        sans->list[i].next = i + 1 < count ? &sans->list[i + 1] : NULL;
    }
    return 0;
}

/* A clock at 1970 has no day before. */
static int set_validity(mbedtls_x509write_cert *certificate, int64_t now_s)
{
    char text[2][TIME_TEXT_SIZE];
    const int64_t from_s = now_s > SELFSIGNED_BACK_S ? now_s - SELFSIGNED_BACK_S : 0;
    const int64_t moments[2] = {from_s, from_s + SELFSIGNED_LIFE_S};
    for (size_t i = 0; i < countof(moments); i++) {
        time_t moment = (time_t)moments[i];
        struct tm parts;
        if (!gmtime_r(&moment, &parts) ||
            strftime(text[i], sizeof(text[i]), "%Y%m%d%H%M%S", &parts) != sizeof(text[i]) - 1)
            return MBEDTLS_ERR_X509_INVALID_DATE;
    }
    return mbedtls_x509write_crt_set_validity(certificate, text[0], text[1]);
}

static int set_serial(mbedtls_x509write_cert *certificate, unsigned char serial[SERIAL_SIZE])
{
    if (random_bytes(NULL, serial, SERIAL_SIZE) < 0)
        return MBEDTLS_ERR_X509_FATAL_ERROR;
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, and of full length */
    return mbedtls_x509write_crt_set_serial_raw(certificate, serial, SERIAL_SIZE);
}

/* Two nodes may have one name, and a node successive certificates: a certificate store
 * distinguishes them by their subject (X.520, 6.2.9: serialNumber), the first half of the serial
 * number. A name too long for a Common Name is only among the SANs; an address may be in both. */
static int set_subject(mbedtls_x509write_cert *certificate, const char *name,
                       const unsigned char serial[SERIAL_SIZE])
{
    char text[SUBJECT_MAX];
    const char *common = strlen(name) <= COMMON_NAME_MAX ? name : "holdfast";
    int length = snprintf(text, sizeof(text), "CN=%s,serialNumber=", common);
    for (size_t i = 0; i < SERIAL_SIZE / 2; i++)
        length += snprintf(text + length, sizeof(text) - (size_t)length, "%02X", serial[i]);
    int error = mbedtls_x509write_crt_set_subject_name(certificate, text);
    return error ? error : mbedtls_x509write_crt_set_issuer_name(certificate, text);
}

static int set_usages(mbedtls_x509write_cert *certificate)
{
    mbedtls_asn1_sequence server = {
        .buf = {.tag = MBEDTLS_ASN1_OID,
                .len = MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH),
                .p = (unsigned char *)(uintptr_t)MBEDTLS_OID_SERVER_AUTH},
    };
    int error = mbedtls_x509write_crt_set_basic_constraints(certificate, 0, -1);
    if (error == 0)
        error = mbedtls_x509write_crt_set_key_usage(certificate, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
    return error ? error : mbedtls_x509write_crt_set_ext_key_usage(certificate, &server);
}

static int set_key(mbedtls_x509write_cert *certificate, mbedtls_pk_context *key)
{
    mbedtls_x509write_crt_set_subject_key(certificate, key);
    mbedtls_x509write_crt_set_issuer_key(certificate, key);
    int error = mbedtls_x509write_crt_set_subject_key_identifier(certificate);
    return error ? error : mbedtls_x509write_crt_set_authority_key_identifier(certificate);
}

/* A signature's hash is as strong as its key (RFC 6460, 3.1: SHA-384 with P-384). */
static const struct {
    mbedtls_ecp_group_id group;
    mbedtls_md_type_t hash;
} curves[] = {
    [SELFSIGNED_P256] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_MD_SHA256},
    [SELFSIGNED_P384] = {MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_MD_SHA384},
};

static int generate_key(mbedtls_pk_context *key, enum selfsigned_curve curve)
{
    int error = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    return error
               ? error
               : mbedtls_ecp_gen_key(curves[curve].group, mbedtls_pk_ec(*key), random_bytes, NULL);
}

static int write_pem(mbedtls_x509write_cert *certificate, mbedtls_pk_context *key,
                     struct buf *certificate_pem, struct buf *key_pem)
{
    unsigned char text[PEM_SIZE];
    if (buf_reserve(key_pem, sizeof(text)) < 0)
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    int error = mbedtls_pk_write_key_pem(key, text, sizeof(text));
    if (error == 0)
        buf_puts(key_pem, (const char *)text);
    explicit_bzero(text, sizeof(text));
    if (error == 0)
        error = mbedtls_x509write_crt_pem(certificate, text, sizeof(text), random_bytes, NULL);
    if (error == 0)
        buf_puts(certificate_pem, (const char *)text);
    return error ? error : buf_error(certificate_pem);
}

static int make(mbedtls_x509write_cert *certificate, mbedtls_pk_context *key,
                const struct sans *sans, const struct selfsigned_order *order)
{
    unsigned char serial[SERIAL_SIZE];
    mbedtls_x509write_crt_set_version(certificate, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(certificate, curves[order->curve].hash);
    int error = generate_key(key, order->curve);
    if (error == 0)
        error = set_key(certificate, key);
    if (error == 0)
        error = set_serial(certificate, serial);
    if (error == 0)
        error = set_subject(certificate, order->names[0], serial);
    if (error == 0)
        error = set_validity(certificate, order->now_s);
    if (error == 0)
        error = set_usages(certificate);
    return error ? error
                 : mbedtls_x509write_crt_set_subject_alternative_name(certificate, sans->list);
}

int selfsigned_make(const struct selfsigned_order *order, struct buf *certificate_pem,
                    struct buf *key_pem)
{
    struct sans sans = {0};
    mbedtls_x509write_cert certificate;
    mbedtls_pk_context key;
    int error = fill_sans(&sans, order->names, order->count);
    if (error)
        return error;
    mbedtls_x509write_crt_init(&certificate);
    mbedtls_pk_init(&key);
    error = make(&certificate, &key, &sans, order);
    if (error == 0)
        error = write_pem(&certificate, &key, certificate_pem, key_pem);
    mbedtls_pk_free(&key);
    mbedtls_x509write_crt_free(&certificate);
    if (error == 0)
        return 0;
    log_error("certificate for %s: cannot be made: mbedTLS error -0x%04x", order->names[0],
              (unsigned)-error);
    return -EIO;
}

/* --- of one that is there --- */

static int parse(mbedtls_x509_crt *chain, const struct buf *certificate_pem)
{
    mbedtls_x509_crt_init(chain);
    int error = mbedtls_x509_crt_parse(chain, (const unsigned char *)buf_text(certificate_pem),
                                       certificate_pem->length + 1);
    return error ? -EINVAL : 0;
}

static int64_t moment(const mbedtls_x509_time *time)
{
    struct tm parts = {.tm_year = time->year - 1900,
                       .tm_mon = time->mon - 1,
                       .tm_mday = time->day,
                       .tm_hour = time->hour,
                       .tm_min = time->min,
                       .tm_sec = time->sec};
    return timegm(&parts);
}

int certificate_life(const struct buf *certificate_pem, struct certificate_life *life)
{
    mbedtls_x509_crt chain;
    int error = parse(&chain, certificate_pem);
    if (error == 0)
        *life = (struct certificate_life){
            .from_s = moment(&chain.valid_from),
            .until_s = moment(&chain.valid_to),
            .self_issued =
                chain.issuer_raw.len == chain.subject_raw.len &&
                memcmp(chain.issuer_raw.p, chain.subject_raw.p, chain.subject_raw.len) == 0,
        };
    mbedtls_x509_crt_free(&chain);
    return error;
}

int certificate_der(const struct buf *certificate_pem, struct buf *der)
{
    mbedtls_x509_crt chain;
    int error = parse(&chain, certificate_pem);
    if (error == 0) {
        buf_append(der, chain.raw.p, chain.raw.len);
        error = buf_error(der);
    }
    mbedtls_x509_crt_free(&chain);
    return error;
}

bool certificate_has_key(const struct buf *certificate_pem, const struct buf *key_pem)
{
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    bool has = parse(&chain, certificate_pem) == 0 &&
               mbedtls_pk_parse_key(&key, (const unsigned char *)buf_text(key_pem),
                                    key_pem->length + 1, NULL, 0, random_bytes, NULL) == 0 &&
               mbedtls_pk_check_pair(&chain.pk, &key, random_bytes, NULL) == 0;
    mbedtls_pk_free(&key);
    mbedtls_x509_crt_free(&chain);
    return has;
}
