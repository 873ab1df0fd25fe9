/*
 * The parts that firewall_rules_make puts together, each in the file of its name: what conntrack
 * does not see and input (firewall_input.c), and the marks of output (firewall_marks.c).
 */
#ifndef HOLDFAST_DOMAIN_FIREWALL_PARTS_H
#define HOLDFAST_DOMAIN_FIREWALL_PARTS_H

#include "domain/firewall_rules.h"

#define FIREWALL_PREROUTING "prerouting"
#define FIREWALL_INPUT      "input"
#define FIREWALL_FORWARD    "forward"
#define FIREWALL_OUTPUT     "output"

/* What a rule's row shows. */
struct firewall_head {
    const char *chain;
    const char *id; /* within the chain */
    const char *title;
    enum setting_key setting;
};

/* Begins a rule; its words follow. Never NULL: without memory the rule is lost, and the ruleset
 * has failed. */
struct firewall_words *firewall_add_rule(struct firewall_ruleset *ruleset,
                                         struct firewall_head head);

void firewall_add_chain(struct firewall_ruleset *ruleset, struct nft_chain chain);

/* The chain prerouting: what conntrack must not see. */
void firewall_add_untracked(struct firewall_ruleset *ruleset);

/* The chain input, which begins with loopback. -EINVAL: a station that is no network. */
void firewall_add_loopback(struct firewall_ruleset *ruleset);
int firewall_add_input(struct firewall_ruleset *ruleset, const struct policy *policy);

/* The chain output, and one chain for each mark. */
void firewall_add_marks(struct firewall_ruleset *ruleset, const struct policy *policy);

#endif
