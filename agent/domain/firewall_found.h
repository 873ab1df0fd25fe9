/*
 * What the kernel showed of the node's own table, in words: the evidence of a firewall check that
 * passes. Pure: nothing here is taken from what should be.
 */
#ifndef HOLDFAST_DOMAIN_FIREWALL_FOUND_H
#define HOLDFAST_DOMAIN_FIREWALL_FOUND_H

#include "domain/checks.h"
#include "netlink/nftables.h"

/* "9 chains, 47 rules, 5 sets" */
const char *firewall_found_table(struct checks *checks, const struct nft_table *table);

/* "34 rules, policy drop, at hook input with priority 0, handle 1"; of a chain that hooks nowhere:
 * "3 rules, no hook, handle 7". The chain is one of the table's. */
const char *firewall_found_chain(struct checks *checks, const struct nft_table *table,
                                 const struct nft_chain *chain);

/* "rule 5 of 34, handle 17: 6 expressions, accept". The rule is one of the table's. */
const char *firewall_found_rule(struct checks *checks, const struct nft_table *table,
                                const struct nft_rule *rule);

#endif
