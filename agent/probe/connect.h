/*
 * TCP connections with a deadline: where a listener is, and bytes to and from it. A descriptor is
 * non-blocking and closed at exec; nothing here waits past the deadline it was given, but for the
 * look-up of a name, which waits as resolv.conf(5) says.
 *
 * The prober is recognised by source ports below 1024, which the kernel gives only to processes
 * with CAP_NET_BIND_SERVICE, ip(7), so that a listener on the node can reserve places for it. Such
 * sockets are made before that privilege is given up, and reused. They are bound to 127.0.0.1 and
 * ::1 and thus reach only listeners of the node: the kernel refuses such a source towards another
 * host for IPv4 (net/ipv4/route.c, __mkroute_output), and a host drops a packet from outside with
 * it (RFC 4291, 2.5.3). The process makes no other sockets.
 *
 * Deadlines are in milliseconds of clock_boot_ms(). Functions return 0 or more, or a negative
 * errno, and write no message.
 */
#ifndef HOLDFAST_PROBE_CONNECT_H
#define HOLDFAST_PROBE_CONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { TARGET_NAME_SIZE = 256 };

/* More than the concurrent connections of a probe, of each family: those with a port below 1024,
 * then as many with a port that the kernel chooses, for when the first ports are in TIME-WAIT
 * (tcp(7)). */
enum { SOURCES_LOW = 16, SOURCES_MAX = 2 * SOURCES_LOW };

struct connect_source {
    int fd; /* bound; -1: none */
    int family;
    bool used;
};

struct connect_sources {
    struct connect_source list[SOURCES_MAX];
};

struct target {
    struct sockaddr_storage address;
    socklen_t address_size;
    char name[TARGET_NAME_SIZE];     /* as given: a host's name, or an address as text */
    bool named;                      /* `name` is a host's name: for SNI, and for the certificate */
    struct connect_sources *sources; /* the only sockets to use; NULL: make one each time */
};

/* Makes the sockets of both families, as many as the process may: without the privilege there are
 * none with a port below 1024. */
void connect_sources_open(struct connect_sources *sources);

/* Begins a connection; the descriptor, which becomes writable when it is made or refused.
 * -EADDRNOTAVAIL where none of the target's sources can be used, ... */
int connect_begin(const struct target *target);

/* Ends it; the descriptor is no longer the caller's. */
void connect_close(const struct target *target, int fd);

/* How a begun connection ended: 0, or -ECONNREFUSED, ... */
int connect_outcome(int fd);

/* Begins a connection and waits for it; the descriptor. -ETIMEDOUT, -ECONNREFUSED, ... */
int connect_open(const struct target *target, uint64_t deadline_ms);

/* As recv(2): waits for the first byte; 0 at the end. -ETIMEDOUT, -ECONNRESET, ... */
ssize_t connect_read(int fd, void *data, size_t size, uint64_t deadline_ms);

/* Writes at least one byte, at most `size`. */
ssize_t connect_write(int fd, const void *data, size_t size, uint64_t deadline_ms);

#endif
