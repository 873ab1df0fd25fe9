/* The endpoint as its parent sees it: a listening socket, a helper process, and the channel between
 * the two. What the process then does is in worker_main.c. */
#include "endpoint/worker.h"

#include "base/log.h"
#include "base/str.h"
#include "process/helper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BACKLOG = 1024 }; /* a crowd of connections waits here, for a moment */

/* --- the listening socket --- */

struct endpoint_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

static int read_address(struct endpoint_address *address, const char *text, uint16_t port)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
        memcpy(&address->storage, &six, sizeof(six));
        address->size = sizeof(six);
        return 0;
    }
    if (inet_pton(AF_INET, text, &four.sin_addr) != 1)
        return -EINVAL;
    memcpy(&address->storage, &four, sizeof(four));
    address->size = sizeof(four);
    return 0;
}

static int switch_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* An address that the node does not have yet may be bound too: interfaces come and go.
 * TCP_NODELAY goes from the listener to what it accepts. */
static int set_options(int fd, int family)
{
    int error = switch_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0)
        error = switch_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (error == 0)
        error = switch_option(fd, IPPROTO_IP, IP_FREEBIND, 1);
    if (error == 0 && family == AF_INET6)
        error = switch_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    return error;
}

static int open_listener(const struct endpoint_address *address)
{
    int family = address->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = set_options(fd, family);
    if (error == 0 && bind(fd, (const struct sockaddr *)&address->storage, address->size) < 0)
        error = -errno;
    if (error == 0 && listen(fd, BACKLOG) < 0)
        error = -errno;
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

int worker_listen(const char *text, uint16_t port)
{
    struct endpoint_address address;
    int fd = read_address(&address, text, port);
    if (fd == 0)
        fd = open_listener(&address);
    return fd == -EAFNOSUPPORT && str_equal(text, "::") ? worker_listen("0.0.0.0", port) : fd;
}

bool worker_listens(int listener)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return listener >= 0 && getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 &&
           value == 1;
}

/* --- what the parent calls --- */

static int spawn_with(struct worker *worker, int listener, int start, int errors)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    const int descriptors[WORKER_DESCRIPTORS] = {
        [WORKER_LISTENER] = listener, [WORKER_CHANNEL] = pair[1], [WORKER_START] = start};
    int pid = helper_spawn(HELPER_ENDPOINT, descriptors, errors);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return pid;
    }
    *worker = (struct worker){.pid = pid, .channel = pair[0]};
    return 0;
}

int worker_spawn_on(struct worker *worker, const struct worker_setup *setup, int listener)
{
    if (setup->limits.connections > WORKER_CONNECTIONS_MAX)
        return -EINVAL;
    int start = worker_start_seal(setup);
    if (start < 0)
        return start;
    int error = spawn_with(worker, listener, start, setup->errors);
    close(start);
    return error;
}

int worker_spawn(struct worker *worker, const struct worker_setup *setup)
{
    int listener = worker_listen(setup->address, setup->port);
    if (listener < 0) {
        log_error("endpoint: cannot listen at %s port %u: %s", setup->address, setup->port,
                  strerror(-listener));
        return listener;
    }
    int error = worker_spawn_on(worker, setup, listener);
    if (error)
        log_error("endpoint: cannot start: %s", strerror(-error));
    close(listener);
    return error;
}

int worker_publish(struct worker *worker, int snapshot_fd)
{
    struct worker_message message = {WORKER_MAGIC, sizeof(message), worker->asked + 1};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {&message, sizeof(message)};
    const struct msghdr header = {.msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = snapshot_fd < 0 ? NULL : &control,
                                  .msg_controllen = snapshot_fd < 0 ? 0 : sizeof(control)};
    memcpy(CMSG_DATA(&control.head), &snapshot_fd, sizeof(snapshot_fd));
    if (sendmsg(worker->channel, &header, MSG_NOSIGNAL) < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    worker->asked++;
    return 0;
}

int worker_admit(struct worker *worker, const struct stations *stations)
{
    const struct worker_stations_message message = {{WORKER_MAGIC, sizeof(message), worker->asked},
                                                    *stations};
    ssize_t sent = send(worker->channel, &message, sizeof(message), MSG_NOSIGNAL);
    return sent == (ssize_t)sizeof(message) ? 0 : -errno;
}

int worker_record_read(struct worker *worker, struct worker_record *record)
{
    ssize_t got = recv(worker->channel, record, sizeof(*record), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return -EAGAIN;
    if (got != sizeof(*record) || record->magic != WORKER_MAGIC || record->size != sizeof(*record))
        return -EPIPE; /* gone, or no longer what was started */
    return 0;
}

bool worker_is_stopped(const struct worker *worker)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)worker->pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == worker->pid && info.si_code == CLD_STOPPED;
}

/* The channel is closed before the process is gone. */
int worker_wait(struct worker *worker)
{
    enum { TRIES = 50, EACH_US = 4000 };
    siginfo_t info = {0};
    for (unsigned i = 0; i < TRIES && info.si_pid == 0; i++)
        if (waitid(P_PID, (id_t)worker->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
            (info.si_pid == 0 && usleep(EACH_US) < 0))
            break;
    if (info.si_pid == 0)
        return -1;
    return info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status;
}

/* It ends by itself when the channel closes; one that is stuck is killed. */
void worker_stop(struct worker *worker)
{
    close(worker->channel);
    (void)helper_end(worker->pid);
    *worker = (struct worker){.channel = -1};
}
