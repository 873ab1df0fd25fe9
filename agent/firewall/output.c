/* The rules for output: no connection of the endpoint's process, no packet that would revive an
 * ended flow, no answer from closed ports. */
#include "firewall/parts.h"

#include "base/str.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>

static struct nft_statement *add_rule(struct firewall_ruleset *ruleset, const char *id,
                                      const char *title, enum setting_key setting)
{
    return firewall_add_rule(ruleset, (struct firewall_head){FIREWALL_OUTPUT, id, title, setting});
}

/* Over loopback too: what a process may not do to others it may not do to its neighbours. */
static void add_endpoint(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    enum { BEGUN = FIREWALL_CT_INVALID | FIREWALL_CT_NEW | FIREWALL_CT_UNTRACKED };
    if (!policy->endpoint_uid)
        return;
    struct nft_statement *words =
        add_rule(ruleset, "endpoint", "The endpoint's process begins no connection", SETTING_NONE);
    nft_statement_skuid(words, policy->endpoint_uid);
    nft_statement_ct_state(words, "invalid,new,untracked", BEGUN);
    nft_statement_drop(words);
}

static void add_loopback(struct firewall_ruleset *ruleset)
{
    struct nft_statement *words = add_rule(ruleset, "loopback", "Loopback is open", SETTING_NONE);
    nft_statement_oifname(words, "lo");
    nft_statement_accept(words);
}

/* Conntrack takes any packet of a TCP connection that it does not know for the beginning of one:
 * the next packet of a server would make the flow that was ended the server's own. */
static void add_revived(struct firewall_ruleset *ruleset)
{
    struct nft_statement *words =
        add_rule(ruleset, "revived", "A TCP connection begins with its first packet", SETTING_NONE);
    nft_statement_tcp_not_first(words);
    nft_statement_ct_state(words, "new", FIREWALL_CT_NEW);
    nft_statement_drop(words);
}

/* The reset of a port without a listener answers a connection that never stood; an invalid one is
 * its repetition. Those of connections that stood, or of the node's own, go out. */
static void add_resets(struct firewall_ruleset *ruleset)
{
    struct nft_statement *words = add_rule(
        ruleset, "silent-reset", "Ports without a listener are not reset", NET_DROP_CLOSED_PORTS);
    nft_statement_tcp_reset(words);
    nft_statement_ct_reply(words);
    nft_statement_ct_assured(words, false);
    nft_statement_drop(words);
    words = add_rule(ruleset, "silent-reset-invalid",
                     "Packets that fit no connection are not reset", NET_DROP_CLOSED_PORTS);
    nft_statement_tcp_reset(words);
    nft_statement_ct_state(words, "invalid", FIREWALL_CT_INVALID);
    nft_statement_drop(words);
}

/* All errors that a host sends (RFC 792; RFC 4443, 3), except those of path MTU discovery. */
static void add_errors(struct firewall_ruleset *ruleset)
{
    static const struct {
        const char *id, *title;
        bool v6;
        uint8_t first, last;
        const char *name;
    } checks[] = {
        {"silent-unreachable-v4", "No ICMP destination unreachable is sent", false,
         ICMP_DEST_UNREACH, ICMP_DEST_UNREACH, "destination-unreachable"},
        {"silent-errors-v4", "No other ICMP error is sent", false, ICMP_TIME_EXCEEDED,
         ICMP_PARAMETERPROB, NULL},
        {"silent-unreachable-v6", "No ICMPv6 destination unreachable is sent", true,
         ICMPV6_DEST_UNREACH, ICMPV6_DEST_UNREACH, "destination-unreachable"},
        {"silent-errors-v6", "No other ICMPv6 error is sent", true, ICMPV6_TIME_EXCEED,
         ICMPV6_PARAMPROB, NULL},
    };
    for (size_t i = 0; i < countof(checks); i++) {
        struct nft_statement *words =
            add_rule(ruleset, checks[i].id, checks[i].title, NET_DROP_CLOSED_PORTS);
        nft_statement_icmp(words, checks[i].v6, checks[i].first, checks[i].last, checks[i].name);
        if (checks[i].first == ICMP_DEST_UNREACH && !checks[i].v6)
            nft_statement_icmp_not_too_big(words);
        nft_statement_drop(words);
    }
}

void firewall_add_output(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    add_endpoint(ruleset, policy);
    add_loopback(ruleset);
    add_revived(ruleset);
    if (policy_bool(policy, NET_DROP_CLOSED_PORTS)) {
        add_resets(ruleset);
        add_errors(ruleset);
    }
}
