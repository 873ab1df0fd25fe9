/*
 * The tables of others: which of them take part in what comes in. In netfilter every base chain of
 * a hook is asked, so that an accept elsewhere cannot open what Holdfast drops; but a foreign table
 * that accepts on input says that somebody meant to, and one that rewrites or forwards packets
 * before input can lead them around the listeners' rules.
 */
#ifndef HOLDFAST_DOMAIN_FIREWALL_FOREIGN_H
#define HOLDFAST_DOMAIN_FIREWALL_FOREIGN_H

#include "base/buf.h"
#include "netlink/nftables.h"

struct firewall_foreign {
    struct netlink *netlink; /* to look into a chain's rules */
    struct buf names;        /* "ip filter INPUT (policy accept), ..." */
};

/* nft_visitor's function over a struct firewall_foreign: names the base chain if it
 * - hooks input and accepts, by policy or by a rule that accepts, leads on or is unknown to us,
 * - hooks prerouting with type nat,
 * - hooks ingress with any such rule. */
int firewall_foreign_visit(void *context, const struct nft_hook *hook);

/* Names the tables of the older ip_tables, which stand beside nf_tables and cannot be read over
 * netlink: /proc/net/ip_tables_names and ip6_tables_names of this network namespace. Their nat and
 * raw tables lead packets around rules too. */
void firewall_foreign_legacy(struct firewall_foreign *foreign);

#endif
