/* A ruleset as it is put together, and as nft prints it. */
#include "firewall/ruleset.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_RULES = 64 };

void firewall_add_chain(struct firewall_ruleset *ruleset, struct nft_chain chain)
{
    if (ruleset->chain_count == FIREWALL_CHAINS_MAX)
        ruleset->failed = true;
    else
        ruleset->chains[ruleset->chain_count++] = chain;
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
