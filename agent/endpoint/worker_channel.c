/* The endpoint's end of the daemon's channel. */
#include "endpoint/worker_channel.h"

#include "base/log.h"
#include "endpoint/worker_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
        loop->counts.refused_unknown++;
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

void worker_channel_read(struct worker_loop *loop)
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

bool worker_channel_has_counts(const struct worker_loop *loop)
{
    return memcmp(&loop->counts, &loop->recorded, sizeof(loop->counts)) != 0;
}

/* A channel that is full takes the next record, which tells the same and more. */
void worker_channel_send(struct worker_loop *loop, uint64_t now_ms)
{
    bool due =
        worker_channel_has_counts(loop) && now_ms >= loop->recorded_ms + WORKER_RECORD_INTERVAL_MS;
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
