/* Matching expected and observed rules, so that one change shows as one difference. */
#include "firewall/match.h"

#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_AHEAD = 64,   /* rules: bounds the search in a table that is wholly different */
    NAMED_BYTES = 1000 /* of unexpected rules, so that a report stays readable */
};

struct matching {
    struct firewall_match *match;
    const struct firewall_ruleset *ruleset;
    const struct nft_table *table;
    const char *chain;
};

static const struct nft_rule *desired_at(const struct matching *matching, size_t index)
{
    return &matching->ruleset->rules[index].words.rule;
}

/* The first rule of the chain from `index` on; the number of rules when there is none. */
static size_t next_desired(const struct matching *matching, size_t index)
{
    while (index < matching->ruleset->rule_count &&
           !str_equal(desired_at(matching, index)->chain, matching->chain))
        index++;
    return index;
}

static size_t next_actual(const struct matching *matching, size_t index)
{
    while (index < matching->table->rule_count &&
           !str_equal(matching->table->rules[index].chain, matching->chain))
        index++;
    return index;
}

/* How many rules further on the observed rule is expected; 0: nowhere near. */
static int comes_later(const struct matching *matching, size_t observed, size_t expected)
{
    for (int i = 1; i <= LOOK_AHEAD; i++) {
        expected = next_desired(matching, expected + 1);
        if (expected == matching->ruleset->rule_count)
            return 0;
        if (nft_rule_equal(&matching->table->rules[observed], desired_at(matching, expected)))
            return i;
    }
    return 0;
}

/* How many rules further on the expected rule stands; 0: nowhere near. */
static int stands_later(const struct matching *matching, size_t expected, size_t observed)
{
    for (int i = 1; i <= LOOK_AHEAD; i++) {
        observed = next_actual(matching, observed + 1);
        if (observed == matching->table->rule_count)
            return 0;
        if (nft_rule_equal(&matching->table->rules[observed], desired_at(matching, expected)))
            return i;
    }
    return 0;
}

enum step { STEP_EQUAL, STEP_CHANGED, STEP_MISSING, STEP_SURPLUS };

/* What the next observed rule is to the next expected one: the shorter way to agreement wins. */
static enum step compare(const struct matching *matching, size_t expected, size_t observed)
{
    if (expected == matching->ruleset->rule_count)
        return STEP_SURPLUS;
    if (nft_rule_equal(&matching->table->rules[observed], desired_at(matching, expected)))
        return STEP_EQUAL;
    int missing = comes_later(matching, observed, expected);
    int unexpected = stands_later(matching, expected, observed);
    if (missing && (!unexpected || missing < unexpected))
        return STEP_MISSING;
    return unexpected ? STEP_SURPLUS : STEP_CHANGED;
}

static void name_unexpected(struct buf *unexpected, const char *chain, const struct nft_rule *rule)
{
    if (unexpected->length > NAMED_BYTES)
        return;
    buf_printf(unexpected, "%sin chain %s: ", unexpected->length ? "; " : "", chain);
    nft_rule_print(rule, unexpected);
}

/* The set that a rule fills is part of it. */
static bool set_stands(const struct matching *matching, size_t expected)
{
    const struct nft_set *set = &matching->ruleset->rules[expected].words.set;
    for (size_t i = 0; set->name[0] && i < matching->table->set_count; i++)
        if (nft_set_equal(set, &matching->table->sets[i]))
            return true;
    return set->name[0] == '\0';
}

static void match_chain(const struct matching *matching)
{
    struct firewall_match *match = matching->match;
    size_t wanted = next_desired(matching, 0), found = next_actual(matching, 0);
    while (found < matching->table->rule_count) {
        const struct nft_rule *rule = &matching->table->rules[found];
        enum step step = compare(matching, wanted, found);
        if (step == STEP_SURPLUS)
            name_unexpected(&match->unexpected, matching->chain, rule);
        if (step == STEP_EQUAL || step == STEP_CHANGED) {
            match->observed[wanted] = rule;
            match->equal[wanted] = step == STEP_EQUAL && set_stands(matching, wanted);
        }
        if (step != STEP_SURPLUS)
            wanted = next_desired(matching, wanted + 1);
        if (step != STEP_MISSING)
            found = next_actual(matching, found + 1);
    }
}

static bool has_chain(const struct firewall_ruleset *ruleset, const char *name)
{
    for (size_t i = 0; i < ruleset->chain_count; i++)
        if (str_equal(ruleset->chains[i].name, name))
            return true;
    return false;
}

static bool has_set(const struct firewall_ruleset *ruleset, const char *name)
{
    for (size_t i = 0; i < ruleset->rule_count; i++)
        if (str_equal(ruleset->rules[i].words.set.name, name))
            return true;
    return false;
}

static void match_objects(struct firewall_match *match, const struct firewall_ruleset *ruleset,
                          const struct nft_table *table)
{
    struct buf *unexpected = &match->unexpected;
    for (size_t i = 0; i < table->chain_count; i++)
        if (!has_chain(ruleset, table->chains[i].name) && unexpected->length <= NAMED_BYTES)
            buf_printf(unexpected, "%schain %s", unexpected->length ? "; " : "",
                       table->chains[i].name);
    for (size_t i = 0; i < table->set_count; i++)
        if (!has_set(ruleset, table->sets[i].name) && unexpected->length <= NAMED_BYTES)
            buf_printf(unexpected, "%sset %s", unexpected->length ? "; " : "", table->sets[i].name);
    for (size_t i = 0; i < table->object_count && unexpected->length <= NAMED_BYTES; i++)
        buf_printf(unexpected, "%s%s %s", unexpected->length ? "; " : "", table->object[i].kind,
                   table->object[i].name);
}

int firewall_match_make(struct firewall_match *match, const struct firewall_ruleset *ruleset,
                        const struct nft_table *table)
{
    *match = (struct firewall_match){
        .observed = calloc(ruleset->rule_count + 1, sizeof(struct nft_rule *)),
        .equal = calloc(ruleset->rule_count + 1, sizeof(bool)),
    };
    if (!match->observed || !match->equal)
        return -ENOMEM;
    for (size_t i = 0; i < ruleset->chain_count; i++)
        match_chain(&(struct matching){match, ruleset, table, ruleset->chains[i].name});
    match_objects(match, ruleset, table);
    return buf_error(&match->unexpected);
}

void firewall_match_free(struct firewall_match *match)
{
    free(match->observed);
    free(match->equal);
    buf_free(&match->unexpected);
}

const struct nft_chain *firewall_find_chain(const struct nft_table *table, const char *name)
{
    for (size_t i = 0; i < table->chain_count; i++)
        if (str_equal(table->chains[i].name, name))
            return &table->chains[i];
    return NULL;
}
