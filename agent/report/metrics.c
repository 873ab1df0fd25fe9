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

/* --- gauges of the node --- */

struct gauge {
    const char *name, *help;
    double (*read)(const struct report *report);
};

static double read_health(const struct report *report)
{
    return report_health(report);
}

static double read_revision(const struct report *report)
{
    return (double)report->facts.revision;
}

static double read_sequence(const struct report *report)
{
    return (double)report->facts.event;
}

static double read_generation(const struct report *report)
{
    return (double)report->facts.generation;
}

static double read_time(const struct report *report)
{
    return (double)report->facts.time_s;
}

static double read_expiry(const struct report *report)
{
    return (double)report->facts.certificate_expires_s;
}

static double read_last_drift(const struct report *report)
{
    return (double)report->facts.last_drift_s;
}

static double read_boot_started(const struct report *report)
{
    return (double)report->facts.boot_started_ms / 1000;
}

static double read_boot_finished(const struct report *report)
{
    return (double)report->facts.boot_finished_ms / 1000;
}

static double read_fail_closed(const struct report *report)
{
    return report->facts.reason != NULL;
}

static double read_unrecorded(const struct report *report)
{
    return report->facts.unrecorded != NULL;
}

static double read_admin_disabled(const struct report *report)
{
    return report->facts.admin_disabled;
}

static double read_fips(const struct report *report)
{
    return report->facts.fips;
}

static double read_reboot_required(const struct report *report)
{
    return report->facts.reboot_required;
}

static const struct gauge gauges[] = {
    {"holdfast_health", "0: pass, 1: warn, 2: fail.", read_health},
    {"holdfast_fail_closed", "1 while the state cannot be read.", read_fail_closed},
    {"holdfast_unrecorded", "1 while no event and no answer can be stored.", read_unrecorded},
    {"holdfast_settings_revision", "Revision of the settings.", read_revision},
    {"holdfast_log_sequence", "Number of the newest event of the log, 0: none.", read_sequence},
    {"holdfast_generation", "Generation of the snapshot.", read_generation},
    {"holdfast_snapshot_time_seconds", "When the snapshot was rendered.", read_time},
    {"holdfast_certificate_expiry_time_seconds", "When the endpoint's certificate expires.",
     read_expiry},
    {"holdfast_last_drift_time_seconds", "When a check last failed, 0: never.", read_last_drift},
    {"holdfast_boot_started_seconds", "From the kernel's start to holdfast boot.",
     read_boot_started},
    {"holdfast_boot_finished_seconds", "From the kernel's start to the end of holdfast boot.",
     read_boot_finished},
    {"holdfast_admin_disabled", "1 once the administrator account is disabled.",
     read_admin_disabled},
    {"holdfast_fips", "1 where FIPS-approved algorithms only are asked for.", read_fips},
    {"holdfast_reboot_required", "1 while a stored answer waits for the next boot.",
     read_reboot_required},
};

/* --- counters --- */

static const struct counter {
    const char *name, *help;
    size_t offset; /* in struct traffic_counts */
} counters[] = {
#define COUNT(name) offsetof(struct traffic_counts, name)
    /* clang-format off */
    {"holdfast_connections",           "Connections accepted.", COUNT(connections)},
    {"holdfast_handshakes",            "TLS handshakes completed.", COUNT(handshakes)},
    {"holdfast_handshake_failures",    "TLS handshakes that failed.", COUNT(handshake_failures)},
    {"holdfast_renegotiations",        "Connections ended since the client began another handshake.",
     COUNT(renegotiations)},
    {"holdfast_requests",              "Requests read.", COUNT(requests)},
    {"holdfast_requests_refused",
     "Requests answered with 4xx or 505, those of the node's own probe among them.",
     COUNT(refused_requests)},
    {"holdfast_connections_refused",   "Connections beyond the limit of all.",
     COUNT(refused_connections)},
    {"holdfast_address_refused",       "Connections beyond the limit of one address.",
     COUNT(refused_address)},
    {"holdfast_rate_refused",          "Connections that waited in vain for an address's budget.",
     COUNT(refused_rate)},
    {"holdfast_rate_delayed",          "Connections that waited for an address's budget of handshakes.",
     COUNT(delayed)},
    {"holdfast_strangers_refused",     "Connections from outside health.stations.",
     COUNT(refused_strangers)},
    {"holdfast_connections_displaced", "Connections closed to make room for a newcomer.",
     COUNT(gave_way)},
    {"holdfast_timeouts",              "Connections that were too slow.", COUNT(timed_out)},
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
    write_counter(out, openmetrics, "holdfast_drift_repaired", "Checks repaired since the start.",
                  report->facts.drift_repaired);
    for (size_t i = 0; i < countof(counters); i++) {
        const char *at = (const char *)&report->traffic + counters[i].offset;
        write_counter(out, openmetrics, counters[i].name, counters[i].help,
                      *(const uint64_t *)(const void *)at);
    }
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

static void write_info(const struct report *report, struct buf *out)
{
    const struct facts *facts = &report->facts;
    write_family(out, "holdfast_node", "gauge", "What this node is; always 1.");
    buf_puts(out, "holdfast_node{hostname=\"");
    write_label(out, facts->hostname);
    buf_printf(out, "\",role=\"%s\",version=\"%s\"} 1\n", role_token(facts->role), facts->version);
    if (!facts->head)
        return;
    write_family(out, "holdfast_log_head", "gauge",
                 "Hash of the newest event of the log; always 1.");
    buf_printf(out, "holdfast_log_head{hash=\"%s\"} 1\n", facts->head);
}

static void write_certificate(const struct facts *facts, struct buf *out)
{
    if (!facts->certificate_fingerprint || facts->certificate_fingerprint[0] == '\0')
        return;
    write_family(out, "holdfast_certificate", "gauge",
                 "The endpoint's certificate by its SHA-256; always 1.");
    buf_printf(out, "holdfast_certificate{sha256=\"%s\"} 1\n", facts->certificate_fingerprint);
}

void report_metrics(const struct report *report, bool openmetrics, struct buf *out)
{
    write_info(report, out);
    write_certificate(&report->facts, out);
    for (size_t i = 0; i < countof(gauges); i++) {
        write_family(out, gauges[i].name, "gauge", gauges[i].help);
        buf_printf(out, "%s %.15g\n", gauges[i].name, gauges[i].read(report));
    }
    write_counters(report, openmetrics, out);
    write_checks(report, out);
    if (openmetrics)
        buf_puts(out, "# EOF\n");
}
