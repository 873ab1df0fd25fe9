/* The facts of a chain, by mbedTLS's parser. */
#include "pki/certificate.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { RSA_BITS_LEAST = 2048, NAME_MAX_BYTES = 256, MORE_SIZE = sizeof(", and 4294967295 more") };

void certificate_chain_add(struct certificate_chain *chain, const unsigned char *der, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < chain->count; i++)
        used += chain->size[i];
    if (chain->left_out || chain->count == CERTIFICATE_CHAIN_MAX ||
        size > sizeof(chain->der) - used) {
        chain->left_out++;
        return;
    }
    memcpy(chain->der + used, der, size);
    chain->size[chain->count++] = (uint32_t)size;
}

bool certificate_chain_is_seen(const struct certificate_chain *chain)
{
    return chain->count || chain->left_out;
}

bool certificate_chain_begins(const struct certificate_chain *chain, const unsigned char *der,
                              size_t size)
{
    return chain->count && chain->size[0] == size && memcmp(chain->der, der, size) == 0;
}

/* --- texts --- */

static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static void distinguished_name(char text[CERTIFICATE_TEXT_SIZE], const mbedtls_x509_name *name)
{
    if (mbedtls_x509_dn_gets(text, CERTIFICATE_TEXT_SIZE, name) < 0)
        (void)str_copy(text, CERTIFICATE_TEXT_SIZE, "(too long to show)");
    make_printable(text);
}

static int64_t moment(const mbedtls_x509_time *time)
{
    struct tm parts = {
        .tm_year = time->year - 1900,
        .tm_mon = time->mon - 1,
        .tm_mday = time->day,
        .tm_hour = time->hour,
        .tm_min = time->min,
        .tm_sec = time->sec,
    };
    return timegm(&parts);
}

/* --- names --- */

struct name {
    bool host; /* else an address */
    char text[NAME_MAX_BYTES];
};

/* One SAN as text: of a DNS name its bytes, of an address its usual form. */
static bool name_read(struct name *name, const mbedtls_x509_buf *san)
{
    enum { DNS = 2, ADDRESS = 7, V4_SIZE = 4, V6_SIZE = 16 };
    int tag = san->tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
    name->host = tag == DNS;
    if (tag == DNS && san->len > 0 && san->len < NAME_MAX_BYTES) {
        memcpy(name->text, san->p, san->len);
        name->text[san->len] = '\0';
        bool whole = strlen(name->text) == san->len;
        make_printable(name->text);
        return whole; /* one with a NUL in it is no host's name */
    }
    if (tag == ADDRESS && (san->len == V4_SIZE || san->len == V6_SIZE))
        return inet_ntop(san->len == V4_SIZE ? AF_INET : AF_INET6, san->p, name->text,
                         NAME_MAX_BYTES) != NULL;
    return false;
}

/* The next SAN that is a name or an address, from `*each` on; false at the end. */
static bool next_name(const mbedtls_x509_sequence **each, struct name *name)
{
    while (*each && (*each)->buf.p) {
        const mbedtls_x509_buf *san = &(*each)->buf;
        *each = (*each)->next;
        if (name_read(name, san))
            return true;
    }
    return false;
}

/* RFC 9525, 6.3: a whole leftmost label may be a wildcard, no other. */
static bool dns_matches(const char *pattern, const char *name)
{
    if (pattern[0] == '*' && pattern[1] == '.') {
        const char *dot = strchr(name, '.');
        return dot && dot != name && strcasecmp(pattern + 1, dot) == 0;
    }
    return strcasecmp(pattern, name) == 0;
}

static bool address_matches(const char *text, const char *name)
{
    unsigned char one[sizeof(struct in6_addr)], other[sizeof(struct in6_addr)];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(family, text, one) == 1 && inet_pton(family, name, other) == 1 &&
           memcmp(one, other, family == AF_INET ? sizeof(struct in_addr) : sizeof(one)) == 0;
}

static bool name_matches(const struct name *name, const char *wanted)
{
    return name->host ? dns_matches(name->text, wanted) : address_matches(name->text, wanted);
}

/* A part of a name would be another name, and a separator within one would forge one. */
static void add_name(struct certificate_facts *facts, const struct name *name)
{
    enum { ROOM = CERTIFICATE_NAMES_SIZE - MORE_SIZE };
    size_t length = strlen(facts->names);
    const char *separator = length ? ", " : "";
    const char *kind = name->host ? "DNS:" : "IP:";
    size_t whole = length + strlen(separator) + strlen(kind) + strlen(name->text);
    if (whole >= ROOM || strchr(name->text, ',')) {
        facts->names_left_out++;
        return;
    }
    (void)snprintf(facts->names + length, sizeof(facts->names) - length, "%s%s%s", separator, kind,
                   name->text);
}

static void read_names(struct certificate_facts *facts, const mbedtls_x509_crt *leaf,
                       const char *wanted)
{
    const mbedtls_x509_sequence *each = &leaf->subject_alt_names;
    struct name name;
    while (next_name(&each, &name)) {
        add_name(facts, &name);
        facts->named |= name_matches(&name, wanted);
    }
    size_t length = strlen(facts->names);
    if (facts->names_left_out)
        (void)snprintf(facts->names + length, sizeof(facts->names) - length, "%sand %u more",
                       length ? ", " : "", (unsigned)facts->names_left_out);
}

/* One name of the text, "DNS:a.example" or "IP:192.0.2.1"; what follows it, or NULL at the end. */
static const char *next_of_text(const char *at, struct name *name)
{
    size_t length = strcspn(at, ",");
    const char *end = at + length;
    name->host = str_starts(at, "DNS:");
    at += name->host ? strlen("DNS:") : str_starts(at, "IP:") ? strlen("IP:") : 0;
    length = (size_t)(end - at);
    if (length >= NAME_MAX_BYTES)
        length = 0;
    memcpy(name->text, at, length);
    name->text[length] = '\0';
    return *end ? end + strspn(end, ", ") : NULL;
}

/* Whether one of the names is `wanted`, or a host's at all where that is NULL. */
static bool is_wanted(const struct name *name, const char *wanted)
{
    return wanted ? name_matches(name, wanted) : name->host;
}

static bool text_holds(const struct certificate_facts *facts, const char *wanted)
{
    bool held = false;
    for (const char *at = facts->names[0] ? facts->names : NULL; at && !held;) {
        struct name name;
        at = next_of_text(at, &name);
        held = is_wanted(&name, wanted);
    }
    return held;
}

static bool leaf_holds(const struct certificate_chain *chain, const char *wanted)
{
    mbedtls_x509_crt leaf;
    struct name name;
    bool held = false;
    mbedtls_x509_crt_init(&leaf);
    if (chain->count && mbedtls_x509_crt_parse_der(&leaf, chain->der, chain->size[0]) == 0)
        for (const mbedtls_x509_sequence *each = &leaf.subject_alt_names;
             !held && next_name(&each, &name);)
            held = is_wanted(&name, wanted);
    mbedtls_x509_crt_free(&leaf);
    return held;
}

bool certificate_names_hold(const struct certificate_facts *facts,
                            const struct certificate_chain *chain, const char *name)
{
    return text_holds(facts, name) || (facts->names_left_out && leaf_holds(chain, name));
}

bool certificate_names_a_host(const struct certificate_facts *facts,
                              const struct certificate_chain *chain)
{
    return text_holds(facts, NULL) || (facts->names_left_out && leaf_holds(chain, NULL));
}

/* --- key and signature --- */

int certificate_fingerprint(const unsigned char *der, size_t size,
                            char text[CERTIFICATE_FINGERPRINT_SIZE])
{
    enum { DIGEST_SIZE = 32, EACH = sizeof(":AB") - 1 };
    unsigned char digest[DIGEST_SIZE];
    if (mbedtls_sha256(der, size, digest, 0) != 0)
        return -EIO;
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        (void)snprintf(text + i * EACH, CERTIFICATE_FINGERPRINT_SIZE - i * EACH, "%02X%s",
                       digest[i], i + 1 < DIGEST_SIZE ? ":" : "");
    return 0;
}

static void read_key(struct certificate_facts *facts, const mbedtls_pk_context *key)
{
    size_t bits = mbedtls_pk_get_bitlen(key);
    bool rsa = mbedtls_pk_can_do(key, MBEDTLS_PK_RSA) == 1;
    bool curve = mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA) == 1; /* of those that are built in */
    (void)snprintf(facts->key, sizeof(facts->key), "%s %zu", mbedtls_pk_get_name(key), bits);
    facts->weak_key = rsa ? bits < RSA_BITS_LEAST : !curve;
}

static void read_signature(struct certificate_facts *facts, const mbedtls_x509_crt *leaf)
{
    static const struct {
        mbedtls_md_type_t hash;
        const char *name;
        bool weak;
    } hashes[] = {
        {MBEDTLS_MD_MD5, "MD5", true},        {MBEDTLS_MD_SHA1, "SHA1", true},
        {MBEDTLS_MD_SHA224, "SHA224", false}, {MBEDTLS_MD_SHA256, "SHA256", false},
        {MBEDTLS_MD_SHA384, "SHA384", false}, {MBEDTLS_MD_SHA512, "SHA512", false},
    };
    for (size_t i = 0; i < countof(hashes); i++)
        if (hashes[i].hash == leaf->MBEDTLS_PRIVATE(sig_md)) {
            (void)str_copy(facts->signature, sizeof(facts->signature), hashes[i].name);
            facts->weak_signature = hashes[i].weak;
        }
}

/* --- the chain --- */

static bool self_issued(const mbedtls_x509_crt *certificate)
{
    return certificate->issuer_raw.len == certificate->subject_raw.len &&
           memcmp(certificate->issuer_raw.p, certificate->subject_raw.p,
                  certificate->subject_raw.len) == 0;
}

/* An authority with the key that made the signature. */
static bool issued_by(mbedtls_x509_crt *certificate, mbedtls_x509_crt *issuer)
{
    uint32_t flags = 0;
    int error = mbedtls_x509_crt_verify(certificate, issuer, NULL, NULL, &flags, NULL, NULL);
    return error == 0 || (error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED &&
                          (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) == 0);
}

static size_t parse_all(mbedtls_x509_crt parsed[CERTIFICATE_CHAIN_MAX],
                        const struct certificate_chain *chain)
{
    const unsigned char *at = chain->der;
    size_t count = 0;
    for (; count < chain->count; at += chain->size[count++])
        if (mbedtls_x509_crt_parse_der(&parsed[count], at, chain->size[count]) != 0)
            break;
    return count;
}

static void read_order(struct certificate_facts *facts, mbedtls_x509_crt *parsed, size_t count)
{
    size_t last = 0;
    while (last + 1 < count && issued_by(&parsed[last], &parsed[last + 1]))
        last++;
    facts->in_order = (uint32_t)last + 1;
    facts->complete = self_issued(&parsed[last]);
}

void certificate_read(struct certificate_facts *facts, const struct certificate_chain *chain,
                      const char *name, bool by_name)
{
    mbedtls_x509_crt parsed[CERTIFICATE_CHAIN_MAX];
    *facts = (struct certificate_facts){.by_name = by_name};
    (void)str_copy(facts->wanted, sizeof(facts->wanted), name);
    make_printable(facts->wanted);
    for (size_t i = 0; i < countof(parsed); i++)
        mbedtls_x509_crt_init(&parsed[i]);
    size_t count = parse_all(parsed, chain);
    if (count > 0) {
        facts->parsed =
            certificate_fingerprint(chain->der, chain->size[0], facts->fingerprint) == 0;
        distinguished_name(facts->subject, &parsed[0].subject);
        distinguished_name(facts->issuer, &parsed[0].issuer);
        facts->not_before_s = moment(&parsed[0].valid_from);
        facts->not_after_s = moment(&parsed[0].valid_to);
        facts->self_issued = self_issued(&parsed[0]);
        read_names(facts, &parsed[0], name);
        read_key(facts, &parsed[0].pk);
        read_signature(facts, &parsed[0]);
        read_order(facts, parsed, count);
    }
    for (size_t i = 0; i < countof(parsed); i++)
        mbedtls_x509_crt_free(&parsed[i]);
}
