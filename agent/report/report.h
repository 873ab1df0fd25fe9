/*
 * Reports: writers over rows. One file a format; each takes the same facts and rows and appends to
 * a buffer. No writer knows a domain but by its name and title.
 */
#ifndef HOLDFAST_REPORT_REPORT_H
#define HOLDFAST_REPORT_REPORT_H

#include "base/buf.h"
#include "domain/domain.h"
#include "report/traffic.h"

#include <stdint.h>

enum health { HEALTH_PASS, HEALTH_WARN, HEALTH_FAIL };

/* What stands at the head of every report. Strings are borrowed. */
struct facts {
    const char *version;
    const char *hostname;
    enum role role;
    uint64_t revision;   /* of the settings */
    uint64_t generation; /* of the snapshot, 0 outside the daemon */
    int64_t time_s;
    const char *reason;     /* why the node fails closed, or NULL: the first line of every report */
    const char *unrecorded; /* why no event and no answer can be stored, or NULL: health fails */
    bool admin_disabled;
    bool fips;
    bool reboot_required;                       /* a stored answer waits for the next boot */
    int64_t certificate_expires_s;              /* of the endpoint, 0 when unknown */
    uint64_t boot_started_ms, boot_finished_ms; /* CLOCK_BOOTTIME of the last `boot`, 0: unknown */
    uint64_t drift_repaired;                    /* rows repaired since the daemon's start */
    int64_t last_drift_s;                       /* 0: none */
};

/* One event of the log; the strings are the list's owner's. */
struct report_event {
    uint64_t sequence;
    int64_t time_s;
    char *kind, *text;
};

struct report {
    struct facts facts;
    struct traffic_counts traffic;
    const struct results *results;
    const struct report_event *events; /* the newest few, oldest first; NULL: not looked at */
    size_t event_count;
};

/* What all writers share: how many rows have each verdict, and the tokens that programs read. */
struct row_counts {
    size_t of[VERDICT_COUNT];
    size_t total;
};

void report_count(const struct rows *rows, struct row_counts *counts); /* adds */
const char *role_token(enum role role);                                /* "management" */
const char *verdict_token(enum verdict verdict);                       /* "not_applicable" */
bool report_wants(const struct row *row, const char *id_glob);         /* NULL: every row */

enum health report_health(const struct report *report);
const char *health_text(enum health health); /* "pass", "warn", "fail" */

/* `all`: passing rows too. */
void report_text(const struct report *report, bool all, const char *id_glob, struct buf *out);
void report_json(const struct report *report, const char *id_glob, struct buf *out);
/* application/health+json (draft-inadarei-api-health-check-06); `stale_s` not 0: the variant that
 * the front serves when the snapshot is older than that, with status fail. */
void report_health_json(const struct report *report, unsigned stale_s, struct buf *out);
/* Prometheus text 0.0.4, or OpenMetrics 1.0.0. */
void report_metrics(const struct report *report, bool openmetrics, struct buf *out);
/* The status page: no script, no external resource, readable without colour. */
void report_html(const struct report *report, struct buf *out);

#endif
