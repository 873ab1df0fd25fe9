/* The JSON writer. */
#include "base/json.h"

#include "base/str.h"

static void escaped(struct buf *out, unsigned char c)
{
    static const char *const shorts[128] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t",
    };
    if (c < countof(shorts) && shorts[c])
        buf_puts(out, shorts[c]);
    else if (c < 0x20 || c == 0x7f)
        buf_printf(out, "\\u%04x", c);
    else
        buf_putc(out, (char)c);
}

/* How many bytes of a text stand for themselves. */
static size_t plain(const char *text)
{
    size_t length = 0;
    while (text[length] >= ' ' && text[length] <= '~' && text[length] != '"' &&
           text[length] != '\\')
        length++;
    return length;
}

static void quoted(struct buf *out, const char *text)
{
    buf_putc(out, '"');
    for (const char *at = text; *at;) {
        size_t run = plain(at);
        size_t length = run ? run : str_character(at);
        if (run || length > 1)
            buf_append(out, at, length);
        else if ((unsigned char)*at >= 0x80)
            buf_puts(out, "\xef\xbf\xbd");
        else
            escaped(out, (unsigned char)*at);
        at += length ? length : 1;
    }
    buf_putc(out, '"');
}

static void begin_value(struct json *json, const char *name)
{
    if (json->comma)
        buf_putc(json->out, ',');
    json->comma = true;
    if (name) {
        quoted(json->out, name);
        buf_putc(json->out, ':');
    }
}

static void open_with(struct json *json, const char *name, char bracket)
{
    begin_value(json, name);
    buf_putc(json->out, bracket);
    json->comma = false;
}

static void close_with(struct json *json, char bracket)
{
    buf_putc(json->out, bracket);
    json->comma = true;
}

void json_object_begin(struct json *json, const char *name)
{
    open_with(json, name, '{');
}

void json_object_end(struct json *json)
{
    close_with(json, '}');
}

void json_array_begin(struct json *json, const char *name)
{
    open_with(json, name, '[');
}

void json_array_end(struct json *json)
{
    close_with(json, ']');
}

void json_string(struct json *json, const char *name, const char *value)
{
    begin_value(json, name);
    quoted(json->out, value);
}

void json_u64(struct json *json, const char *name, uint64_t value)
{
    begin_value(json, name);
    buf_printf(json->out, "%llu", (unsigned long long)value);
}

void json_bool(struct json *json, const char *name, bool value)
{
    begin_value(json, name);
    buf_puts(json->out, value ? "true" : "false");
}

void json_null(struct json *json, const char *name)
{
    begin_value(json, name);
    buf_puts(json->out, "null");
}
