/* The report for people: the verdict first, then the checks of each domain that do not pass. */
#include "report/report.h"

static void write_head(const struct report *report, struct buf *out)
{
    bool written = false;
    for (size_t i = 0; i < fact_count; i++) {
        const struct fact *fact = &fact_table[i];
        char buffer[FACT_SIZE];
        const char *value = fact_value(fact, &report->facts, buffer);
        if (!fact->text[0] || (fact->text[0][0] == ',' && !written))
            continue;
        written = fact->kind == FACT_IS_FLAG ? fact_is_set(fact, &report->facts) : value != NULL;
        if (written)
            buf_printf(out, "%s%s%s", fact->text[0], fact->kind == FACT_IS_FLAG ? "" : value,
                       fact->text[1]);
    }
}

static void write_check(const struct check *check, struct buf *out)
{
    buf_printf(out, "  %-14s  %s\n", verdict_text(check->verdict), check->id);
    const char *observed = check->observed ? check->observed : "";
    if (check->verdict == VERDICT_PASS) {
        buf_printf(out, "  %-14s  %s%s%s\n", "", observed, check->reason ? ": " : "",
                   check->reason ? check->reason : "");
        return;
    }
    buf_printf(out, "  %-14s  %s\n", "", check->title);
    buf_printf(out, "  %-14s  expected: %s\n", "", check->expected);
    if (observed[0])
        buf_printf(out, "  %-14s  observed: %s\n", "", observed);
    if (check->reason)
        buf_printf(out, "  %-14s  reason:   %s\n", "", check->reason);
}

static bool is_shown(const struct check *check, const struct report_request *request)
{
    return report_wants(check, request->id_glob) &&
           (request->all || request->id_glob || check->verdict >= VERDICT_FAIL);
}

static void write_domain(const struct domain *domain, const struct checks *checks,
                         const struct report_request *request, struct buf *out)
{
    bool titled = false;
    for (size_t i = 0; i < checks->count; i++) {
        if (!is_shown(&checks->list[i], request))
            continue;
        if (!titled)
            buf_printf(out, "\n%s\n", domain->title);
        titled = true;
        write_check(&checks->list[i], out);
    }
    if (checks->failed)
        buf_printf(out, "\n%s\n  error: out of memory, checks are missing\n", domain->title);
}

static void write_summary(const struct report *report, struct buf *out)
{
    struct check_counts counts = {.total = 0};
    report_count_all(report, &counts);
    buf_printf(out, "\n%s: ", health_text(report_health(report)));
    report_put_counts(&counts, out);
    buf_putc(out, '\n');
}

void report_text(const struct report *report, const struct report_request *request, struct buf *out)
{
    write_head(report, out);
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        write_domain(domain_table[d], &report->results->domain[d], request, out);
    write_summary(report, out);
}
