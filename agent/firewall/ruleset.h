/*
 * A ruleset: the chains and rules of the table `inet holdfast` in their order, each rule as bytes
 * for the kernel and in nft's words. Pure: no I/O.
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
    enum setting_key setting; /* the controlling setting, or SETTING_NONE */
};

struct firewall_ruleset {
    struct nft_chain chains[FIREWALL_CHAINS_MAX];
    size_t chain_count;
    struct firewall_rule *rules; /* owned; each chain's in their order */
    size_t rule_count, rule_capacity;
    struct firewall_rule spare; /* where a rule goes when memory runs out */
    bool failed;                /* then the ruleset is of no use */
};

/* What a rule's check shows. */
struct firewall_head {
    const char *chain;
    const char *id; /* within the chain */
    const char *title;
    enum setting_key setting;
};

/* Begins a rule; its words follow. Never NULL: without memory the rule is lost, and the ruleset
 * has failed. */
struct nft_statement *firewall_add_rule(struct firewall_ruleset *ruleset,
                                        struct firewall_head head);

void firewall_add_chain(struct firewall_ruleset *ruleset, struct nft_chain chain);

void firewall_ruleset_free(struct firewall_ruleset *ruleset);

/* Appends the table as `nft list table inet holdfast` shows it. */
void firewall_ruleset_print(const struct firewall_ruleset *ruleset, struct buf *out);

#endif
