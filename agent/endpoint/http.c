/*
 * libmicrohttpd around the snapshot's pages. One response object a page is prepared when a
 * snapshot arrives; requests only look it up. The library's own reference count keeps a response,
 * and each response keeps its snapshot, until the last answer from it is written.
 */
#include "endpoint/http.h"

#include "base/clock.h"
#include "endpoint/responses.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RUNS_MAX = 32, /* of the library in one turn: pipelined requests wait for the next */
    DISCIPLINE = 2 /* refuse what a client that follows RFC 9112's MUSTs cannot send */
};

/* What the library needs for a client: our head, and the answer's. */
enum { LIBRARY_MEMORY = 4096 };

/* All that the library ever reads: what the answer is to be is in struct request. */
enum ending { CLOSES, PERSISTS, PERSISTS_AS_OLD, ENDINGS };

static const char *const heads[ENDINGS][2] = {
    [CLOSES] = {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
    [PERSISTS] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"},
    [PERSISTS_AS_OLD] = {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                         "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
};

struct http {
    struct MHD_Daemon *daemon;
    struct traffic_counts *counts;
    struct responses *responses; /* NULL until the first snapshot */
    struct responses *empty;     /* answers for that time */
    struct http_client *adding;
    size_t head_bytes;
    fd_set marked;
    bool any_marked;
    bool has_closed; /* a connection, in this run */
};

/* --- what the library calls --- */

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

static enum MHD_Result send_page(struct http *http, struct MHD_Connection *connection,
                                 const struct request *request)
{
    struct responses *responses = http->responses ? http->responses : http->empty;
    const struct responses_query responses_query = {
        .path = buf_text(&request->path),
        .accept = buf_text(&request->accept),
        .if_none_match = buf_text(&request->if_none_match),
        .now_ms = clock_boot_ms(),
    };
    struct answer answer = {request->refusal, NULL};
    if (request->refusal)
        answer.response = responses_refusal(responses, request->refusal);
    else
        answer = responses_find(responses, &responses_query);
    if (request->refusal || (answer.status >= 400 && answer.status < 500))
        http->counts->refused_requests++;
    return MHD_queue_response(connection, answer.status, answer.response);
}

/* The library calls twice: when the head is read, and when all of the request is. */
static enum MHD_Result answer_request(void *context, struct MHD_Connection *connection,
                                      const char *path, const char *method, const char *version,
                                      const char *data, size_t *size, void **request)
{
    struct http_client *client = client_of(connection);
    (void)path;
    (void)method;
    (void)version;
    (void)data;
    (void)size;
    if (*request)
        return send_page(context, connection, &client->request);
    *request = client;
    return MHD_YES;
}

/* --- its life --- */

static struct MHD_Daemon *start_daemon(struct http *http, unsigned connections)
{
    return MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET | MHD_USE_NO_THREAD_SAFETY, 0, NULL, NULL,
                            answer_request, http, MHD_OPTION_CONNECTION_LIMIT, connections,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIBRARY_MEMORY,
                            MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_CLIENT_DISCIPLINE_LVL,
                            DISCIPLINE, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, http,
                            MHD_OPTION_NOTIFY_COMPLETED, answer_written, http, MHD_OPTION_END);
}

int http_open(struct http **http, struct traffic_counts *counts, unsigned connections,
              unsigned head_bytes)
{
    *http = calloc(1, sizeof(**http));
    if (!*http)
        return -ENOMEM;
    (*http)->counts = counts;
    (*http)->head_bytes = head_bytes;
    (*http)->daemon = start_daemon(*http, connections);
    if ((*http)->daemon && responses_open(&(*http)->empty, NULL) == 0)
        return 0;
    http_close(*http);
    *http = NULL;
    return -ENOMEM;
}

void http_close(struct http *http)
{
    responses_close(http->responses);
    responses_close(http->empty);
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    free(http);
}

int http_show(struct http *http, struct snapshot *snapshot)
{
    struct responses *responses;
    int error = responses_open(&responses, snapshot);
    if (error)
        return error;
    responses_close(http->responses);
    http->responses = responses;
    return 0;
}

/* --- clients --- */

void http_client_init(struct http_client *client)
{
    *client = (struct http_client){.pair = -1, .fd = -1};
}

/* Gives the client's socket to the library, which closes it in any case. */
static int add_client(struct http *http, struct http_client *client)
{
    if (client->fd >= FD_SETSIZE) {
        close(client->fd);
        return -EMFILE;
    }
    /* The library requires an address and does not use it. */
    const struct sockaddr_storage address = {.ss_family = AF_UNIX};
    http->adding = client;
    client->open = false;
    enum MHD_Result result =
        MHD_add_connection(http->daemon, client->fd, (const struct sockaddr *)&address,
                           (socklen_t)sizeof(sa_family_t));
    http->adding = NULL;
    return result == MHD_YES && client->open ? 0 : -ENOMEM;
}

static int open_pair(struct http *http, struct http_client *client)
{
    int pair[2];
    if (client->pair >= 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    client->pair = pair[0];
    client->fd = pair[1];
    return add_client(http, client);
}

static const char *choose_head(const struct http_client *client)
{
    enum ending ending = CLOSES;
    if (request_persists(&client->request) && !client->last)
        ending = client->request.is_old ? PERSISTS_AS_OLD : PERSISTS;
    return heads[ending][client->request.is_head];
}

/* The pair is empty, and holds far more than a head of ours. */
static int pass_on(struct http *http, struct http_client *client)
{
    const char *head = choose_head(client);
    const size_t length = strlen(head);
    int error = open_pair(http, client);
    if (error)
        return error;
    http->counts->requests++;
    client->answering = true;
    client->responses++;
    http_mark(http, client);
    return send(client->pair, head, length, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -EPIPE;
}

/* Behind a request that is refused nothing is read. */
static void consume(struct http_client *client, size_t size)
{
    struct buf *input = &client->input;
    if (client->request.refusal)
        size = input->length;
    input->length -= size;
    memmove(input->data, input->data + size, input->length + 1); /* and the NUL */
    client->waiting = client->request.whole && input->length > 0;
}

int http_receive(struct http *http, struct http_client *client, const void *data, size_t size)
{
    struct request *request = &client->request;
    buf_append(&client->input, data, size);
    if (buf_error(&client->input))
        return -ENOMEM;
    if (request->whole)
        request_clear(request);
    consume(client,
            request_read(request, client->input.data, client->input.length, http->head_bytes));
    return request->whole ? pass_on(http, client) : 0;
}

ssize_t http_read_answer(struct http_client *client, void *to, size_t size)
{
    ssize_t got = recv(client->pair, to, size, 0);
    return got < 0 ? -errno : got;
}

void http_end_input(struct http *http, struct http_client *client)
{
    (void)shutdown(client->pair, SHUT_WR); /* fails only where the library has closed already */
    http_mark(http, client);
}

void http_let_go(struct http_client *client)
{
    if (client->pair >= 0)
        close(client->pair);
    client->pair = -1;
    client->waiting = false;
    request_free(&client->request);
    buf_free(&client->input);
}

/* --- turns --- */

void http_mark(struct http *http, const struct http_client *client)
{
    if (!client->open)
        return;
    FD_SET((unsigned)client->fd, &http->marked); /* below FD_SETSIZE: add_client saw to it */
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
