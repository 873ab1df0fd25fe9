/* The table of domains, and the walk over it that every command takes. */
#include "domain/domain.h"

#include <stdlib.h>
#include <string.h>

const struct domain *const domain_table[DOMAIN_COUNT] = {
#define DOMAIN(NAME, name, phases) [DOMAIN_##NAME] = &domain_##name,
#include "domain/domains.def"
#undef DOMAIN
};

static const unsigned phases_of[DOMAIN_COUNT] = {
#define DOMAIN(NAME, name, phases) [DOMAIN_##NAME] = (phases),
#include "domain/domains.def"
#undef DOMAIN
};

void results_free(struct results *results)
{
    for (size_t i = 0; i < DOMAIN_COUNT; i++)
        checks_free(&results->domain[i]);
}

static void observe(const struct domain *domain, const struct walk *walk, struct checks *checks)
{
    domain->observe(walk->system, walk->evidence, walk->policy, checks);
}

void domain_check(const struct walk *walk, struct results *results)
{
    for (size_t i = 0; i < DOMAIN_COUNT; i++) {
        if (!(phases_of[i] & walk->phase))
            continue;
        domain_table[i]->plan(walk->policy, &results->domain[i]);
        observe(domain_table[i], walk, &results->domain[i]);
    }
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

static void tell_repaired(const struct change_listener *listener, const struct domain *domain,
                          const struct check *before, const struct checks *after)
{
    for (size_t i = 0; listener && i < after->count; i++)
        if (differs(&before[i]) && !differs(&after->list[i]))
            listener->changed(listener->context, domain, &after->list[i], true);
}

/* What kept converge from repairing a check is said on the check that still differs. */
static void carry_reasons(const struct check *before, struct checks *after)
{
    for (size_t i = 0; i < after->count; i++) {
        struct check *check = &after->list[i];
        if (check->verdict == VERDICT_FAIL && before[i].verdict == VERDICT_ERROR &&
            before[i].reason)
            check_verdict(check, VERDICT_ERROR, before[i].reason);
    }
}

/* The checks as they are now; NULL without memory, and the checks say so. */
static struct check *copy_list(struct checks *checks)
{
    size_t size = checks->count * sizeof(*checks->list);
    struct check *copy = size ? malloc(size) : NULL;
    if (copy)
        memcpy(copy, checks->list, size);
    else
        checks->failed = true;
    return copy;
}

/* Converges once and observes again, from the same plan: believe the system, not ourselves. */
static void repair(const struct domain *domain, const struct walk *walk,
                   const struct change_listener *listener, const struct check *planned,
                   struct checks *checks)
{
    domain->converge(walk->system, walk->policy, checks);
    struct check *before = planned ? copy_list(checks) : NULL;
    if (!before)
        return;
    memcpy(checks->list, planned, checks->count * sizeof(*planned));
    observe(domain, walk, checks);
    tell_repaired(listener, domain, before, checks);
    carry_reasons(before, checks);
    free(before);
}

/* Repairing one check may put another wrong (turning forwarding off makes the kernel accept
 * redirects again): what then differs gets a second round, and no third. */
static void enforce(const struct domain *domain, const struct walk *walk,
                    const struct change_listener *listener, struct checks *checks)
{
    enum { ROUNDS = 2 };
    domain->plan(walk->policy, checks);
    struct check *planned = domain->converge ? copy_list(checks) : NULL;
    observe(domain, walk, checks);
    if (domain->converge)
        tell_differing(listener, domain, checks);
    for (unsigned round = 0; domain->converge && round < ROUNDS && checks_differ(checks); round++)
        repair(domain, walk, listener, planned, checks);
    free(planned);
}

void domain_enforce(const struct walk *walk, const struct change_listener *listener,
                    struct results *results)
{
    for (size_t i = 0; i < DOMAIN_COUNT; i++)
        if (phases_of[i] & walk->phase)
            enforce(domain_table[i], walk, listener, &results->domain[i]);
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
