/* From the policy to the rules of the table `inet holdfast`. */
#include "domain/firewall_rules.h"

#include "base/str.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREROUTING "prerouting"
#define INPUT "input"
#define FORWARD "forward"
#define OUTPUT "output"

enum {
    ECHO_PER_SECOND = 20,
    HOP_LIMIT_ON_LINK = 255, /* RFC 4861, 11.2: no router has touched the packet */
    FIRST_RULES = 64
};

/* RFC 4861, 4: no part of the kernel's public headers. */
enum { ND_ROUTER_ADVERT = 134, ND_NEIGHBOUR_ADVERT = 136, ND_REDIRECT = 137 };

/* nft(8), "Standard priority names". */
enum { PRIORITY_RAW = -300, PRIORITY_MANGLE = -150, PRIORITY_FILTER = 0 };

enum { STATE_INVALID = 1 }; /* NF_CT_STATE_INVALID_BIT is no part of the kernel's public headers */

static void add_chain(struct firewall_ruleset *ruleset, struct nft_chain chain)
{
    if (ruleset->chain_count == FIREWALL_CHAINS_MAX)
        ruleset->failed = true;
    else
        ruleset->chains[ruleset->chain_count++] = chain;
}

static void add_base_chain(struct firewall_ruleset *ruleset, const char *name, uint32_t hook,
                           int32_t priority, uint32_t policy)
{
    struct nft_chain chain = {
        .base = true, .type = "filter", .hook = hook, .priority = priority, .policy = policy};
    (void)str_copy(chain.name, sizeof(chain.name), name);
    add_chain(ruleset, chain);
}

/* What a rule's row shows. */
struct head {
    const char *chain;
    const char *id; /* within the chain */
    const char *title;
    enum setting_key setting;
};

static struct firewall_rule *more_room(struct firewall_ruleset *ruleset)
{
    if (ruleset->rule_count == ruleset->rule_capacity) {
        size_t capacity = ruleset->rule_capacity ? ruleset->rule_capacity * 2 : FIRST_RULES;
        struct firewall_rule *rules = realloc(ruleset->rules, capacity * sizeof(*rules));
        if (!rules) {
            ruleset->failed = true;
            return &ruleset->spare;
        }
        ruleset->rules = rules;
        ruleset->rule_capacity = capacity;
    }
    return &ruleset->rules[ruleset->rule_count++];
}

/* Begins a rule; its words follow. Never NULL. */
static struct firewall_words *add(struct firewall_ruleset *ruleset, struct head head)
{
    struct firewall_rule *rule = more_room(ruleset);
    memset(rule, 0, sizeof(*rule));
    rule->title = head.title;
    rule->setting = head.setting;
    int length =
        snprintf(rule->id, sizeof(rule->id), "firewall.%s.%s", head.chain, head.id);
    if (length < 0 || (size_t)length >= sizeof(rule->id) ||
        str_copy(rule->words.rule.chain, NFT_NAME_SIZE, head.chain) < 0)
        rule->words.failed = true;
    return &rule->words;
}

/* --- what conntrack must not see --- */

static void add_untracked(struct firewall_ruleset *ruleset)
{
    static const struct {
        struct head head;
        bool v6;
        uint8_t first, last;
        const char *name;
    } rows[] = {
        {{PREROUTING, "echo-v4", "IPv4 echo requests are no connection", SETTING_NONE},
         false, ICMP_ECHO, ICMP_ECHO, "echo-request"},
        {{PREROUTING, "redirects-v4", "ICMP redirects belong to no connection", SETTING_NONE},
         false, ICMP_REDIRECT, ICMP_REDIRECT, "redirect"},
        {{PREROUTING, "echo-v6", "IPv6 echo requests are no connection", SETTING_NONE},
         true, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REQUEST, "echo-request"},
        {{PREROUTING, "neighbours",
          "MLD, neighbour discovery and redirects belong to no connection", SETTING_NONE},
         true, ICMPV6_MGM_QUERY, ND_REDIRECT, NULL},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct firewall_words *words = add(ruleset, rows[i].head);
        words_icmp(words, rows[i].v6, rows[i].first, rows[i].last, rows[i].name);
        words_notrack(words);
    }
}

/* --- input: what holds for every role --- */

static void add_loopback(struct firewall_ruleset *ruleset)
{
    struct firewall_words *words =
        add(ruleset, (struct head){INPUT, "loopback", "Loopback is open", SETTING_NONE});
    words_iifname(words, "lo");
    words_accept(words);
}

static void add_connections(struct firewall_ruleset *ruleset)
{
    enum {
        KNOWN = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED)
    };
    struct firewall_words *words =
        add(ruleset, (struct head){INPUT, "established", "Replies to connections are accepted",
                                   SETTING_NONE});
    words_ct_state(words, "established,related", KNOWN);
    words_accept(words);
    words = add(ruleset, (struct head){INPUT, "invalid",
                                       "Packets that fit no connection are dropped",
                                       SETTING_NONE});
    words_ct_state(words, "invalid", STATE_INVALID);
    words_drop(words);
}

static void add_neighbours(struct firewall_ruleset *ruleset)
{
    struct firewall_words *words =
        add(ruleset, (struct head){INPUT, "neighbours",
                                   "Router advertisements and neighbour discovery, on link alone",
                                   SETTING_NONE});
    words_hoplimit(words, HOP_LIMIT_ON_LINK);
    words_icmp(words, true, ND_ROUTER_ADVERT, ND_NEIGHBOUR_ADVERT, NULL);
    words_accept(words);
}

/* Accepted without further conditions. */
static void add_icmp(struct firewall_ruleset *ruleset, bool v6)
{
    static const struct {
        struct head head;
        bool v6;
        uint8_t first, last;
        const char *name;
    } rows[] = {
        {{INPUT, "mld", "Multicast listener discovery", SETTING_NONE},
         true, ICMPV6_MGM_QUERY, ICMPV6_MGM_REDUCTION, NULL},
        {{INPUT, "mld2", "Multicast listener discovery, version 2", SETTING_NONE},
         true, ICMPV6_MLD2_REPORT, ICMPV6_MLD2_REPORT, "mld2-listener-report"},
        {{INPUT, "icmpv6-errors",
          "ICMPv6: unreachable, packet too big, time exceeded, parameter problem", SETTING_NONE},
         true, ICMPV6_DEST_UNREACH, ICMPV6_PARAMPROB, NULL},
        {{INPUT, "icmp-unreachable", "ICMP: destination unreachable", SETTING_NONE},
         false, ICMP_DEST_UNREACH, ICMP_DEST_UNREACH, "destination-unreachable"},
        {{INPUT, "icmp-errors", "ICMP: time exceeded and parameter problem", SETTING_NONE},
         false, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB, NULL},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        if (rows[i].v6 != v6)
            continue;
        struct firewall_words *words = add(ruleset, rows[i].head);
        words_icmp(words, v6, rows[i].first, rows[i].last, rows[i].name);
        words_accept(words);
    }
}

static void add_redirects(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    bool accepted = policy_bool(policy, NET_ACCEPT_ICMPV6_REDIRECTS);
    struct firewall_words *words =
        add(ruleset, (struct head){INPUT, "redirects",
                                   accepted ? "ICMPv6 redirects are accepted, on link alone"
                                            : "ICMPv6 redirects are dropped",
                                   NET_ACCEPT_ICMPV6_REDIRECTS});
    if (accepted)
        words_hoplimit(words, HOP_LIMIT_ON_LINK);
    words_icmp(words, true, ND_REDIRECT, ND_REDIRECT, "nd-redirect");
    if (accepted)
        words_accept(words);
    else
        words_drop(words);
}

static void add_multicast_echo(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    static const struct firewall_network multicast = {.v6 = true, .address = {0xff}, .prefix = 8};
    bool accepted = policy_bool(policy, NET_ACCEPT_ICMPV6_MULTICAST_ECHO);
    struct firewall_words *words =
        add(ruleset, (struct head){INPUT, "multicast-echo",
                                   accepted ? "Echo requests to IPv6 multicast are answered"
                                            : "Echo requests to IPv6 multicast are dropped",
                                   NET_ACCEPT_ICMPV6_MULTICAST_ECHO});
    words_address(words, false, &multicast);
    words_icmp(words, true, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REQUEST, "echo-request");
    if (accepted) {
        words_limit(words, ECHO_PER_SECOND, false);
        words_accept(words);
    } else {
        words_drop(words);
    }
}

static void add_echo(struct firewall_ruleset *ruleset, bool v6)
{
    uint8_t type = v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
    struct firewall_words *words = add(
        ruleset, (struct head){INPUT, v6 ? "echo-limit-v6" : "echo-limit-v4",
                               "Echo requests beyond the rate are dropped", SETTING_NONE});
    words_icmp(words, v6, type, type, "echo-request");
    words_limit(words, ECHO_PER_SECOND, true);
    words_drop(words);
    words = add(ruleset, (struct head){INPUT, v6 ? "echo-v6" : "echo-v4",
                                       "Echo requests within the rate are answered",
                                       SETTING_NONE});
    words_icmp(words, v6, type, type, "echo-request");
    words_accept(words);
}

/* --- input: the role's listeners --- */

static struct firewall_words *add_listener(struct firewall_ruleset *ruleset,
                                           const struct listener *listener, const char *suffix)
{
    char id[FIREWALL_ID_SIZE];
    (void)snprintf(id, sizeof(id), "%s%s", listener->name, suffix);
    return add(ruleset, (struct head){INPUT, id, listener->title, listener->setting});
}

/* Web sessions beyond the limit are refused by a reset, so that the browser says so at once. */
static void add_session_limit(struct firewall_ruleset *ruleset, const struct listener *listener)
{
    struct firewall_words *words =
        add(ruleset, (struct head){INPUT, "https-sessions",
                                   "Connections beyond the limit of web sessions are refused",
                                   WEB_MAX_SESSIONS});
    words_ports(words, false, false, listener->first_port, listener->last_port);
    words_connections_over(words, listener->connections);
    words_reject_tcp(words);
}

/* One rule a station: without any, loopback alone reaches the port. */
static int add_stations(struct firewall_ruleset *ruleset, const struct policy *policy,
                        const struct listener *listener)
{
    char item[SETTING_ITEM_SIZE], suffix[sizeof("-18446744073709551615")];
    size_t cursor = 0, index = 0;
    while (settings_item(policy->settings, HEALTH_STATIONS, &cursor, item)) {
        struct firewall_network network;
        if (firewall_network_parse(item, &network) < 0)
            return -EINVAL;
        (void)snprintf(suffix, sizeof(suffix), "-%zu", ++index);
        struct firewall_words *words = add_listener(ruleset, listener, suffix);
        words_address(words, true, &network);
        words_ports(words, false, false, listener->first_port, listener->last_port);
        words_accept(words);
    }
    return 0;
}

static void add_ports(struct firewall_ruleset *ruleset, const struct listener *listener)
{
    bool both = (listener->protocols & PROTOCOL_TCP) && (listener->protocols & PROTOCOL_UDP);
    if (listener->connections)
        add_session_limit(ruleset, listener);
    if (listener->protocols & PROTOCOL_UDP) {
        struct firewall_words *words = add_listener(ruleset, listener, both ? "-udp" : "");
        words_ports(words, true, false, listener->first_port, listener->last_port);
        words_accept(words);
    }
    if (listener->protocols & PROTOCOL_TCP) {
        struct firewall_words *words = add_listener(ruleset, listener, both ? "-tcp" : "");
        words_ports(words, false, false, listener->first_port, listener->last_port);
        words_accept(words);
    }
    if (listener->protocols & PROTOCOL_ESP) {
        struct firewall_words *words = add_listener(ruleset, listener, "");
        words_l4proto(words, "esp", IPPROTO_ESP);
        words_accept(words);
    }
}

static int add_listeners(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < policy->listener_count; i++) {
        const struct listener *listener = &policy->listeners[i];
        if (listener->stations_only)
            error = add_stations(ruleset, policy, listener);
        else
            add_ports(ruleset, listener);
    }
    return error;
}

/* --- input: the end --- */

static void add_closed(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    enum setting_key setting = NET_DROP_CLOSED_PORTS;
    bool drop = policy_bool(policy, setting);
    words_counter(add(ruleset, (struct head){INPUT, "closed-count",
                                             "Packets to closed ports are counted",
                                             SETTING_NONE}));
    if (drop) {
        words_drop(add(ruleset, (struct head){INPUT, "closed",
                                              "Packets to closed ports are dropped", setting}));
        return;
    }
    words_reject_tcp(add(ruleset, (struct head){INPUT, "closed-tcp",
                                                "TCP to closed ports is reset", setting}));
    words_reject(add(ruleset, (struct head){INPUT, "closed",
                                            "Closed ports are told to be unreachable", setting}));
}

static int add_input(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    add_loopback(ruleset);
    add_connections(ruleset);
    add_neighbours(ruleset);
    add_icmp(ruleset, true);
    add_redirects(ruleset, policy);
    add_multicast_echo(ruleset, policy);
    add_echo(ruleset, true);
    add_echo(ruleset, false);
    add_icmp(ruleset, false);
    int error = add_listeners(ruleset, policy);
    add_closed(ruleset, policy);
    return error;
}

/* --- output: DSCP marks --- */

struct mark {
    enum traffic traffic;
    const char *chain;
    enum setting_key value;
};

static bool has_traffic(const struct policy *policy, enum traffic traffic)
{
    for (size_t i = 0; i < policy->listener_count; i++)
        if (policy->listeners[i].traffic == traffic)
            return true;
    return false;
}

static void add_mark_chain(struct firewall_ruleset *ruleset, const struct mark *mark,
                           unsigned value)
{
    struct nft_chain chain = {.base = false};
    (void)str_copy(chain.name, sizeof(chain.name), mark->chain);
    add_chain(ruleset, chain);
    words_dscp(add(ruleset, (struct head){mark->chain, "v4", "DSCP mark of IPv4", mark->value}),
               false, (uint8_t)value);
    words_dscp(add(ruleset, (struct head){mark->chain, "v6", "DSCP mark of IPv6", mark->value}),
               true, (uint8_t)value);
}

static void add_marked(struct firewall_ruleset *ruleset, const struct listener *listener,
                       const struct mark *mark, bool udp, bool source)
{
    char id[FIREWALL_ID_SIZE];
    (void)snprintf(id, sizeof(id), "%s-%s-%s", listener->name, udp ? "udp" : "tcp",
                   source ? "from" : "to");
    struct firewall_words *words =
        add(ruleset, (struct head){OUTPUT, id, listener->title, mark->value});
    words_ports(words, udp, source, listener->first_port, listener->last_port);
    words_goto(words, mark->chain);
}

/* Media first: it is most of what a node sends. */
static const struct mark marks[] = {
    {TRAFFIC_MEDIA, "mark_media", LOCATION_DSCP_MEDIA},
    {TRAFFIC_SIGNALING, "mark_signaling", LOCATION_DSCP_SIGNALING},
    {TRAFFIC_MANAGEMENT, "mark_management", GLOBAL_DSCP_MANAGEMENT},
};

static bool is_marked(const struct policy *policy, const struct mark *mark)
{
    return settings_uint(policy->settings, mark->value) && has_traffic(policy, mark->traffic);
}

/* The rules of one pass over all listeners: of single ports or of ranges, from or to them. */
static void add_pass(struct firewall_ruleset *ruleset, const struct policy *policy, bool single,
                     bool source)
{
    for (size_t m = 0; m < countof(marks); m++) {
        for (size_t i = 0; i < policy->listener_count && is_marked(policy, &marks[m]); i++) {
            const struct listener *listener = &policy->listeners[i];
            if (listener->traffic != marks[m].traffic ||
                single != (listener->first_port == listener->last_port))
                continue;
            if (listener->protocols & PROTOCOL_UDP)
                add_marked(ruleset, listener, &marks[m], true, source);
            if (listener->protocols & PROTOCOL_TCP)
                add_marked(ruleset, listener, &marks[m], false, source);
        }
    }
}

/* Both directions of a listener's flow that leave the node: replies from its port, and what goes
 * to that port elsewhere. The ranges of media and signaling overlap the ports that systems give
 * to their own connections, so that a single port says more than a range, and the port that a
 * packet leaves from more than the one it goes to. */
static void add_marks(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    for (size_t i = 0; i < countof(marks); i++)
        if (is_marked(policy, &marks[i]))
            add_mark_chain(ruleset, &marks[i], settings_uint(policy->settings, marks[i].value));
    add_pass(ruleset, policy, true, true);
    add_pass(ruleset, policy, true, false);
    add_pass(ruleset, policy, false, true);
    add_pass(ruleset, policy, false, false);
}

/* --- the whole --- */

static int finish(struct firewall_ruleset *ruleset, int error)
{
    for (size_t i = 0; i < ruleset->rule_count; i++)
        ruleset->failed |= ruleset->rules[i].words.failed;
    return error == 0 && ruleset->failed ? -ENOMEM : error;
}

int firewall_rules_make(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    memset(ruleset, 0, sizeof(*ruleset));
    add_base_chain(ruleset, PREROUTING, NF_INET_PRE_ROUTING, PRIORITY_RAW, NF_ACCEPT);
    add_base_chain(ruleset, INPUT, NF_INET_LOCAL_IN, PRIORITY_FILTER, NF_DROP);
    add_base_chain(ruleset, FORWARD, NF_INET_FORWARD, PRIORITY_FILTER, NF_DROP);
    add_base_chain(ruleset, OUTPUT, NF_INET_LOCAL_OUT, PRIORITY_MANGLE, NF_ACCEPT);
    add_untracked(ruleset);
    int error = add_input(ruleset, policy);
    add_marks(ruleset, policy);
    return finish(ruleset, error);
}

int firewall_rules_base_deny(struct firewall_ruleset *ruleset)
{
    memset(ruleset, 0, sizeof(*ruleset));
    add_base_chain(ruleset, INPUT, NF_INET_LOCAL_IN, PRIORITY_FILTER, NF_DROP);
    add_base_chain(ruleset, FORWARD, NF_INET_FORWARD, PRIORITY_FILTER, NF_DROP);
    add_loopback(ruleset);
    return finish(ruleset, 0);
}

void firewall_rules_free(struct firewall_ruleset *ruleset)
{
    free(ruleset->rules);
    memset(ruleset, 0, sizeof(*ruleset));
}

/* --- as nft prints it --- */

static void print_chain(const struct firewall_ruleset *ruleset, const struct nft_chain *chain,
                        struct buf *out)
{
    buf_printf(out, "\tchain %s {\n", chain->name);
    if (chain->base) {
        buf_puts(out, "\t\t");
        nft_chain_print(chain, out);
        buf_putc(out, '\n');
    }
    for (size_t i = 0; i < ruleset->rule_count; i++)
        if (str_equal(ruleset->rules[i].words.rule.chain, chain->name))
            buf_printf(out, "\t\t%s\n", ruleset->rules[i].words.text);
    buf_puts(out, "\t}\n");
}

void firewall_rules_print(const struct firewall_ruleset *ruleset, struct buf *out)
{
    buf_puts(out, "table inet " FIREWALL_TABLE " {\n");
    for (size_t i = 0; i < ruleset->chain_count; i++) {
        if (i)
            buf_putc(out, '\n');
        print_chain(ruleset, &ruleset->chains[i], out);
    }
    buf_puts(out, "}\n");
}
