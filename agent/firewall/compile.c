/* From the policy to the rules of the table `inet holdfast`. */
#include "firewall/compile.h"

#include "base/str.h"
#include "firewall/parts.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

/* nft(8), "Standard priority names". */
enum { PRIORITY_RAW = -300, PRIORITY_MANGLE = -150, PRIORITY_FILTER = 0 };

static void add_base_chain(struct firewall_ruleset *ruleset, const char *name, uint32_t hook,
                           int32_t priority, uint32_t policy)
{
    struct nft_chain chain = {
        .base = true, .type = "filter", .hook = hook, .priority = priority, .policy = policy};
    (void)str_copy(chain.name, sizeof(chain.name), name);
    firewall_add_chain(ruleset, chain);
}

/* Base-deny's chains come first in every ruleset, so that the rest can be added to them. */
static void add_closed_chains(struct firewall_ruleset *ruleset)
{
    add_base_chain(ruleset, FIREWALL_INPUT, NF_INET_LOCAL_IN, PRIORITY_FILTER, NF_DROP);
    add_base_chain(ruleset, FIREWALL_FORWARD, NF_INET_FORWARD, PRIORITY_FILTER, NF_DROP);
}

static int finish(struct firewall_ruleset *ruleset, int error)
{
    for (size_t i = 0; i < ruleset->rule_count; i++)
        ruleset->failed |= ruleset->rules[i].words.failed;
    return error == 0 && ruleset->failed ? -ENOMEM : error;
}

int firewall_compile(struct firewall_ruleset *ruleset, const struct policy *policy)
{
    memset(ruleset, 0, sizeof(*ruleset));
    add_closed_chains(ruleset);
    add_base_chain(ruleset, FIREWALL_PREROUTING, NF_INET_PRE_ROUTING, PRIORITY_RAW, NF_ACCEPT);
    add_base_chain(ruleset, FIREWALL_OUTPUT, NF_INET_LOCAL_OUT, PRIORITY_MANGLE, NF_ACCEPT);
    firewall_add_notrack(ruleset);
    int error = firewall_add_input(ruleset, policy);
    firewall_add_flood(ruleset, policy);
    firewall_add_output(ruleset, policy);
    firewall_add_dscp_marks(ruleset, policy);
    return finish(ruleset, error);
}

int firewall_compile_base_deny(struct firewall_ruleset *ruleset)
{
    memset(ruleset, 0, sizeof(*ruleset));
    add_closed_chains(ruleset);
    firewall_add_loopback(ruleset);
    return finish(ruleset, 0);
}
