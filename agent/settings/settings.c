/* The table of settings, and a set of values: defaults, storing, reading, comparing. */
#include "settings/settings.h"

#include "base/str.h"
#include "settings/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The guide's sections, as its headings name them. */
#define GUIDE_BOOTSTRAP   "Management Node deployment and bootstrap configuration"
#define GUIDE_WIZARD      GUIDE_BOOTSTRAP ", step 8"
#define GUIDE_IPV6        "IPv6 (optional)"
#define GUIDE_GLOBAL      "Global settings"
#define GUIDE_ACCOUNTS    "Configure administrator accounts and authentication settings"
#define GUIDE_DNS         "DNS servers"
#define GUIDE_NTP         "NTP servers"
#define GUIDE_SYSLOG      "Remote syslog servers"
#define GUIDE_SNMP        "SNMP"
#define GUIDE_LOCATION    "Location DSCP tags and MTU"
#define GUIDE_CONTINGENCY "Contingency deployment"
#define BEYOND_GUIDE      "Monitoring, which the guide leaves open"

const struct setting_info setting_table[SETTING_COUNT] = {
#define SETTING(key, title, ...) [key] = {.name = title, __VA_ARGS__},
#include "settings/settings.def"
#undef SETTING
};

int setting_find(const char *name)
{
    for (int key = 0; key < SETTING_COUNT; key++) {
        if (str_equal(setting_table[key].name, name))
            return key;
    }
    return -ENOENT;
}

/* Takes over the text of `value`; what stood there is wiped. */
static void replace(struct settings *settings, enum setting_key key, char *value)
{
    char *old = settings->value[key];
    if (old)
        explicit_bzero(old, strlen(old));
    free(old);
    settings->value[key] = value;
}

static int put_copy(struct settings *settings, enum setting_key key, const char *text)
{
    char *value = strdup(text);
    if (!value)
        return -ENOMEM;
    replace(settings, key, value);
    return 0;
}

int settings_defaults(struct settings *settings)
{
    for (int key = 0; key < SETTING_COUNT; key++) {
        if (put_copy(settings, (enum setting_key)key, setting_table[key].initial) < 0)
            return -ENOMEM;
    }
    return 0;
}

const char *setting_suggested(enum setting_key key)
{
    const struct setting_info *info = &setting_table[key];
    bool exact = info->rule == SECURE_IS || info->rule == SECURE_AT_MOST;
    return exact ? info->secure : info->suggested;
}

int settings_strictest(struct settings *settings)
{
    for (int key = 0; key < SETTING_COUNT; key++) {
        const char *suggested = setting_suggested((enum setting_key)key);
        if (put_copy(settings, (enum setting_key)key,
                     suggested ? suggested : setting_table[key].initial) < 0)
            return -ENOMEM;
    }
    return 0;
}

int settings_copy(struct settings *to, const struct settings *from)
{
    for (int key = 0; key < SETTING_COUNT; key++) {
        if (put_copy(to, (enum setting_key)key, settings_text(from, (enum setting_key)key)) < 0)
            return -ENOMEM;
    }
    return 0;
}

void settings_free(struct settings *settings)
{
    for (int key = 0; key < SETTING_COUNT; key++)
        replace(settings, (enum setting_key)key, NULL);
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
    for (int key = 0; key < SETTING_COUNT; key++) {
        if (!str_equal(settings_text(a, (enum setting_key)key),
                       settings_text(b, (enum setting_key)key)))
            return false;
    }
    return true;
}

/* Parses into `out`, which holds `before` already. */
static int parse_after(const struct setting_info *info, const char *before, const char *text,
                       struct buf *out, struct buf *why)
{
    struct buf unheard = {0};
    if (buf_reserve(out, strlen(before) + strlen(text) + VALUE_ROOM) < 0)
        return -ENOMEM;
    buf_puts(out, before);
    if (before[0] != '\0')
        buf_putc(out, '\n');
    int error = value_parse(info, text, out, why ? why : &unheard);
    buf_free(&unheard);
    return error ? error : buf_error(out);
}

/* The part of an item that tells it from the others: all of it, of a server its host. */
static size_t identity(const struct setting_info *info, const char *item)
{
    bool server = info->type == TYPE_NTP_LIST || info->type == TYPE_SYSLOG_LIST;
    return strcspn(item, server ? " \n" : "\n");
}

static bool has_item(const struct setting_info *info, const char *list, const char *item)
{
    size_t length = identity(info, item);
    for (const char *at = list; *at != '\0'; at += *at == '\n') {
        if (identity(info, at) == length && strncmp(at, item, length) == 0)
            return true;
        at += strcspn(at, "\n");
    }
    return false;
}

int settings_add(struct settings *settings, enum setting_key key, const char *item, struct buf *why)
{
    const struct setting_info *info = &setting_table[key];
    const char *before = settings_text(settings, key);
    struct buf out = {0}, unheard = {0};
    size_t start = before[0] == '\0' ? 0 : strlen(before) + 1;
    int error = parse_after(info, before, item, &out, why);
    if (error == 0 && has_item(info, before, out.data + start)) {
        buf_puts(why ? why : &unheard, "the same item stands twice");
        error = -EINVAL;
    }
    if (error == 0 && settings_count(settings, key) >= info->most) {
        buf_printf(why ? why : &unheard, "more than %u items", (unsigned)info->most);
        error = -EINVAL;
    }
    buf_free(&unheard);
    if (error)
        buf_wipe(&out);
    else
        replace(settings, key, out.data);
    return error;
}

static int put_list(struct settings *settings, enum setting_key key, const char *text,
                    struct buf *why)
{
    struct settings fresh = {0};
    int error = put_copy(&fresh, key, "");
    while (error == 0 && *text != '\0') {
        size_t length = strcspn(text, "\n");
        char *item = strndup(text, length);
        if (!item)
            error = -ENOMEM;
        else if (length)
            error = settings_add(&fresh, key, item, why);
        if (item)
            explicit_bzero(item, length);
        free(item);
        text += length + (text[length] == '\n');
    }
    if (error == 0) {
        replace(settings, key, fresh.value[key]);
        fresh.value[key] = NULL;
    }
    settings_free(&fresh);
    return error;
}

int settings_put(struct settings *settings, enum setting_key key, const char *text, struct buf *why)
{
    if (setting_table[key].is_list)
        return put_list(settings, key, text, why);
    struct buf out = {0};
    int error = parse_after(&setting_table[key], "", text, &out, why);
    if (error)
        buf_wipe(&out);
    else
        replace(settings, key, out.data);
    return error;
}

const char *settings_text(const struct settings *settings, enum setting_key key)
{
    return settings->value[key] ? settings->value[key] : "";
}

bool settings_bool(const struct settings *settings, enum setting_key key)
{
    return str_equal(settings_text(settings, key), "yes");
}

unsigned settings_uint(const struct settings *settings, enum setting_key key)
{
    uint64_t value = 0;
    return str_to_u64(settings_text(settings, key), 0, UINT32_MAX, &value) < 0 ? 0
                                                                               : (unsigned)value;
}

bool settings_item(const struct settings *settings, enum setting_key key, size_t *cursor,
                   char item[SETTING_ITEM_SIZE])
{
    const char *at = settings_text(settings, key) + *cursor;
    size_t length = strcspn(at, "\n");
    if (length == 0 || length >= SETTING_ITEM_SIZE)
        return false;
    memcpy(item, at, length);
    item[length] = '\0';
    *cursor += length + (at[length] == '\n');
    return true;
}

size_t settings_count(const struct settings *settings, enum setting_key key)
{
    size_t count = 0;
    for (const char *at = settings_text(settings, key); *at != '\0'; at += *at == '\n') {
        at += strcspn(at, "\n");
        count++;
    }
    return count;
}
