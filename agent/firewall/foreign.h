/*
 * Other tables, judged by their effect and not by their hook. In netfilter every base chain of a
 * hook is evaluated, so that an accept elsewhere cannot open what Holdfast drops; but another table
 * that accepts shows the intention, and one that rewrites, diverts, untracks or drops packets makes
 * the listeners' rules untrue.
 */
#ifndef HOLDFAST_FIREWALL_FOREIGN_H
#define HOLDFAST_FIREWALL_FOREIGN_H

#include "base/buf.h"
#include "netlink/nftables.h"

#include <stddef.h>

struct firewall_foreign_chain;

/* Zeroed: nothing was seen. */
struct firewall_foreign {
    struct firewall_foreign_chain *chains; /* owned: all of other tables */
    size_t count, capacity, last;
    struct buf names; /* "ip filter INPUT (input: policy accept, drops), ..." */
};

/* For nft_read: keeps the chains of every family and hook, and what their rules do. */
struct nft_visitor firewall_foreign_visitor(struct firewall_foreign *foreign);

/* Appends to `names` each chain that
 * - has the policy drop, or hooks input or forward with the policy accept, or is of type nat,
 * - or has a rule that accepts, drops, rewrites (packet, mark or connection), untracks, diverts, or
 *   holds an expression that we do not know. A rule that leads to another chain, compares, counts
 *   or limits does nothing by itself. */
void firewall_foreign_name(struct firewall_foreign *foreign);

/* Appends the tables of the older ip_tables and arp_tables, which stand beside nf_tables and cannot
 * be read over netlink: /proc/net/ip_tables_names and its kin of this network namespace. */
void firewall_foreign_legacy(struct firewall_foreign *foreign);

void firewall_foreign_free(struct firewall_foreign *foreign);

#endif
