/* The loop: who has a turn, in which order, and until when to sleep. */
#include "serve/front_loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "serve/front_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    ACCEPTS_MAX = 256,     /* in one turn: a crowd must not hide a client in the kernel's queue */
    HANDSHAKES_MS = 10,    /* in one turn: those who are in already do not wait for a crowd */
    ACCEPT_PAUSE_MS = 100, /* after a failed accept(2): no busy loop over a lack of memory */
    RECORD_INTERVAL_MS = 1000,
    CONNECTIONS_MAX = 2 * FRONT_CONNECTIONS_MAX /* those with a place, and those just closed */
};

struct front_loop {
    int epoll, listener, channel;
    struct front_shared shared;
    struct traffic_counts counts, recorded;
    uint64_t recorded_ms, accept_again_ms; /* the latter 0: accepting */
    uint64_t rotate_ms;                    /* when the keys of session tickets change next */
    bool http_busy, accepting, ended;
    size_t count;
    struct connection *connections[CONNECTIONS_MAX];
};

/* --- the warden's channel --- */

static int take_descriptor(struct msghdr *message)
{
    int fd = -1;
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
        control->cmsg_len == CMSG_LEN(sizeof(fd)))
        memcpy(&fd, CMSG_DATA(control), sizeof(fd));
    return fd;
}

static void show(struct front_loop *loop, int fd)
{
    struct snapshot snapshot;
    int error = snapshot_map(&snapshot, fd);
    if (error == 0)
        error = http_show(loop->shared.http, &snapshot);
    if (error)
        log_error("front: snapshot refused, the former one stays: %s", strerror(-error));
}

static void read_channel(struct front_loop *loop)
{
    struct front_message message = {0};
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
    if (fd < 0)
        return;
    if (got == sizeof(message) && message.magic == FRONT_MAGIC && message.size == sizeof(message))
        show(loop, fd);
    close(fd);
}

static bool counts_changed(const struct front_loop *loop)
{
    return memcmp(&loop->counts, &loop->recorded, sizeof(loop->counts)) != 0;
}

/* A channel that is full takes the next record, which tells the same and more. */
static void send_record(struct front_loop *loop, uint64_t now_ms)
{
    if (!counts_changed(loop) || now_ms < loop->recorded_ms + RECORD_INTERVAL_MS)
        return;
    const struct front_record record = {FRONT_MAGIC, sizeof(record), loop->counts};
    loop->recorded_ms = now_ms;
    ssize_t sent = send(loop->channel, &record, sizeof(record), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == sizeof(record))
        loop->recorded = loop->counts;
    else if (errno != EAGAIN)
        loop->ended = true;
}

/* --- new clients --- */

static int watch(struct front_loop *loop, int operation, int fd, unsigned events, void *who)
{
    struct epoll_event event = {.events = events, .data.ptr = who};
    return epoll_ctl(loop->epoll, operation, fd, &event) < 0 ? -errno : 0;
}

static void count_refusal(struct traffic_counts *counts, enum gate_answer answer)
{
    switch (answer) {
    case GATE_FULL:
        counts->refused_connections++;
        break;
    case GATE_ADDRESS_FULL:
        counts->refused_address++;
        break;
    case GATE_TOO_FAST:
        counts->refused_rate++;
        break;
    case GATE_OPEN:
        break;
    }
}

static bool gives_way_before(const struct connection *a, const struct connection *b)
{
    if (a->gate_entry->behaves != b->gate_entry->behaves)
        return b->gate_entry->behaves;
    return a->deadline_ms < b->deadline_ms;
}

/* Among the clients in their handshake, strangers before those who have finished one before, the
 * one that has taken longest; or NULL. */
static struct connection *find_slowest(const struct front_loop *loop)
{
    struct connection *slowest = NULL;
    for (size_t i = 0; i < loop->count; i++) {
        struct connection *connection = loop->connections[i];
        if (connection->phase == PHASE_HANDSHAKE &&
            (!slowest || gives_way_before(connection, slowest)))
            slowest = connection;
    }
    return slowest;
}

/* Where every place is taken, an unfinished handshake gives way: it is counted as refused. */
static enum gate_answer enter(struct front_loop *loop, const struct sockaddr_storage *address,
                              uint64_t now_ms, struct gate_entry **entry)
{
    if (loop->count == CONNECTIONS_MAX)
        return GATE_FULL;
    enum gate_answer answer = gate_enter(&loop->shared.gate, address, now_ms, entry);
    struct connection *slowest = answer == GATE_FULL ? find_slowest(loop) : NULL;
    if (!slowest || (slowest->gate_entry->behaves && !(*entry)->behaves))
        return answer;
    connection_drop(slowest);
    loop->counts.refused_connections++;
    return gate_enter(&loop->shared.gate, address, now_ms, entry);
}

static void admit(struct front_loop *loop, int socket, const struct sockaddr_storage *address,
                  uint64_t now_ms)
{
    struct gate_entry *entry;
    enum gate_answer answer = enter(loop, address, now_ms, &entry);
    count_refusal(&loop->counts, answer);
    if (answer != GATE_OPEN) {
        close(socket);
        return;
    }
    struct connection *connection = connection_open(&loop->shared, socket, entry, now_ms);
    if (!connection)
        return;
    if (watch(loop, EPOLL_CTL_ADD, socket, EPOLLIN, connection) < 0) {
        connection_drop(connection);
        connection_free(connection);
        return;
    }
    connection->events = EPOLLIN;
    loop->connections[loop->count++] = connection;
    loop->counts.connections++;
}

static void pause_accepting(struct front_loop *loop, uint64_t now_ms)
{
    loop->accept_again_ms = now_ms + ACCEPT_PAUSE_MS;
    (void)watch(loop, EPOLL_CTL_MOD, loop->listener, 0, &loop->listener);
}

static void resume_accepting(struct front_loop *loop, uint64_t now_ms)
{
    if (loop->accept_again_ms == 0 || now_ms < loop->accept_again_ms)
        return;
    loop->accept_again_ms = 0;
    (void)watch(loop, EPOLL_CTL_MOD, loop->listener, EPOLLIN, &loop->listener);
}

static void accept_clients(struct front_loop *loop, uint64_t now_ms)
{
    loop->accepting = false;
    for (size_t i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int socket = accept4(loop->listener, (struct sockaddr *)&address, &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket >= 0) {
            admit(loop, socket, &address, now_ms);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(loop, now_ms);
        return;
    }
}

/* --- turns --- */

static void note_event(struct front_loop *loop, const struct epoll_event *event)
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
static void shake_hands(struct front_loop *loop, uint64_t now_ms, bool behaving)
{
    uint64_t end_ms = now_ms + HANDSHAKES_MS;
    for (size_t i = loop->count; i-- > 0 && now_ms < end_ms;) {
        struct connection *connection = loop->connections[i];
        if (!connection->active || connection->phase != PHASE_HANDSHAKE ||
            connection->gate_entry->behaves != behaving)
            continue;
        connection_receive(connection, now_ms);
        /* Its first request may have come along, and HTTP has had its turn already. */
        connection->more |= connection->phase == PHASE_OPEN;
        now_ms = clock_boot_ms();
    }
}

/* Takes what clients sent, answers, and sends; HTTP runs once for all of them. */
static void take_turns(struct front_loop *loop, uint64_t now_ms)
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
static bool rewatch(struct front_loop *loop, struct connection *connection)
{
    unsigned events = connection_events(connection);
    if (connection->phase == PHASE_DEAD || events == connection->events)
        return true;
    connection->events = events;
    return watch(loop, EPOLL_CTL_MOD, connection->socket, events, connection) == 0;
}

/* Time limits, registrations, and the end of those who are over. */
static void look_after(struct front_loop *loop, uint64_t now_ms)
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
static int sleep_ms(const struct front_loop *loop, uint64_t now_ms)
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

int front_loop_run(struct front_loop *loop)
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
        if (loop->accepting)
            accept_clients(loop, now_ms);
        look_after(loop, now_ms);
        send_record(loop, now_ms);
    }
    return 0;
}

/* --- its life --- */

int front_loop_open(struct front_loop **loop, const struct front_limits *limits, int listener,
                    int channel, struct tls_server *tls)
{
    *loop = calloc(1, sizeof(**loop));
    if (!*loop)
        return -ENOMEM;
    (*loop)->listener = listener;
    (*loop)->channel = channel;
    (*loop)->shared.tls = tls;
    (*loop)->shared.counts = &(*loop)->counts;
    (*loop)->shared.gate.limits = *limits;
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
        front_loop_close(*loop);
    return error;
}

void front_loop_close(struct front_loop *loop)
{
    for (size_t i = 0; i < loop->count; i++)
        connection_drop(loop->connections[i]);
    if (loop->shared.http)
        http_close(loop->shared.http); /* lets go of the clients */
    for (size_t i = 0; i < loop->count; i++)
        connection_free(loop->connections[i]);
    if (loop->epoll >= 0)
        close(loop->epoll);
    buf_free(&loop->shared.outgoing);
    free(loop);
}
