/* New clients: who gets a place, who gives way, and when a handshake begins. */
#include "endpoint/worker_state.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_MAX = 64,     /* in one turn: each has had a turn before its place is another's */
    ACCEPT_PAUSE_MS = 100 /* after a failed accept(2): no busy loop over a lack of memory */
};

static void count_refusal(struct traffic_counts *counts, enum limiter_answer answer)
{
    switch (answer) {
    case LIMITER_FULL:
        counts->refused_connections++;
        break;
    case LIMITER_SOURCE_FULL:
        counts->refused_address++;
        break;
    case LIMITER_UNKNOWN:
        counts->refused_unknown++;
        break;
    case LIMITER_OPEN:
        break;
    }
}

/* The one that gives way first to a newcomer of this source; or NULL. */
static struct connection *find_first_to_go(const struct worker_loop *loop,
                                           const struct limiter_entry *newcomer, uint64_t now_ms)
{
    struct connection *first = NULL;
    for (size_t i = 0; i < loop->count; i++) {
        struct connection *connection = loop->connections[i];
        if (connection->phase != PHASE_DEAD &&
            limiter_may_take(loop->limiter, connection_slot(connection), newcomer, now_ms) &&
            (!first || limiter_takes_before(&connection->place, &first->place, newcomer)))
            first = connection;
    }
    return first;
}

static enum limiter_answer enter(struct worker_loop *loop, const struct peer *peer, uint64_t now_ms,
                                 struct limiter_slot *place)
{
    if (loop->count == WORKER_SLOTS)
        return LIMITER_FULL;
    enum limiter_answer answer = limiter_enter(loop->limiter, peer, now_ms, place);
    struct connection *first =
        answer == LIMITER_FULL ? find_first_to_go(loop, place->entry, now_ms) : NULL;
    if (!first)
        return answer;
    connection_part(first);
    loop->counts.gave_way++;
    return limiter_enter(loop->limiter, peer, now_ms, place);
}

/* Those of one source that wait begin their handshakes in the order in which they came. */
static struct connection *find_next_to_start(const struct worker_loop *loop, uint64_t now_ms)
{
    struct connection *next = NULL;
    for (size_t i = 0; i < loop->count; i++) {
        struct connection *connection = loop->connections[i];
        if (connection->phase == PHASE_WAITING &&
            limiter_ready_ms(loop->limiter, &connection->place) <= now_ms &&
            (!next || connection->place.arrival < next->place.arrival))
            next = connection;
    }
    return next;
}

void worker_admission_start(struct worker_loop *loop, uint64_t now_ms)
{
    struct connection *next = NULL;
    while (loop->limiter->waiting && (next = find_next_to_start(loop, now_ms)))
        if (!connection_start(next, now_ms))
            return;
}

static int add_connection(struct worker_loop *loop, struct connection *connection, uint64_t now_ms)
{
    /* The first that waits of its source has no other before it, and need not wait. */
    if (connection->place.entry->places - connection->place.entry->started > 1 ||
        !connection_start(connection, now_ms))
        loop->counts.delayed++;
    if (connection->phase == PHASE_DEAD)
        return -ENOMEM;
    connection->events = connection_events(connection);
    return worker_loop_watch(loop, EPOLL_CTL_ADD, connection->wire.socket, connection->events,
                             connection);
}

static void admit(struct worker_loop *loop, int socket, const struct peer *peer, uint64_t now_ms)
{
    struct limiter_slot place;
    enum limiter_answer answer = enter(loop, peer, now_ms, &place);
    count_refusal(&loop->counts, answer);
    if (answer != LIMITER_OPEN) {
        close(socket);
        return;
    }
    struct connection *connection = connection_open(&loop->shared, socket, &place, peer, now_ms);
    if (!connection)
        return;
    if (add_connection(loop, connection, now_ms) < 0) {
        connection_drop(connection);
        connection_free(connection);
        return;
    }
    loop->connections[loop->count++] = connection;
    loop->counts.connections++;
}

static void pause_accepting(struct worker_loop *loop, uint64_t now_ms)
{
    loop->accept_again_ms = now_ms + ACCEPT_PAUSE_MS;
    (void)worker_loop_watch(loop, EPOLL_CTL_MOD, loop->listener, 0, &loop->listener);
}

void worker_admission_resume(struct worker_loop *loop, uint64_t now_ms)
{
    if (loop->accept_again_ms == 0 || now_ms < loop->accept_again_ms)
        return;
    loop->accept_again_ms = 0;
    (void)worker_loop_watch(loop, EPOLL_CTL_MOD, loop->listener, EPOLLIN, &loop->listener);
}

/* As accept(2). Who has come is empty, and a stranger, where the kernel cannot say it. */
static int accept_client(int listener, struct peer *peer)
{
    struct sockaddr_storage from = {0}, to = {0};
    socklen_t size = sizeof(from);
    int socket = accept4(listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0)
        return socket;
    size = sizeof(to);
    (void)getsockname(socket, (struct sockaddr *)&to, &size); /* fails where it has closed again */
    peer_read(peer, &from, &to);
    return socket;
}

void worker_admission_accept(struct worker_loop *loop, uint64_t now_ms)
{
    loop->accepting = false;
    for (size_t i = 0; i < ACCEPTS_MAX; i++) {
        struct peer peer;
        int socket = accept_client(loop->listener, &peer);
        if (socket >= 0) {
            admit(loop, socket, &peer, now_ms);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(loop, now_ms);
        return;
    }
}
