/*
 * Reports: writers over checks. One file a format; each takes the same facts and checks and appends
 * to a buffer. No writer knows a domain but by its name and title.
 */
#ifndef HOLDFAST_REPORT_REPORT_H
#define HOLDFAST_REPORT_REPORT_H

#include "base/buf.h"
#include "domain/domain.h"
#include "report/traffic.h"

#include <stdint.h>

enum health { HEALTH_PASS, HEALTH_WARN, HEALTH_FAIL };

/* What stands at the head of every report (report/facts.def). Strings are borrowed. */
#define FACT_TEXT   const char *
#define FACT_ROLE   enum role
#define FACT_NUMBER uint64_t
#define FACT_TIME   int64_t
#define FACT_FLAG   bool
struct facts {
#define FACT(kind, name) FACT_##kind name;
#include "report/facts.def"
#undef FACT
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

/* What all writers share: how many checks have each verdict, and the tokens that programs read. */
struct check_counts {
    size_t of[VERDICT_COUNT];
    size_t total;
};

void report_count(const struct checks *checks, struct check_counts *counts); /* adds */
void report_count_all(const struct report *report, struct check_counts *counts);
const char *role_token(enum role role);                            /* "management" */
const char *verdict_token(enum verdict verdict);                   /* "not_applicable" */
bool report_wants(const struct check *check, const char *id_glob); /* NULL: every check */

/* Appends the counts in words, those of verdicts that no check has left out: "213 checks, 160 pass,
 * 29 not checked, 24 fail". Every page says it, so that what was not checked is never hidden. */
void report_put_counts(const struct check_counts *counts, struct buf *out);

enum health report_health(const struct report *report);
const char *health_text(enum health health); /* "pass", "warn", "fail" */

/* `all`: passing checks too. */
void report_text(const struct report *report, bool all, const char *id_glob, struct buf *out);
void report_json(const struct report *report, const char *id_glob, struct buf *out);
/* application/health+json (draft-inadarei-api-health-check-06); `stale_s` not 0: the variant that
 * the endpoint serves when the snapshot is older than that, with status fail. */
void report_health_json(const struct report *report, unsigned stale_s, struct buf *out);
/* Prometheus text 0.0.4, or OpenMetrics 1.0.0. */
void report_metrics(const struct report *report, bool openmetrics, struct buf *out);
/* The status page: no script, no external resource, readable without colour. */
void report_html(const struct report *report, struct buf *out);

#endif
