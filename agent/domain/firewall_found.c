/* Words for what the kernel showed. */
#include "domain/firewall_found.h"

#include "base/str.h"

#include <inttypes.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

const char *firewall_found_table(struct checks *checks, const struct nft_table *table)
{
    return checks_text(checks, "%zu chains, %zu rules, %zu sets", table->chain_count,
                       table->rule_count, table->set_count);
}

static size_t rules_of(const struct nft_table *table, const char *chain)
{
    size_t count = 0;
    for (size_t i = 0; i < table->rule_count; i++)
        count += str_equal(table->rules[i].chain, chain);
    return count;
}

const char *firewall_found_chain(struct checks *checks, const struct nft_table *table,
                                 const struct nft_chain *chain)
{
    size_t count = rules_of(table, chain->name);
    if (!chain->base)
        return checks_text(checks, "%zu rules, no hook, handle %" PRIu64, count, chain->handle);
    return checks_text(
        checks, "%zu rules, policy %s, at hook %s with priority %" PRId32 ", handle %" PRIu64,
        count, chain->policy == NF_DROP ? "drop" : "accept",
        nft_hook_name(NFPROTO_INET, chain->hook), chain->priority, chain->handle);
}

/* What becomes of a packet at the rule's end, in nft(8)'s words; "" where it goes on. */
static const char *verdict_words(struct checks *checks, const struct nft_rule *rule)
{
    const struct nft_expression *last = rule->count ? &rule->list[rule->count - 1] : NULL;
    if (!last || last->kind == NFT_REJECT)
        return last ? ", reject" : "";
    if (last->kind != NFT_IMMEDIATE)
        return "";
    const struct nft_verdict *verdict = &last->immediate.verdict;
    switch (verdict->code) {
    case NF_ACCEPT:
        return ", accept";
    case NF_DROP:
        return ", drop";
    case NFT_JUMP:
        return checks_text(checks, ", jump %s", verdict->chain);
    case NFT_GOTO:
        return checks_text(checks, ", goto %s", verdict->chain);
    default:
        return "";
    }
}

/* A chain's rules stand one behind the other. */
const char *firewall_found_rule(struct checks *checks, const struct nft_table *table,
                                const struct nft_rule *rule)
{
    const struct nft_rule *first = rule, *end = rule + 1;
    while (first > table->rules && str_equal(first[-1].chain, rule->chain))
        first--;
    while (end < table->rules + table->rule_count && str_equal(end->chain, rule->chain))
        end++;
    return checks_text(checks, "rule %td of %td, handle %" PRIu64 ": %zu expressions%s",
                       rule - first + 1, end - first, rule->handle, rule->count,
                       verdict_words(checks, rule));
}
