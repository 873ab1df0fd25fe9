/*
 * The firewall's rules: what the policy means as the table `inet holdfast` (spec/network.md). Pure:
 * no I/O, and the same policy always gives the same rules in the same order.
 *
 * Why some rules stand where no table of ports has them:
 * - prerouting: conntrack takes an answered echo for an established connection, whose later packets
 *   would pass the rate limit unseen, and calls redirects "related" or "invalid" by kernel
 *   version. Both, with neighbour discovery and MLD, are kept out of it, so that input decides.
 * - an echo beyond the rate is dropped at once: it must never be answered by a rejection.
 * - connections to a port with a limit are counted before the rule for established ones, at the
 *   packet that ends the handshake: a SYN with a false source fills nothing.
 * - output: what the kernel itself says about closed ports, foreign destinations and fragments
 *   passes it, so that silence can be had there whatever brought the answer about.
 */
#ifndef HOLDFAST_FIREWALL_RULESET_H
#define HOLDFAST_FIREWALL_RULESET_H

#include "base/buf.h"
#include "firewall/nft_statement.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

#define FIREWALL_TABLE "holdfast"

enum { FIREWALL_ID_SIZE = 64, FIREWALL_CHAINS_MAX = 12 };

struct firewall_rule {
    struct nft_statement words;
    char id[FIREWALL_ID_SIZE]; /* "firewall.input.sip-tls" */
    const char *title;
    enum setting_key setting; /* whose decision it is, or SETTING_NONE */
};

struct firewall_ruleset {
    struct nft_chain chains[FIREWALL_CHAINS_MAX];
    size_t chain_count;
    struct firewall_rule *rules; /* owned; each chain's in their order */
    size_t rule_count, rule_capacity;
    struct firewall_rule spare; /* where a rule goes when memory runs out */
    bool failed;                /* then the ruleset is of no use */
};

/* The ruleset that the policy means. The caller frees it, whatever the result: 0, -ENOMEM or
 * -EINVAL (a source that is no network). */
int firewall_compile(struct firewall_ruleset *ruleset, const struct policy *policy);

/* Base-deny: nothing comes in or passes through but over loopback. */
int firewall_compile_base_deny(struct firewall_ruleset *ruleset);

void firewall_ruleset_free(struct firewall_ruleset *ruleset);

/* Appends the table as `nft list table inet holdfast` shows it. */
void firewall_ruleset_print(const struct firewall_ruleset *ruleset, struct buf *out);

#endif
