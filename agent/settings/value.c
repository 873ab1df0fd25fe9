/* Parsing of one value: words, numbers and texts. Addresses, names and servers lie beside it. */
#include "settings/value.h"

#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum { QUOTE_MAX = 64 };

void value_quote(const char *text, struct buf *out)
{
    size_t length = strlen(text);
    size_t shown = length > QUOTE_MAX ? QUOTE_MAX : length;
    buf_putc(out, '"');
    for (size_t i = 0; i < shown; i++)
        buf_putc(out, text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?');
    buf_puts(out, length > shown ? "...\"" : "\"");
}

bool value_is_word(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = words;; at++) {
        size_t word = strcspn(at, "|");
        if (word == length && strncmp(at, text, length) == 0)
            return true;
        at += word;
        if (*at == '\0')
            return false;
    }
}

void value_list_words(const char *words, struct buf *out)
{
    for (const char *at = words;; at++) {
        size_t word = strcspn(at, "|");
        if (at != words)
            buf_puts(out, strchr(at, '|') ? ", " : " or ");
        if (word)
            buf_append(out, at, word);
        else
            buf_puts(out, "\"\"");
        at += word;
        if (*at == '\0')
            return;
    }
}

static int parse_bool(const struct setting_info *info, const char *text, struct buf *out,
                      struct buf *why)
{
    static const struct {
        const char *word, *canonical;
    } words[] = {{"yes", "yes"}, {"y", "yes"}, {"true", "yes"},
                 {"no", "no"},   {"n", "no"},  {"false", "no"}};
    (void)info;
    for (size_t i = 0; i < countof(words); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            buf_puts(out, words[i].canonical);
            return 0;
        }
    }
    value_quote(text, why);
    buf_puts(why, " is neither yes nor no");
    return -EINVAL;
}

/* Ports too: they are numbers with bounds. */
static int parse_uint(const struct setting_info *info, const char *text, struct buf *out,
                      struct buf *why)
{
    uint64_t value;
    int error = str_to_u64(text, info->least, info->most, &value);
    if (error == 0) {
        buf_printf(out, "%" PRIu64, value);
        return 0;
    }
    value_quote(text, why);
    buf_printf(why, " is not a number from %" PRIu64 " to %" PRIu64, info->least, info->most);
    return -EINVAL;
}

static int parse_enum(const struct setting_info *info, const char *text, struct buf *out,
                      struct buf *why)
{
    if (!strchr(text, '|') && value_is_word(info->words, text)) {
        buf_puts(out, text);
        return 0;
    }
    value_quote(text, why);
    buf_puts(why, " is not ");
    value_list_words(info->words, why);
    return -EINVAL;
}

/* True for text on one line that leaves a terminal alone: no C0, no C1 control characters. */
static bool is_line(const char *text)
{
    if (!str_is_text(text, strlen(text)) || strpbrk(text, "\t\n"))
        return false;
    for (const char *at = text; (at = strchr(at, 0xc2)); at++) {
        if ((unsigned char)at[1] < 0xa0)
            return false;
    }
    return true;
}

static int check_length(const struct setting_info *info, const char *text, struct buf *why)
{
    size_t length = strlen(text);
    if (length >= info->least && length <= info->most)
        return 0;
    buf_printf(why, "%zu bytes long, not %" PRIu64 " to %" PRIu64, length, info->least, info->most);
    return -EINVAL;
}

static int parse_text(const struct setting_info *info, const char *text, struct buf *out,
                      struct buf *why)
{
    if (!is_line(text)) {
        buf_puts(why, "not one line of UTF-8 text without control characters");
        return -EINVAL;
    }
    if (check_length(info, text, why) < 0)
        return -EINVAL;
    buf_puts(out, text);
    return 0;
}

static int parse_word(const struct setting_info *info, const char *text, struct buf *out,
                      struct buf *why)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || strchr("\"'\\", *at)) {
            buf_puts(why, "holds a space, a quote, a backslash or a character outside ASCII");
            return -EINVAL;
        }
    }
    return parse_text(info, text, out, why);
}

/* token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~"): RFC 3261,
 * section 25.1. */
static int parse_sip_token(const struct setting_info *info, const char *text, struct buf *out,
                           struct buf *why)
{
    static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-.!%*_+`'~";
    if (text[strspn(text, token)] != '\0') {
        value_quote(text, why);
        buf_puts(why, " is not a SIP token: letters, digits and -.!%*_+`'~ alone");
        return -EINVAL;
    }
    return parse_text(info, text, out, why);
}

static int (*const parsers[])(const struct setting_info *info, const char *text, struct buf *out,
                              struct buf *why) = {
    [TYPE_BOOL] = parse_bool,
    [TYPE_PORT] = parse_uint,
    [TYPE_UINT] = parse_uint,
    [TYPE_ENUM] = parse_enum,
    [TYPE_TEXT] = parse_text,
    [TYPE_WORD] = parse_word,
    [TYPE_HOSTNAME] = value_parse_hostname,
    [TYPE_DOMAIN] = value_parse_domain,
    [TYPE_HOST] = value_parse_host,
    [TYPE_URL] = value_parse_url,
    [TYPE_SIP_TOKEN] = parse_sip_token,
    [TYPE_ADDRESS] = value_parse_address,
    [TYPE_CIDR_LIST] = value_parse_cidr,
    [TYPE_ADDRESS_LIST] = value_parse_address,
    [TYPE_NTP_LIST] = value_parse_ntp,
    [TYPE_SYSLOG_LIST] = value_parse_syslog,
};

/* Bool and numbers refuse an empty text themselves; so does an enum without an empty word. */
static bool may_be_empty(const struct setting_info *info)
{
    bool has_words = info->type == TYPE_BOOL || info->type == TYPE_PORT ||
                     info->type == TYPE_UINT || info->type == TYPE_ENUM;
    return !has_words && !info->required;
}

int value_parse(const struct setting_info *info, const char *text, struct buf *out, struct buf *why)
{
    if (text[0] == '\0' && may_be_empty(info))
        return 0;
    if (text[0] == '\0' && info->required) {
        buf_puts(why, "must not be empty");
        return -EINVAL;
    }
    return parsers[info->type](info, text, out, why);
}
