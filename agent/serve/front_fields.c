/* Fields of HTTP heads. */
#include "serve/front_fields.h"

#include "base/str.h"

#include <errno.h>
#include <mbedtls/base64.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BLANK " \t"

enum { HASH_SIZE = 32, HASH_TEXT_SIZE = 48 };

/* True for parameters with a weight of "0", "0." or "0.000", which refuses (RFC 9110, 12.4.2). */
static bool has_zero_weight(const char *at, const char *end)
{
    while (at < end) {
        at += strspn(at, BLANK ";");
        size_t length = strcspn(at, BLANK ";,");
        if (length > 2 && strncasecmp(at, "q=", 2) == 0)
            return strspn(at + 2, "0.") == length - 2;
        at += length;
    }
    return false;
}

bool field_accepts(const char *accept, const char *type)
{
    size_t type_length = strlen(type);
    while (*accept) {
        accept += strspn(accept, BLANK ",");
        size_t length = strcspn(accept, ",");
        size_t name = strcspn(accept, BLANK ";,");
        if (name == type_length && strncasecmp(accept, type, name) == 0)
            return !has_zero_weight(accept + name, accept + length);
        accept += length;
    }
    return false;
}

bool field_lists_etag(const char *if_none_match, const char *etag)
{
    size_t etag_length = strlen(etag);
    const char *at = if_none_match + strspn(if_none_match, BLANK);
    if (at[0] == '*')
        return at[1 + strspn(at + 1, BLANK)] == '\0';
    while (*at) {
        if (str_starts(at, "W/"))
            at += 2;
        const char *end = at[0] == '"' ? strchr(at + 1, '"') : NULL;
        if (!end)
            return false;
        size_t length = (size_t)(end - at) + 1;
        if (length == etag_length && memcmp(at, etag, length) == 0)
            return true;
        at = end + 1;
        at += strspn(at, BLANK ",");
    }
    return false;
}

/* Finds what stands between <style> and </style>. */
static bool find_style(const char *html, size_t size, const char **style, size_t *length)
{
    static const char open[] = "<style>", close[] = "</style>";
    const char *begin = memmem(html, size, open, sizeof(open) - 1);
    if (!begin)
        return false;
    begin += sizeof(open) - 1;
    const char *end = memmem(begin, size - (size_t)(begin - html), close, sizeof(close) - 1);
    if (!end)
        return false;
    *style = begin;
    *length = (size_t)(end - begin);
    return true;
}

int field_content_policy(const void *html, size_t size, char policy[FIELD_POLICY_SIZE])
{
    unsigned char hash[HASH_SIZE], text[HASH_TEXT_SIZE];
    char source[HASH_TEXT_SIZE + sizeof("style-src 'sha256-'; ")] = "";
    const char *style;
    size_t length, written;
    if (find_style(html, size, &style, &length)) {
        if (mbedtls_sha256((const unsigned char *)style, length, hash, 0) ||
            mbedtls_base64_encode(text, sizeof(text), &written, hash, sizeof(hash)))
            return -EIO;
        (void)snprintf(source, sizeof(source), "style-src 'sha256-%s'; ", (const char *)text);
    }
    int used = snprintf(policy, FIELD_POLICY_SIZE,
                        "default-src 'none'; %sbase-uri 'none'; form-action 'none'; "
                        "frame-ancestors 'none'",
                        source);
    return used < 0 || used >= FIELD_POLICY_SIZE ? -EMSGSIZE : 0;
}
