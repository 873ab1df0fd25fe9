/*
 * Where a listener is: "HOST:PORT" as people write it, and every address that the name has. A host
 * is a name (RFC 1123, 2.1; a dot at its end, as of RFC 1034, 3.1, is no part of it in TLS), an
 * IPv4 address in four decimal numbers, or an IPv6 address in brackets (RFC 3986, 3.2.2), which may
 * name its zone (RFC 4007, 11).
 */
#ifndef HOLDFAST_PROBE_TARGET_H
#define HOLDFAST_PROBE_TARGET_H

#include "base/buf.h"
#include "probe/connect.h"

enum { TARGETS_MAX = 16 };

struct targets {
    struct target list[TARGETS_MAX]; /* in the order of getaddrinfo(3): RFC 6724 */
    size_t count;
};

/* -EINVAL when `text` is no such thing, -ENOENT when the name is not known. */
int targets_parse(struct targets *targets, const char *text);

/* The first that takes a connection: each is tried a quarter of a second after the one before it,
 * or when that one was refused (RFC 8305, 5). Where there is but one it is not tried. NULL when
 * none does until the deadline, of clock_boot_ms(): `why` then has the reason of each. */
const struct target *targets_choose(const struct targets *targets, uint64_t deadline_ms,
                                    struct buf *why);

/* The target of an address in text and a port. -EINVAL when it is no address. */
int target_address(struct target *target, const char *address, uint16_t port);

#endif
