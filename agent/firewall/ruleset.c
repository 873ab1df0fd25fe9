/* From the policy to the rules of the table `inet holdfast`. */
#include "firewall/ruleset.h"

#include "base/str.h"
#include "firewall/parts.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_RULES = 64 };

/* nft(8), "Standard priority names". */
enum { PRIORITY_RAW = -300, PRIORITY_MANGLE = -150, PRIORITY_FILTER = 0 };

void firewall_add_chain(struct firewall_ruleset *ruleset, struct nft_chain chain)
{
    if (ruleset->chain_count == FIREWALL_CHAINS_MAX)
        ruleset->failed = true;
    else
        ruleset->chains[ruleset->chain_count++] = chain;
}

static void add_base_chain(struct firewall_ruleset *ruleset, const char *name, uint32_t hook,
                           int32_t priority, uint32_t policy)
{
    struct nft_chain chain = {
        .base = true, .type = "filter", .hook = hook, .priority = priority, .policy = policy};
    (void)str_copy(chain.name, sizeof(chain.name), name);
    firewall_add_chain(ruleset, chain);
}

static struct firewall_rule *more_room(struct firewall_ruleset *ruleset)
{
    if (ruleset->rule_count == ruleset->rule_capacity) {
        size_t capacity = ruleset->rule_capacity ? ruleset->rule_capacity * 2 : FIRST_RULES;
        struct firewall_rule *rules = realloc(ruleset->rules, capacity * sizeof(*rules));
        if (!rules) {
            ruleset->failed = true;
            return &ruleset->spare;
        }
        ruleset->rules = rules;
        ruleset->rule_capacity = capacity;
    }
    return &ruleset->rules[ruleset->rule_count++];
}

struct nft_statement *firewall_add_rule(struct firewall_ruleset *ruleset, struct firewall_head head)
{
    struct firewall_rule *rule = more_room(ruleset);
    memset(rule, 0, sizeof(*rule));
    rule->title = head.title;
    rule->setting = head.setting;
    int length = snprintf(rule->id, sizeof(rule->id), "firewall.%s.%s", head.chain, head.id);
    if (length < 0 || (size_t)length >= sizeof(rule->id) ||
        str_copy(rule->words.rule.chain, NFT_NAME_SIZE, head.chain) < 0)
        rule->words.failed = true;
    return &rule->words;
}

/* --- the whole --- */

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

void firewall_ruleset_free(struct firewall_ruleset *ruleset)
{
    free(ruleset->rules);
    memset(ruleset, 0, sizeof(*ruleset));
}

/* --- as nft prints it --- */

static void print_chain(const struct firewall_ruleset *ruleset, const struct nft_chain *chain,
                        struct buf *out)
{
    buf_printf(out, "\tchain %s {\n", chain->name);
    if (chain->base) {
        buf_puts(out, "\t\t");
        nft_chain_print(chain, out);
        buf_putc(out, '\n');
    }
    for (size_t i = 0; i < ruleset->rule_count; i++)
        if (str_equal(ruleset->rules[i].words.rule.chain, chain->name))
            buf_printf(out, "\t\t%s\n", ruleset->rules[i].words.text);
    buf_puts(out, "\t}\n");
}

void firewall_ruleset_print(const struct firewall_ruleset *ruleset, struct buf *out)
{
    buf_puts(out, "table inet " FIREWALL_TABLE " {\n");
    for (size_t i = 0; i < ruleset->chain_count; i++) {
        if (i)
            buf_putc(out, '\n');
        print_chain(ruleset, &ruleset->chains[i], out);
    }
    buf_puts(out, "}\n");
}
