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
#ifndef HOLDFAST_FIREWALL_COMPILE_H
#define HOLDFAST_FIREWALL_COMPILE_H

#include "firewall/ruleset.h"

/* The ruleset that the policy means. The caller frees it, whatever the result: 0, -ENOMEM or
 * -EINVAL (a source that is no network). */
int firewall_compile(struct firewall_ruleset *ruleset, const struct policy *policy);

/* Base-deny: nothing comes in or passes through but over loopback. */
int firewall_compile_base_deny(struct firewall_ruleset *ruleset);

#endif
