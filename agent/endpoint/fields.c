/* Fields of HTTP heads. */
#include "endpoint/fields.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <mbedtls/base64.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BLANK         " \t"
#define ALPHANUMERICS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

enum { HASH_SIZE = 32, HASH_TEXT_SIZE = 48, PORT_MAX = 65535 };

/* RFC 3986, 2.2 and 2.3: unreserved characters and delimiters of parts */
static const char name_characters[] = "-._~!$&'()*+,;=" ALPHANUMERICS;
static const char future_characters[] = ":-._~!$&'()*+,;=" ALPHANUMERICS;

/* --- characters --- */

/* How many of the first characters are of this set. */
static size_t span(const char *text, size_t length, const char *set)
{
    size_t at = 0;
    while (at < length && text[at] != '\0' && strchr(set, text[at]))
        at++;
    return at;
}

/* --- hosts --- */

static bool is_escape(const char *text, size_t length)
{
    return length > 2 && text[0] == '%' && isxdigit((unsigned char)text[1]) &&
           isxdigit((unsigned char)text[2]);
}

/* The length of the registered name, or the IPv4 address, that stands here. */
static size_t name_length(const char *text, size_t length)
{
    size_t at = 0;
    for (size_t step = 1; step > 0; at += step) {
        step = span(text + at, length - at, name_characters);
        if (step == 0 && is_escape(text + at, length - at))
            step = 3;
    }
    return at;
}

/* "v1.x": an address of a version to come (RFC 3986, 3.2.2). */
static bool is_future_address(const char *text, size_t length)
{
    size_t digits = length > 0 ? span(text + 1, length - 1, "0123456789abcdefABCDEF") : 0;
    size_t at = digits + 2;
    return digits > 0 && (text[0] == 'v' || text[0] == 'V') && at < length &&
           text[digits + 1] == '.' &&
           span(text + at, length - at, future_characters) == length - at;
}

/* The length of the IP address in brackets that stands here, or 0. */
static size_t literal_length(const char *text, size_t length)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr found;
    const char *end = memchr(text, ']', length);
    size_t size = end ? (size_t)(end - text) - 1 : 0;
    if (size == 0)
        return 0;
    if (is_future_address(text + 1, size))
        return size + 2;
    if (size >= sizeof(address) || memchr(text + 1, '\0', size))
        return 0;
    memcpy(address, text + 1, size);
    address[size] = '\0';
    return inet_pton(AF_INET6, address, &found) == 1 ? size + 2 : 0;
}

/* Digits, or none: "host:" means the scheme's own port. */
static bool is_port(const char *text, size_t length)
{
    unsigned port = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
        if (port > PORT_MAX)
            return false;
    }
    return length == 0 || port > 0;
}

bool fields_is_host(const char *text, size_t length)
{
    if (length == 0)
        return false;
    size_t host = text[0] == '[' ? literal_length(text, length) : name_length(text, length);
    if (host == 0 || host == length)
        return host != 0;
    return text[host] == ':' && is_port(text + host + 1, length - host - 1);
}

/* --- lists --- */

bool fields_lists_token(const char *list, size_t length, const char *token)
{
    const size_t token_length = strlen(token);
    for (size_t at = 0; at < length;) {
        at += span(list + at, length - at, BLANK ",");
        size_t word = at;
        while (at < length && (list[at] == '\0' || !strchr(BLANK ",", list[at])))
            at++;
        if (at - word == token_length && strncasecmp(list + word, token, token_length) == 0)
            return true;
    }
    return false;
}

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

bool fields_accepts(const char *accept, const char *type)
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

bool fields_lists_etag(const char *if_none_match, const char *etag)
{
    size_t etag_length = strlen(etag);
    const char *at = if_none_match + strspn(if_none_match, BLANK ",");
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

/* --- the content security policy --- */

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

int fields_content_policy(const void *html, size_t size, char policy[FIELDS_POLICY_SIZE])
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
    int used = snprintf(policy, FIELDS_POLICY_SIZE,
                        "default-src 'none'; %sbase-uri 'none'; form-action 'none'; "
                        "frame-ancestors 'none'",
                        source);
    return used < 0 || used >= FIELDS_POLICY_SIZE ? -EMSGSIZE : 0;
}
