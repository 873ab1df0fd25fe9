/*
 * One client's life. Encrypted bytes come into `wire` by one read a turn, are decrypted, and go
 * through a socket pair into HTTP; its answers come back the same way, are encrypted into the
 * connection's own buffer, and leave by one write a turn. While the client does not take what was
 * written, nothing more is read from it.
 *
 * Any call into TLS may write, reading among them (alerts). What it writes has no other place than
 * the buffer of its own connection, and no other way out than that connection's socket.
 */
#include "endpoint/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LINGER_MS = 1000,
    REST_AFTER_MS = 1000,
    PLAIN_SIZE = 4096,
    THROWN_READS = 8,
    OUTGOING_MAX = 32768, /* of one connection in one turn */
    UNSENT_MAX = 65536    /* of one connection: a turn's answers and the alert behind them fit */
};

/* --- the wire --- */

static ssize_t wire_receive(void *context, void *to, size_t size)
{
    struct connection *connection = context;
    if (connection->wire_begin == connection->wire_end) {
        if (connection->wire_dry)
            return -EAGAIN;
        connection->wire_dry = true;
        if (!connection->wire)
            connection->wire = malloc(CONNECTION_WIRE_SIZE);
        if (!connection->wire)
            return -ENOMEM;
        ssize_t got = recv(connection->socket, connection->wire, CONNECTION_WIRE_SIZE, 0);
        if (got <= 0)
            return got < 0 ? -errno : 0;
        connection->wire_begin = 0;
        connection->wire_end = (size_t)got;
    }
    size_t room = connection->wire_end - connection->wire_begin;
    size_t taken = size < room ? size : room;
    memcpy(to, connection->wire + connection->wire_begin, taken);
    connection->wire_begin += taken;
    return (ssize_t)taken;
}

static int wire_send(void *context, const void *data, size_t size)
{
    struct connection *connection = context;
    struct buf *unsent = &connection->unsent;
    if (size > UNSENT_MAX - (unsent->length - connection->unsent_offset))
        return -ENOBUFS;
    buf_append(unsent, data, size);
    return buf_error(unsent);
}

static const struct tls_wire wire = {wire_receive, wire_send};

/* What a socket took; 0 when it is full. */
static ssize_t send_some(int socket, const char *data, size_t size)
{
    ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return sent;
}

/* Sends what was encrypted; the rest is kept for when the socket takes more. True when nothing is
 * left; false also where the connection is dropped. */
static bool flush(struct connection *connection)
{
    struct buf *unsent = &connection->unsent;
    if (unsent->length == 0 && buf_error(unsent) == 0)
        return true;
    ssize_t sent = buf_error(unsent);
    if (sent == 0)
        sent = send_some(connection->socket, unsent->data + connection->unsent_offset,
                         unsent->length - connection->unsent_offset);
    if (sent < 0) {
        connection_drop(connection);
        return false;
    }
    connection->unsent_offset += (size_t)sent;
    if (connection->unsent_offset < unsent->length)
        return false;
    buf_free(unsent);
    connection->unsent_offset = 0;
    return true;
}

/* --- its phases --- */

struct connection *connection_open(struct connection_shared *shared, int socket,
                                   const struct limiter_slot *place, const struct peer *peer,
                                   uint64_t now_ms)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection) {
        connection->shared = shared;
        connection->place = *place;
        connection->peer = *peer;
        connection->socket = socket;
        connection->born_ms = now_ms;
        http_client_init(&connection->http);
        connection->deadline_ms = now_ms + shared->limiter->limits.handshake_ms;
        return connection;
    }
    close(socket);
    limiter_leave(shared->limiter, place);
    return NULL;
}

bool connection_start(struct connection *connection, uint64_t now_ms)
{
    struct connection_shared *shared = connection->shared;
    if (connection->phase != PHASE_WAITING)
        return true;
    if (!limiter_start(shared->limiter, &connection->place, now_ms))
        return false;
    connection->phase = PHASE_HANDSHAKE;
    connection->deadline_ms = now_ms + shared->limiter->limits.handshake_ms;
    if (tls_open(&connection->tls, shared->tls, &wire, connection) < 0)
        connection_drop(connection);
    return true;
}

const struct limiter_slot *connection_slot(struct connection *connection)
{
    connection->place.at_work = connection->http.answering || connection->unsent.length;
    return &connection->place;
}

void connection_drop(struct connection *connection)
{
    if (connection->phase == PHASE_DEAD)
        return;
    connection->phase = PHASE_DEAD;
    close(connection->socket);
    http_let_go(&connection->http);
    tls_close(connection->tls);
    buf_free(&connection->unsent);
    free(connection->wire);
    connection->wire = NULL;
    limiter_leave(connection->shared->limiter, &connection->place);
}

void connection_free(struct connection *connection)
{
    free(connection);
}

/* Closes it behind an alert of TLS that says why. What the client has sent by then is read: a
 * socket closed over unread bytes is reset, which can overtake the alert. */
static void drop_with_alert(struct connection *connection)
{
    char thrown[PLAIN_SIZE];
    if (flush(connection))
        for (int i = 0; i < THROWN_READS; i++)
            if (recv(connection->socket, thrown, sizeof(thrown), 0) <= 0)
                break;
    connection_drop(connection);
}

void connection_part(struct connection *connection)
{
    if (connection->phase != PHASE_OPEN) {
        connection_drop(connection);
        return;
    }
    tls_finish(connection->tls);
    drop_with_alert(connection);
}

static void wait_for_request(struct connection *connection, uint64_t now_ms)
{
    connection->in_head = false;
    connection->deadline_ms = now_ms + connection->shared->limiter->limits.idle_ms;
    connection->rest_ms = now_ms + REST_AFTER_MS;
}

static void shake(struct connection *connection, uint64_t now_ms)
{
    int error = tls_handshake(connection->tls);
    if (error == -EAGAIN)
        return;
    if (error == 0) {
        connection->shared->counts->handshakes++;
        limiter_finish(&connection->place, now_ms);
        connection->phase = PHASE_OPEN;
        wait_for_request(connection, now_ms);
        (void)flush(connection); /* its first request may be there already */
        return;
    }
    connection->shared->counts->handshake_failures++;
    connection->place.entry->is_known = false;
    drop_with_alert(connection);
}

/* HTTP shall let go, and has not done so yet: that may take it several turns. */
static bool is_parting(const struct connection *connection)
{
    return connection->http.pair < 0 && connection->http.open;
}

/* One request at a time: what follows it waits with the client, or in `wire`. */
static bool may_feed(const struct connection *connection)
{
    return connection->phase == PHASE_OPEN && !connection->input_ended && !is_parting(connection) &&
           !connection->http.answering && connection->unsent.length == 0 &&
           (connection->http.pair < 0 || connection->drained);
}

/* Nothing more will be said: we close as soon as the client has everything. */
static void finish(struct connection *connection, uint64_t now_ms)
{
    tls_finish(connection->tls);
    connection->phase = PHASE_LINGER;
    connection->deadline_ms = now_ms + connection->shared->limiter->limits.idle_ms;
    connection->more = true;
}

/* Ends HTTP's input; answers already begun still come. */
static void end_input(struct connection *connection, uint64_t now_ms)
{
    connection->input_ended = true;
    if (connection->http.pair < 0) {
        finish(connection, now_ms);
        return;
    }
    http_end_input(connection->shared->http, &connection->http);
}

/* The time for a head runs from its first byte; an empty line is none. */
static void watch_head(struct connection *connection, uint64_t now_ms)
{
    connection->rest_ms = 0;
    if (connection->in_head || !connection->http.request.begun)
        return;
    connection->in_head = true;
    connection->deadline_ms = now_ms + connection->shared->limiter->limits.head_ms;
}

/* A connection that has lived long enough is closed behind its next answer. */
static int pass_to_http(struct connection *connection, const void *plain, size_t size,
                        uint64_t now_ms)
{
    connection->http.last =
        now_ms - connection->born_ms >= connection->shared->limiter->limits.life_ms;
    int error = http_receive(connection->shared->http, &connection->http, plain, size);
    if (error == 0 && connection->http.responses) {
        connection->place.progress_ms = now_ms;
        connection->place.entry->is_known |= connection->http.request.refusal == 0;
    }
    return error;
}

static void feed(struct connection *connection, uint64_t now_ms)
{
    unsigned char plain[PLAIN_SIZE];
    ssize_t got = 0;
    if (!connection->http.waiting) {
        got = tls_read(connection->tls, plain, sizeof(plain));
        connection->undecrypted =
            got == sizeof(plain) || (got > 0 && connection->wire_begin != connection->wire_end);
        if (got == -EAGAIN)
            return;
        if (got == 0) {
            end_input(connection, now_ms);
            return;
        }
    }
    connection->shared->counts->renegotiations += got == -EOPNOTSUPP;
    if (got < 0 || pass_to_http(connection, plain, (size_t)got, now_ms) < 0) {
        drop_with_alert(connection);
        return;
    }
    watch_head(connection, now_ms);
}

/* What still comes is thrown away: closing a socket with unread bytes would reset it, and could
 * take the answer from the client again (RFC 9112, 9.6). */
static void linger(struct connection *connection, uint64_t now_ms)
{
    if (!connection->output_ended) {
        connection->output_ended = true;
        connection->deadline_ms = now_ms + LINGER_MS;
        (void)shutdown(connection->socket, SHUT_WR); /* fails only where the client is gone */
    }
    char thrown[PLAIN_SIZE];
    ssize_t got = recv(connection->socket, thrown, sizeof(thrown), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        connection_drop(connection);
}

void connection_receive(struct connection *connection, uint64_t now_ms)
{
    connection->wire_dry = false;
    connection->more = false;
    if (is_parting(connection) || connection->phase == PHASE_DEAD)
        http_mark(connection->shared->http, &connection->http);
    if (connection->phase == PHASE_DEAD)
        return;
    if (!flush(connection))
        return;
    if (connection->phase == PHASE_HANDSHAKE)
        shake(connection, now_ms);
    if (connection->phase == PHASE_LINGER)
        linger(connection, now_ms);
    else if (may_feed(connection))
        feed(connection, now_ms);
    if (connection->phase != PHASE_DEAD)
        (void)flush(connection); /* what is left leaves when the socket takes it */
}

/* Encrypts what HTTP wrote. */
static void drain(struct connection *connection, uint64_t now_ms)
{
    char plain[PLAIN_SIZE];
    ssize_t got = sizeof(plain);
    /* A short read is the last, but where HTTP has closed behind it. */
    while ((got == sizeof(plain) || (got > 0 && !connection->http.open)) &&
           connection->unsent.length < OUTGOING_MAX) {
        got = http_read_answer(&connection->http, plain, sizeof(plain));
        if (got > 0 && tls_write(connection->tls, plain, (size_t)got) < 0)
            got = -EPROTO;
    }
    if (got <= 0 && got != -EAGAIN) {
        finish(connection, now_ms);
        return;
    }
    connection->drained = got < (ssize_t)sizeof(plain) && !connection->http.answering;
    /* There was something: there may be more, once HTTP has the room to write it. */
    if (got == sizeof(plain) || connection->http.answering || !connection->http.open)
        connection->more = true;
    if (connection->http.answering)
        http_mark(connection->shared->http, &connection->http);
}

void connection_send(struct connection *connection, uint64_t now_ms)
{
    if (connection->phase != PHASE_OPEN || connection->http.pair < 0 || connection->unsent.length)
        return;
    drain(connection, now_ms);
    (void)flush(connection); /* what is left leaves when the socket takes it */
    if (connection->phase != PHASE_OPEN || connection->http.responses == 0)
        return;
    connection->http.responses = 0;
    wait_for_request(connection, now_ms);
}

/* --- what the loop asks --- */

uint64_t connection_due_ms(const struct connection *connection)
{
    uint64_t sooner_ms = connection->rest_ms ? connection->rest_ms : UINT64_MAX;
    if (connection->phase == PHASE_WAITING)
        sooner_ms = limiter_ready_ms(connection->shared->limiter, &connection->place);
    return sooner_ms < connection->deadline_ms ? sooner_ms : connection->deadline_ms;
}

/* While anything is under way it is not the time; the next request sets another. */
static void rest(struct connection *connection)
{
    connection->rest_ms = 0;
    if (!may_feed(connection) || connection->undecrypted || connection->http.waiting ||
        connection->more)
        return;
    http_let_go(&connection->http);
    free(connection->wire);
    connection->wire = NULL;
    tls_hibernate(connection->tls);
}

void connection_check_time(struct connection *connection, uint64_t now_ms)
{
    if (connection->phase == PHASE_DEAD)
        return;
    if (connection->rest_ms && now_ms >= connection->rest_ms)
        rest(connection);
    if (now_ms < connection->deadline_ms)
        return;
    if (connection->phase == PHASE_WAITING)
        connection->shared->counts->refused_rate++;
    else if (!connection->output_ended)
        connection->shared->counts->timed_out++;
    if (connection->phase == PHASE_HANDSHAKE)
        connection->place.entry->is_known = false;
    connection_part(connection);
}

unsigned connection_events(const struct connection *connection)
{
    if (connection->phase == PHASE_DEAD || connection->phase == PHASE_WAITING)
        return 0;
    if (connection->unsent.length)
        return EPOLLOUT;
    return connection->phase != PHASE_OPEN || may_feed(connection) ? EPOLLIN : 0;
}

bool connection_is_busy(const struct connection *connection)
{
    if (is_parting(connection) || connection->phase == PHASE_DEAD)
        return connection->http.open;
    return connection->unsent.length == 0 &&
           (connection->more ||
            ((connection->undecrypted || connection->http.waiting) && may_feed(connection)));
}

bool connection_is_over(const struct connection *connection)
{
    return connection->phase == PHASE_DEAD && !connection->http.open;
}
