/* The kernel's announcements, on one socket for interfaces and one for nf_tables. */
#include "netlink/monitor.h"

#include "base/log.h"
#include "base/str.h"
#include "netlink/message.h"
#include "netlink/socket.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SOCKET_INTERFACES,
    SOCKET_FIREWALL,
    DATAGRAM_BYTES = 16384,
    DATAGRAMS_MAX = 256, /* in one go: a flood must not keep the loop from its other duties */
    GROUPS_MAX = 4,
    SOCKETS = 2
};

struct watched {
    struct monitor *monitor;
    struct netlink netlink;
    unsigned bit;
    struct loop_source source;
};

struct monitor {
    struct watched watched[SOCKETS];
    struct loop *loop;
    void (*seen)(void *context, unsigned bits);
    void *context;
    uint32_t own_pid;
    uint8_t datagram[DATAGRAM_BYTES];
};

/* What each socket subscribes to, and the message when the kernel refuses. */
static const struct source {
    int protocol;
    unsigned groups[GROUPS_MAX];
    unsigned bit;
    const char *name;
} sources[SOCKETS] = {
    [SOCKET_INTERFACES] = {NETLINK_ROUTE,
                           {RTNLGRP_LINK, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF},
                           MONITOR_INTERFACES,
                           "interfaces"},
    [SOCKET_FIREWALL] = {NETLINK_NETFILTER, {NFNLGRP_NFTABLES}, MONITOR_FIREWALL, "the firewall"},
};

/* Every transaction ends with one NEWGEN, which names the process that made it. */
static bool by_others(const struct monitor *monitor, const struct netlink_message *message)
{
    struct netlink_bytes rest = message->body;
    struct netlink_attribute attribute;
    struct nfgenmsg header;
    uint32_t pid = 0;
    if (message->type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN) ||
        netlink_take(&rest, &header, sizeof(header)) < 0)
        return false;
    while (netlink_next_attribute(&rest, &attribute) > 0)
        if (attribute.type == NFTA_GEN_PROC_PID && netlink_be32(attribute.value, &pid) < 0)
            return true;
    return pid != monitor->own_pid;
}

static bool seen_in(const struct watched *watched, size_t size)
{
    const struct monitor *monitor = watched->monitor;
    struct netlink_bytes rest = {monitor->datagram, size};
    struct netlink_message message;
    if (watched->bit == MONITOR_INTERFACES || size > DATAGRAM_BYTES)
        return true;
    while (netlink_next(&rest, &message) > 0)
        if (by_others(monitor, &message))
            return true;
    return false;
}

static bool drain(struct watched *watched)
{
    struct monitor *monitor = watched->monitor;
    bool seen = false;
    for (int i = 0; i < DATAGRAMS_MAX; i++) {
        struct sockaddr_nl from = {0};
        socklen_t from_size = sizeof(from);
        ssize_t got = recvfrom(watched->netlink.fd, monitor->datagram, DATAGRAM_BYTES,
                               MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_size);
        if (got < 0 && errno == EAGAIN)
            return seen;
        if (got < 0 && errno != EINTR && errno != ENOBUFS)
            return true; /* what cannot be read may have said anything */
        if (got < 0)
            seen |= errno == ENOBUFS;
        else if (from.nl_pid == 0)
            seen |= seen_in(watched, (size_t)got);
    }
    return seen;
}

static void look(const void *context, struct loop_wait *wait)
{
    const struct watched *watched = context;
    wait->fd = watched->netlink.fd;
}

static void run(void *context, short revents)
{
    struct watched *watched = context;
    (void)revents;
    if (drain(watched))
        watched->monitor->seen(watched->monitor->context, watched->bit);
}

/* --- open and close --- */

static int open_source(struct watched *watched, const struct source *source)
{
    int error = netlink_open(&watched->netlink, source->protocol);
    for (size_t i = 0; error == 0 && i < GROUPS_MAX && source->groups[i]; i++)
        error = netlink_subscribe(&watched->netlink, source->groups[i]);
    if (error) {
        log_error("cannot watch %s: %s", source->name, watched->netlink.why);
        return error;
    }
    watched->bit = source->bit;
    watched->source = (struct loop_source){.look = look, .run = run, .context = watched};
    return loop_add(watched->monitor->loop, &watched->source);
}

int monitor_open(struct monitor **opened, struct loop *loop,
                 void (*seen)(void *context, unsigned bits), void *context)
{
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    int error = 0;
    *opened = NULL;
    if (!monitor) {
        log_error("cannot watch the kernel: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    monitor->loop = loop;
    monitor->seen = seen;
    monitor->context = context;
    monitor->own_pid = (uint32_t)getpid();
    for (size_t i = 0; i < SOCKETS; i++)
        monitor->watched[i] = (struct watched){.monitor = monitor, .netlink.fd = -1};
    for (size_t i = 0; error == 0 && i < SOCKETS; i++)
        error = open_source(&monitor->watched[i], &sources[i]);
    if (error)
        monitor_close(monitor);
    else
        *opened = monitor;
    return error;
}

void monitor_close(struct monitor *monitor)
{
    for (size_t i = 0; monitor && i < SOCKETS; i++) {
        loop_remove(monitor->loop, &monitor->watched[i].source);
        netlink_close(&monitor->watched[i].netlink);
    }
    free(monitor);
}
