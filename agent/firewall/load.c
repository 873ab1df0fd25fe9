/* Loading a ruleset: created, extended or replaced, whichever is the least. */
#include "firewall/load.h"

#include "base/str.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>

/* What a transaction is to hold. */
struct plan {
    enum nft_load how;
    size_t first_chain; /* of those that are to be made */
    const struct firewall_rule **rules;
    size_t rule_count;
};

static size_t next_standing(const struct nft_table *table, const char *chain, size_t index)
{
    while (index < table->rule_count && !str_equal(table->rules[index].chain, chain))
        index++;
    return index;
}

/* Adds the rules that a chain still needs to the plan; false where what stands in it is not its
 * beginning. */
static bool extend_chain(struct plan *plan, const struct firewall_ruleset *ruleset,
                         const struct nft_table *table, const char *chain)
{
    size_t standing = next_standing(table, chain, 0);
    for (size_t i = 0; i < ruleset->rule_count; i++) {
        const struct firewall_rule *rule = &ruleset->rules[i];
        if (!str_equal(rule->words.rule.chain, chain))
            continue;
        if (standing == table->rule_count) {
            plan->rules[plan->rule_count++] = rule;
            continue;
        }
        if (!nft_rule_equal(&rule->words.rule, &table->rules[standing]))
            return false;
        standing = next_standing(table, chain, standing + 1);
    }
    return standing == table->rule_count;
}

static bool extend(struct plan *plan, const struct firewall_ruleset *ruleset,
                   const struct nft_table *table)
{
    if (table->flags || table->extra || table->set_count || table->object_count ||
        table->chain_count > ruleset->chain_count)
        return false; /* sets belong to rules that do not stand yet */
    for (size_t i = 0; i < table->chain_count; i++)
        if (!nft_chain_equal(&table->chains[i], &ruleset->chains[i]))
            return false;
    for (size_t i = 0; i < ruleset->chain_count; i++)
        if (!extend_chain(plan, ruleset, table, ruleset->chains[i].name))
            return false;
    plan->how = NFT_EXTEND;
    plan->first_chain = table->chain_count;
    return true;
}

static void make_plan(struct plan *plan, const struct firewall_ruleset *ruleset,
                      const struct nft_table *table)
{
    if (table->exists && extend(plan, ruleset, table))
        return;
    plan->how = table->exists ? NFT_REPLACE : NFT_CREATE;
    plan->first_chain = 0;
    plan->rule_count = ruleset->rule_count;
    for (size_t i = 0; i < ruleset->rule_count; i++)
        plan->rules[i] = &ruleset->rules[i];
}

/* Room for as many as there are rules. */
struct lists {
    const struct nft_rule **rules;
    const struct nft_set **sets;
};

static int carry_out(struct netlink *netlink, const struct plan *plan,
                     const struct firewall_ruleset *ruleset, const struct lists *lists,
                     const char **refused)
{
    const struct nft_chain *chains[FIREWALL_CHAINS_MAX];
    size_t set_count = 0;
    size_t failed = plan->rule_count;
    for (size_t i = plan->first_chain; i < ruleset->chain_count; i++)
        chains[i - plan->first_chain] = &ruleset->chains[i];
    for (size_t i = 0; i < plan->rule_count; i++) {
        lists->rules[i] = &plan->rules[i]->words.rule;
        if (plan->rules[i]->words.set.name[0])
            lists->sets[set_count++] = &plan->rules[i]->words.set;
    }
    struct nft_ruleset wanted = {.family = NFPROTO_INET,
                                 .table = FIREWALL_TABLE,
                                 .chains = chains,
                                 .chain_count = ruleset->chain_count - plan->first_chain,
                                 .sets = lists->sets,
                                 .set_count = set_count,
                                 .rules = lists->rules,
                                 .rule_count = plan->rule_count};
    int error = nft_load(netlink, &wanted, plan->how, &failed);
    if (error && failed < plan->rule_count)
        *refused = plan->rules[failed]->id;
    return error;
}

int firewall_load(struct netlink *netlink, const struct firewall_ruleset *ruleset,
                  const struct nft_table *table, const char **refused)
{
    size_t room = ruleset->rule_count + 1;
    struct plan plan = {.rules = calloc(room, sizeof(struct firewall_rule *))};
    struct lists lists = {.rules = calloc(room, sizeof(struct nft_rule *)),
                          .sets = calloc(room, sizeof(struct nft_set *))};
    int error = -ENOMEM;
    *refused = NULL;
    if (plan.rules && lists.rules && lists.sets) {
        make_plan(&plan, ruleset, table);
        error = carry_out(netlink, &plan, ruleset, &lists, refused);
    } else {
        (void)str_copy(netlink->why, sizeof(netlink->why), "out of memory");
    }
    free(plan.rules);
    free(lists.rules);
    free(lists.sets);
    return error;
}
