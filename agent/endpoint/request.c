/* Reading heads, line by line. */
#include "endpoint/request.h"

#include "base/field.h"
#include "base/str.h"
#include "endpoint/fields.h"

#include <string.h>
#include <strings.h>

#define BLANK " \t"

enum {
    BAD_REQUEST = 400,
    METHOD_NOT_ALLOWED = 405,
    URI_TOO_LONG = 414,
    FIELDS_TOO_LARGE = 431,
    NO_MEMORY = 503,
    VERSION_NOT_SUPPORTED = 505
};

/* A part of a line; not NUL-terminated. */
struct part {
    const char *text;
    size_t length;
};

/* 0: valid. */
static void end(struct request *request, unsigned status)
{
    request->refusal = status;
    request->whole = true;
}

static bool part_is(const struct part *part, const char *text)
{
    return part->length == strlen(text) && memcmp(part->text, text, part->length) == 0;
}

/* Cuts off the text before the first `separator`; false where there is none. */
static bool cut(struct part *from, char separator, struct part *before)
{
    const char *at = memchr(from->text, separator, from->length);
    if (!at)
        return false;
    *before = (struct part){from->text, (size_t)(at - from->text)};
    from->length -= before->length + 1;
    from->text = at + 1;
    return true;
}

/* --- the request line --- */

/* 0, or the status that refuses it. A minor version above 1 is 1 to us (RFC 9110, 2.5). */
static unsigned read_version(struct request *request, const struct part *version)
{
    static const char name[] = "HTTP/";
    const size_t length = sizeof(name) - 1;
    const char *digits = version->text + length;
    if (version->length != length + 3 || memcmp(version->text, name, length) != 0 ||
        digits[0] < '0' || digits[0] > '9' || digits[1] != '.' || digits[2] < '0' ||
        digits[2] > '9')
        return BAD_REQUEST;
    request->is_old = digits[2] == '0';
    return digits[0] == '1' ? 0 : VERSION_NOT_SUPPORTED;
}

/* Visible ASCII alone; a fragment is never sent (RFC 9112, 3.2). */
static bool target_is_valid(const struct part *target)
{
    for (size_t i = 0; i < target->length; i++)
        if (target->text[i] <= ' ' || target->text[i] > '~' || target->text[i] == '#')
            return false;
    return target->length > 0;
}

/* The length of a scheme that we serve, with "://" behind it; or 0. */
static size_t scheme_length(const struct part *target)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < countof(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (target->length > length && strncasecmp(target->text, schemes[i], length) == 0)
            return length;
    }
    return 0;
}

/* Where the authority ends (RFC 3986, 3.2). */
static size_t authority_length(const struct part *from)
{
    size_t length = 0;
    while (length < from->length && from->text[length] != '/' && from->text[length] != '?')
        length++;
    return length;
}

/* The origin form, "/path?query", or the absolute form, which every server takes (RFC 9112, 3.2.1
 * and 3.2.2). An empty path of the latter is "/" (RFC 9110, 4.2.3). */
static bool read_target(struct request *request, struct part target)
{
    struct part path;
    size_t scheme = scheme_length(&target);
    if (scheme) {
        target = (struct part){target.text + scheme, target.length - scheme};
        size_t authority = authority_length(&target);
        if (!fields_is_host(target.text, authority))
            return false;
        request->names_host = true;
        target = (struct part){target.text + authority, target.length - authority};
    } else if (target.text[0] != '/') {
        return false;
    }
    if (!cut(&target, '?', &path))
        path = target;
    if (path.length == 0)
        path = (struct part){"/", 1};
    buf_append(&request->path, path.text, path.length);
    return true;
}

static void read_request_line(struct request *request, struct part line)
{
    struct part method, target;
    if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target) ||
        !field_is_token(method.text, method.length) || !target_is_valid(&target)) {
        end(request, BAD_REQUEST);
        return;
    }
    unsigned status = read_version(request, &line);
    request->is_get = part_is(&method, "GET");
    request->is_head = part_is(&method, "HEAD");
    /* Another method may have another form of target, and is refused as a whole. */
    if (status == 0 && (request->is_get || request->is_head) && !read_target(request, target))
        status = BAD_REQUEST;
    if (status)
        end(request, status);
}

/* --- fields --- */

typedef void field_reader(struct request *request, const struct part *value);

static void read_host(struct request *request, const struct part *value)
{
    request->hosts++;
    request->host_is_empty = value->length == 0;
    if (value->length && !fields_is_host(value->text, value->length))
        end(request, BAD_REQUEST);
}

/* Nothing but "0" says that there is no body; any coding says that there is one. */
static void read_length(struct request *request, const struct part *value)
{
    request->lengths++;
    request->has_body |= request->lengths > 1 || !part_is(value, "0");
}

static void read_coding(struct request *request, const struct part *value)
{
    (void)value;
    request->has_body = true;
}

static void read_connection(struct request *request, const struct part *value)
{
    request->closes |= fields_lists_token(value->text, value->length, "close");
    request->keeps |= fields_lists_token(value->text, value->length, "keep-alive");
}

static void join(struct buf *list, const struct part *value)
{
    if (list->length)
        buf_puts(list, ", ");
    buf_append(list, value->text, value->length);
}

static void read_accept(struct request *request, const struct part *value)
{
    join(&request->accept, value);
}

static void read_if_none_match(struct request *request, const struct part *value)
{
    join(&request->if_none_match, value);
}

/* The fields that mean something here: where a request ends, whom it is for, which answer. */
static const struct field {
    const char *name;
    field_reader *read;
} fields[] = {
    {"host", read_host},
    {"content-length", read_length},
    {"transfer-encoding", read_coding},
    {"connection", read_connection},
    {"accept", read_accept},
    {"if-none-match", read_if_none_match},
};

static struct part trimmed(struct part value)
{
    while (value.length && strchr(BLANK, value.text[0]))
        value = (struct part){value.text + 1, value.length - 1};
    while (value.length && strchr(BLANK, value.text[value.length - 1]))
        value.length--;
    return value;
}

/* No white space before the colon, and no line that continues the one before: a name is a token
 * (RFC 9112, 5.1 and 5.2). */
static void read_field(struct request *request, struct part line)
{
    struct part name;
    if (!cut(&line, ':', &name) || !field_is_token(name.text, name.length)) {
        end(request, BAD_REQUEST);
        return;
    }
    const struct part value = trimmed(line);
    for (size_t i = 0; i < countof(fields); i++)
        if (name.length == strlen(fields[i].name) &&
            strncasecmp(name.text, fields[i].name, name.length) == 0)
            fields[i].read(request, &value);
}

/* --- the whole --- */

/* Every request names its host once; one of HTTP/1.0 need not (RFC 9112, 3.2). */
static bool host_is_valid(const struct request *request)
{
    if (request->hosts != 1)
        return request->hosts == 0 && request->is_old;
    return !request->host_is_empty || request->names_host;
}

static unsigned judge(const struct request *request)
{
    if (buf_error(&request->path) || buf_error(&request->accept) ||
        buf_error(&request->if_none_match))
        return NO_MEMORY;
    if (!host_is_valid(request))
        return BAD_REQUEST;
    if (!request->is_get && !request->is_head)
        return METHOD_NOT_ALLOWED;
    return request->has_body ? BAD_REQUEST : 0;
}

static void read_empty_line(struct request *request)
{
    if (request->lines)
        end(request, judge(request));
    else if (++request->empty > REQUEST_EMPTY_LINES_MAX)
        end(request, BAD_REQUEST);
}

static void read_line(struct request *request, struct part line)
{
    if (line.length == 0) {
        read_empty_line(request);
        return;
    }
    request->begun = true;
    if (!field_is_value(line.text, line.length))
        end(request, BAD_REQUEST);
    else if (request->lines++ == 0)
        read_request_line(request, line);
    else
        read_field(request, line);
}

/* A line ends with CR and LF, never with one of them alone (RFC 9112, 2.2). */
size_t request_read(struct request *request, const char *text, size_t size, size_t most)
{
    struct part rest = {text, size}, line;
    while (!request->whole && cut(&rest, '\n', &line)) {
        request->size += line.length + 1;
        if (request->size > most)
            break;
        if (line.length && line.text[line.length - 1] == '\r')
            read_line(request, (struct part){line.text, line.length - 1});
        else
            end(request, BAD_REQUEST);
    }
    if (request->whole)
        return size - rest.length;
    /* A CR may be the first half of an empty line; what stands behind it says that it is not. */
    request->begun |= rest.length > 1 || (rest.length == 1 && rest.text[0] != '\r');
    if (request->size > most || request->size + rest.length > most)
        end(request, request->lines ? FIELDS_TOO_LARGE : URI_TOO_LONG);
    return size - rest.length;
}

bool request_persists(const struct request *request)
{
    return !request->refusal && !request->closes && (!request->is_old || request->keeps);
}

void request_clear(struct request *request)
{
    buf_clear(&request->path);
    buf_clear(&request->accept);
    buf_clear(&request->if_none_match);
    *request = (struct request){
        .path = request->path, .accept = request->accept, .if_none_match = request->if_none_match};
}

void request_free(struct request *request)
{
    buf_free(&request->path);
    buf_free(&request->accept);
    buf_free(&request->if_none_match);
    *request = (struct request){.size = 0};
}
