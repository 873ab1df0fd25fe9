/* Strict, allocation-free string helpers. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

bool str_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

int str_to_u64(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    size_t i = 0;
    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return -EINVAL;
    for (; text[i] >= '0' && text[i] <= '9'; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return -ERANGE;
        sum = sum * 10 + digit;
    }
    if (text[i] != '\0')
        return -EINVAL;
    if (sum < min || sum > max)
        return -ERANGE;
    *value = sum;
    return 0;
}

int str_copy(char *to, size_t size, const char *from)
{
    size_t length = strlen(from);
    if (length >= size) {
        to[0] = '\0';
        return -ENAMETOOLONG;
    }
    memcpy(to, from, length + 1);
    return 0;
}

char *str_trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

enum { UTF8_LONGEST = 4 };

/* The length of the well-formed sequence at `data`, 0 when there is none (RFC 3629, 4). */
static size_t utf8_sequence(const unsigned char *data, size_t size)
{
    static const struct {
        unsigned char first, last, low, high;
        size_t length;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (data[0] < 0x80)
        return 1;
    for (size_t f = 0; f < countof(forms); f++) {
        if (data[0] < forms[f].first || data[0] > forms[f].last)
            continue;
        if (forms[f].length > size)
            return 0;
        for (size_t i = 1; i < forms[f].length; i++) {
            unsigned char low = i == 1 ? forms[f].low : 0x80;
            unsigned char high = i == 1 ? forms[f].high : 0xbf;
            if (data[i] < low || data[i] > high)
                return 0;
        }
        return forms[f].length;
    }
    return 0;
}

/* C0, DEL and C1 (ECMA-48, 5): terminals obey the last, too. */
static bool is_control(const unsigned char *at, size_t length)
{
    return length == 1 ? at[0] < 0x20 || at[0] == 0x7f
                       : length == 2 && at[0] == 0xc2 && at[1] < 0xa0;
}

bool str_is_text(const char *data, size_t size)
{
    const unsigned char *at = (const unsigned char *)data;
    while (size) {
        size_t step = utf8_sequence(at, size);
        if (step == 0 || (is_control(at, step) && *at != '\t' && *at != '\n'))
            return false;
        at += step;
        size -= step;
    }
    return true;
}

/* A NUL ends no sequence, so that nothing behind it is read. */
size_t str_character(const char *text)
{
    if (*text >= ' ' && *text <= '~')
        return 1; /* at once: most of any text is that */
    const unsigned char *at = (const unsigned char *)text;
    size_t length = utf8_sequence(at, UTF8_LONGEST);
    return is_control(at, length) ? 0 : length;
}

void str_clean(char *text, const char *kept)
{
    while (*text) {
        size_t length = str_character(text);
        if (length == 0 && !strchr(kept, *text))
            *text = '?';
        text += length ? length : 1;
    }
}
