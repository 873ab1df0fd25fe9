/* Addresses by getaddrinfo(3), and poll(2) around each call on a socket. */
#include "probe/connect.h"

#include "base/clock.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- where --- */

static int look_up(struct target *target, const char *port, int flags)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(target->name, port, &hints, &found) != 0)
        return -ENOENT;
    bool fits = found->ai_addrlen <= sizeof(target->address);
    if (fits) {
        memcpy(&target->address, found->ai_addr, found->ai_addrlen);
        target->address_size = found->ai_addrlen;
    }
    freeaddrinfo(found);
    return fits ? 0 : -ENOENT;
}

/* The host as it stands before the last colon, without an IPv6 address's brackets. */
static int take_host(struct target *target, const char *text, size_t length)
{
    if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    } else if (memchr(text, ':', length)) {
        return -EINVAL; /* an IPv6 address without brackets: where would its port begin? */
    }
    if (length == 0 || length >= sizeof(target->name))
        return -EINVAL;
    memcpy(target->name, text, length);
    return 0;
}

int target_parse(struct target *target, const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    *target = (struct target){.named = false};
    if (!colon || str_to_u64(colon + 1, 1, UINT16_MAX, &port) < 0)
        return -EINVAL;
    int error = take_host(target, text, (size_t)(colon - text));
    if (error)
        return error;
    if (look_up(target, colon + 1, AI_NUMERICHOST) == 0)
        return 0;
    target->named = true;
    return look_up(target, colon + 1, 0);
}

int target_address(struct target *target, const char *address, uint16_t port)
{
    char digits[sizeof("65535")];
    *target = (struct target){.named = false};
    (void)snprintf(digits, sizeof(digits), "%u", (unsigned)port);
    if (str_copy(target->name, sizeof(target->name), address) < 0)
        return -EINVAL;
    return look_up(target, digits, AI_NUMERICHOST) == 0 ? 0 : -EINVAL;
}

/* --- the connection --- */

/* Where that fails the connection is one of 127.0.0.1's. */
static void come_from_apart(int fd, const struct sockaddr *to)
{
    const struct sockaddr_in from = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    struct sockaddr_in four;
    memcpy(&four, to, sizeof(four));
    if (four.sin_family == AF_INET && four.sin_addr.s_addr == htonl(INADDR_LOOPBACK))
        (void)bind(fd, (const struct sockaddr *)&from, sizeof(from));
}

int connect_begin(const struct target *target)
{
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&target->address;
    int on = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* A handshake's small messages each go at once. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (target->apart)
        come_from_apart(fd, address);
    if (connect(fd, address, target->address_size) < 0 && errno != EINPROGRESS) {
        int error = -errno;
        close(fd);
        return error;
    }
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

int connect_open(const struct target *target, uint64_t deadline_ms)
{
    int fd = connect_begin(target);
    if (fd < 0)
        return fd;
    int error = connect_wait(fd, POLLOUT, deadline_ms);
    if (error == 0)
        error = connect_outcome(fd);
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}

int connect_wait(int fd, short events, uint64_t deadline_ms)
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

ssize_t connect_read(int fd, void *data, size_t size, uint64_t deadline_ms)
{
    for (;;) {
        ssize_t length = recv(fd, data, size, MSG_NOSIGNAL);
        if (length >= 0)
            return length;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        int error = connect_wait(fd, POLLIN, deadline_ms);
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
        int error = connect_wait(fd, POLLOUT, deadline_ms);
        if (error)
            return error;
    }
}
