/* Which setting a mistyped name means. */
#include "base/str.h"
#include "settings/settings.h"
#include "settings/value.h"

#include <string.h>

enum { NAME_MAX_LENGTH = 48, FAR = 4 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace) that turn one name into the other: Levenshtein's distance, with
 * one row of the table at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LENGTH + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > NAME_MAX_LENGTH || b_length > NAME_MAX_LENGTH)
        return NAME_MAX_LENGTH;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

/* "ssh" and "udp_port" mean the one setting whose name ends so. */
static bool is_last_part(const char *name, const char *part)
{
    const char *dot = strchr(name, '.');
    return dot && str_equal(dot + 1, part);
}

enum setting_key setting_nearest(const char *name)
{
    enum setting_key nearest = SETTING_NONE;
    size_t best = FAR;
    for (int key = 0; key < SETTING_COUNT; key++) {
        bool part = is_last_part(setting_table[key].name, name);
        size_t edits = part ? 0 : distance(setting_table[key].name, name);
        if (edits < best) {
            best = edits;
            nearest = (enum setting_key)key;
        }
    }
    return nearest;
}

void setting_unknown(const char *name, struct buf *why)
{
    enum setting_key nearest = setting_nearest(name);
    buf_puts(why, "there is no such setting");
    if (nearest != SETTING_NONE)
        buf_printf(why, "; did you mean %s?", setting_table[nearest].name);
}
