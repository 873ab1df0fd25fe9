/* Parsing of what names a server: URLs, time servers with their keys, log servers. */
#include "base/str.h"
#include "settings/value.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { ATTRIBUTES_MAX = 4, HOST_SIZE = 256 };

/* "HOST name=value ...": the host, and the values of the names that are asked for. */
struct item {
    char text[SETTING_ITEM_SIZE]; /* cut into the strings below; wiped, since it may hold a key */
    const char *host;
    const char *value[ATTRIBUTES_MAX]; /* NULL where absent */
};

/* Files one "name=value" under its name. */
static int item_attribute(struct item *item, char *word, const char *const names[], struct buf *why)
{
    char *equals = strchr(word, '=');
    if (equals)
        *equals = '\0';
    for (size_t i = 0; names[i]; i++) {
        if (!equals || !str_equal(names[i], word))
            continue;
        if (item->value[i]) {
            buf_printf(why, "%s= stands twice", names[i]);
            return -EINVAL;
        }
        item->value[i] = equals + 1;
        return 0;
    }
    buf_puts(why, "after the host only these may stand:");
    for (size_t i = 0; names[i]; i++)
        buf_printf(why, " %s=", names[i]);
    return -EINVAL;
}

static int item_split(struct item *item, const char *text, const char *const names[],
                      struct buf *why)
{
    char *rest = NULL;
    if (str_copy(item->text, sizeof(item->text), text) < 0) {
        buf_puts(why, "longer than 511 bytes");
        return -EINVAL;
    }
    item->host = strtok_r(item->text, " \t", &rest);
    if (!item->host || strchr(item->host, '=')) {
        buf_puts(why, "names no host at its beginning");
        return -EINVAL;
    }
    for (char *word; (word = strtok_r(NULL, " \t", &rest)) != NULL;) {
        int error = item_attribute(item, word, names, why);
        if (error)
            return error;
    }
    return 0;
}

/* Kinds of keys, and how long their secrets are. Digests take at least the 80 bits below which
 * chronyd warns, and at most a SHA-512 block's half; CMAC (RFC 8573) takes the cipher's key. */
static const struct key_type {
    const char *name;
    size_t least_bytes, most_bytes;
} key_types[] = {
    {"sha1", 10, 64},   {"sha256", 10, 64}, {"sha384", 10, 64},
    {"sha512", 10, 64}, {"aes128", 16, 16}, {"aes256", 32, 32},
};

static const struct key_type *find_key_type(const char *name, struct buf *why)
{
    for (size_t i = 0; i < countof(key_types); i++) {
        if (strcasecmp(key_types[i].name, name) == 0)
            return &key_types[i];
    }
    if (strcasecmp(name, "md5") == 0)
        buf_puts(why, "MD5 keys are refused: FIPS mode has no MD5, the node would lose its time");
    else
        buf_puts(why, "type= is not sha1, sha256, sha384, sha512, aes128 or aes256");
    return NULL;
}

static int put_secret(const struct key_type *type, const char *hex, struct buf *out,
                      struct buf *why)
{
    size_t digits = strlen(hex), bytes = digits / 2;
    if (hex[strspn(hex, "0123456789abcdefABCDEF")] != '\0' || digits % 2) {
        buf_puts(why, "secret= is not whole bytes in hexadecimal");
        return -EINVAL;
    }
    if (bytes < type->least_bytes || bytes > type->most_bytes) {
        buf_printf(why, "the secret of a %s key has %zu to %zu bytes, this one %zu", type->name,
                   type->least_bytes, type->most_bytes, bytes);
        return -EINVAL;
    }
    for (; *hex != '\0'; hex++)
        buf_putc(out, *hex >= 'A' && *hex <= 'F' ? (char)(*hex - 'A' + 'a') : *hex);
    return 0;
}

enum { NTP_KEY, NTP_TYPE, NTP_SECRET };

static int put_ntp_key(const struct item *item, struct buf *out, struct buf *why)
{
    uint64_t id;
    if (!item->value[NTP_KEY] || !item->value[NTP_TYPE] || !item->value[NTP_SECRET]) {
        buf_puts(why, "a key takes all of key=, type= and secret=");
        return -EINVAL;
    }
    if (str_to_u64(item->value[NTP_KEY], 1, 65535, &id) < 0) {
        buf_puts(why, "key= is not a number from 1 to 65535");
        return -EINVAL;
    }
    const struct key_type *type = find_key_type(item->value[NTP_TYPE], why);
    if (!type)
        return -EINVAL;
    buf_printf(out, " key=%u type=%s secret=", (unsigned)id, type->name);
    return put_secret(type, item->value[NTP_SECRET], out, why);
}

int value_parse_ntp(const struct setting_info *info, const char *text, struct buf *out,
                    struct buf *why)
{
    static const char *const names[] = {"key", "type", "secret", NULL};
    struct item item = {0};
    int error = item_split(&item, text, names, why);
    if (error == 0)
        error = value_parse_host(info, item.host, out, why);
    if (error == 0 && (item.value[NTP_KEY] || item.value[NTP_TYPE] || item.value[NTP_SECRET]))
        error = put_ntp_key(&item, out, why);
    explicit_bzero(&item, sizeof(item));
    return error;
}

enum { SYSLOG_PORT, SYSLOG_PROTO };

/* Port 514 for all three unless said, as the platform has it; the registered one of syslog over
 * TLS is 6514 (RFC 5425, 4.1). */
int value_parse_syslog(const struct setting_info *info, const char *text, struct buf *out,
                       struct buf *why)
{
    static const char *const names[] = {"port", "proto", NULL};
    static const char protocols[] = "udp|tcp|tls";
    struct item item = {0};
    uint64_t port = 514;
    int error = item_split(&item, text, names, why);
    if (error == 0)
        error = value_parse_host(info, item.host, out, why);
    if (error)
        return error;
    if (item.value[SYSLOG_PORT] && str_to_u64(item.value[SYSLOG_PORT], 1, 65535, &port) < 0) {
        buf_puts(why, "port= is not a number from 1 to 65535");
        return -EINVAL;
    }
    const char *protocol = item.value[SYSLOG_PROTO] ? item.value[SYSLOG_PROTO] : "udp";
    if (strchr(protocol, '|') || !value_is_word(protocols, protocol)) {
        buf_puts(why, "proto= is not udp, tcp or tls");
        return -EINVAL;
    }
    buf_printf(out, " port=%u proto=%s", (unsigned)port, protocol);
    return 0;
}

/* Cuts "host", "host:port" or "[v6]:port" at the colon; NULL as port where there is none. */
static bool split_authority(char *authority, char **host, const char **port)
{
    *host = authority;
    *port = NULL;
    char *colon = strchr(authority, ':');
    if (authority[0] == '[') {
        char *end = strchr(authority, ']');
        if (!end || (end[1] != '\0' && end[1] != ':'))
            return false;
        *host = authority + 1;
        colon = end[1] == ':' ? end + 1 : NULL;
        *end = '\0';
    }
    if (colon) {
        *colon = '\0';
        *port = colon + 1;
    }
    return true;
}

static bool is_authority(const struct setting_info *info, const char *text, size_t length)
{
    char authority[HOST_SIZE], *host;
    const char *port;
    struct setting_info any = *info;
    struct buf out = {0}, why = {0};
    uint64_t number;
    if (length == 0 || length >= sizeof(authority))
        return false;
    memcpy(authority, text, length);
    authority[length] = '\0';
    any.address = ADDRESS_V6 | ADDRESS_LOOPBACK | (authority[0] == '[' ? 0 : ADDRESS_V4);
    if (!split_authority(authority, &host, &port))
        return false;
    bool is = (!port || str_to_u64(port, 1, 65535, &number) == 0) &&
              value_parse_host(&any, host, &out, &why) == 0 &&
              (host != authority) == (strchr(host, ':') != NULL);
    buf_free(&out);
    buf_free(&why);
    return is;
}

/* "http" "://" host [":" port] [path]: RFC 3986, 3 and 3.3, without user, query and fragment, none
 * of which an OCSP responder has (RFC 6960, A.1). */
int value_parse_url(const struct setting_info *info, const char *text, struct buf *out,
                    struct buf *why)
{
    static const char scheme[] = "http://";
    static const char path[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               "-._~!$&'()*+,;=:@%/";
    bool is = strncasecmp(text, scheme, strlen(scheme)) == 0 && strlen(text) <= info->most;
    if (is) {
        const char *authority = text + strlen(scheme);
        size_t length = strcspn(authority, "/");
        is = is_authority(info, authority, length) &&
             authority[length + strspn(authority + length, path)] == '\0';
    }
    if (!is) {
        value_quote(text, why);
        buf_puts(why, " is not an http URL: http://HOST[:PORT][/PATH]");
        return -EINVAL;
    }
    buf_printf(out, "%s%s", scheme, text + strlen(scheme));
    return 0;
}
