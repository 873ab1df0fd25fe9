/*
 * The status page: the verdict, the checks of each domain, the newest events. No script and nothing
 * from elsewhere; a verdict is a word before it is a colour, and paper shows it as well.
 */
#include "report/report.h"

#include "base/clock.h"
#include "base/str.h"
#include "report/style.h"

static const char style[] = "<style>" REPORT_HTML_STYLE "</style>\n";

static void write_escaped(struct buf *out, const char *text)
{
    for (size_t length; *text; text += length ? length : 1) {
        length = str_character(text);
        switch (*text) {
        case '<':
            buf_puts(out, "&lt;");
            break;
        case '>':
            buf_puts(out, "&gt;");
            break;
        case '&':
            buf_puts(out, "&amp;");
            break;
        case '"':
            buf_puts(out, "&quot;");
            break;
        case '\'':
            buf_puts(out, "&#39;");
            break;
        default:
            buf_append(out, length ? text : "?", length ? length : 1);
        }
    }
}

static void write_fact(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "<dt>%s</dt><dd>", name);
    write_escaped(out, value);
    buf_puts(out, "</dd>\n");
}

static void write_number(struct buf *out, const char *name, uint64_t value)
{
    buf_printf(out, "<dt>%s</dt><dd>%llu</dd>\n", name, (unsigned long long)value);
}

static void write_time(struct buf *out, const char *name, int64_t time_s)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(time_s, time);
    write_fact(out, name, time_s ? time : "never");
}

static void write_head(const struct report *report, struct buf *out)
{
    const struct facts *facts = &report->facts;
    const char *health = health_text(report_health(report));
    buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    buf_printf(out, "%s: ", health);
    write_escaped(out, facts->hostname);
    buf_puts(out, "</title>\n");
    buf_puts(out, style);
    buf_printf(out, "</head>\n<body>\n<h1><span class=\"%s\">%s</span> ", health, health);
    write_escaped(out, facts->hostname);
    buf_puts(out, "</h1>\n");
    if (facts->reason) {
        buf_puts(out, "<p class=\"reason\">Failed closed: ");
        write_escaped(out, facts->reason);
        buf_puts(out, "</p>\n");
    }
    if (facts->unrecorded) {
        buf_puts(out, "<p class=\"reason\">Failed: ");
        write_escaped(out, facts->unrecorded);
        buf_puts(out, "</p>\n");
    }
}

static void write_counts(const struct report *report, struct buf *out)
{
    struct check_counts counts = {.total = 0};
    report_count_all(report, &counts);
    buf_puts(out, "<dt>Verdicts</dt><dd>");
    report_put_counts(&counts, out);
    buf_puts(out, "</dd>\n");
}

static void write_facts(const struct report *report, struct buf *out)
{
    const struct facts *facts = &report->facts;
    buf_puts(out, "<dl>\n");
    write_counts(report, out);
    write_fact(out, "Role", role_token(facts->role));
    write_fact(out, "Version", facts->version);
    write_number(out, "Settings revision", facts->revision);
    write_number(out, "Newest event", facts->event);
    write_fact(out, "Head of the event log", facts->head ? facts->head : "none");
    write_number(out, "Generation", facts->generation);
    write_time(out, "As of", facts->time_s);
    write_fact(out, "Administrator account", facts->admin_disabled ? "disabled" : "enabled");
    write_fact(out, "FIPS-approved algorithms only", facts->fips ? "yes" : "no");
    write_fact(out, "Reboot required", facts->reboot_required ? "yes" : "no");
    write_number(out, "Checks repaired since the start", facts->drift_repaired);
    write_time(out, "Last drift", facts->last_drift_s);
    write_time(out, "Endpoint's certificate expires", facts->certificate_expires_s);
    if (facts->certificate_fingerprint && facts->certificate_fingerprint[0])
        write_fact(out, "Endpoint's certificate, SHA-256", facts->certificate_fingerprint);
    buf_puts(out, "</dl>\n");
}

static void write_cell(struct buf *out, const char *text)
{
    buf_puts(out, "<td>");
    write_escaped(out, text ? text : "");
    buf_puts(out, "</td>");
}

static void write_check(const struct check *check, struct buf *out)
{
    buf_printf(out, "<tr class=\"%s\"><th scope=\"row\">", verdict_token(check->verdict));
    write_escaped(out, check->title);
    buf_puts(out, "<br><code>");
    write_escaped(out, check->id);
    buf_puts(out, "</code></th>");
    write_cell(out, verdict_text(check->verdict));
    write_cell(out, check->expected);
    write_cell(out, check->observed);
    write_cell(out, check->reason);
    write_cell(out, check->section);
    buf_puts(out, "</tr>\n");
}

static void write_domain(const struct domain *domain, const struct checks *checks, struct buf *out)
{
    struct check_counts counts = {.total = 0};
    report_count(checks, &counts);
    buf_printf(out, "<h2>%s</h2>\n<p>", domain->title);
    report_put_counts(&counts, out);
    buf_puts(out, "</p>\n<table>\n<thead><tr><th scope=\"col\">Check</th>"
                  "<th scope=\"col\">Verdict</th><th scope=\"col\">Expected</th>"
                  "<th scope=\"col\">Observed</th><th scope=\"col\">Reason</th>"
                  "<th scope=\"col\">Guide</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < checks->count; i++)
        write_check(&checks->list[i], out);
    buf_puts(out, "</tbody>\n</table>\n");
}

static void write_event(const struct report_event *event, struct buf *out)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(event->time_s, time);
    buf_printf(out, "<tr><th scope=\"row\">%llu</th>", (unsigned long long)event->sequence);
    write_cell(out, time);
    write_cell(out, event->kind);
    write_cell(out, event->text);
    buf_puts(out, "</tr>\n");
}

static void write_events(const struct report *report, struct buf *out)
{
    if (report->event_count == 0)
        return;
    buf_puts(out, "<h2>Newest events</h2>\n<table>\n<thead><tr><th scope=\"col\">Number</th>"
                  "<th scope=\"col\">Time</th><th scope=\"col\">Kind</th>"
                  "<th scope=\"col\">Event</th></tr></thead>\n<tbody>\n");
    for (size_t i = report->event_count; i-- > 0;)
        write_event(&report->events[i], out);
    buf_puts(out, "</tbody>\n</table>\n");
}

void report_html(const struct report *report, struct buf *out)
{
    write_head(report, out);
    write_facts(report, out);
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        write_domain(domain_table[d], &report->results->domain[d], out);
    write_events(report, out);
    buf_puts(out, "</body>\n</html>\n");
}
