/* The report for people: the verdict first, then the checks of each domain that do not pass. */
#include "report/report.h"

#include "base/clock.h"

#include <string.h>

static void write_head(const struct report *report, struct buf *out)
{
    const struct facts *facts = &report->facts;
    char time[CLOCK_TEXT_SIZE];
    clock_text(facts->time_s, time);
    if (facts->reason)
        buf_printf(out, "FAILED CLOSED: %s\n", facts->reason);
    if (facts->unrecorded)
        buf_printf(out, "FAILED: %s\n", facts->unrecorded);
    buf_printf(out, "%s (%s node), settings revision %llu, %s\n", facts->hostname,
               role_token(facts->role), (unsigned long long)facts->revision, time);
    if (facts->head)
        buf_printf(out, "Event %llu, head of the log %s\n", (unsigned long long)facts->event,
                   facts->head);
    if (facts->reboot_required)
        buf_puts(out, "A stored answer waits for the next boot.\n");
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

static bool is_logged(const struct check *check, bool all, const char *id_glob)
{
    return report_wants(check, id_glob) && (all || id_glob || check->verdict >= VERDICT_FAIL);
}

static void write_domain(const struct domain *domain, const struct checks *checks, bool all,
                         const char *id_glob, struct buf *out)
{
    bool titled = false;
    for (size_t i = 0; i < checks->count; i++) {
        if (!is_logged(&checks->list[i], all, id_glob))
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

void report_text(const struct report *report, bool all, const char *id_glob, struct buf *out)
{
    write_head(report, out);
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        write_domain(domain_table[d], &report->results->domain[d], all, id_glob, out);
    write_summary(report, out);
}
