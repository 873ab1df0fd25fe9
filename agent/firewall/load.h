/*
 * Loading: from what the kernel has to what a ruleset says, in one transaction.
 *
 * Taking rules away makes the kernel wait for the last packet in them (some 10 ms, when the socket
 * closes); adding does not. Base-deny is the beginning of every ruleset, so that at boot the rest
 * is added to it; whatever else stands is replaced.
 */
#ifndef HOLDFAST_FIREWALL_LOAD_H
#define HOLDFAST_FIREWALL_LOAD_H

#include "firewall/ruleset.h"
#include "netlink/nftables.h"

/* `table` is what the kernel has. `refused` gets the id of the rule that the kernel refused, or
 * NULL. 0, or a negative errno with the reason in netlink->why: then nothing has changed. */
int firewall_load(struct netlink *netlink, const struct firewall_ruleset *ruleset,
                  const struct nft_table *table, const char **refused);

#endif
