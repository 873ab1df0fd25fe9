/* The kernel's flows, each held against the listeners. */
#include "firewall/flows.h"

#include "base/str.h"
#include "firewall/network.h"
#include "netlink/addresses.h"
#include "netlink/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANNOT_READ "cannot read the kernel's flows (nf_conntrack_netlink)"

enum { NAMED_BYTES = 400 }; /* for a report that can still be read */

/* The networks in a listener's list of sources, parsed once. */
struct limiter {
    const struct listener *listener;
    struct firewall_network *networks; /* owned */
    size_t count;
};

struct judge {
    struct firewall_flows *flows;
    struct limiter limiters[LISTENERS_MAX];
    size_t limiter_count;
    struct addresses own;
    struct netlink *deleter; /* NULL: nothing is ended */
};

/* --- the policy --- */

static int open_gate(struct limiter *limiter, const struct policy *policy,
                     const struct listener *listener)
{
    char item[SETTING_ITEM_SIZE];
    size_t cursor = 0, capacity = 0;
    limiter->listener = listener;
    if (listener->sources == SETTING_NONE)
        return 0;
    while (settings_item(policy->settings, listener->sources, &cursor, item))
        capacity++;
    limiter->networks = calloc(capacity + 1, sizeof(*limiter->networks));
    if (!limiter->networks)
        return -ENOMEM;
    for (cursor = 0; limiter->count < capacity; limiter->count++)
        if (!settings_item(policy->settings, listener->sources, &cursor, item) ||
            firewall_network_parse(item, &limiter->networks[limiter->count]) < 0)
            return -EINVAL;
    return 0;
}

static int open_gates(struct judge *judge, const struct policy *policy)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < policy->listener_count; i++)
        error = open_gate(&judge->limiters[judge->limiter_count++], policy, &policy->listeners[i]);
    return error;
}

static bool protocol_fits(const struct listener *listener, const struct conntrack_tuple *answer)
{
    static const struct {
        uint8_t number;
        enum protocol bit;
        bool ports;
    } protocols[] = {
        {IPPROTO_TCP, PROTOCOL_TCP, true},
        {IPPROTO_UDP, PROTOCOL_UDP, true},
        {IPPROTO_ESP, PROTOCOL_ESP, false},
    };
    for (size_t i = 0; i < countof(protocols); i++)
        if (protocols[i].number == answer->protocol)
            return (listener->protocols & (unsigned)protocols[i].bit) &&
                   (!protocols[i].ports || (answer->source_port >= listener->first_port &&
                                            answer->source_port <= listener->last_port));
    return false;
}

static bool source_fits(const struct limiter *limiter, const struct conntrack_flow *flow)
{
    for (size_t i = 0; i < limiter->count; i++)
        if (firewall_network_has(&limiter->networks[i], flow->family == AF_INET6,
                                 flow->original.source))
            return true;
    return limiter->listener->sources == SETTING_NONE;
}

/* Packets to such an address arrive over loopback alone, whatever they come from. */
static bool is_loopback(uint8_t family, const uint8_t address[CONNTRACK_ADDRESS_SIZE])
{
    static const uint8_t v6[CONNTRACK_ADDRESS_SIZE] = {[15] = 1};
    return family == AF_INET6 ? memcmp(address, v6, sizeof(v6)) == 0 : address[0] == 127;
}

/* The node's own, whoever it goes to; one without an address asks for one (DHCP). */
static bool is_own(const struct judge *judge, const struct conntrack_flow *flow)
{
    static const uint8_t none[CONNTRACK_ADDRESS_SIZE];
    return memcmp(flow->original.source, none, sizeof(none)) == 0 ||
           is_loopback(flow->family, flow->original.source) ||
           is_loopback(flow->family, flow->reply.source) ||
           addresses_has(&judge->own, flow->family, flow->original.source);
}

static bool is_echo(const struct conntrack_tuple *tuple)
{
    return (tuple->protocol == IPPROTO_ICMP && tuple->icmp_type == ICMP_ECHO) ||
           (tuple->protocol == IPPROTO_ICMPV6 && tuple->icmp_type == ICMPV6_ECHO_REQUEST);
}

static bool is_admitted(const struct judge *judge, const struct conntrack_flow *flow)
{
    if (is_own(judge, flow) || is_echo(&flow->original))
        return true;
    for (size_t i = 0; i < judge->limiter_count; i++)
        if (protocol_fits(judge->limiters[i].listener, &flow->reply) &&
            source_fits(&judge->limiters[i], flow))
            return true;
    return false;
}

/* --- the walk --- */

static void name_end(struct buf *names, uint8_t family, const uint8_t *address, uint16_t port)
{
    char text[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(family, address, text, sizeof(text));
    if (port == 0)
        buf_puts(names, text);
    else
        buf_printf(names, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

static void name_flow(struct buf *names, const struct conntrack_flow *flow)
{
    static const struct {
        uint8_t number;
        const char *name;
    } protocols[] = {
        {IPPROTO_TCP, "tcp"},   {IPPROTO_UDP, "udp"},       {IPPROTO_ESP, "esp"},
        {IPPROTO_ICMP, "icmp"}, {IPPROTO_ICMPV6, "icmpv6"}, {IPPROTO_SCTP, "sctp"},
        {IPPROTO_GRE, "gre"},
    };
    const char *name = NULL;
    if (names->length > NAMED_BYTES)
        return;
    for (size_t i = 0; i < countof(protocols); i++)
        if (protocols[i].number == flow->original.protocol)
            name = protocols[i].name;
    buf_puts(names, names->length ? ", " : "");
    if (name)
        buf_printf(names, "%s ", name);
    else
        buf_printf(names, "protocol %u ", flow->original.protocol);
    name_end(names, flow->family, flow->original.source, flow->original.source_port);
    buf_puts(names, " -> ");
    name_end(names, flow->family, flow->reply.source, flow->reply.source_port);
}

static int each_flow(void *context, const struct conntrack_flow *flow)
{
    struct judge *judge = context;
    judge->flows->count++;
    if (is_admitted(judge, flow))
        return 0;
    judge->flows->refused++;
    name_flow(&judge->flows->names, flow);
    return judge->deleter ? conntrack_delete(judge->deleter, flow) : 0;
}

static int tell(struct firewall_flows *flows, const struct netlink *netlink, const char *what,
                int error)
{
    (void)snprintf(flows->why, sizeof(flows->why), "%s: %s", what, netlink->why);
    return error;
}

static int read_own(struct judge *judge)
{
    struct netlink netlink = {0};
    int error = netlink_open(&netlink, NETLINK_ROUTE);
    if (error == 0)
        error = addresses_read(&netlink, &judge->own);
    if (error)
        (void)tell(judge->flows, &netlink, "cannot read the node's addresses", error);
    netlink_close(&netlink);
    return error;
}

static int walk(struct judge *judge, struct netlink *netlink)
{
    int error = conntrack_each(netlink, each_flow, judge);
    if (error && judge->deleter && judge->deleter->why[0])
        return tell(judge->flows, judge->deleter, "cannot end a flow", error);
    return error ? tell(judge->flows, netlink, CANNOT_READ, error) : 0;
}

/* Compares all flows with the policy. */
static int judge_all(struct judge *judge, const struct policy *policy, struct netlink *netlink)
{
    uint32_t count = 0;
    int error = netlink_open(netlink, NETLINK_NETFILTER);
    if (error == 0)
        error = conntrack_count(netlink, &count);
    if (error)
        return tell(judge->flows, netlink, CANNOT_READ, error);
    if (count == 0)
        return 0;
    error = open_gates(judge, policy);
    if (error)
        (void)str_copy(judge->flows->why, sizeof(judge->flows->why), strerror(-error));
    if (error == 0)
        error = read_own(judge);
    return error ? error : walk(judge, netlink);
}

static int judge_flows(struct firewall_flows *flows, const struct policy *policy,
                       struct netlink *deleter)
{
    struct judge judge = {.flows = flows, .deleter = deleter};
    struct netlink netlink = {0};
    *flows = (struct firewall_flows){0};
    int error = judge_all(&judge, policy, &netlink);
    for (size_t i = 0; i < judge.limiter_count; i++)
        free(judge.limiters[i].networks);
    addresses_free(&judge.own);
    netlink_close(&netlink);
    return error ? error : buf_error(&flows->names);
}

int firewall_flows_read(struct firewall_flows *flows, const struct policy *policy)
{
    return judge_flows(flows, policy, NULL);
}

int firewall_flows_end(struct firewall_flows *flows, const struct policy *policy)
{
    struct netlink deleter = {0};
    int error = netlink_open(&deleter, NETLINK_NETFILTER);
    if (error) {
        *flows = (struct firewall_flows){0};
        return tell(flows, &deleter, "cannot end flows", error);
    }
    error = judge_flows(flows, policy, &deleter);
    netlink_close(&deleter);
    return error;
}

void firewall_flows_free(struct firewall_flows *flows)
{
    buf_free(&flows->names);
    *flows = (struct firewall_flows){0};
}
