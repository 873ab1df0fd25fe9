/* Reading the text form of settings: lines to values, all of them or none, every fault reported. */
#include "base/str.h"
#include "settings/rules.h"
#include "settings/text.h"
#include "settings/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct import {
    const char *name;
    bool questions_only;
    struct settings pending;
    size_t line;                /* of the line that is being read */
    size_t seen[SETTING_COUNT]; /* where a key stood first, 0: nowhere */
    bool bad[SETTING_COUNT];    /* it has a fault of its own already */
    struct buf *faults;
    int error; /* 0, -EINVAL once there is a fault, or -ENOMEM */
};

enum { SHOWN_NAME_MAX = 64 };

/* A name as the file has it, unless it could do harm on a terminal. */
static void put_name(const char *name, struct buf *out)
{
    static const char clean[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (strlen(name) <= SHOWN_NAME_MAX && name[strspn(name, clean)] == '\0')
        buf_puts(out, name);
    else
        value_quote(name, out);
}

static void fault(struct import *import, size_t line, const char *key, const char *why)
{
    buf_puts(import->faults, import->name);
    if (line)
        buf_printf(import->faults, ":%zu", line);
    buf_puts(import->faults, ": ");
    if (key[0] != '\0') {
        put_name(key, import->faults);
        buf_puts(import->faults, ": ");
    }
    buf_printf(import->faults, "%s\n", why);
    if (import->error == 0)
        import->error = -EINVAL;
}

/* Removes the quotes in place. NULL, or the fault. */
static const char *unquote(char *value)
{
    char *to = value, *from = value + 1;
    for (; *from != '"'; from++) {
        if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        if (*from == '\0')
            return "the closing quote is missing";
        *to++ = *from;
    }
    from += 1 + strspn(from + 1, " \t");
    *to = '\0';
    return *from == '\0' || *from == '#' ? NULL : "text follows the closing quote";
}

/* Cuts a comment and the white space before it. */
static void cut_comment(char *value)
{
    for (char *at = value; *at != '\0'; at++) {
        if (*at == '#' && (at == value || at[-1] == ' ' || at[-1] == '\t')) {
            *at = '\0';
            break;
        }
    }
    (void)str_trim(value);
}

/* Stores a value that stands under a known key. */
static void take_value(struct import *import, enum setting_key key, const char *value)
{
    const struct setting_info *info = &setting_table[key];
    bool first = import->seen[key] == 0;
    struct buf why = {0};
    int error = 0;
    if (first)
        import->seen[key] = import->line;
    if (!first && !info->is_list) {
        buf_printf(&why, "occurs twice, first in line %zu", import->seen[key]);
        error = -EINVAL;
    } else {
        if (first && info->is_list)
            error = settings_put(&import->pending, key, "", NULL);
        if (error == 0 && info->is_list && value[0] != '\0')
            error = settings_add(&import->pending, key, value, &why);
        else if (error == 0 && !info->is_list)
            error = settings_put(&import->pending, key, value, &why);
    }
    if (error == -EINVAL) {
        import->bad[key] = true;
        fault(import, import->line, info->name, buf_text(&why));
    } else if (error) {
        import->error = error;
    }
    buf_free(&why);
}

static void take_pair(struct import *import, const char *name, char *value)
{
    struct buf why = {0};
    const char *reason = NULL;
    int key = setting_find(name);
    if (key < 0)
        setting_unknown(name, &why);
    else if (import->questions_only && setting_table[key].question == 0)
        buf_puts(&why, "not a question of the security wizard");
    else if (value[0] == '"')
        reason = unquote(value);
    else
        cut_comment(value);
    if (reason)
        buf_puts(&why, reason);
    if (why.length == 0 && key >= 0)
        take_value(import, (enum setting_key)key, value);
    else
        fault(import, import->line, name, buf_text(&why));
    buf_free(&why);
}

/* A line that is not text: only a known key is reported, so that nothing else is shown. */
static void refuse_line(struct import *import, char *line)
{
    line[strcspn(line, "=")] = '\0';
    const char *name = str_trim(line);
    fault(import, import->line, setting_find(name) < 0 ? "" : name,
          "not UTF-8 text, or with control characters");
}

/* Without '=' only the first word is reported: the rest might be a secret. */
static void take_line(struct import *import, char *line, size_t length)
{
    if (length && line[length - 1] == '\r')
        line[--length] = '\0';
    if (!str_is_text(line, length)) {
        refuse_line(import, line);
        return;
    }
    char *name = str_trim(line);
    if (name[0] == '\0' || name[0] == '#')
        return;
    char *equals = strchr(name, '=');
    if (!equals) {
        name[strcspn(name, " \t")] = '\0';
        fault(import, import->line, name, "not KEY = VALUE");
        return;
    }
    *equals = '\0';
    take_pair(import, str_trim(name), str_trim(equals + 1));
}

static void take_lines(struct import *import, char *text, size_t size)
{
    static const char mark[] = "\xef\xbb\xbf";
    char *end = text + size;
    if (str_starts(text, mark))
        text += strlen(mark);
    while (text < end && import->error != -ENOMEM) {
        char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);
        import->line++;
        text[length] = '\0';
        take_line(import, text, length);
        text += length + 1;
    }
}

/* The line to report for a broken rule: that of its setting, else of the setting it is compared
 * with. */
static size_t line_of_rule(const struct import *import, size_t rule)
{
    size_t line = import->seen[rule_key(rule)];
    for (size_t i = 0; line == 0 && rule_other(rule, i) != SETTING_NONE; i++)
        line = import->seen[rule_other(rule, i)];
    return line;
}

static bool rule_has_bad(const struct import *import, size_t rule)
{
    bool bad = import->bad[rule_key(rule)];
    for (size_t i = 0; rule_other(rule, i) != SETTING_NONE; i++)
        bad = bad || import->bad[rule_other(rule, i)];
    return bad;
}

static void check_rules(struct import *import)
{
    for (size_t rule = 0; rule < rules_count(); rule++) {
        struct buf why = {0};
        if (!rule_has_bad(import, rule) && !rule_holds(rule, &import->pending, &why))
            fault(import, line_of_rule(import, rule), setting_table[rule_key(rule)].name,
                  buf_text(&why));
        buf_free(&why);
    }
}

static int import_text(struct settings *settings, struct import *import, const char *data,
                       size_t size)
{
    if (size > SETTINGS_TEXT_MAX) {
        fault(import, 0, "", "longer than 65536 bytes");
        return -EFBIG;
    }
    char *text = malloc(size + 1);
    if (!text)
        return -ENOMEM;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    import->error = settings_copy(&import->pending, settings);
    if (import->error == 0)
        take_lines(import, text, size);
    if (import->error != -ENOMEM)
        check_rules(import);
    explicit_bzero(text, size);
    free(text);
    if (import->error == 0) {
        settings_free(settings);
        *settings = import->pending;
        import->pending = (struct settings){0};
    }
    settings_free(&import->pending);
    return import->error;
}

int settings_import(struct settings *settings, const char *name, const char *data, size_t size,
                    struct buf *faults)
{
    struct import import = {.name = name, .faults = faults};
    return import_text(settings, &import, data, size);
}

int settings_import_answers(struct settings *settings, const char *name, const char *data,
                            size_t size, struct buf *faults)
{
    struct import import = {.name = name, .faults = faults, .questions_only = true};
    return import_text(settings, &import, data, size);
}
