/* The table of formats, and what every writer needs: health, counts, tokens. */
#include "report/report.h"

#include <fnmatch.h>

const struct report_format report_formats[FORMAT_COUNT] = {
#define FORMAT(id, name, type, writer) [FORMAT_##id] = {name, type, writer},
#include "report/formats.def"
#undef FORMAT
};

size_t report_formats_offered(void)
{
    size_t count = 0;
    while (count < FORMAT_COUNT && report_formats[count].name)
        count++;
    return count;
}

const char *health_text(enum health health)
{
    static const char *const texts[] = {
        [HEALTH_PASS] = "pass", [HEALTH_WARN] = "warn", [HEALTH_FAIL] = "fail"};
    return texts[health];
}

/* An enforced check that differs is a node that does not hold; an advised one is a decision. */
enum health report_health(const struct report *report)
{
    enum health health = facts_health(&report->facts, NULL);
    if (results_worst(report->results, WEIGHT_ENFORCED) >= VERDICT_FAIL)
        return HEALTH_FAIL;
    if (health == HEALTH_PASS && results_worst(report->results, WEIGHT_ADVISED) >= VERDICT_FAIL)
        return HEALTH_WARN;
    return health;
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

void report_live(const struct report *report, const struct report_request *request, struct buf *out)
{
    (void)report;
    (void)request;
    buf_puts(out, "live\n");
}
