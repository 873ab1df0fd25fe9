/*
 * Existing flows, compared with the policy: the rule for established connections accepts whatever
 * another rule admitted before, so that a flow would outlive the rule that admitted it.
 *
 * A flow that the node or one of its processes began is its own, and stays. Any other must come to
 * a listener's protocol and port, from one of its sources. Where it goes to is read from its
 * answers, which is what the rules see where addresses are translated.
 */
#ifndef HOLDFAST_FIREWALL_FLOWS_H
#define HOLDFAST_FIREWALL_FLOWS_H

#include "base/buf.h"
#include "netlink/socket.h"
#include "policy/policy.h"

#include <stddef.h>

struct firewall_flows {
    size_t count, refused; /* all, and those that no rule admits */
    struct buf names;      /* of the first of these: "tcp 192.0.2.2:4000 -> 192.0.2.1:22, ..." */
    char why[NETLINK_WHY_SIZE + 64];
};

/* Looks at every flow. 0 or a negative errno with the reason in `why`. The caller frees it in
 * either case. */
int firewall_flows_read(struct firewall_flows *flows, const struct policy *policy);

/* The same, and ends those that no rule admits: their next packet is judged by the rules. */
int firewall_flows_end(struct firewall_flows *flows, const struct policy *policy);

void firewall_flows_free(struct firewall_flows *flows);

#endif
