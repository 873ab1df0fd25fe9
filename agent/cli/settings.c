/* holdfast settings: the reference of all settings, as text or as the manual page's list. */
#include "base/log.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/stored.h"
#include "settings/value.h"

#include <inttypes.h>
#include <string.h>

static const char *const type_words[] = {
    [TYPE_BOOL] = "yes or no",
    [TYPE_PORT] = "port",
    [TYPE_UINT] = "number",
    [TYPE_ENUM] = "",
    [TYPE_TEXT] = "text",
    [TYPE_WORD] = "word of printable ASCII",
    [TYPE_HOSTNAME] = "host's name",
    [TYPE_DOMAIN] = "domain name",
    [TYPE_HOST] = "host's name or address",
    [TYPE_URL] = "http URL",
    [TYPE_SIP_TOKEN] = "SIP token",
    [TYPE_ADDRESS] = "address",
    [TYPE_CIDR_LIST] = "list of ADDRESS/PREFIX",
    [TYPE_ADDRESS_LIST] = "list of addresses",
    [TYPE_NTP_LIST] = "list of time servers",
    [TYPE_SYSLOG_LIST] = "list of log servers",
};

static void put_type(const struct setting_info *info, struct buf *out)
{
    buf_puts(out, type_words[info->type]);
    if (info->type == TYPE_ENUM)
        value_list_words(info->words, out);
    else if (info->type == TYPE_PORT || info->type == TYPE_UINT)
        buf_printf(out, ", %" PRIu64 " to %" PRIu64, info->least, info->most);
    else if (info->is_list)
        buf_printf(out, ", %" PRIu64 " at most", info->most);
    else if (info->least)
        buf_printf(out, ", %" PRIu64 " to %" PRIu64 " bytes", info->least, info->most);
    else if (info->most)
        buf_printf(out, ", %" PRIu64 " bytes at most", info->most);
    if (info->secret)
        buf_puts(out, "; secret");
}

static void put_default(const struct setting_info *info, struct buf *out)
{
    buf_puts(out, info->initial[0] != '\0' ? info->initial : info->is_list ? "none" : "\"\"");
}

static void put_guide(const struct setting_info *info, struct buf *out)
{
    enum setting_key key = (enum setting_key)(info - setting_table);
    const char *suggested = setting_suggested(key);
    setting_secure_text(key, out);
    if (info->rule == SECURE_AT_LEAST)
        buf_printf(out, "; it suggests %s", suggested);
    if (info->section)
        buf_printf(out, " (%s)", info->section);
}

static void put_nodes(const struct setting_info *info, struct buf *out)
{
    static const char *const words[] = {[ROLE_MANAGEMENT] = "Management Node",
                                        [ROLE_CONFERENCING] = "Conferencing Nodes",
                                        [ROLE_BOTH] = "all"};
    buf_puts(out, words[info->roles]);
}

static void put_question(const struct setting_info *info, struct buf *out)
{
    if (info->question)
        buf_printf(out, "question %u, \"%s\"", info->question, info->prompt);
}

/* The facts of each setting, beside its help; an empty text is left out. */
static const struct fact {
    const char *title;
    void (*put)(const struct setting_info *info, struct buf *out);
} facts[] = {
    {"type", put_type},       {"default", put_default}, {"guide", put_guide},
    {"wizard", put_question}, {"nodes", put_nodes},
};

enum { TEXT_WIDTH = 80, INDENT = 4 };

/* Breaks a sentence at spaces into indented lines. */
static void put_wrapped(const char *text, struct buf *out)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column && column + 1 + word > TEXT_WIDTH) {
            buf_putc(out, '\n');
            column = 0;
        }
        if (column == 0)
            buf_printf(out, "%*s", INDENT, "");
        else
            buf_putc(out, ' ');
        buf_append(out, text, word);
        column = (column ? column + 1 : INDENT) + word;
        text += word + strspn(text + word, " ");
    }
    buf_putc(out, '\n');
}

static void put_text(const struct setting_info *info, struct buf *out)
{
    buf_printf(out, "%s\n", info->name);
    put_wrapped(info->help, out);
    for (size_t i = 0; i < countof(facts); i++) {
        struct buf fact = {0};
        facts[i].put(info, &fact);
        if (fact.length)
            buf_printf(out, "%*s%-8s %s\n", INDENT, "", facts[i].title, buf_text(&fact));
        buf_free(&fact);
    }
    buf_putc(out, '\n');
}

/* The sentences of a text, one a line, as mdoc(7) wants them. */
static void put_sentences(const char *text, struct buf *out)
{
    for (const char *end; (end = strstr(text, ". ")) != NULL; text = end + 2) {
        buf_append(out, text, (size_t)(end - text));
        buf_puts(out, ".\n");
    }
    buf_printf(out, "%s\n", text);
}

static void put_mdoc(const struct setting_info *info, struct buf *out)
{
    buf_printf(out, ".It Va %s\n", info->name);
    put_sentences(info->help, out);
    for (size_t i = 0; i < countof(facts); i++) {
        struct buf fact = {0};
        facts[i].put(info, &fact);
        if (fact.length)
            buf_printf(out, "%s%c%s: %s.\n", i ? ".br\n" : ".Pp\n", facts[i].title[0] - 'a' + 'A',
                       facts[i].title + 1, buf_text(&fact));
        buf_free(&fact);
    }
}

static const struct format {
    const char *name;
    void (*put)(const struct setting_info *info, struct buf *out);
} formats[] = {
    {"text", put_text},
    {"mdoc", put_mdoc},
};

int cli_settings(const struct invocation *invocation)
{
    const struct format *format = FORMAT_FIND(invocation, formats);
    struct buf out = {0};
    if (!format)
        return EXIT_COULD_NOT;
    for (int key = 0; key < SETTING_COUNT; key++)
        format->put(&setting_table[key], &out);
    int code = stored_print(invocation, &out, EXIT_HOLDS);
    buf_free(&out);
    return code;
}
