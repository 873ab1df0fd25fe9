/* The loop: who has a turn, in which order, and until when to sleep. */
#include "endpoint/worker_loop.h"

#include "base/clock.h"
#include "endpoint/worker_state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    HANDSHAKES_MS = 10 /* in one turn: those who are in already do not wait for a crowd */
};

int worker_loop_watch(struct worker_loop *loop, int operation, int fd, unsigned events, void *who)
{
    struct epoll_event event = {.events = events, .data.ptr = who};
    return epoll_ctl(loop->epoll, operation, fd, &event) < 0 ? -errno : 0;
}

/* --- turns --- */

static void note_event(struct worker_loop *loop, const struct epoll_event *event)
{
    if (event->data.ptr == &loop->listener) {
        loop->accepting = true;
        return;
    }
    if (event->data.ptr == &loop->channel) {
        worker_channel_read(loop);
        return;
    }
    struct connection *connection = event->data.ptr;
    connection->active = true;
    if (event->events & (EPOLLERR | EPOLLHUP))
        connection_drop(connection);
}

/* Accepts known clients first, newest first; when the table is full, the oldest unfinished
 * handshake gives way. epoll reports the rest again. */
static void shake_hands(struct worker_loop *loop, uint64_t now_ms, bool behaving)
{
    uint64_t end_ms = now_ms + HANDSHAKES_MS;
    for (size_t i = loop->count; i-- > 0 && now_ms < end_ms;) {
        struct connection *connection = loop->connections[i];
        if (!connection->active || connection->phase != PHASE_HANDSHAKE ||
            connection->place.entry->is_known != behaving)
            continue;
        connection_receive(connection, now_ms);
        /* Its first request may have come along, and HTTP has had its turn already. */
        connection->more |= connection->phase == PHASE_OPEN;
        now_ms = clock_boot_ms();
    }
}

/* Takes what clients sent, answers, and sends; HTTP runs once for all of them. */
static void take_turns(struct worker_loop *loop, uint64_t now_ms)
{
    for (size_t i = 0; i < loop->count; i++) {
        struct connection *connection = loop->connections[i];
        connection->active |= loop->http_busy || connection_is_busy(connection);
        if (connection->active && connection->phase != PHASE_HANDSHAKE)
            connection_receive(connection, now_ms);
    }
    loop->http_busy = http_run(loop->shared.http);
    for (size_t i = 0; i < loop->count; i++)
        if (loop->connections[i]->active)
            connection_send(loop->connections[i], now_ms);
}

/* Registers what a client waits for now; false when that cannot be. */
static bool rewatch(struct worker_loop *loop, struct connection *connection)
{
    unsigned events = connection_events(connection);
    if (connection->phase == PHASE_DEAD || events == connection->events)
        return true;
    connection->events = events;
    return worker_loop_watch(loop, EPOLL_CTL_MOD, connection->wire.socket, events, connection) == 0;
}

/* Time limits, registrations, and the end of those who are over. */
static void look_after(struct worker_loop *loop, uint64_t now_ms)
{
    for (size_t i = loop->count; i-- > 0;) {
        struct connection *connection = loop->connections[i];
        connection->active = false;
        connection_check_time(connection, now_ms);
        if (!rewatch(loop, connection))
            connection_drop(connection);
        if (!connection_is_over(connection))
            continue;
        connection_free(connection);
        loop->connections[i] = loop->connections[--loop->count];
    }
}

static uint64_t earlier(uint64_t due_ms, uint64_t than_ms)
{
    return due_ms < than_ms ? due_ms : than_ms;
}

/* How long to sleep. */
static int sleep_ms(const struct worker_loop *loop, uint64_t now_ms)
{
    uint64_t due_ms = UINT64_MAX;
    if (loop->http_busy)
        return 0;
    for (size_t i = 0; i < loop->count; i++) {
        if (connection_is_busy(loop->connections[i]))
            return 0;
        due_ms = earlier(connection_due_ms(loop->connections[i]), due_ms);
    }
    if (worker_channel_has_counts(loop))
        due_ms = earlier(loop->recorded_ms + WORKER_RECORD_INTERVAL_MS, due_ms);
    due_ms = earlier(loop->rotate_ms, due_ms);
    if (loop->accept_again_ms)
        due_ms = earlier(loop->accept_again_ms, due_ms);
    return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

int worker_loop_run(struct worker_loop *loop)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t now_ms = clock_boot_ms();
    while (!loop->ended) {
        int count = epoll_wait(loop->epoll, events, EVENTS_MAX, sleep_ms(loop, now_ms));
        if (count < 0 && errno != EINTR)
            return -errno;
        now_ms = clock_boot_ms();
        loop->rotate_ms = tls_server_rotate(loop->shared.tls, now_ms);
        worker_admission_resume(loop, now_ms);
        for (int i = 0; i < count; i++)
            note_event(loop, &events[i]);
        take_turns(loop, now_ms);
        shake_hands(loop, now_ms, true);
        shake_hands(loop, now_ms, false);
        now_ms = clock_boot_ms(); /* handshakes take a while, and have noted when they ended */
        if (loop->accepting)
            worker_admission_accept(loop, now_ms);
        worker_admission_start(loop, now_ms);
        look_after(loop, now_ms);
        worker_channel_send(loop, now_ms);
    }
    return 0;
}

/* --- its life --- */

int worker_loop_open(struct worker_loop **loop, const struct worker_limits *limits,
                     const struct stations *stations, int listener, int channel,
                     struct tls_server *tls)
{
    *loop = calloc(1, sizeof(**loop));
    if (!*loop)
        return -ENOMEM;
    (*loop)->epoll = -1;
    (*loop)->limiter = malloc(sizeof(*(*loop)->limiter));
    if (!(*loop)->limiter) {
        worker_loop_close(*loop);
        return -ENOMEM;
    }
    limiter_init((*loop)->limiter, limits, stations);
    (*loop)->listener = listener;
    (*loop)->channel = channel;
    (*loop)->shared.tls = tls;
    (*loop)->shared.counts = &(*loop)->counts;
    (*loop)->shared.limiter = (*loop)->limiter;
    (*loop)->epoll = epoll_create1(EPOLL_CLOEXEC);
    int error = (*loop)->epoll < 0 ? -errno : 0;
    if (error == 0)
        error =
            http_open(&(*loop)->shared.http, &(*loop)->counts, WORKER_SLOTS, limits->head_bytes);
    if (error == 0)
        error = worker_loop_watch(*loop, EPOLL_CTL_ADD, listener, EPOLLIN, &(*loop)->listener);
    if (error == 0)
        error = worker_loop_watch(*loop, EPOLL_CTL_ADD, channel, EPOLLIN, &(*loop)->channel);
    if (error)
        worker_loop_close(*loop);
    return error;
}

void worker_loop_close(struct worker_loop *loop)
{
    for (size_t i = 0; i < loop->count; i++)
        connection_drop(loop->connections[i]);
    if (loop->shared.http)
        http_close(loop->shared.http); /* lets go of the clients */
    for (size_t i = 0; i < loop->count; i++)
        connection_free(loop->connections[i]);
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->limiter);
    free(loop);
}
