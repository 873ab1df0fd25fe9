/*
 * The addresses that this network namespace has given itself (rtnetlink).
 *
 * Source: rtnetlink(7); linux/if_addr.h.
 */
#ifndef HOLDFAST_NETLINK_ADDRESSES_H
#define HOLDFAST_NETLINK_ADDRESSES_H

#include "netlink/message.h"
#include "netlink/socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addresses_one {
    uint8_t family;   /* AF_INET or AF_INET6 */
    uint8_t byte[16]; /* IPv4 in the first four */
};

/* Zeroed: none. */
struct addresses {
    struct addresses_one *list; /* owned */
    size_t count, capacity;
};

/* Reads all of them, over a socket of NETLINK_ROUTE. 0 or a negative errno, with the reason in
 * netlink->why. The caller frees the list in either case. */
int addresses_read(struct netlink *netlink, struct addresses *addresses);
void addresses_free(struct addresses *addresses);

/* Whether it is one of them. */
bool addresses_has(const struct addresses *addresses, uint8_t family, const uint8_t byte[16]);

/* --- the decoder alone, for tests: one message's body; 1, 0 where it holds none, or -EBADMSG
 * --- */

int addresses_read_one(struct netlink_bytes body, struct addresses_one *address);

#endif
