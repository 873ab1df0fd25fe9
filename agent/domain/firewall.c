/*
 * The firewall domain: the table `inet holdfast`, held against the kernel's rule by rule, and the
 * tables of others. What differs is set right by one transaction for the whole table; the tables
 * of others are never touched.
 */
#include "domain/domain.h"

#include "base/log.h"
#include "base/str.h"
#include "domain/firewall_found.h"
#include "firewall/flows.h"
#include "firewall/foreign.h"
#include "firewall/load.h"
#include "firewall/match.h"
#include "firewall/ruleset.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_TEXT "table inet " FIREWALL_TABLE

/* The rows, in this order: the table, its chains, its rules, what is too much in it, other tables,
 * and the flows that stand. */
static size_t rows_before_rules(const struct firewall_ruleset *ruleset)
{
    return 1 + ruleset->chain_count;
}

static size_t row_of_unexpected(const struct firewall_ruleset *ruleset)
{
    return rows_before_rules(ruleset) + ruleset->rule_count;
}

static size_t row_of_foreign(const struct firewall_ruleset *ruleset)
{
    return row_of_unexpected(ruleset) + 1;
}

static size_t row_of_flows(const struct firewall_ruleset *ruleset)
{
    return row_of_foreign(ruleset) + 1;
}

/* The ruleset that the rows were planned from, or NULL where not all of them could be. */
static const struct firewall_ruleset *planned(const struct rows *rows)
{
    const struct firewall_ruleset *ruleset = rows->made;
    return ruleset && rows->count == row_of_flows(ruleset) + 1 ? ruleset : NULL;
}

/* --- plan --- */

static void plan_chains(const struct firewall_ruleset *ruleset, struct rows *rows)
{
    for (size_t i = 0; i < ruleset->chain_count; i++) {
        struct buf text = {0};
        nft_chain_print(&ruleset->chains[i], &text);
        rows_add(rows,
                 (struct row){.id = rows_text(rows, "firewall.chain.%s", ruleset->chains[i].name),
                              .title = rows_text(rows, "Chain %s", ruleset->chains[i].name),
                              .setting = SETTING_NONE,
                              .desired = rows_take(rows, &text)});
    }
}

static void plan_rules(const struct firewall_ruleset *ruleset, struct rows *rows)
{
    for (size_t i = 0; i < ruleset->rule_count; i++) {
        const struct firewall_rule *rule = &ruleset->rules[i];
        rows_add(rows, (struct row){.id = rows_text(rows, "%s", rule->id),
                                    .title = rule->title,
                                    .section = rule->setting == SETTING_NONE
                                                   ? NULL
                                                   : setting_table[rule->setting].section,
                                    .setting = rule->setting,
                                    .desired = rows_text(rows, "%s", rule->words.text)});
    }
}

static void free_ruleset(void *made)
{
    firewall_ruleset_free(made);
    free(made);
}

/* NULL when out of memory, or where the settings make no rules. */
static struct firewall_ruleset *make_ruleset(const struct policy *policy)
{
    struct firewall_ruleset *ruleset = malloc(sizeof(*ruleset));
    if (!ruleset || firewall_compile(ruleset, policy) == 0)
        return ruleset;
    free_ruleset(ruleset);
    return NULL;
}

static void firewall_plan(const struct policy *policy, struct rows *rows)
{
    struct firewall_ruleset *ruleset = make_ruleset(policy);
    rows_keep(rows, ruleset, free_ruleset);
    rows_add(rows, (struct row){.id = "firewall.table",
                                .title = "The table of Holdfast",
                                .setting = SETTING_NONE,
                                .desired = TABLE_TEXT});
    if (ruleset) {
        plan_chains(ruleset, rows);
        plan_rules(ruleset, rows);
    } else {
        rows->failed = true; /* the rows that there are stay unobserved: errors */
    }
    rows_add(rows, (struct row){.id = "firewall.surplus",
                                .title = "Nothing else in the table of Holdfast",
                                .setting = SETTING_NONE,
                                .desired = "none"});
    rows_add(rows, (struct row){.id = "firewall.foreign",
                                .title = "No other table accepts, drops or changes packets",
                                .setting = SETTING_NONE,
                                .desired = "none"});
    rows_add(rows, (struct row){.id = "firewall.flows",
                                .title = "No flow outlives the rule that admitted it",
                                .setting = SETTING_NONE,
                                .desired = "a rule admits each flow that others began"});
}

/* --- observe --- */

static void all_rows(struct rows *rows, enum verdict verdict, const char *note)
{
    for (size_t i = 0; i < rows->count; i++)
        row_verdict(&rows->list[i], verdict, note);
}

/* Of those chains that should be: others are surplus. */
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

static void observe_table(const struct firewall_ruleset *ruleset, const struct nft_table *table,
                          struct rows *rows)
{
    const char *actual = TABLE_TEXT;
    if (!table->exists)
        actual = "missing";
    else if (table->flags)
        actual = rows_text(rows, TABLE_TEXT " with flags 0x%x", table->flags);
    else if (table->extra)
        actual = TABLE_TEXT " with a comment or an owner";
    else if (!chains_are_in_order(ruleset, table))
        actual = TABLE_TEXT " with its chains in another order";
    row_observed(&rows->list[0], actual);
    if (rows->list[0].verdict == VERDICT_PASS)
        rows->list[0].actual = firewall_found_table(rows, table);
}

static const struct nft_chain *find_chain(const struct nft_table *table, const char *name)
{
    for (size_t i = 0; i < table->chain_count; i++)
        if (str_equal(table->chains[i].name, name))
            return &table->chains[i];
    return NULL;
}

static void observe_chains(const struct firewall_ruleset *ruleset, const struct nft_table *table,
                           struct rows *rows)
{
    for (size_t i = 0; i < ruleset->chain_count; i++) {
        const struct nft_chain *chain = find_chain(table, ruleset->chains[i].name);
        struct row *row = &rows->list[1 + i];
        struct buf text = {0};
        if (chain)
            nft_chain_print(chain, &text);
        else
            buf_puts(&text, "missing");
        row_observed(row, rows_take(rows, &text));
        if (row->verdict == VERDICT_PASS)
            row->actual = firewall_found_chain(rows, table, chain);
    }
}

static void observe_rules(const struct firewall_ruleset *ruleset, const struct nft_table *table,
                          struct rows *rows)
{
    struct row *row = &rows->list[rows_before_rules(ruleset)];
    struct firewall_match match = {0};
    if (firewall_match_make(&match, ruleset, table) < 0) {
        rows->failed = true;
        firewall_match_free(&match);
        return;
    }
    for (size_t i = 0; i < ruleset->rule_count; i++) {
        struct buf text = {0};
        if (match.equal[i]) {
            row_judge(&row[i], firewall_found_rule(rows, table, match.actual[i]), true);
            continue;
        }
        if (match.actual[i])
            nft_rule_print(match.actual[i], &text);
        else
            buf_puts(&text, "missing");
        row_judge(&row[i], rows_take(rows, &text), false);
    }
    row_judge(&rows->list[row_of_unexpected(ruleset)],
              match.unexpected.length
                  ? rows_text(rows, "%s", buf_text(&match.unexpected))
                  : rows_text(rows, "none beside %zu rules", ruleset->rule_count),
              match.unexpected.length == 0);
    firewall_match_free(&match);
}

static void observe_foreign(const struct firewall_foreign *foreign, struct row *row,
                            struct rows *rows)
{
    if (foreign->names.length == 0) {
        row_judge(row, rows_text(rows, "none of %zu chains of other tables", foreign->count), true);
        return;
    }
    row_observed(row, rows_text(rows, "%s", buf_text(&foreign->names)));
    row_verdict(
        row, VERDICT_FAIL,
        "these tables belong to none of Holdfast's settings, and accept, drop or change packets "
        "beside its rules; Holdfast leaves them alone: remove them");
}

static void observe_flows(const struct policy *policy, struct row *row, struct rows *rows)
{
    struct firewall_flows flows;
    if (firewall_flows_read(&flows, policy) < 0) {
        row_verdict(row, VERDICT_ERROR,
                    rows_text(rows, "%s", flows.why[0] ? flows.why : strerror(ENOMEM)));
    } else if (flows.refused) {
        row_observed(row, rows_text(rows, "%zu of %zu flows that no rule admits: %s", flows.refused,
                                    flows.count, buf_text(&flows.names)));
    } else {
        row_observed(row, rows_text(rows, "%zu flows, all admitted", flows.count));
        row_verdict(row, VERDICT_PASS, NULL);
    }
    firewall_flows_free(&flows);
}

static void observe_kernel(const struct firewall_ruleset *ruleset, struct rows *rows)
{
    struct netlink netlink = {0};
    struct nft_table table = {0};
    struct firewall_foreign foreign = {0};
    struct nft_visitor visitor = firewall_foreign_visitor(&foreign);
    int error = netlink_open(&netlink, NETLINK_NETFILTER);
    if (error == 0)
        error = nft_read(&netlink, NFPROTO_INET, FIREWALL_TABLE, &table, &visitor);
    if (error < 0) {
        all_rows(rows, VERDICT_ERROR,
                 rows_text(rows, "cannot read the kernel's nf_tables: %s", netlink.why));
    } else {
        firewall_foreign_name(&foreign);
        firewall_foreign_legacy(&foreign);
        observe_table(ruleset, &table, rows);
        observe_chains(ruleset, &table, rows);
        observe_rules(ruleset, &table, rows);
        observe_foreign(&foreign, &rows->list[row_of_foreign(ruleset)], rows);
    }
    firewall_foreign_free(&foreign);
    nft_table_free(&table);
    netlink_close(&netlink);
}

static void observe_all(const struct firewall_ruleset *ruleset, const struct policy *policy,
                        struct rows *rows)
{
    observe_kernel(ruleset, rows);
    if (!rows->failed)
        observe_flows(policy, &rows->list[row_of_flows(ruleset)], rows);
}

static void firewall_observe(const struct system *system, const struct policy *policy,
                             struct rows *rows)
{
    const struct firewall_ruleset *ruleset = planned(rows);
    if (!system->manages_firewall)
        all_rows(rows, VERDICT_NOT_APPLICABLE, "the system has no network of its own");
    else if (ruleset)
        observe_all(ruleset, policy, rows);
    else
        all_rows(rows, VERDICT_ERROR, "cannot make the rules of these settings");
}

/* --- converge --- */

/* Neither the tables of others nor flows are a reason to load ours again. */
static bool own_rows_differ(const struct rows *rows, const struct firewall_ruleset *ruleset)
{
    for (size_t i = 0; i < row_of_foreign(ruleset); i++)
        if (rows->list[i].verdict >= VERDICT_FAIL)
            return true;
    return false;
}

static void not_loaded(struct rows *rows, const char *refused, const char *why)
{
    const char *note = rows_text(rows, "cannot load " TABLE_TEXT ": %s%s%s", refused ? refused : "",
                                 refused ? ": " : "", why);
    log_error("%s", note);
    for (size_t i = 0; i < rows->count; i++)
        if (rows->list[i].verdict >= VERDICT_FAIL)
            row_verdict(&rows->list[i], VERDICT_ERROR, note);
}

static int load(const struct firewall_ruleset *ruleset, struct rows *rows)
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
        not_loaded(rows, refused, netlink.why);
    nft_table_free(&table);
    netlink_close(&netlink);
    return error;
}

static void end_flows(const struct policy *policy, struct row *row, struct rows *rows)
{
    struct firewall_flows flows;
    if (firewall_flows_end(&flows, policy) < 0) {
        row_verdict(row, VERDICT_ERROR, rows_text(rows, "%s", flows.why));
        log_error("%s", row->note);
    } else if (flows.refused) {
        log_notice("%zu flows that no rule admits were ended: %s", flows.refused,
                   buf_text(&flows.names));
    }
    firewall_flows_free(&flows);
}

static void firewall_converge(const struct system *system, const struct policy *policy,
                              struct rows *rows)
{
    const struct firewall_ruleset *ruleset = planned(rows);
    if (!system->manages_firewall || !ruleset)
        return;
    struct row *flows = &rows->list[row_of_flows(ruleset)];
    int error = own_rows_differ(rows, ruleset) ? load(ruleset, rows) : 0;
    if (error == 0 && flows->verdict == VERDICT_FAIL)
        end_flows(policy, flows, rows);
}

/* --- guard --- */

/* Whatever its rules: a table whose input and forward chains drop what they do not accept. */
static bool stands(const struct firewall_ruleset *base, const struct nft_table *table)
{
    if (!table->exists || table->flags)
        return false;
    for (size_t i = 0; i < base->chain_count; i++) {
        const struct nft_chain *chain = find_chain(table, base->chains[i].name);
        if (!chain || !nft_chain_equal(chain, &base->chains[i]))
            return false;
    }
    return true;
}

static int guard_with(struct netlink *netlink, const struct firewall_ruleset *base)
{
    struct nft_table table = {0};
    const char *refused = NULL;
    int error = netlink_open(netlink, NETLINK_NETFILTER);
    if (error == 0)
        error = nft_read_chains(netlink, NFPROTO_INET, FIREWALL_TABLE, &table);
    if (error == 0 && !stands(base, &table)) {
        nft_table_free(&table);
        error = nft_read(netlink, NFPROTO_INET, FIREWALL_TABLE, &table, NULL);
        if (error == 0)
            error = firewall_load(netlink, base, &table, &refused);
    }
    if (error)
        log_error("cannot load the base-deny " TABLE_TEXT ": %s", netlink->why);
    nft_table_free(&table);
    netlink_close(netlink);
    return error;
}

static int firewall_base_deny(const struct system *system)
{
    struct firewall_ruleset base;
    struct netlink netlink = {0};
    if (!system->manages_firewall)
        return 0;
    int error = firewall_compile_base_deny(&base);
    if (error)
        log_error("cannot make the base-deny " TABLE_TEXT ": %s", strerror(-error));
    else
        error = guard_with(&netlink, &base);
    firewall_ruleset_free(&base);
    return error;
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
