/*
 * TCP connections with a deadline: where a listener is, and bytes to and from it. A descriptor is
 * non-blocking and closed at exec; nothing here waits past the deadline it was given, but for the
 * look-up of a name, which waits as resolv.conf(5) says.
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

struct target {
    struct sockaddr_storage address;
    socklen_t address_size;
    char name[TARGET_NAME_SIZE]; /* as asked for: a host's name, or an address as text */
    bool named;                  /* `name` is a host's name: for SNI, and for the certificate */
    bool
        apart; /* of 127.0.0.1: from 127.0.0.2, whose connections a listener counts by themselves */
};

/* Takes "HOST:PORT", HOST a name, an IPv4 address or an IPv6 address in brackets, and looks the
 * name up. -EINVAL when the text is no such thing, -ENOENT when the name is not known. */
int target_parse(struct target *target, const char *text);

/* The target of an address in text and a port. -EINVAL when it is no address. */
int target_address(struct target *target, const char *address, uint16_t port);

/* Begins a connection; the descriptor, which becomes writable when it is made or refused. */
int connect_begin(const struct target *target);

/* How a begun connection ended: 0, or -ECONNREFUSED, ... */
int connect_outcome(int fd);

/* Begins a connection and waits for it; the descriptor. -ETIMEDOUT, -ECONNREFUSED, ... */
int connect_open(const struct target *target, uint64_t deadline_ms);

/* Waits until poll(2)'s `events` hold, or the connection ends. 0 or -ETIMEDOUT. */
int connect_wait(int fd, short events, uint64_t deadline_ms);

/* As recv(2): waits for the first byte; 0 at the end. -ETIMEDOUT, -ECONNRESET, ... */
ssize_t connect_read(int fd, void *data, size_t size, uint64_t deadline_ms);

/* Writes at least one byte, at most `size`. */
ssize_t connect_write(int fd, const void *data, size_t size, uint64_t deadline_ms);

#endif
