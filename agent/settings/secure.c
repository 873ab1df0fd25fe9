/* Settings held against the guide, and what may be shown of them. */
#include "base/str.h"
#include "settings/settings.h"
#include "settings/value.h"

#include <errno.h>
#include <string.h>

bool setting_condition_holds(const struct settings *settings,
                             const struct setting_condition *condition)
{
    return !condition->words ||
           value_is_word(condition->words, settings_text(settings, condition->key));
}

static uint64_t secure_number(const struct setting_info *info)
{
    uint64_t number = 1;
    return info->secure && str_to_u64(info->secure, 0, UINT32_MAX, &number) == 0 ? number : 1;
}

static bool is_set(const struct settings *settings, enum setting_key key)
{
    const struct setting_info *info = &setting_table[key];
    return info->is_list ? settings_count(settings, key) >= secure_number(info)
                         : settings_text(settings, key)[0] != '\0';
}

static bool is_keyed(const struct settings *settings, enum setting_key key)
{
    char item[SETTING_ITEM_SIZE];
    bool keyed = is_set(settings, key);
    for (size_t cursor = 0; settings_item(settings, key, &cursor, item);)
        keyed = keyed && strstr(item, " key=");
    explicit_bzero(item, sizeof(item));
    return keyed;
}

bool setting_is_secure(const struct settings *settings, enum setting_key key)
{
    const struct setting_info *info = &setting_table[key];
    const char *text = settings_text(settings, key);
    unsigned number = settings_uint(settings, key);
    if (!setting_condition_holds(settings, &info->where))
        return true;
    switch (info->rule) {
    case SECURE_ANY:
        return true;
    case SECURE_IS:
        return str_equal(text, info->secure);
    case SECURE_IS_NOT:
        return !str_equal(text, info->secure);
    case SECURE_ONE_OF:
        return value_is_word(info->secure, text);
    case SECURE_AT_LEAST:
        return number >= secure_number(info);
    case SECURE_AT_MOST:
        return number >= 1 && number <= secure_number(info);
    case SECURE_SET:
        return is_set(settings, key);
    case SECURE_KEYED:
        return is_keyed(settings, key);
    }
    return false;
}

static void put_set_text(const struct setting_info *info, struct buf *out)
{
    if (info->is_list)
        buf_printf(out, "%s or more", info->secure);
    else
        buf_puts(out, "set");
    if (info->rule == SECURE_KEYED)
        buf_puts(out, ", each with a key");
}

void setting_secure_text(enum setting_key key, struct buf *out)
{
    const struct setting_info *info = &setting_table[key];
    switch (info->rule) {
    case SECURE_ANY:
        buf_puts(out, "any");
        break;
    case SECURE_IS:
        buf_puts(out, info->secure);
        break;
    case SECURE_IS_NOT:
        buf_printf(out, "not \"%s\"", info->secure);
        break;
    case SECURE_ONE_OF:
        value_list_words(info->secure, out);
        break;
    case SECURE_AT_LEAST:
        buf_printf(out, "%s or more", info->secure);
        break;
    case SECURE_AT_MOST:
        buf_printf(out, "%s or less", info->secure);
        break;
    case SECURE_SET:
    case SECURE_KEYED:
        put_set_text(info, out);
        break;
    }
    if (info->where.words) {
        buf_printf(out, " where %s is ", setting_table[info->where.key].name);
        value_list_words(info->where.words, out);
    }
}

bool setting_is_secret(const struct settings *settings, enum setting_key key)
{
    const struct setting_info *info = &setting_table[key];
    const char *text = settings_text(settings, key);
    return info->secret && text[0] != '\0' && !str_equal(text, info->initial);
}

/* One item, up to its secret: time servers show all but that. */
static void show_item(const char *item, bool secret, struct buf *out)
{
    static const char mark[] = " secret=";
    const char *hidden = secret ? strstr(item, mark) : NULL;
    size_t shown = hidden ? (size_t)(hidden - item) + strlen(mark) : strlen(item);
    buf_append(out, item, shown);
    if (hidden)
        buf_puts(out, "(set)");
}

void setting_show(const struct settings *settings, enum setting_key key, struct buf *out)
{
    const char *text = settings_text(settings, key);
    bool secret = setting_is_secret(settings, key);
    char item[SETTING_ITEM_SIZE];
    size_t shown = 0;
    if (text[0] == '\0')
        buf_puts(out, "(not set)");
    else if (secret && !setting_table[key].is_list)
        buf_puts(out, "(set)");
    else if (!setting_table[key].is_list)
        buf_puts(out, text);
    else
        for (size_t cursor = 0; settings_item(settings, key, &cursor, item); shown++) {
            buf_puts(out, shown ? ", " : "");
            show_item(item, secret, out);
        }
    explicit_bzero(item, sizeof(item));
}

const char *setting_inactive(const struct settings *settings, enum setting_key key)
{
    const struct setting_info *info = &setting_table[key];
    if (info->masked_by_fips && settings_bool(settings, key) &&
        settings_bool(settings, SECURITY_FIPS))
        return "masked by FIPS mode";
    if (info->inactive.words && setting_condition_holds(settings, &info->inactive))
        return info->inactive_why;
    return NULL;
}
