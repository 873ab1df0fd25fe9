/*
 * libmicrohttpd around the snapshot's pages. One response object a page is prepared when a
 * snapshot arrives; requests only look it up. The library's own reference count keeps a response,
 * and each response keeps its snapshot, until the last answer from it is written.
 */
#include "serve/front_http.h"

#include "base/clock.h"
#include "base/str.h"
#include "serve/front_answers.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/select.h>
#include <unistd.h>

enum {
    RUNS_MAX = 32, /* of the library in one turn: pipelined requests wait for the next */
    DISCIPLINE = 2 /* refuse what a client that follows RFC 9112's MUSTs cannot send */
};

/* What the library needs beside the head: its table of fields, the answer's own head. */
enum { MEMORY_BESIDE_HEAD = 2048 };

struct http {
    struct MHD_Daemon *daemon;
    struct traffic_counts *counts;
    struct answers *answers; /* NULL until the first snapshot */
    struct answers *empty;   /* answers for that time */
    struct http_client *adding;
    size_t head_bytes;
    fd_set marked;
    bool any_marked;
    bool has_closed; /* a connection, in this run */
};

/* --- what the library calls --- */

/* The path is compared as it was sent: no two spellings of one page. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static void connection_changed(void *context, struct MHD_Connection *connection,
                               void **socket_context, enum MHD_ConnectionNotificationCode code)
{
    struct http *http = context;
    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = http->adding;
        http->adding->open = true;
        return;
    }
    struct http_client *client = *socket_context;
    client->open = false;
    client->answering = false;
    http->has_closed = true;
}

static struct http_client *client_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void answer_written(void *context, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)request;
    (void)code;
    client_of(connection)->answering = false;
}

static const char *field(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* What decides where a request ends, and whom it is for; each at most once (RFC 9112, 3.2 and 6.3).
 */
struct framing {
    unsigned lengths, codings, hosts;
    bool not_empty;
};

static enum MHD_Result look_at_field(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct framing *framing = context;
    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0)
        framing->hosts++;
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
        framing->codings++;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        framing->lengths++;
        framing->not_empty |= !value || !str_equal(value, "0");
    }
    return MHD_YES;
}

static bool has_body_or_doubt(struct MHD_Connection *connection)
{
    struct framing framing = {0};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at_field, &framing);
    return framing.codings || framing.not_empty || framing.lengths > 1 || framing.hosts > 1;
}

static size_t head_size(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
        ->header_size;
}

/* Why a request is not even looked up, or 0. */
static unsigned refusal(const struct http *http, struct MHD_Connection *connection,
                        const char *path, const char *method)
{
    if (!str_equal(method, MHD_HTTP_METHOD_GET) && !str_equal(method, MHD_HTTP_METHOD_HEAD))
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    if (has_body_or_doubt(connection) || path[0] != '/')
        return MHD_HTTP_BAD_REQUEST;
    if (head_size(connection) > http->head_bytes)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    return 0;
}

static enum MHD_Result send_page(struct http *http, struct MHD_Connection *connection,
                                 const char *path)
{
    struct answers *answers = http->answers ? http->answers : http->empty;
    struct question request = {
        .path = path,
        .accept = field(connection, MHD_HTTP_HEADER_ACCEPT),
        .if_none_match = field(connection, MHD_HTTP_HEADER_IF_NONE_MATCH),
        .now_ms = clock_boot_ms(),
    };
    const struct answer answer = answers_find(answers, &request);
    if (answer.status >= 400 && answer.status < 500)
        http->counts->refused_requests++;
    return MHD_queue_response(connection, answer.status, answer.response);
}

/* The library calls twice: when the head is read, and when all of the request is. An answer at the
 * first call closes the connection behind it: right for what is refused. */
static enum MHD_Result answer_request(void *context, struct MHD_Connection *connection,
                                      const char *path, const char *method, const char *version,
                                      const char *data, size_t *size, void **request)
{
    struct http *http = context;
    (void)version;
    (void)data;
    (void)size;
    if (*request)
        return send_page(http, connection, path);
    struct http_client *client = client_of(connection);
    *request = client;
    client->answering = true;
    client->answers++;
    client->head_bytes += head_size(connection);
    http->counts->requests++;
    unsigned status = refusal(http, connection, path, method);
    if (status == 0)
        return MHD_YES;
    http->counts->refused_requests++;
    return MHD_queue_response(connection, status,
                              answers_refusal(http->answers ? http->answers : http->empty, status));
}

/* --- its life --- */

static struct MHD_Daemon *start_daemon(struct http *http, unsigned connections, unsigned head_bytes)
{
    return MHD_start_daemon(
        MHD_USE_NO_LISTEN_SOCKET | MHD_USE_NO_THREAD_SAFETY, 0, NULL, NULL, answer_request, http,
        MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)head_bytes + MEMORY_BESIDE_HEAD, MHD_OPTION_CONNECTION_TIMEOUT, 0U,
        MHD_OPTION_CLIENT_DISCIPLINE_LVL, DISCIPLINE, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, http, MHD_OPTION_NOTIFY_COMPLETED,
        answer_written, http, MHD_OPTION_END);
}

int http_open(struct http **http, struct traffic_counts *counts, unsigned connections,
              unsigned head_bytes)
{
    *http = calloc(1, sizeof(**http));
    if (!*http)
        return -ENOMEM;
    (*http)->counts = counts;
    (*http)->head_bytes = head_bytes;
    (*http)->daemon = start_daemon(*http, connections, head_bytes);
    if ((*http)->daemon && answers_open(&(*http)->empty, NULL) == 0)
        return 0;
    http_close(*http);
    *http = NULL;
    return -ENOMEM;
}

void http_close(struct http *http)
{
    answers_close(http->answers);
    answers_close(http->empty);
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    free(http);
}

int http_show(struct http *http, struct snapshot *snapshot)
{
    struct answers *answers;
    int error = answers_open(&answers, snapshot);
    if (error)
        return error;
    answers_close(http->answers);
    http->answers = answers;
    return 0;
}

const char *http_headers(const struct http *http)
{
    return answers_headers(http->answers ? http->answers : http->empty);
}

int http_add(struct http *http, struct http_client *client)
{
    if (client->fd >= FD_SETSIZE) {
        close(client->fd);
        return -EMFILE;
    }
    /* The library asks for an address, and shows it to nobody. */
    const struct sockaddr_storage address = {.ss_family = AF_UNIX};
    http->adding = client;
    client->open = false;
    enum MHD_Result result =
        MHD_add_connection(http->daemon, client->fd, (const struct sockaddr *)&address,
                           (socklen_t)sizeof(sa_family_t));
    http->adding = NULL;
    return result == MHD_YES && client->open ? 0 : -ENOMEM;
}

void http_mark(struct http *http, const struct http_client *client)
{
    FD_SET((unsigned)client->fd, &http->marked); /* below FD_SETSIZE: http_add saw to it */
    http->any_marked = true;
}

bool http_run(struct http *http)
{
    if (!http->any_marked)
        return false;
    fd_set now = http->marked;
    FD_ZERO(&http->marked);
    http->any_marked = false;
    for (size_t i = 0; i < RUNS_MAX; i++) {
        http->has_closed = false;
        (void)MHD_run_from_select(http->daemon, &now, &now, NULL);
        if (http->has_closed)
            continue; /* the library skips all that stand behind one which it closes */
        if (MHD_get_timeout64s(http->daemon) != 0)
            return false;
        FD_ZERO(&now);
    }
    http->marked = now;
    http->any_marked = true;
    return true;
}
