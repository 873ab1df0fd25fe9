/*
 * The flows that the kernel tracks (ctnetlink): read one by one, and deleted. No meaning.
 *
 * Functions return 0 or a negative errno, with the reason in netlink->why; -EINVAL where the kernel
 * has no ctnetlink (nf_conntrack_netlink). Source: linux/netfilter/nfnetlink_conntrack.h.
 */
#ifndef HOLDFAST_NETLINK_CONNTRACK_H
#define HOLDFAST_NETLINK_CONNTRACK_H

#include "netlink/message.h"
#include "netlink/socket.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CONNTRACK_ADDRESS_SIZE = 16, /* IPv4 in the first four bytes */
    CONNTRACK_TUPLE_MAX = 256    /* bytes: the largest that the kernel makes has some 90 */
};

/* One direction: what its packets look like. */
struct conntrack_tuple {
    uint8_t source[CONNTRACK_ADDRESS_SIZE], target[CONNTRACK_ADDRESS_SIZE];
    uint8_t protocol;                  /* IPPROTO_TCP, ... */
    uint16_t source_port, target_port; /* 0 where the protocol has none */
    uint8_t icmp_type;                 /* of ICMP and ICMPv6 */
};

struct conntrack_flow {
    uint8_t family;                         /* AF_INET or AF_INET6 */
    struct conntrack_tuple original, reply; /* of who began it, and of the answers */
    uint32_t id;                            /* the kernel's, for this entry alone */
    uint16_t zone;
    bool dying; /* the kernel forgets it already */
    uint8_t key[CONNTRACK_TUPLE_MAX];
    uint16_t key_size; /* the original tuple as the kernel wrote it, to name it by */
};

/* How many flows this network namespace has: a walk looks at every bucket of the whole table, of
 * which there are many, and an idle node has no flow at all. */
int conntrack_count(struct netlink *netlink, uint32_t *count);

/* Calls `each` for every flow of both families, as the dump brings them; a negative return ends the
 * walk and is returned: then the socket is of no further use. */
int conntrack_each(struct netlink *netlink,
                   int (*each)(void *context, const struct conntrack_flow *flow), void *context);

/* Deletes one flow that conntrack_each showed, over another socket than that. One that is gone by
 * itself is no error. */
int conntrack_delete(struct netlink *netlink, const struct conntrack_flow *flow);

/* --- the decoder alone, for tests: one message's attributes; 0 or -EBADMSG --- */

int conntrack_read(struct netlink_bytes attributes, uint8_t family, struct conntrack_flow *flow);

#endif
