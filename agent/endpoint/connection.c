/*
 * One client's life. Encrypted bytes come from its wire by one read a turn, are decrypted, and go
 * through a socket pair into HTTP; its answers come back the same way, are encrypted into the
 * wire's own buffer, and leave by one write a turn. While the client does not take what was
 * written, nothing more is read from it.
 */
#include "endpoint/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LINGER_MS = 1000,
    REST_AFTER_MS = 1000,
    PLAIN_SIZE = 4096,
    THROWN_READS = 8,
    OUTGOING_MAX = 32768 /* of one connection in one turn */
};

/* --- the wire --- */

/* True when nothing is left to be sent; false also where the connection is dropped. */
static bool flush(struct connection *connection)
{
    int left = client_wire_flush(&connection->wire);
    if (left < 0)
        connection_drop(connection);
    return left == 0;
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
        connection->wire = (struct client_wire){.socket = socket};
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
    if (tls_open(&connection->tls, shared->tls, &client_wire_for_tls, &connection->wire) < 0)
        connection_drop(connection);
    return true;
}

const struct limiter_slot *connection_slot(struct connection *connection)
{
    connection->place.at_work = connection->http.answering || connection->wire.unsent.length;
    return &connection->place;
}

void connection_drop(struct connection *connection)
{
    if (connection->phase == PHASE_DEAD)
        return;
    connection->phase = PHASE_DEAD;
    close(connection->wire.socket);
    http_let_go(&connection->http);
    tls_close(connection->tls);
    client_wire_free(&connection->wire);
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
            if (recv(connection->wire.socket, thrown, sizeof(thrown), 0) <= 0)
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
           !connection->http.answering && connection->wire.unsent.length == 0 &&
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
            got == sizeof(plain) || (got > 0 && client_wire_has_input(&connection->wire));
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
        (void)shutdown(connection->wire.socket, SHUT_WR); /* fails only where the client is gone */
    }
    char thrown[PLAIN_SIZE];
    ssize_t got = recv(connection->wire.socket, thrown, sizeof(thrown), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        connection_drop(connection);
}

void connection_receive(struct connection *connection, uint64_t now_ms)
{
    connection->wire.is_dry = false;
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
        (void)flush(connection); /* the rest is sent when the socket is writable */
}

/* Encrypts what HTTP wrote. */
static void drain(struct connection *connection, uint64_t now_ms)
{
    char plain[PLAIN_SIZE];
    ssize_t got = sizeof(plain);
    /* A short read is the last, but where HTTP has closed behind it. */
    while ((got == sizeof(plain) || (got > 0 && !connection->http.open)) &&
           connection->wire.unsent.length < OUTGOING_MAX) {
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
    if (connection->phase != PHASE_OPEN || connection->http.pair < 0 ||
        connection->wire.unsent.length)
        return;
    drain(connection, now_ms);
    (void)flush(connection); /* the rest is sent when the socket is writable */
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
    client_wire_rest(&connection->wire);
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
    if (connection->wire.unsent.length)
        return EPOLLOUT;
    return connection->phase != PHASE_OPEN || may_feed(connection) ? EPOLLIN : 0;
}

bool connection_is_busy(const struct connection *connection)
{
    if (is_parting(connection) || connection->phase == PHASE_DEAD)
        return connection->http.open;
    return connection->wire.unsent.length == 0 &&
           (connection->more ||
            ((connection->undecrypted || connection->http.waiting) && may_feed(connection)));
}

bool connection_is_over(const struct connection *connection)
{
    return connection->phase == PHASE_DEAD && !connection->http.open;
}
