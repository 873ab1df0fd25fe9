/* The report for people: the verdict first, then the rows of each domain that do not pass. */
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

static void write_row(const struct row *row, struct buf *out)
{
    buf_printf(out, "  %-14s  %s\n", verdict_text(row->verdict), row->id);
    const char *actual = row->actual ? row->actual : "";
    if (row->verdict == VERDICT_PASS) {
        buf_printf(out, "  %-14s  %s%s%s\n", "", actual, row->note ? ": " : "",
                   row->note ? row->note : "");
        return;
    }
    buf_printf(out, "  %-14s  %s\n", "", row->title);
    buf_printf(out, "  %-14s  should be: %s\n", "", row->desired);
    if (actual[0])
        buf_printf(out, "  %-14s  is:        %s\n", "", actual);
    if (row->note)
        buf_printf(out, "  %-14s  why:       %s\n", "", row->note);
}

static bool is_logged(const struct row *row, bool all, const char *id_glob)
{
    return report_wants(row, id_glob) && (all || id_glob || row->verdict >= VERDICT_FAIL);
}

static void write_domain(const struct domain *domain, const struct rows *rows, bool all,
                         const char *id_glob, struct buf *out)
{
    bool titled = false;
    for (size_t i = 0; i < rows->count; i++) {
        if (!is_logged(&rows->list[i], all, id_glob))
            continue;
        if (!titled)
            buf_printf(out, "\n%s\n", domain->title);
        titled = true;
        write_row(&rows->list[i], out);
    }
    if (rows->failed)
        buf_printf(out, "\n%s\n  error: out of memory, rows are missing\n", domain->title);
}

static void write_summary(const struct report *report, struct buf *out)
{
    struct row_counts counts = {.total = 0};
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
