/*
 * Matching: the rules that should be, held against those that are, chain by chain and in order.
 */
#ifndef HOLDFAST_FIREWALL_MATCH_H
#define HOLDFAST_FIREWALL_MATCH_H

#include "base/buf.h"
#include "firewall/ruleset.h"
#include "netlink/nftables.h"

#include <stdbool.h>

struct firewall_match {
    const struct nft_rule **observed; /* of each expected rule: what stands in its place, or NULL */
    bool *equal;                      /* it is the expected one, at its place in the order */
    struct buf unexpected;            /* what else the table holds, in words; empty: nothing */
};

/* 0 or -ENOMEM. The rules are borrowed from `table`. The caller frees the match in either case. */
int firewall_match_make(struct firewall_match *match, const struct firewall_ruleset *ruleset,
                        const struct nft_table *table);
void firewall_match_free(struct firewall_match *match);

/* The kernel's chain of that name, or NULL. */
const struct nft_chain *firewall_find_chain(const struct nft_table *table, const char *name);

#endif
