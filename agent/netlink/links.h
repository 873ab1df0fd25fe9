/*
 * The interfaces of this network namespace (rtnetlink).
 *
 * Source: rtnetlink(7); linux/if_link.h.
 */
#ifndef HOLDFAST_NETLINK_LINKS_H
#define HOLDFAST_NETLINK_LINKS_H

#include "netlink/message.h"
#include "netlink/socket.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct link {
    char name[IF_NAMESIZE];
    uint32_t mtu;   /* bytes */
    uint32_t flags; /* IFF_UP, IFF_LOOPBACK, ... */
};

/* Shows each interface to `each`, over a socket of NETLINK_ROUTE. 0 or a negative errno, with the
 * reason in netlink->why. */
int links_read(struct netlink *netlink, void (*each)(void *context, const struct link *link),
               void *context);

/* --- the decoder alone, for tests: one message's body; 0 or -EBADMSG --- */

int links_read_one(struct netlink_bytes body, struct link *link);

#endif
