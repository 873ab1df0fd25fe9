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
        checks_free(&results->domain[i]);
}

static void plan_and_observe(const struct domain *domain, const struct policy *policy,
                             const struct system *system, struct checks *checks)
{
    domain->plan(policy, checks);
    domain->observe(system, policy, checks);
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

static bool differs(const struct check *check)
{
    return check->verdict >= VERDICT_FAIL;
}

static void tell_differing(const struct change_listener *listener, const struct domain *domain,
                           const struct checks *checks)
{
    for (size_t i = 0; listener && i < checks->count; i++)
        if (differs(&checks->list[i]))
            listener->changed(listener->context, domain, &checks->list[i], false);
}

/* Checks are planned by a pure function, so that the same index is the same check in both. */
static void tell_repaired(const struct change_listener *listener, const struct domain *domain,
                          const struct checks *before, const struct checks *after)
{
    for (size_t i = 0; listener && i < before->count && i < after->count; i++)
        if (differs(&before->list[i]) && !differs(&after->list[i]))
            listener->changed(listener->context, domain, &after->list[i], true);
}

/* What kept converge from setting a check right is said on the check that still differs. */
static void carry_reasons(const struct checks *before, struct checks *after)
{
    for (size_t i = 0; i < before->count && i < after->count; i++) {
        const struct check *old = &before->list[i];
        struct check *check = &after->list[i];
        if (check->verdict == VERDICT_FAIL && old->verdict == VERDICT_ERROR && old->reason)
            check_verdict(check, VERDICT_ERROR, checks_text(after, "%s", old->reason));
    }
}

/* Converges once and observes again: believe the system, not ourselves. */
static void set_right(const struct domain *domain, const struct policy *policy,
                      const struct system *system, const struct change_listener *listener,
                      struct checks *checks)
{
    struct checks again = {0};
    domain->converge(system, policy, checks);
    plan_and_observe(domain, policy, system, &again);
    tell_repaired(listener, domain, checks, &again);
    carry_reasons(checks, &again);
    checks_free(checks);
    *checks = again;
}

/* Setting one check right may put another wrong (turning forwarding off makes the kernel accept
 * redirects again): what then differs gets a second round, and no third. */
static void enforce(const struct domain *domain, const struct policy *policy,
                    const struct system *system, const struct change_listener *listener,
                    struct checks *checks)
{
    enum { ROUNDS = 2 };
    plan_and_observe(domain, policy, system, checks);
    if (!domain->converge)
        return;
    tell_differing(listener, domain, checks);
    for (unsigned round = 0; round < ROUNDS && checks_differ(checks); round++)
        set_right(domain, policy, system, listener, checks);
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
        const struct checks *checks = &results->domain[i];
        enum verdict verdict = domain_table[i]->weight == weight ? checks_worst_of(checks, false)
                               : weight == WEIGHT_ADVISED        ? checks_worst_of(checks, true)
                                                                 : VERDICT_PASS;
        if (verdict > worst)
            worst = verdict;
    }
    return worst;
}
