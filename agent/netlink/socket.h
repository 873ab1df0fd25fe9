/*
 * Netlink sockets: requests with their replies, and nf_tables batches with their acknowledgement.
 *
 * Every function returns 0 or a negative errno; `why` then has the kernel's reason in words, with
 * the extended acknowledgement (NETLINK_EXT_ACK) where the kernel gave one. No message is printed.
 * Source: the kernel's Documentation/userspace-api/netlink/intro.rst.
 */
#ifndef HOLDFAST_NETLINK_SOCKET_H
#define HOLDFAST_NETLINK_SOCKET_H

#include "base/buf.h"

#include <stdint.h>

enum { NETLINK_WHY_SIZE = 200 };

struct netlink {
    int fd;
    uint32_t sequence; /* of the last message that the caller numbered: counts up from 1 */
    char why[NETLINK_WHY_SIZE];
};

/* `protocol` is NETLINK_NETFILTER or NETLINK_ROUTE. A zeroed struct is closed. */
int netlink_open(struct netlink *netlink, int protocol);
void netlink_close(struct netlink *netlink);

/* Sends one request, numbered netlink->sequence, and collects the kernel's whole reply, messages
 * one after the other. A dump (NLM_F_DUMP) that the kernel calls inconsistent is repeated; -EINTR
 * when it never becomes consistent. A single request asks for NLM_F_ACK. -ETIMEDOUT after 5 s. */
int netlink_request(struct netlink *netlink, const struct buf *request, struct buf *reply);

struct netlink_message;

/* Sends one request for a dump and calls `each` for every message of it, without keeping them: for
 * what may be long. A negative return of `each` ends the walk and is returned; the rest of the dump
 * is still under way then, so that the socket is of no further use. What the kernel calls
 * inconsistent is taken as it is. */
int netlink_dump(struct netlink *netlink, const struct buf *request,
                 int (*each)(void *context, const struct netlink_message *message), void *context);

/* The same for a short reply: the callback runs after the whole reply has come, and an inconsistent
 * dump is repeated, as by netlink_request. */
int netlink_dump_whole(struct netlink *netlink, const struct buf *request,
                       int (*each)(void *context, const struct netlink_message *message),
                       void *context);

/* Sends a batch of messages, the last of which asks for an acknowledgement, and waits for it.
 * On failure `failed` is the sequence of the message that the kernel refused. */
int netlink_batch(struct netlink *netlink, const struct buf *batch, uint32_t *failed);

/* Subscribes to a multicast group, by number. */
int netlink_subscribe(struct netlink *netlink, unsigned group);

#endif
