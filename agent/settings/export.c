/* Writing the text form of settings. */
#include "base/str.h"
#include "settings/text.h"

#include <string.h>

static bool needs_quotes(const char *value)
{
    size_t length = strlen(value);
    return length && (strchr(" \t\"#", value[0]) || strchr(" \t", value[length - 1]) ||
                      strstr(value, " #") || strstr(value, "\t#"));
}

static void put_quoted(const char *value, struct buf *out)
{
    buf_putc(out, '"');
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *value);
    }
    buf_putc(out, '"');
}

void settings_line(const char *name, const char *value, struct buf *out)
{
    buf_printf(out, "%s =%s", name, value[0] != '\0' ? " " : "");
    if (needs_quotes(value))
        put_quoted(value, out);
    else
        buf_puts(out, value);
    buf_putc(out, '\n');
}

static void put_items(const struct settings *settings, enum setting_key key, struct buf *out)
{
    char item[SETTING_ITEM_SIZE];
    for (size_t cursor = 0; settings_item(settings, key, &cursor, item);)
        settings_line(setting_table[key].name, item, out);
    explicit_bzero(item, sizeof(item));
}

static void put_comment(const struct settings *settings, enum setting_key key, struct buf *out)
{
    buf_printf(out, "# %s = ", setting_table[key].name);
    setting_show(settings, key, out);
    buf_putc(out, '\n');
}

void setting_export(const struct settings *settings, enum setting_key key, bool with_secrets,
                    struct buf *out)
{
    const char *text = settings_text(settings, key);
    if (!with_secrets && setting_is_secret(settings, key))
        put_comment(settings, key, out);
    else if (text[0] != '\0' && setting_table[key].is_list)
        put_items(settings, key, out);
    else
        settings_line(setting_table[key].name, text, out);
}

void settings_export(const struct settings *settings, enum export_what what, bool with_secrets,
                     struct buf *out)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_key key = (enum setting_key)i;
        if (what == EXPORT_ALL ||
            !str_equal(settings_text(settings, key), setting_table[key].initial))
            setting_export(settings, key, with_secrets, out);
    }
}
