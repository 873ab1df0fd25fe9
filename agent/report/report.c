/* What every writer needs: health, counts, tokens. */
#include "report/report.h"

#include <fnmatch.h>

const char *health_text(enum health health)
{
    static const char *const texts[] = {
        [HEALTH_PASS] = "pass", [HEALTH_WARN] = "warn", [HEALTH_FAIL] = "fail"};
    return texts[health];
}

/* An enforced check that differs is a node that does not hold; an advised one is a decision. */
enum health report_health(const struct report *report)
{
    const struct facts *facts = &report->facts;
    if (facts->reason || facts->unrecorded ||
        results_worst(report->results, WEIGHT_ENFORCED) >= VERDICT_FAIL)
        return HEALTH_FAIL;
    if (facts->reboot_required || results_worst(report->results, WEIGHT_ADVISED) >= VERDICT_FAIL)
        return HEALTH_WARN;
    return HEALTH_PASS;
}

void report_count(const struct checks *checks, struct check_counts *counts)
{
    for (size_t i = 0; i < checks->count; i++)
        counts->of[checks->list[i].verdict]++;
    counts->total += checks->count;
}

void report_count_all(const struct report *report, struct check_counts *counts)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        report_count(&report->results->domain[d], counts);
}

void report_put_counts(const struct check_counts *counts, struct buf *out)
{
    buf_printf(out, "%zu checks", counts->total);
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++)
        if (counts->of[verdict])
            buf_printf(out, ", %zu %s", counts->of[verdict], verdict_text(verdict));
}

const char *role_token(enum role role)
{
    return role == ROLE_CONFERENCING ? "conferencing" : "management";
}

const char *verdict_token(enum verdict verdict)
{
    static const char *const tokens[VERDICT_COUNT] = {
        [VERDICT_PASS] = "pass",
        [VERDICT_NOT_APPLICABLE] = "not_applicable",
        [VERDICT_NOT_CHECKED] = "not_checked",
        [VERDICT_FAIL] = "fail",
        [VERDICT_ERROR] = "error",
    };
    return tokens[verdict];
}

bool report_wants(const struct check *check, const char *id_glob)
{
    return !id_glob || fnmatch(id_glob, check->id, 0) == 0;
}
