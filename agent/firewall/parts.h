/*
 * The parts that firewall_compile puts together, each in the file of its name: what conntrack
 * does not see, input and flood (input.c), what must not leave (output.c) and the
 * marks of output (dscp_marks.c).
 */
#ifndef HOLDFAST_FIREWALL_PARTS_H
#define HOLDFAST_FIREWALL_PARTS_H

#include "firewall/ruleset.h"

#include <linux/netfilter/nf_conntrack_common.h>

#define FIREWALL_PREROUTING "prerouting"
#define FIREWALL_INPUT      "input"
#define FIREWALL_FORWARD    "forward"
#define FIREWALL_OUTPUT     "output"
#define FIREWALL_FLOOD      "flood"

/* Bits of a connection's state; the first is no part of the kernel's public headers. */
enum {
    FIREWALL_CT_INVALID = 1,
    FIREWALL_CT_KNOWN = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED),
    FIREWALL_CT_NEW = NF_CT_STATE_BIT(IP_CT_NEW),
    FIREWALL_CT_UNTRACKED = 64
};

/* The chain prerouting: what conntrack must not see. */
void firewall_add_notrack(struct firewall_ruleset *ruleset);

/* The chain input, which begins with loopback. -EINVAL: a source that is no network. */
void firewall_add_loopback(struct firewall_ruleset *ruleset);
int firewall_add_input(struct firewall_ruleset *ruleset, const struct policy *policy);

/* The chain flood: how many connections one source establishes, where a listener limits it. */
void firewall_add_flood(struct firewall_ruleset *ruleset, const struct policy *policy);

/* The chain output: what must not leave. */
void firewall_add_output(struct firewall_ruleset *ruleset, const struct policy *policy);

/* Behind that, and one chain for each mark. */
void firewall_add_dscp_marks(struct firewall_ruleset *ruleset, const struct policy *policy);

#endif
