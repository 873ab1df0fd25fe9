/* The table of domains, and the walk over it that every command takes. */
#include "domain/domain.h"

const struct domain *const domain_table[DOMAIN_COUNT] = {
    [DOMAIN_PLATFORM] = &domain_platform, [DOMAIN_SYSCTL] = &domain_sysctl,
    [DOMAIN_ACCOUNTS] = &domain_accounts, [DOMAIN_FIPS] = &domain_fips,
    [DOMAIN_FILES] = &domain_files,       [DOMAIN_FIREWALL] = &domain_firewall,
    [DOMAIN_MODULES] = &domain_modules,   [DOMAIN_TLS] = &domain_tls,
    [DOMAIN_GUIDE] = &domain_guide,
};

void results_free(struct results *results)
{
    for (size_t i = 0; i < DOMAIN_COUNT; i++)
        rows_free(&results->domain[i]);
}

static void plan_and_observe(const struct domain *domain, const struct policy *policy,
                             const struct system *system, struct rows *rows)
{
    domain->plan(policy, rows);
    domain->observe(system, policy, rows);
}

void domain_check(const struct policy *policy, const struct system *system, struct results *results)
{
    for (size_t i = 0; i < DOMAIN_COUNT; i++)
        plan_and_observe(domain_table[i], policy, system, &results->domain[i]);
}

int domain_base_deny(const struct system *system)
{
    for (size_t i = 0; i < DOMAIN_COUNT; i++) {
        int error = domain_table[i]->base_deny ? domain_table[i]->base_deny(system) : 0;
        if (error < 0)
            return error;
    }
    return 0;
}

static bool differs(const struct row *row)
{
    return row->verdict >= VERDICT_FAIL;
}

static void tell_differing(const struct change_listener *listener, const struct domain *domain,
                           const struct rows *rows)
{
    for (size_t i = 0; listener && i < rows->count; i++)
        if (differs(&rows->list[i]))
            listener->changed(listener->context, domain, &rows->list[i], false);
}

/* Rows are planned by a pure function, so that the same index is the same row in both. */
static void tell_repaired(const struct change_listener *listener, const struct domain *domain,
                          const struct rows *before, const struct rows *after)
{
    for (size_t i = 0; listener && i < before->count && i < after->count; i++)
        if (differs(&before->list[i]) && !differs(&after->list[i]))
            listener->changed(listener->context, domain, &after->list[i], true);
}

/* What kept converge from setting a row right is said on the row that still differs. */
static void carry_reasons(const struct rows *before, struct rows *after)
{
    for (size_t i = 0; i < before->count && i < after->count; i++) {
        const struct row *old = &before->list[i];
        struct row *row = &after->list[i];
        if (row->verdict == VERDICT_FAIL && old->verdict == VERDICT_ERROR && old->note)
            row_verdict(row, VERDICT_ERROR, rows_text(after, "%s", old->note));
    }
}

/* Converges once and observes again: believe the system, not ourselves. */
static void set_right(const struct domain *domain, const struct policy *policy,
                      const struct system *system, const struct change_listener *listener,
                      struct rows *rows)
{
    struct rows again = {0};
    domain->converge(system, policy, rows);
    plan_and_observe(domain, policy, system, &again);
    tell_repaired(listener, domain, rows, &again);
    carry_reasons(rows, &again);
    rows_free(rows);
    *rows = again;
}

/* Setting one row right may put another wrong (turning forwarding off makes the kernel accept
 * redirects again): what then differs gets a second round, and no third. */
static void enforce(const struct domain *domain, const struct policy *policy,
                    const struct system *system, const struct change_listener *listener,
                    struct rows *rows)
{
    enum { ROUNDS = 2 };
    plan_and_observe(domain, policy, system, rows);
    if (!domain->converge)
        return;
    tell_differing(listener, domain, rows);
    for (unsigned round = 0; round < ROUNDS && rows_differ(rows); round++)
        set_right(domain, policy, system, listener, rows);
}

void domain_enforce(const struct policy *policy, const struct system *system,
                    const struct change_listener *listener, struct results *results)
{
    for (size_t i = 0; i < DOMAIN_COUNT; i++)
        enforce(domain_table[i], policy, system, listener, &results->domain[i]);
}

enum verdict results_worst(const struct results *results, enum domain_weight weight)
{
    enum verdict worst = VERDICT_PASS;
    for (size_t i = 0; i < DOMAIN_COUNT; i++) {
        const struct rows *rows = &results->domain[i];
        enum verdict verdict = domain_table[i]->weight == weight ? rows_worst_of(rows, false)
                               : weight == WEIGHT_ADVISED        ? rows_worst_of(rows, true)
                                                                 : VERDICT_PASS;
        if (verdict > worst)
            worst = verdict;
    }
    return worst;
}
