/*
 * Metrics: Prometheus text format 0.0.4, and OpenMetrics 1.0.0, which differs in the names of
 * counters' families, the unit of time stamps in names, and its last line.
 */
#include "report/report.h"

#include "base/str.h"

#include <stddef.h>

/* A label's value: backslash, quote and newline are escaped (both formats). */
static void write_label(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            buf_puts(out, "\\n");
        else if (*text == '\\' || *text == '"')
            buf_printf(out, "\\%c", *text);
        else
            buf_putc(out, *text);
    }
}

static void write_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* --- counters --- */

static const struct counter {
    const char *name;
    size_t offset; /* in struct traffic_counts */
    const char *help;
} counters[] = {
#define COUNT(name) offsetof(struct traffic_counts, name)
    /* clang-format off */
    {"holdfast_connections",             COUNT(connections),
     "Connections accepted."},
    {"holdfast_handshakes",              COUNT(handshakes),
     "TLS handshakes completed."},
    {"holdfast_handshake_failures",      COUNT(handshake_failures),
     "TLS handshakes that failed."},
    {"holdfast_renegotiations",          COUNT(renegotiations),
     "Connections closed because the client began another handshake."},
    {"holdfast_requests",                COUNT(requests),
     "Requests read."},
    {"holdfast_requests_refused",        COUNT(refused_requests),
     "Requests answered with 4xx or 505, those of the node's own probe included."},
    {"holdfast_connections_refused",     COUNT(refused_connections),
     "Connections beyond the limit of all."},
    {"holdfast_address_refused",         COUNT(refused_address),
     "Connections beyond the limit of one address."},
    {"holdfast_rate_refused",            COUNT(refused_rate),
     "Connections closed while they waited for an address's budget."},
    {"holdfast_rate_delayed",            COUNT(delayed),
     "Connections that waited for an address's budget of handshakes."},
    {"holdfast_unknown_clients_refused", COUNT(refused_unknown),
     "Connections from outside health.stations."},
    {"holdfast_connections_displaced",   COUNT(gave_way),
     "Connections closed to make room for a newer one."},
    {"holdfast_timeouts",                COUNT(timed_out),
     "Connections that were too slow."},
/* clang-format on */
#undef COUNT
};

static void write_counter(struct buf *out, bool openmetrics, const char *name, const char *help,
                          uint64_t value)
{
    buf_printf(out, "# HELP %s%s %s\n# TYPE %s%s counter\n", name, openmetrics ? "" : "_total",
               help, name, openmetrics ? "" : "_total");
    buf_printf(out, "%s_total %llu\n", name, (unsigned long long)value);
}

static void write_counters(const struct report *report, bool openmetrics, struct buf *out)
{
    for (size_t i = 0; i < countof(counters); i++) {
        const char *at = (const char *)&report->traffic + counters[i].offset;
        write_counter(out, openmetrics, counters[i].name, counters[i].help,
                      *(const uint64_t *)(const void *)at);
    }
}

/* --- facts --- */

static void write_node(const struct facts *facts, struct buf *out)
{
    bool first = true;
    write_family(out, "holdfast_node", "gauge", "Name, role and version of the node; always 1.");
    buf_puts(out, "holdfast_node{");
    for (size_t i = 0; i < fact_count; i++) {
        char buffer[FACT_SIZE];
        const char *value = fact_value(&fact_table[i], facts, buffer);
        if (!fact_table[i].node_label || !value)
            continue;
        buf_printf(out, "%s%s=\"", first ? "" : ",", fact_table[i].node_label);
        write_label(out, value);
        buf_putc(out, '"');
        first = false;
    }
    buf_puts(out, "} 1\n");
}

static void write_labelled(const struct fact *fact, const struct facts *facts, struct buf *out)
{
    char buffer[FACT_SIZE];
    const char *value = fact_value(fact, facts, buffer);
    if (!value)
        return;
    write_family(out, fact->metric, "gauge", fact->help);
    buf_printf(out, "%s{%s=\"", fact->metric, fact->metric_label);
    write_label(out, value);
    buf_puts(out, "\"} 1\n");
}

static void write_fact(const struct fact *fact, const struct facts *facts, bool openmetrics,
                       struct buf *out)
{
    uint64_t number = fact_number(fact, facts);
    if (fact->metric_label) {
        write_labelled(fact, facts, out);
    } else if (fact->counter) {
        write_counter(out, openmetrics, fact->metric, fact->help, number);
    } else {
        write_family(out, fact->metric, "gauge", fact->help);
        buf_printf(out, "%s %.15g\n", fact->metric,
                   (double)number / (fact->divisor ? fact->divisor : 1));
    }
}

static void write_facts(const struct report *report, bool openmetrics, struct buf *out)
{
    write_node(&report->facts, out);
    write_family(out, "holdfast_health", "gauge", "0: pass, 1: warn, 2: fail.");
    buf_printf(out, "holdfast_health %d\n", (int)report_health(report));
    for (size_t i = 0; i < fact_count; i++)
        if (fact_table[i].metric)
            write_fact(&fact_table[i], &report->facts, openmetrics, out);
}

/* --- checks --- */

static void write_check(struct buf *out, const struct domain *domain, const struct check *check)
{
    buf_printf(out, "holdfast_check{domain=\"%s\",id=\"", domain->name);
    write_label(out, check->id);
    buf_printf(out, "\",verdict=\"%s\"} %d\n", verdict_token(check->verdict),
               check->verdict < VERDICT_FAIL);
}

static void write_checks(const struct report *report, struct buf *out)
{
    write_family(out, "holdfast_checks", "gauge", "How many checks have each verdict.");
    for (size_t d = 0; d < DOMAIN_COUNT; d++) {
        struct check_counts counts = {.total = 0};
        report_count(&report->results->domain[d], &counts);
        for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++)
            buf_printf(out, "holdfast_checks{domain=\"%s\",verdict=\"%s\"} %zu\n",
                       domain_table[d]->name, verdict_token(verdict), counts.of[verdict]);
    }
    write_family(out, "holdfast_check", "gauge", "1 where the check does not fail.");
    for (size_t d = 0; d < DOMAIN_COUNT; d++) {
        const struct checks *checks = &report->results->domain[d];
        for (size_t i = 0; i < checks->count; i++)
            write_check(out, domain_table[d], &checks->list[i]);
    }
}

static void write_metrics(const struct report *report, bool openmetrics, struct buf *out)
{
    write_facts(report, openmetrics, out);
    write_counters(report, openmetrics, out);
    write_checks(report, out);
}

void report_metrics(const struct report *report, const struct report_request *request,
                    struct buf *out)
{
    (void)request;
    write_metrics(report, false, out);
}

void report_openmetrics(const struct report *report, const struct report_request *request,
                        struct buf *out)
{
    (void)request;
    write_metrics(report, true, out);
    buf_puts(out, "# EOF\n");
}
