/* The loop: who has a turn, in which order, and until when to sleep. */
#include "endpoint/worker_loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "endpoint/connection.h"
#include "endpoint/worker_channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    ACCEPTS_MAX = 64,      /* in one turn: each has had a turn before its place is another's */
    HANDSHAKES_MS = 10,    /* in one turn: those who are in already do not wait for a crowd */
    ACCEPT_PAUSE_MS = 100, /* after a failed accept(2): no busy loop over a lack of memory */
    RECORD_INTERVAL_MS = 1000,
    CONNECTIONS_MAX = 2 * WORKER_CONNECTIONS_MAX /* those with a place, and those just closed */
};

struct worker_loop {
    int epoll, listener, channel;
    struct connection_shared shared;
    struct limiter *limiter; /* owned */
    struct traffic_counts counts, recorded;
    uint32_t heard, answered;              /* sequences of the daemon's messages */
    uint64_t recorded_ms, accept_again_ms; /* the latter 0: accepting */
    uint64_t rotate_ms;                    /* when the keys of session tickets change next */
    bool http_busy, accepting, ended;
    size_t count;
    struct connection *connections[CONNECTIONS_MAX];
};

/* --- the daemon's channel --- */

static int take_descriptor(struct msghdr *message)
{
    int fd = -1;
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
        control->cmsg_len == CMSG_LEN(sizeof(fd)))
        memcpy(&fd, CMSG_DATA(control), sizeof(fd));
    return fd;
}

static void show(struct worker_loop *loop, int fd)
{
    struct snapshot snapshot;
    int error = snapshot_map(&snapshot, fd);
    if (error == 0)
        error = http_show(loop->shared.http, &snapshot);
    if (error)
        log_error("snapshot refused, the former one stays: %s", strerror(-error));
}

/* Each connection goes to a gate with the new list; what has no place in it ends. */
static int move_all(struct worker_loop *loop, const struct stations *stations)
{
    struct limiter *limiter = malloc(sizeof(*limiter));
    if (!limiter)
        return -ENOMEM;
    limiter_init(limiter, &loop->limiter->limits, stations);
    limiter->arrivals = loop->limiter->arrivals;
    for (size_t i = 0; i < loop->count; i++) {
        struct connection *connection = loop->connections[i];
        if (connection->phase == PHASE_DEAD ||
            limiter_move(limiter, &connection->peer, &connection->place))
            continue;
        connection_part(connection);
        loop->counts.refused_strangers++;
    }
    free(loop->limiter);
    loop->limiter = loop->shared.limiter = limiter;
    return 0;
}

/* Serving those who are no longer to be served is no way out: the endpoint ends, and is started
 * again. */
static void admit_stations(struct worker_loop *loop, const struct worker_stations_message *message)
{
    int error =
        stations_are_valid(&message->stations) ? move_all(loop, &message->stations) : -EBADMSG;
    if (error == 0)
        return;
    log_error("endpoint: the list of stations cannot be taken: %s", strerror(-error));
    loop->ended = true;
}

static void take_message(struct worker_loop *loop, const struct worker_stations_message *message,
                         ssize_t size, int fd)
{
    const struct worker_message *head = &message->head;
    if (size < (ssize_t)sizeof(*head) || head->magic != WORKER_MAGIC || head->size != size)
        return;
    loop->heard = head->sequence;
    if (size == sizeof(*message))
        admit_stations(loop, message);
    else if (size == sizeof(*head) && fd >= 0)
        show(loop, fd);
}

static void read_channel(struct worker_loop *loop)
{
    struct worker_stations_message message;
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {&message, sizeof(message)};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(loop->channel, &header, MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        loop->ended = true;
        return;
    }
    int fd = take_descriptor(&header);
    take_message(loop, &message, got, fd);
    if (fd >= 0)
        close(fd);
}

static bool counts_changed(const struct worker_loop *loop)
{
    return memcmp(&loop->counts, &loop->recorded, sizeof(loop->counts)) != 0;
}

/* A channel that is full takes the next record, which tells the same and more. */
static void send_record(struct worker_loop *loop, uint64_t now_ms)
{
    bool due = counts_changed(loop) && now_ms >= loop->recorded_ms + RECORD_INTERVAL_MS;
    if (loop->heard == loop->answered && !due)
        return;
    const struct worker_record record = {WORKER_MAGIC, sizeof(record), loop->heard, loop->counts};
    loop->recorded_ms = now_ms;
    ssize_t sent = send(loop->channel, &record, sizeof(record), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == sizeof(record)) {
        loop->recorded = loop->counts;
        loop->answered = loop->heard;
    } else if (errno != EAGAIN) {
        loop->ended = true;
    }
}

/* --- new clients --- */

static int watch(struct worker_loop *loop, int operation, int fd, unsigned events, void *who)
{
    struct epoll_event event = {.events = events, .data.ptr = who};
    return epoll_ctl(loop->epoll, operation, fd, &event) < 0 ? -errno : 0;
}

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
        counts->refused_strangers++;
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
    if (loop->count == CONNECTIONS_MAX)
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

static void start_waiting(struct worker_loop *loop, uint64_t now_ms)
{
    struct connection *next = NULL;
    while (loop->limiter->waiting && (next = find_next_to_start(loop, now_ms)))
        if (!connection_start(next, now_ms))
            return;
}

static int add_connection(struct worker_loop *loop, struct connection *connection, uint64_t now_ms)
{
    /* The first of its source that waits need not: nobody is before it. */
    if (connection->place.entry->places - connection->place.entry->started > 1 ||
        !connection_start(connection, now_ms))
        loop->counts.delayed++;
    if (connection->phase == PHASE_DEAD)
        return -ENOMEM;
    connection->events = connection_events(connection);
    return watch(loop, EPOLL_CTL_ADD, connection->socket, connection->events, connection);
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
    (void)watch(loop, EPOLL_CTL_MOD, loop->listener, 0, &loop->listener);
}

static void resume_accepting(struct worker_loop *loop, uint64_t now_ms)
{
    if (loop->accept_again_ms == 0 || now_ms < loop->accept_again_ms)
        return;
    loop->accept_again_ms = 0;
    (void)watch(loop, EPOLL_CTL_MOD, loop->listener, EPOLLIN, &loop->listener);
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

static void accept_clients(struct worker_loop *loop, uint64_t now_ms)
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

/* --- turns --- */

static void note_event(struct worker_loop *loop, const struct epoll_event *event)
{
    if (event->data.ptr == &loop->listener) {
        loop->accepting = true;
        return;
    }
    if (event->data.ptr == &loop->channel) {
        read_channel(loop);
        return;
    }
    struct connection *connection = event->data.ptr;
    connection->active = true;
    if (event->events & (EPOLLERR | EPOLLHUP))
        connection_drop(connection);
}

/* Of those who behave, or of the strangers, the newest first: under a crowd it is the oldest who
 * shall give way. Whoever is left over is told of again by epoll. */
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
    return watch(loop, EPOLL_CTL_MOD, connection->socket, events, connection) == 0;
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
    if (counts_changed(loop))
        due_ms = earlier(loop->recorded_ms + RECORD_INTERVAL_MS, due_ms);
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
        resume_accepting(loop, now_ms);
        for (int i = 0; i < count; i++)
            note_event(loop, &events[i]);
        take_turns(loop, now_ms);
        shake_hands(loop, now_ms, true);
        shake_hands(loop, now_ms, false);
        now_ms = clock_boot_ms(); /* handshakes take a while, and have noted when they ended */
        if (loop->accepting)
            accept_clients(loop, now_ms);
        start_waiting(loop, now_ms);
        look_after(loop, now_ms);
        send_record(loop, now_ms);
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
            http_open(&(*loop)->shared.http, &(*loop)->counts, CONNECTIONS_MAX, limits->head_bytes);
    if (error == 0)
        error = watch(*loop, EPOLL_CTL_ADD, listener, EPOLLIN, &(*loop)->listener);
    if (error == 0)
        error = watch(*loop, EPOLL_CTL_ADD, channel, EPOLLIN, &(*loop)->channel);
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
