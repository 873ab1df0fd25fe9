/* poll(2) around each call on a socket. */
#include "probe/connect.h"

#include "base/clock.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_any(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

/* Without a given port the kernel chooses one at each connect(2). */
static int bind_source(int fd, int family, uint16_t port)
{
    const struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_six = family == AF_INET6;
    int on = 1;
    if (port ? setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0
             : setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0)
        return -errno;
    if (bind(fd, is_six ? (const struct sockaddr *)&six : (const struct sockaddr *)&four,
             is_six ? sizeof(six) : sizeof(four)) < 0)
        return -errno;
    return 0;
}

static int open_source(int family, uint16_t port)
{
    int fd = open_any(family);
    int error = fd < 0 ? fd : bind_source(fd, family, port);
    if (error == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return error;
}

/* A port that is another's is left out. */
void connect_sources_open(struct connect_sources *sources)
{
    uint16_t port = IPPORT_RESERVED;
    for (size_t i = 0; i < SOURCES_MAX; i++) {
        int family = i % 2 ? AF_INET6 : AF_INET, fd = -EADDRINUSE;
        if (i >= SOURCES_LOW)
            fd = open_source(family, 0);
        while (fd == -EADDRINUSE && port > IPPORT_RESERVED / 2)
            fd = open_source(family, --port);
        sources->list[i] = (struct connect_source){.fd = fd, .family = family};
    }
}

/* The first that is free, from the `first` one on. */
static int take_source(struct connect_sources *sources, size_t first, int family)
{
    for (size_t i = first; i < SOURCES_MAX; i++) {
        struct connect_source *source = &sources->list[i];
        if (source->fd < 0 || source->used || source->family != family)
            continue;
        source->used = true;
        return source->fd;
    }
    return -EADDRNOTAVAIL;
}

/* A source keeps its address, and may connect again: connect(2), AF_UNSPEC. */
void connect_close(const struct target *target, int fd)
{
    static const struct sockaddr none = {.sa_family = AF_UNSPEC};
    struct connect_source *source = NULL;
    for (size_t i = 0; target->sources && i < SOURCES_MAX; i++)
        if (target->sources->list[i].fd == fd)
            source = &target->sources->list[i];
    if (source)
        source->used = false;
    if (source && connect(fd, &none, sizeof(none)) == 0)
        return;
    close(fd);
    if (source)
        source->fd = -1;
}

static int begin(const struct target *target, int fd)
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&target->address;
    int on = 1;
    if (fd < 0)
        return fd;
    /* A handshake's small messages each go at once. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, address, target->address_size) == 0 || errno == EINPROGRESS)
        return fd;
    int error = -errno;
    connect_close(target, fd);
    return error;
}

int connect_begin(const struct target *target)
{
    int family = target->address.ss_family;
    if (!target->sources)
        return begin(target, open_any(family));
    int fd = begin(target, take_source(target->sources, 0, family));
    if (fd == -EADDRNOTAVAIL || fd == -EADDRINUSE) /* its port rests, tcp(7) */
        fd = begin(target, take_source(target->sources, SOURCES_LOW, family));
    return fd;
}

int connect_outcome(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return -errno;
    return -error;
}

/* Until poll(2)'s `events` hold, or the connection ends. 0 or -ETIMEDOUT. */
static int wait_for_events(int fd, short events, uint64_t deadline_ms)
{
    for (;;) {
        struct pollfd entry = {.fd = fd, .events = events};
        uint64_t now_ms = clock_boot_ms();
        int ready = poll(&entry, 1, deadline_ms > now_ms ? (int)(deadline_ms - now_ms) : 0);
        if (ready > 0)
            return 0;
        if (ready == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

int connect_open(const struct target *target, uint64_t deadline_ms)
{
    int fd = connect_begin(target);
    if (fd < 0)
        return fd;
    int error = wait_for_events(fd, POLLOUT, deadline_ms);
    if (error == 0)
        error = connect_outcome(fd);
    if (error) {
        connect_close(target, fd);
        return error;
    }
    return fd;
}

ssize_t connect_read(int fd, void *data, size_t size, uint64_t deadline_ms)
{
    for (;;) {
        ssize_t length = recv(fd, data, size, MSG_NOSIGNAL);
        if (length >= 0)
            return length;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        int error = wait_for_events(fd, POLLIN, deadline_ms);
        if (error)
            return error;
    }
}

ssize_t connect_write(int fd, const void *data, size_t size, uint64_t deadline_ms)
{
    for (;;) {
        ssize_t length = send(fd, data, size, MSG_NOSIGNAL);
        if (length >= 0)
            return length;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        int error = wait_for_events(fd, POLLOUT, deadline_ms);
        if (error)
            return error;
    }
}
