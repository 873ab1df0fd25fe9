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
    GROUPS_MAX = 4
};

struct monitor {
    struct netlink socket[MONITOR_FDS];
    uint32_t own_pid;
    uint8_t datagram[DATAGRAM_BYTES];
};

/* What each socket listens to, and what is said when the kernel will not. */
static const struct source {
    int protocol;
    unsigned groups[GROUPS_MAX];
    const char *name;
} sources[MONITOR_FDS] = {
    [SOCKET_INTERFACES] = {NETLINK_ROUTE,
                           {RTNLGRP_LINK, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF},
                           "interfaces"},
    [SOCKET_FIREWALL] = {NETLINK_NETFILTER, {NFNLGRP_NFTABLES}, "the firewall"},
};

static int open_source(struct netlink *netlink, const struct source *source)
{
    int error = netlink_open(netlink, source->protocol);
    for (size_t i = 0; error == 0 && i < GROUPS_MAX && source->groups[i]; i++)
        error = netlink_subscribe(netlink, source->groups[i]);
    if (error)
        log_error("cannot watch %s: %s", source->name, netlink->why);
    return error;
}

int monitor_open(struct monitor **monitor)
{
    int error = 0;
    *monitor = calloc(1, sizeof(**monitor));
    if (!*monitor) {
        log_error("cannot watch the kernel: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    (*monitor)->own_pid = (uint32_t)getpid();
    for (size_t i = 0; error == 0 && i < MONITOR_FDS; i++)
        error = open_source(&(*monitor)->socket[i], &sources[i]);
    if (error) {
        monitor_close(*monitor);
        *monitor = NULL;
    }
    return error;
}

void monitor_close(struct monitor *monitor)
{
    for (size_t i = 0; monitor && i < MONITOR_FDS; i++)
        netlink_close(&monitor->socket[i]);
    free(monitor);
}

void monitor_fds(const struct monitor *monitor, struct pollfd fds[MONITOR_FDS])
{
    for (size_t i = 0; i < MONITOR_FDS; i++)
        fds[i] = (struct pollfd){.fd = monitor->socket[i].fd, .events = POLLIN};
}

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

static bool seen_in(const struct monitor *monitor, size_t socket, size_t size)
{
    struct netlink_bytes rest = {monitor->datagram, size};
    struct netlink_message message;
    if (socket == SOCKET_INTERFACES || size > DATAGRAM_BYTES)
        return true;
    while (netlink_next(&rest, &message) > 0)
        if (by_others(monitor, &message))
            return true;
    return false;
}

static bool drain_socket(struct monitor *monitor, size_t socket)
{
    bool seen = false;
    for (int i = 0; i < DATAGRAMS_MAX; i++) {
        struct sockaddr_nl from = {0};
        socklen_t from_size = sizeof(from);
        ssize_t got = recvfrom(monitor->socket[socket].fd, monitor->datagram, DATAGRAM_BYTES,
                               MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_size);
        if (got < 0 && errno == EAGAIN)
            return seen;
        if (got < 0 && errno != EINTR && errno != ENOBUFS)
            return true; /* what cannot be read may have said anything */
        if (got < 0)
            seen |= errno == ENOBUFS;
        else if (from.nl_pid == 0)
            seen |= seen_in(monitor, socket, (size_t)got);
    }
    return seen;
}

unsigned monitor_drain(struct monitor *monitor, const struct pollfd fds[MONITOR_FDS])
{
    static const unsigned bits[MONITOR_FDS] = {
        [SOCKET_INTERFACES] = MONITOR_INTERFACES, [SOCKET_FIREWALL] = MONITOR_FIREWALL};
    unsigned seen = 0;
    for (size_t i = 0; i < MONITOR_FDS; i++)
        if (fds[i].revents && drain_socket(monitor, i))
            seen |= bits[i];
    return seen;
}
