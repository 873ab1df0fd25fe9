/* The front as its parent sees it: a listening socket, a child that gives everything up, and the
 * channel between the two. What the child then does is in front_loop.c. */
#include "serve/front.h"

#include "base/log.h"
#include "base/str.h"
#include "serve/front_loop.h"
#include "serve/sandbox.h"
#include "serve/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BACKLOG = 128,
    DESCRIPTORS_BESIDE = 32,
    DESCRIPTORS_EACH = 3, /* a client's: its socket, and both ends of the pair */
    MEMORY_MAX = 64 << 20
};

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

/* "::" means both families; on a kernel without IPv6 that is IPv4. */
static int listen_at(const char *text, uint16_t port)
{
    struct endpoint_address address;
    int fd = read_address(&address, text, port);
    if (fd == 0)
        fd = open_listener(&address);
    if (fd == -EAFNOSUPPORT && str_equal(text, "::"))
        return listen_at("0.0.0.0", port);
    if (fd < 0)
        log_error("endpoint: cannot listen at %s port %u: %s", text, port, strerror(-fd));
    return fd;
}

/* --- the child --- */

static int serve(const struct front_setup *setup, int listener, int channel, int parent_pid)
{
    const int keep[] = {listener, channel};
    const struct sandbox sandbox = {
        .uid = setup->uid,
        .gid = setup->gid,
        .seccomp_kill = setup->seccomp_kill,
        .descriptors = setup->limits.connections * DESCRIPTORS_EACH + DESCRIPTORS_BESIDE,
        .memory = MEMORY_MAX,
    };
    const struct tls_server_setup secrets = {
        .offer = setup->offer,
        .certificate_pem = &setup->certificate_pem,
        .key_pem = &setup->key_pem,
        .ticket_key_s = setup->ticket_key_s,
    };
    struct tls_server *tls;
    struct front_loop *loop;
    int error = sandbox_close(keep, countof(keep));
    if (error == 0)
        error = tls_server_open(&tls, &secrets);
    if (error)
        return error;
    explicit_bzero(setup->key_pem.data, setup->key_pem.length); /* this process's copy */
    error = front_loop_open(&loop, &setup->limits, listener, channel, tls);
    if (error == 0)
        error = sandbox_enter(&sandbox, parent_pid);
    if (error == 0)
        error = front_loop_run(loop);
    if (error)
        log_error("front: ends: %s", strerror(-error));
    return error;
}

/* --- what the parent calls --- */

static int start(struct front *front, const struct front_setup *setup, int listener)
{
    int pair[2];
    int parent_pid = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    int pid = fork();
    if (pid == 0)
        _exit(serve(setup, listener, pair[1], parent_pid) ? EXIT_FAILURE : EXIT_SUCCESS);
    int error = pid < 0 ? -errno : 0;
    close(pair[1]);
    if (error)
        close(pair[0]);
    else
        *front = (struct front){.pid = pid, .channel = pair[0]};
    return error;
}

int front_spawn(struct front *front, const struct front_setup *setup)
{
    if (setup->limits.connections > FRONT_CONNECTIONS_MAX)
        return -EINVAL;
    int listener = listen_at(setup->address, setup->port);
    if (listener < 0)
        return listener;
    int error = start(front, setup, listener);
    if (error)
        log_error("endpoint: cannot start: %s", strerror(-error));
    close(listener);
    return error;
}

int front_publish(struct front *front, int snapshot_fd)
{
    struct front_message message = {FRONT_MAGIC, sizeof(message)};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {
        .head = {
                 .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}
    };
    struct iovec part = {&message, sizeof(message)};
    const struct msghdr header = {.msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof(control)};
    memcpy(CMSG_DATA(&control.head), &snapshot_fd, sizeof(snapshot_fd));
    if (sendmsg(front->channel, &header, MSG_NOSIGNAL) >= 0)
        return 0;
    return errno == ECONNRESET ? -EPIPE : -errno;
}

int front_record_read(struct front *front, struct front_record *record)
{
    ssize_t got = recv(front->channel, record, sizeof(*record), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return -EAGAIN;
    if (got != sizeof(*record) || record->magic != FRONT_MAGIC || record->size != sizeof(*record))
        return -EPIPE; /* gone, or no longer what was started */
    return 0;
}

/* It ends by itself when the channel closes; one that is stuck is killed. */
void front_stop(struct front *front)
{
    close(front->channel);
    (void)kill(front->pid, SIGKILL);
    while (waitpid(front->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *front = (struct front){.channel = -1};
}
