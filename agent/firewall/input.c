/* What comes in: the chain input for both roles, and what conntrack must not see of it. */
#include "firewall/parts.h"

#include "base/str.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>

enum {
    ECHO_PER_SECOND = 20,
    ECHO_SOURCES = 16384, /* some 3 MB of the kernel's memory where all are known at once */
    ECHO_FORGOTTEN_S = 10,
    FLOOD_SOURCES = 16384,
    FLOOD_FORGOTTEN_S = 60, /* by then its bucket is full again */
    COUNTED = 1,            /* the mark of a flow that the chain flood has counted */
    HOP_LIMIT_ON_LINK = 255 /* RFC 4861, 11.2: no router has touched the packet */
};

/* RFC 4861, 4: no part of the kernel's public headers. */
enum { ND_ROUTER_ADVERT = 134, ND_NEIGHBOUR_ADVERT = 136, ND_REDIRECT = 137 };

/* --- what conntrack must not see --- */

void firewall_add_notrack(struct firewall_ruleset *ruleset)
{
    static const struct {
        struct firewall_head head;
        bool v6;
        uint8_t first, last;
        const char *name;
    } checks[] = {
        {{FIREWALL_PREROUTING, "echo-v4", "IPv4 echo requests are no connection", SETTING_NONE},
         false,
         ICMP_ECHO,
         ICMP_ECHO,
         "echo-request"},
        {{FIREWALL_PREROUTING, "redirects-v4", "ICMP redirects belong to no connection",
          SETTING_NONE},
         false,
         ICMP_REDIRECT,
         ICMP_REDIRECT,
         "redirect"},
        {{FIREWALL_PREROUTING, "echo-v6", "IPv6 echo requests are no connection", SETTING_NONE},
         true,
         ICMPV6_ECHO_REQUEST,
         ICMPV6_ECHO_REQUEST,
         "echo-request"},
        {{FIREWALL_PREROUTING, "neighbours",
          "MLD, neighbour discovery and redirects belong to no connection", SETTING_NONE},
         true,
         ICMPV6_MGM_QUERY,
         ND_REDIRECT,
         NULL},
    };
    for (size_t i = 0; i < countof(checks); i++) {
        struct nft_statement *words = firewall_add_rule(ruleset, checks[i].head);
        nft_statement_icmp(words, checks[i].v6, checks[i].first, checks[i].last, checks[i].name);
        nft_statement_notrack(words);
    }
}

/* --- input: what holds for every role --- */

void firewall_add_loopback(struct firewall_ruleset *ruleset)
{
    struct nft_statement *words =
        firewall_add_rule(ruleset, (struct firewall_head){FIREWALL_INPUT, "loopback",
                                                          "Loopback is open", SETTING_NONE});
    nft_statement_iifname(words, "lo");
    nft_statement_accept(words);
}

static void add_connections(struct firewall_ruleset *ruleset)
{
    struct nft_statement *words = firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_INPUT, "established",
                                        "Replies to connections are accepted", SETTING_NONE});
    nft_statement_ct_state(words, "established,related", FIREWALL_CT_KNOWN);
    nft_statement_accept(words);
    words = firewall_add_rule(ruleset,
                              (struct firewall_head){FIREWALL_INPUT, "invalid",
                                                     "Packets that fit no connection are dropped",
                                                     SETTING_NONE});
    nft_statement_ct_state(words, "invalid", FIREWALL_CT_INVALID);
    nft_statement_drop(words);
}

static void add_neighbours(struct firewall_ruleset *ruleset)
{
    struct nft_statement *words = firewall_add_rule(
        ruleset, (struct firewall_head){
                     FIREWALL_INPUT, "neighbours",
                     "Router advertisements and neighbour discovery, on link alone", SETTING_NONE});
    nft_statement_hoplimit(words, HOP_LIMIT_ON_LINK);
    nft_statement_icmp(words, true, ND_ROUTER_ADVERT, ND_NEIGHBOUR_ADVERT, NULL);
    nft_statement_accept(words);
}

/* Accepted without further conditions. */
static void add_icmp(struct firewall_ruleset *ruleset, bool v6)
{
    static const struct {
        struct firewall_head head;
        bool v6;
        uint8_t first, last;
        const char *name;
    } checks[] = {
        {{FIREWALL_INPUT, "mld", "Multicast listener discovery", SETTING_NONE},
         true,
         ICMPV6_MGM_QUERY,
         ICMPV6_MGM_REDUCTION,
         NULL},
        {{FIREWALL_INPUT, "mld2", "Multicast listener discovery, version 2", SETTING_NONE},
         true,
         ICMPV6_MLD2_REPORT,
         ICMPV6_MLD2_REPORT,
         "mld2-listener-report"},
        {{FIREWALL_INPUT, "icmpv6-errors",
          "ICMPv6: unreachable, packet too big, time exceeded, parameter problem", SETTING_NONE},
         true,
         ICMPV6_DEST_UNREACH,
         ICMPV6_PARAMPROB,
         NULL},
        {{FIREWALL_INPUT, "icmp-unreachable", "ICMP: destination unreachable", SETTING_NONE},
         false,
         ICMP_DEST_UNREACH,
         ICMP_DEST_UNREACH,
         "destination-unreachable"},
        {{FIREWALL_INPUT, "icmp-errors", "ICMP: time exceeded and parameter problem", SETTING_NONE},
         false,
         ICMP_TIME_EXCEEDED,
         ICMP_PARAMETERPROB,
         NULL},
    };
    for (size_t i = 0; i < countof(checks); i++) {
        if (checks[i].v6 != v6)
            continue;
        struct nft_statement *words = firewall_add_rule(ruleset, checks[i].head);
        nft_statement_icmp(words, v6, checks[i].first, checks[i].last, checks[i].name);
        nft_statement_accept(words);
    }
}

static void add_redirects(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    bool accepted = policy_bool(policy, NET_ACCEPT_ICMPV6_REDIRECTS);
    struct nft_statement *words = firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_INPUT, "redirects",
                                        accepted ? "ICMPv6 redirects are accepted, on link alone"
                                                 : "ICMPv6 redirects are dropped",
                                        NET_ACCEPT_ICMPV6_REDIRECTS});
    if (accepted)
        nft_statement_hoplimit(words, HOP_LIMIT_ON_LINK);
    nft_statement_icmp(words, true, ND_REDIRECT, ND_REDIRECT, "nd-redirect");
    if (accepted)
        nft_statement_accept(words);
    else
        nft_statement_drop(words);
}

static void add_multicast_echo(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    static const struct firewall_network multicast = {.v6 = true, .address = {0xff}, .prefix = 8};
    bool accepted = policy_bool(policy, NET_ACCEPT_ICMPV6_MULTICAST_ECHO);
    struct nft_statement *words = firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_INPUT, "multicast-echo",
                                        accepted ? "Echo requests to IPv6 multicast are answered"
                                                 : "Echo requests to IPv6 multicast are dropped",
                                        NET_ACCEPT_ICMPV6_MULTICAST_ECHO});
    nft_statement_address(words, false, &multicast);
    nft_statement_icmp(words, true, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REQUEST, "echo-request");
    if (accepted)
        nft_statement_accept(words);
    else
        nft_statement_drop(words);
}

/* One rate a source, for what it sends to the node and to groups together: who floods is silenced
 * alone. */
static void add_echo_limit(struct firewall_ruleset *ruleset, bool v6)
{
    uint8_t type = v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
    struct nft_statement *words = firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_INPUT, v6 ? "echo-limit-v6" : "echo-limit-v4",
                                        "Echo requests beyond the rate of a source are dropped",
                                        SETTING_NONE});
    nft_statement_icmp(words, v6, type, type, "echo-request");
    nft_statement_meter(words, &(struct firewall_meter){.name = v6 ? "echo_v6" : "echo_v4",
                                                        .v6 = v6,
                                                        .sources = ECHO_SOURCES,
                                                        .packets = ECHO_PER_SECOND,
                                                        .forgotten_s = ECHO_FORGOTTEN_S});
    nft_statement_drop(words);
}

static void add_echo(struct firewall_ruleset *ruleset, bool v6)
{
    uint8_t type = v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
    struct nft_statement *words = firewall_add_rule(
        ruleset,
        (struct firewall_head){FIREWALL_INPUT, v6 ? "echo-v6" : "echo-v4",
                               "Echo requests within the rate are answered", SETTING_NONE});
    nft_statement_icmp(words, v6, type, type, "echo-request");
    nft_statement_accept(words);
}

/* --- input: floods of connections --- */

/* A handshake that conntrack saw whole proves that its source is where it says to be: the packet
 * that ends it, and what follows as long as the flow has no mark, goes to the chain flood. A rate
 * and no `ct count`: that counts a SYN with a false source, and nothing later than a flow's first
 * packet (the kernel's nf_conncount). */
static void add_flood_jumps(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    for (size_t i = 0; i < policy->listener_count; i++) {
        const struct listener *listener = &policy->listeners[i];
        char id[FIREWALL_ID_SIZE];
        if (!listener->per_source)
            continue;
        (void)snprintf(id, sizeof(id), "%s-counted", listener->name);
        struct nft_statement *words = firewall_add_rule(
            ruleset, (struct firewall_head){FIREWALL_INPUT, id,
                                            "Established connections are counted by their source",
                                            SETTING_NONE});
        nft_statement_ports(words, false, false, listener->first_port, listener->last_port);
        nft_statement_ct_assured(words, true);
        nft_statement_ct_mark(words, 0);
        nft_statement_jump(words, FIREWALL_FLOOD);
    }
}

static void add_flood_limit(struct firewall_ruleset *ruleset, unsigned connections, bool v6)
{
    struct nft_statement *words = firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_FLOOD, v6 ? "v6" : "v4",
                                        "Connections beyond the rate of a source are refused",
                                        SETTING_NONE});
    nft_statement_l4proto(words, "tcp", IPPROTO_TCP);
    nft_statement_meter(words, &(struct firewall_meter){.name = v6 ? "flood_v6" : "flood_v4",
                                                        .v6 = v6,
                                                        .sources = FLOOD_SOURCES,
                                                        .packets = connections,
                                                        .minute = true,
                                                        .forgotten_s = FLOOD_FORGOTTEN_S});
    nft_statement_reject_tcp(words);
}

static unsigned most_per_source(const struct policy *policy)
{
    for (size_t i = 0; i < policy->listener_count; i++)
        if (policy->listeners[i].per_source)
            return policy->listeners[i].per_source;
    return 0;
}

void firewall_add_flood(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    unsigned connections = most_per_source(policy);
    struct nft_chain chain = {.name = FIREWALL_FLOOD};
    if (!connections)
        return;
    firewall_add_chain(ruleset, chain);
    add_flood_limit(ruleset, connections, false);
    add_flood_limit(ruleset, connections, true);
    nft_statement_set_ct_mark(
        firewall_add_rule(ruleset, (struct firewall_head){FIREWALL_FLOOD, "counted",
                                                          "What was counted is not counted again",
                                                          SETTING_NONE}),
        COUNTED);
}

/* --- input: the role's listeners --- */

static struct nft_statement *add_listener(struct firewall_ruleset *ruleset,
                                          const struct listener *listener, const char *suffix)
{
    char id[FIREWALL_ID_SIZE];
    (void)snprintf(id, sizeof(id), "%s%s", listener->name, suffix);
    return firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_INPUT, id, listener->title, listener->setting});
}

static void add_ports(struct firewall_ruleset *ruleset, const struct listener *listener,
                      const struct firewall_network *source, const char *suffix)
{
    bool both = (listener->protocols & PROTOCOL_TCP) && (listener->protocols & PROTOCOL_UDP);
    static const struct {
        enum protocol protocol;
        const char *suffix; /* where there are both */
    } kinds[] = {
        {PROTOCOL_UDP, "-udp"},
        {PROTOCOL_TCP, "-tcp"},
        {PROTOCOL_ESP, ""},
    };
    for (size_t i = 0; i < countof(kinds); i++) {
        if (!(listener->protocols & (unsigned)kinds[i].protocol))
            continue;
        struct nft_statement *words =
            add_listener(ruleset, listener, both ? kinds[i].suffix : suffix);
        if (source)
            nft_statement_address(words, true, source);
        if (kinds[i].protocol == PROTOCOL_ESP)
            nft_statement_l4proto(words, "esp", IPPROTO_ESP);
        else
            nft_statement_ports(words, kinds[i].protocol == PROTOCOL_UDP, false,
                                listener->first_port, listener->last_port);
        nft_statement_accept(words);
    }
}

/* One rule a network: without any, loopback alone reaches the port. */
static int add_listed(struct firewall_ruleset *ruleset, const struct policy *policy,
                      const struct listener *listener)
{
    char item[SETTING_ITEM_SIZE], suffix[sizeof("-18446744073709551615")];
    size_t cursor = 0, index = 0;
    while (settings_item(policy->settings, listener->sources, &cursor, item)) {
        struct firewall_network network;
        if (firewall_network_parse(item, &network) < 0)
            return -EINVAL;
        (void)snprintf(suffix, sizeof(suffix), "-%zu", ++index);
        add_ports(ruleset, listener, &network, suffix);
    }
    return 0;
}

static int add_listeners(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < policy->listener_count; i++) {
        const struct listener *listener = &policy->listeners[i];
        if (listener->sources != SETTING_NONE)
            error = add_listed(ruleset, policy, listener);
        else
            add_ports(ruleset, listener, NULL, "");
    }
    return error;
}

/* --- input: the end --- */

static void add_closed(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    enum setting_key setting = NET_DROP_CLOSED_PORTS;
    bool drop = policy_bool(policy, setting);
    nft_statement_counter(firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_INPUT, "closed-count",
                                        "Packets to closed ports are counted", SETTING_NONE}));
    if (drop) {
        nft_statement_drop(firewall_add_rule(
            ruleset, (struct firewall_head){FIREWALL_INPUT, "closed",
                                            "Packets to closed ports are dropped", setting}));
        return;
    }
    nft_statement_reject_tcp(firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_INPUT, "closed-tcp",
                                        "TCP to closed ports is reset", setting}));
    nft_statement_reject(firewall_add_rule(
        ruleset, (struct firewall_head){FIREWALL_INPUT, "closed",
                                        "Closed ports are reported as unreachable", setting}));
}

int firewall_add_input(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    firewall_add_loopback(ruleset);
    add_flood_jumps(ruleset, policy);
    add_connections(ruleset);
    add_neighbours(ruleset);
    add_icmp(ruleset, true);
    add_redirects(ruleset, policy);
    add_echo_limit(ruleset, true);
    add_multicast_echo(ruleset, policy);
    add_echo(ruleset, true);
    add_echo_limit(ruleset, false);
    add_echo(ruleset, false);
    add_icmp(ruleset, false);
    int error = add_listeners(ruleset, policy);
    add_closed(ruleset, policy);
    return error;
}
