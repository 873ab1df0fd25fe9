/* Stamps, texts, and a record's lists in OpenSSL's words. */
#include "render/openssl_names.h"

#include "base/str.h"

#include <inttypes.h>
#include <string.h>

#define WRITER "holdfast " HOLDFAST_VERSION

enum { JSON_SCHEMA = 1 };

void openssl_names_stamp(const struct policy *policy, struct buf *out)
{
    buf_printf(out,
               "# Written by " WRITER " for revision %" PRIu64
               " of the settings; changes are undone.\n",
               policy->revision);
}

void openssl_names_stamp_json(const struct policy *policy, struct json *json)
{
    json_string(json, "written_by", WRITER);
    json_u64(json, "schema", JSON_SCHEMA);
    json_u64(json, "revision", policy->revision);
    json_string(json, "role", policy->role == ROLE_CONFERENCING ? "conferencing" : "management");
}

void openssl_names_text_json(const struct policy *policy, const char *name, enum setting_key key,
                             struct json *json)
{
    const char *text = settings_text(policy->settings, key);
    if (text[0])
        json_string(json, name, text);
    else
        json_null(json, name);
}

const char *openssl_names_version(enum tls_version version)
{
    switch (version) {
    case SSL_3_0:
        return "SSLv3";
    case TLS_1_0:
        return "TLSv1";
    case TLS_1_1:
        return "TLSv1.1";
    case TLS_1_2:
        return "TLSv1.2";
    case TLS_1_3:
        break;
    }
    return "TLSv1.3";
}

static void put(struct buf *out, bool *first, const char *word)
{
    buf_printf(out, "%s%s", *first ? "" : ":", word);
    *first = false;
}

/* OpenSSL 3 has MD5 and SHA-1 signatures, so TLS 1.0 and 1.1, at level 0 alone, and suites without
 * a certificate too (SSL_CTX_set_security_level(3)). Which signatures TLS 1.2 takes is said beside
 * it, so that level 0 adds none there. */
static unsigned security_level(const struct surface_record *record)
{
    unsigned level = record->first < TLS_1_2 ? 0 : 2;
    for (size_t i = 0; i < record->suite_count; i++)
        if (record->suites[i]->exchange == EXCHANGE_DH_ANON)
            level = 0;
    return level;
}

void openssl_names_ciphers(const struct surface_record *record, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < record->suite_count; i++)
        if (record->suites[i]->last < TLS_1_3)
            put(out, &first, record->suites[i]->openssl);
    buf_printf(out, ":@SECLEVEL=%u", security_level(record));
}

/* What OpenSSL calls by one word, whatever the certificate. */
static const struct {
    const char *end, *word;
} ecdhe_words[] = {
    {"-AES256-GCM-SHA384", "ECDHE+AES256+AESGCM"}, {"-AES128-GCM-SHA256", "ECDHE+AES128+AESGCM"},
    {"-CHACHA20-POLY1305", "ECDHE+CHACHA20"},      {"-AES256-SHA384", "ECDHE+AES256+SHA384"},
    {"-AES128-SHA256", "ECDHE+AES128+SHA256"},     {"-AES256-SHA", "ECDHE+AES256+SHA1"},
    {"-AES128-SHA", "ECDHE+AES128+SHA1"},
};

static const char *short_word(const struct suite *suite)
{
    bool ecdhe = suite->exchange == EXCHANGE_ECDHE_ECDSA || suite->exchange == EXCHANGE_ECDHE_RSA;
    size_t length = strlen(suite->openssl);
    for (size_t i = 0; ecdhe && i < countof(ecdhe_words); i++) {
        size_t end = strlen(ecdhe_words[i].end);
        if (length > end && str_equal(suite->openssl + length - end, ecdhe_words[i].end))
            return ecdhe_words[i].word;
    }
    return suite->openssl;
}

/* Two suites of one word follow each other in the table, and are switched together. */
void openssl_names_ciphers_short(const struct surface_record *record, struct buf *out)
{
    const char *last = "";
    bool first = true;
    for (size_t i = 0; i < record->suite_count; i++) {
        const char *word = short_word(record->suites[i]);
        if (record->suites[i]->last < TLS_1_3 && !str_equal(word, last))
            put(out, &first, word);
        last = word;
    }
    buf_printf(out, ":@SECLEVEL=%u", security_level(record));
}

void openssl_names_suites_of_1_3(const struct surface_record *record, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < record->suite_count; i++)
        if (record->suites[i]->last == TLS_1_3)
            put(out, &first, record->suites[i]->openssl);
}

void openssl_names_groups(const struct surface_record *record, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < record->group_count; i++)
        put(out, &first, record->groups[i]->openssl);
}

void openssl_names_signatures(const struct surface_record *record, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < record->signature_count; i++)
        put(out, &first, record->signatures[i]->openssl);
}
