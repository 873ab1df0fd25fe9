/*
 * The firewall domain: the table `inet holdfast`, held against the kernel's rule by rule, and the
 * tables of others. What differs is repaired by one transaction for the whole table; the tables
 * of others are never touched.
 */
#include "domain/domain.h"

#include "base/log.h"
#include "base/str.h"
#include "domain/firewall_found.h"
#include "firewall/base_deny.h"
#include "firewall/compile.h"
#include "firewall/flows.h"
#include "firewall/foreign.h"
#include "firewall/load.h"
#include "firewall/match.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_TEXT "table inet " FIREWALL_TABLE

/* What planning made: the rules, and where their checks stand in the list. */
struct firewall_plan {
    struct firewall_ruleset ruleset;
    bool whole; /* every check could be planned */
    size_t table, chains, rules, unexpected, foreign, flows;
};

/* --- plan --- */

static void plan_chains(const struct firewall_ruleset *ruleset, struct checks *checks)
{
    for (size_t i = 0; i < ruleset->chain_count; i++) {
        struct buf text = {0};
        nft_chain_print(&ruleset->chains[i], &text);
        checks_add(
            checks,
            (struct check){.id = checks_text(checks, "firewall.chain.%s", ruleset->chains[i].name),
                           .title = checks_text(checks, "Chain %s", ruleset->chains[i].name),
                           .setting = SETTING_NONE,
                           .expected = checks_take_text(checks, &text)});
    }
}

static void plan_rules(const struct firewall_ruleset *ruleset, struct checks *checks)
{
    for (size_t i = 0; i < ruleset->rule_count; i++) {
        const struct firewall_rule *rule = &ruleset->rules[i];
        checks_add(checks, (struct check){.id = checks_text(checks, "%s", rule->id),
                                          .title = rule->title,
                                          .section = rule->setting == SETTING_NONE
                                                         ? NULL
                                                         : setting_table[rule->setting].section,
                                          .setting = rule->setting,
                                          .expected = checks_text(checks, "%s", rule->words.text)});
    }
}

static void free_plan(void *made)
{
    struct firewall_plan *plan = made;
    firewall_ruleset_free(&plan->ruleset);
    free(plan);
}

/* NULL when out of memory, or where the settings make no rules. */
static struct firewall_plan *make_plan(const struct policy *policy)
{
    struct firewall_plan *plan = calloc(1, sizeof(*plan));
    if (!plan || firewall_compile(&plan->ruleset, policy) == 0)
        return plan;
    free_plan(plan);
    return NULL;
}

/* Where it will stand in the list. */
static size_t plan_one(struct checks *checks, const char *id, const char *title,
                       const char *expected)
{
    checks_add(
        checks,
        (struct check){.id = id, .title = title, .setting = SETTING_NONE, .expected = expected});
    return checks->count - 1;
}

static void plan_all(struct firewall_plan *plan, struct checks *checks)
{
    plan->table = plan_one(checks, "firewall.table", "The table of Holdfast", TABLE_TEXT);
    plan->chains = checks->count;
    plan_chains(&plan->ruleset, checks);
    plan->rules = checks->count;
    plan_rules(&plan->ruleset, checks);
    plan->unexpected =
        plan_one(checks, "firewall.unexpected", "Nothing else in the table of Holdfast", "none");
    plan->foreign = plan_one(checks, "firewall.other_tables",
                             "No other table accepts, drops or changes packets", "none");
    plan->flows = plan_one(checks, "firewall.flows", "No flow outlives the rule that admitted it",
                           "a rule admits each flow that others began");
}

/* Without rules the checks that there are stay unobserved: errors. */
static void firewall_plan(const struct policy *policy, struct checks *checks)
{
    struct firewall_plan without = {.whole = false}, *plan = make_plan(policy);
    checks_keep(checks, plan, free_plan);
    checks->failed |= !plan;
    plan_all(plan ? plan : &without, checks);
    if (plan)
        plan->whole = !checks->failed;
}

/* What planning made, or NULL where it could not make all of it. */
static const struct firewall_plan *planned(const struct checks *checks)
{
    const struct firewall_plan *plan = checks->made;
    return plan && plan->whole ? plan : NULL;
}

/* --- observe --- */

static void all_checks(struct checks *checks, enum verdict verdict, const char *reason)
{
    for (size_t i = 0; i < checks->count; i++)
        check_verdict(&checks->list[i], verdict, reason);
}

/* Of the expected chains only; others are unexpected. */
static bool chains_are_in_order(const struct firewall_ruleset *ruleset,
                                const struct nft_table *table)
{
    size_t at = 0;
    for (size_t i = 0; i < table->chain_count; i++) {
        for (size_t j = 0; j < ruleset->chain_count; j++) {
            if (!str_equal(table->chains[i].name, ruleset->chains[j].name))
                continue;
            if (j < at)
                return false;
            at = j;
        }
    }
    return true;
}

static void observe_table(const struct firewall_plan *plan, const struct nft_table *table,
                          struct checks *checks)
{
    const char *observed = TABLE_TEXT;
    if (!table->exists)
        observed = "missing";
    else if (table->flags)
        observed = checks_text(checks, TABLE_TEXT " with flags 0x%x", table->flags);
    else if (table->extra)
        observed = TABLE_TEXT " with a comment or an owner";
    else if (!chains_are_in_order(&plan->ruleset, table))
        observed = TABLE_TEXT " with its chains in another order";
    struct check *check = &checks->list[plan->table];
    check_observe(check, observed);
    if (check->verdict == VERDICT_PASS)
        check->observed = firewall_found_table(checks, table);
}

static void observe_chains(const struct firewall_plan *plan, const struct nft_table *table,
                           struct checks *checks)
{
    const struct firewall_ruleset *ruleset = &plan->ruleset;
    for (size_t i = 0; i < ruleset->chain_count; i++) {
        const struct nft_chain *chain = firewall_find_chain(table, ruleset->chains[i].name);
        struct check *check = &checks->list[plan->chains + i];
        struct buf text = {0};
        if (chain)
            nft_chain_print(chain, &text);
        else
            buf_puts(&text, "missing");
        check_observe(check, checks_take_text(checks, &text));
        if (check->verdict == VERDICT_PASS)
            check->observed = firewall_found_chain(checks, table, chain);
    }
}

static void observe_rules(const struct firewall_plan *plan, const struct nft_table *table,
                          struct checks *checks)
{
    const struct firewall_ruleset *ruleset = &plan->ruleset;
    struct check *check = &checks->list[plan->rules];
    struct firewall_match match = {0};
    if (firewall_match_make(&match, ruleset, table) < 0) {
        checks->failed = true;
        firewall_match_free(&match);
        return;
    }
    for (size_t i = 0; i < ruleset->rule_count; i++) {
        struct buf text = {0};
        if (match.equal[i]) {
            check_judge(&check[i], firewall_found_rule(checks, table, match.observed[i]), true);
            continue;
        }
        if (match.observed[i])
            nft_rule_print(match.observed[i], &text);
        else
            buf_puts(&text, "missing");
        check_judge(&check[i], checks_take_text(checks, &text), false);
    }
    check_judge(&checks->list[plan->unexpected],
                match.unexpected.length
                    ? checks_text(checks, "%s", buf_text(&match.unexpected))
                    : checks_text(checks, "none beside %zu rules", ruleset->rule_count),
                match.unexpected.length == 0);
    firewall_match_free(&match);
}

static void observe_foreign(const struct firewall_foreign *foreign, struct check *check,
                            struct checks *checks)
{
    if (foreign->names.length == 0) {
        check_judge(
            check, checks_text(checks, "none of %zu chains of other tables", foreign->count), true);
        return;
    }
    check_observe(check, checks_text(checks, "%s", buf_text(&foreign->names)));
    check_verdict(check, VERDICT_FAIL,
                  "no setting of Holdfast owns these tables, which accept, drop or change packets "
                  "beside its rules; Holdfast does not change them: remove them");
}

static void observe_flows(const struct policy *policy, struct check *check, struct checks *checks)
{
    struct firewall_flows flows;
    if (firewall_flows_read(&flows, policy) < 0) {
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "%s", flows.why[0] ? flows.why : strerror(ENOMEM)));
    } else if (flows.refused) {
        check_observe(check, checks_text(checks, "%zu of %zu flows that no rule admits: %s",
                                         flows.refused, flows.count, buf_text(&flows.names)));
    } else {
        check_observe(check, checks_text(checks, "%zu flows, all admitted", flows.count));
        check_verdict(check, VERDICT_PASS, NULL);
    }
    firewall_flows_free(&flows);
}

static void observe_kernel(const struct firewall_plan *plan, struct checks *checks)
{
    struct netlink netlink = {0};
    struct nft_table table = {0};
    struct firewall_foreign foreign = {0};
    struct nft_visitor visitor = firewall_foreign_visitor(&foreign);
    int error = netlink_open(&netlink, NETLINK_NETFILTER);
    if (error == 0)
        error = nft_read(&netlink, NFPROTO_INET, FIREWALL_TABLE, &table, &visitor);
    if (error < 0) {
        all_checks(checks, VERDICT_ERROR,
                   checks_text(checks, "cannot read the kernel's nf_tables: %s", netlink.why));
    } else {
        firewall_foreign_name(&foreign);
        firewall_foreign_legacy(&foreign);
        observe_table(plan, &table, checks);
        observe_chains(plan, &table, checks);
        observe_rules(plan, &table, checks);
        observe_foreign(&foreign, &checks->list[plan->foreign], checks);
    }
    firewall_foreign_free(&foreign);
    nft_table_free(&table);
    netlink_close(&netlink);
}

static void observe_all(const struct firewall_plan *plan, const struct policy *policy,
                        struct checks *checks)
{
    observe_kernel(plan, checks);
    if (!checks->failed)
        observe_flows(policy, &checks->list[plan->flows], checks);
}

static void firewall_observe(const struct system *system, const struct evidence *evidence,
                             const struct policy *policy, struct checks *checks)
{
    (void)evidence;
    const struct firewall_plan *plan = planned(checks);
    if (!system->manages_firewall)
        all_checks(checks, VERDICT_NOT_APPLICABLE, "the system has no own network namespace");
    else if (plan)
        observe_all(plan, policy, checks);
    else
        all_checks(checks, VERDICT_ERROR, "cannot make the rules of these settings");
}

/* --- converge --- */

/* Neither the tables of others nor flows are a reason to load ours again. */
static bool own_checks_differ(const struct checks *checks, const struct firewall_plan *plan)
{
    for (size_t i = 0; i < plan->foreign; i++)
        if (checks->list[i].verdict >= VERDICT_FAIL)
            return true;
    return false;
}

static void not_loaded(struct checks *checks, const char *refused, const char *why)
{
    const char *reason = checks_text(checks, "cannot load " TABLE_TEXT ": %s%s%s",
                                     refused ? refused : "", refused ? ": " : "", why);
    log_error("%s", reason);
    for (size_t i = 0; i < checks->count; i++)
        if (checks->list[i].verdict >= VERDICT_FAIL)
            check_verdict(&checks->list[i], VERDICT_ERROR, reason);
}

static int load(const struct firewall_ruleset *ruleset, struct checks *checks)
{
    struct netlink netlink = {0};
    struct nft_table table = {0};
    const char *refused = NULL;
    int error = netlink_open(&netlink, NETLINK_NETFILTER);
    if (error == 0)
        error = nft_read(&netlink, NFPROTO_INET, FIREWALL_TABLE, &table, NULL);
    if (error == 0)
        error = firewall_load(&netlink, ruleset, &table, &refused);
    if (error)
        not_loaded(checks, refused, netlink.why);
    nft_table_free(&table);
    netlink_close(&netlink);
    return error;
}

static void end_flows(const struct policy *policy, struct check *check, struct checks *checks)
{
    struct firewall_flows flows;
    if (firewall_flows_end(&flows, policy) < 0) {
        check_verdict(check, VERDICT_ERROR, checks_text(checks, "%s", flows.why));
        log_error("%s", check->reason);
    } else if (flows.refused) {
        log_notice("%zu flows that no rule admits were ended: %s", flows.refused,
                   buf_text(&flows.names));
    }
    firewall_flows_free(&flows);
}

static void firewall_converge(const struct system *system, const struct policy *policy,
                              struct checks *checks)
{
    const struct firewall_plan *plan = planned(checks);
    if (!system->manages_firewall || !plan)
        return;
    struct check *flows = &checks->list[plan->flows];
    int error = own_checks_differ(checks, plan) ? load(&plan->ruleset, checks) : 0;
    if (error == 0 && flows->verdict == VERDICT_FAIL)
        end_flows(policy, flows, checks);
}

static int firewall_base_deny(const struct system *system)
{
    return system->manages_firewall ? firewall_load_base_deny() : 0;
}

const struct domain domain_firewall = {
    .name = "firewall",
    .title = "Firewall",
    .weight = WEIGHT_ENFORCED,
    .base_deny = firewall_base_deny,
    .plan = firewall_plan,
    .observe = firewall_observe,
    .converge = firewall_converge,
};
