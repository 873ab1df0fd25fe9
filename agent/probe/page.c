/* Requests, heads line by line, and the words of two fields. */
#include "probe/page.h"

#include "base/field.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { STATUS_LINE_LEAST = sizeof("HTTP/1.1 200") - 1, INTERIM_LAST = 199 };

static const char *const paths[PAGE_COUNT] = {"/", "/holdfast-probe"};

const char *page_path(size_t index)
{
    return paths[index];
}

/* An IPv6 address stands in brackets and without its zone (RFC 9110, 7.2; RFC 6874, 1). */
void page_request(size_t index, const char *host, struct buf *out)
{
    bool is_six = strchr(host, ':') != NULL;
    buf_printf(out,
               "HEAD %s HTTP/1.1\r\nHost: %s%.*s%s\r\nUser-Agent: holdfast\r\nAccept: */*\r\n"
               "Connection: close\r\n\r\n",
               paths[index], is_six ? "[" : "", (int)strcspn(host, "%"), host, is_six ? "]" : "");
}

/* --- heads --- */

struct line {
    const char *text;
    size_t length;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The status of "HTTP/1.1 200 OK", or 0 (RFC 9112, 4). */
static uint16_t read_status(const struct line *line)
{
    const char *text = line->text;
    if (line->length < STATUS_LINE_LEAST || memcmp(text, "HTTP/1.", 7) != 0 || !is_digit(text[7]) ||
        text[8] != ' ' || text[9] < '1' || text[9] > '5' || !is_digit(text[10]) ||
        !is_digit(text[11]) ||
        (line->length > STATUS_LINE_LEAST && text[STATUS_LINE_LEAST] != ' ') ||
        !field_is_value(text, line->length))
        return 0;
    return (uint16_t)((text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0'));
}

/* Appends to the bytes that are there. */
static int add_value(char to[PAGE_FIELD_SIZE], const struct line *value)
{
    size_t used = strlen(to), comma = used > 0;
    if (value->length + comma >= PAGE_FIELD_SIZE - used)
        return -EBADMSG;
    if (comma)
        to[used] = ',';
    memcpy(to + used + comma, value->text, value->length);
    to[used + comma + value->length] = '\0';
    str_clean(to + used, "\t");
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct line trimmed(const char *text, size_t length)
{
    while (length && is_blank(text[0])) {
        text++;
        length--;
    }
    while (length && is_blank(text[length - 1]))
        length--;
    return (struct line){text, length};
}

/* An empty field counts as none, for browsers too: RFC 6797, 8.1, wants its max-age. */
static int read_field(const struct line *line, struct page_answer *answer)
{
    const char *colon = memchr(line->text, ':', line->length);
    if (!colon)
        return -EBADMSG;
    size_t length = (size_t)(colon - line->text);
    if (!field_is_token(line->text, length))
        return -EBADMSG;
    struct line value = trimmed(colon + 1, line->length - length - 1);
    if (!field_is_value(value.text, value.length))
        return -EBADMSG;
    static const char transport[] = "Strict-Transport-Security", referrer[] = "Referrer-Policy";
    if (length == sizeof(transport) - 1 && strncasecmp(line->text, transport, length) == 0)
        return answer->transport_security[0] ? 0 : add_value(answer->transport_security, &value);
    if (length == sizeof(referrer) - 1 && strncasecmp(line->text, referrer, length) == 0)
        return add_value(answer->referrer_policy, &value);
    return 0;
}

/* A line ends with CR LF; neither stands within (RFC 9112, 2.2). */
static int next_line(const char *text, size_t size, size_t *at, struct line *line)
{
    const char *end = memchr(text + *at, '\n', size - *at);
    if (!end)
        return -EAGAIN;
    *line = (struct line){text + *at, (size_t)(end - text) - *at};
    *at += line->length + 1;
    if (line->length == 0 || line->text[line->length - 1] != '\r')
        return -EBADMSG;
    line->length--;
    return 0;
}

static int read_head(const char *text, size_t size, size_t *at, struct page_answer *answer)
{
    struct line line;
    *answer = (struct page_answer){.error = 0};
    int error = next_line(text, size, at, &line);
    if (error == 0)
        answer->status = read_status(&line);
    if (error == 0 && answer->status == 0)
        error = -EBADMSG;
    while (error == 0) {
        error = next_line(text, size, at, &line);
        if (error == 0 && line.length == 0)
            return 0;
        if (error == 0)
            error = read_field(&line, answer);
    }
    return error;
}

int page_read(const char *text, size_t size, struct page_answer *answer)
{
    size_t at = 0, most = size < PAGE_HEAD_MAX ? size : PAGE_HEAD_MAX;
    int error;
    do
        error = read_head(text, most, &at, answer);
    while (error == 0 && answer->status <= INTERIM_LAST);
    if (error == -EAGAIN && size >= PAGE_HEAD_MAX)
        error = -EBADMSG;
    if (error)
        *answer = (struct page_answer){.error = error};
    return error;
}

/* --- Strict-Transport-Security --- */

struct transport {
    bool valid, subdomains, preload;
    bool has_age;
    uint64_t age_s;
};

/* True where a directive of this name comes for the first time. */
static bool take_once(bool *seen)
{
    bool first = !*seen;
    *seen = true;
    return first;
}

static bool read_age(char *value, struct transport *transport)
{
    size_t length = strlen(value);
    if (length > 1 && value[0] == '"' && value[length - 1] == '"') {
        value[length - 1] = '\0';
        value++;
    }
    return take_once(&transport->has_age) &&
           str_to_u64(value, 0, UINT64_MAX, &transport->age_s) == 0;
}

/* Names of directives are compared without regard to capitals; an unknown one is ignored
 * (RFC 6797, 6.1). */
static bool read_directive(char *text, struct transport *transport)
{
    char *value = strchr(text, '=');
    if (value)
        *value++ = '\0';
    const char *name = str_trim(text);
    if (strcasecmp(name, "max-age") == 0)
        return value && read_age(str_trim(value), transport);
    if (strcasecmp(name, "includeSubDomains") == 0)
        return !value && take_once(&transport->subdomains);
    if (strcasecmp(name, "preload") == 0)
        return !value && take_once(&transport->preload);
    return name[0] == '\0' ? !value : field_is_token(name, strlen(name));
}

static struct transport read_transport(const char *field)
{
    char copy[PAGE_FIELD_SIZE], *rest = copy;
    struct transport transport = {.valid = str_copy(copy, sizeof(copy), field) == 0};
    while (transport.valid && rest)
        transport.valid = read_directive(strsep(&rest, ";"), &transport);
    transport.valid = transport.valid && transport.has_age;
    return transport;
}

bool page_keeps_transport(const char *found, const char *wanted)
{
    struct transport has = read_transport(found), least = read_transport(wanted);
    return has.valid && has.age_s >= least.age_s && (has.subdomains || !least.subdomains) &&
           has.preload == least.preload;
}

bool page_is_preloaded(const char *found)
{
    struct transport transport = read_transport(found);
    return transport.valid && transport.preload;
}

/* --- Referrer-Policy --- */

/* Of several policies the last one that is known counts (Referrer Policy, 8.1). */
bool page_keeps_referrer(const char *found)
{
    static const struct {
        const char *word;
        bool keeps;
    } policies[] = {
        {"no-referrer", true},
        {"same-origin", true},
        {"no-referrer-when-downgrade", false},
        {"origin", false},
        {"strict-origin", false},
        {"origin-when-cross-origin", false},
        {"strict-origin-when-cross-origin", false},
        {"unsafe-url", false},
    };
    char copy[PAGE_FIELD_SIZE], *rest = copy;
    bool keeps = false;
    if (str_copy(copy, sizeof(copy), found) < 0)
        return false;
    while (rest) {
        const char *word = str_trim(strsep(&rest, ","));
        for (size_t i = 0; i < countof(policies); i++)
            if (strcasecmp(policies[i].word, word) == 0)
                keeps = policies[i].keeps;
    }
    return keeps;
}
