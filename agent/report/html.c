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

/* What makes the node fail, as a sentence; other facts stand in the list. */
static bool is_alarm(const struct fact *fact)
{
    return fact->kind == FACT_IS_TEXT && fact->health == HEALTH_FAIL;
}

static void write_alarms(const struct facts *facts, struct buf *out)
{
    for (size_t i = 0; i < fact_count; i++) {
        char buffer[FACT_SIZE];
        const char *value = fact_value(&fact_table[i], facts, buffer);
        if (!is_alarm(&fact_table[i]) || !value)
            continue;
        buf_printf(out, "<p class=\"reason\">%s: ", fact_table[i].label);
        write_escaped(out, value);
        buf_puts(out, "</p>\n");
    }
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
    write_alarms(facts, out);
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
    buf_puts(out, "<dl>\n");
    write_counts(report, out);
    for (size_t i = 0; i < fact_count; i++) {
        const struct fact *fact = &fact_table[i];
        char buffer[FACT_SIZE];
        const char *value = fact_value(fact, &report->facts, buffer);
        if (fact->label && !is_alarm(fact) && (value || fact->none))
            write_fact(out, fact->label, value ? value : fact->none);
    }
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

void report_html(const struct report *report, const struct report_request *request, struct buf *out)
{
    (void)request;
    write_head(report, out);
    write_facts(report, out);
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        write_domain(domain_table[d], &report->results->domain[d], out);
    write_events(report, out);
    buf_puts(out, "</body>\n</html>\n");
}
