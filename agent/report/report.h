/*
 * Reports: writers over facts and checks. One file and one row of report/formats.def a format. A
 * writer knows only the name and title of a domain.
 */
#ifndef HOLDFAST_REPORT_REPORT_H
#define HOLDFAST_REPORT_REPORT_H

#include "base/buf.h"
#include "domain/domain.h"
#include "report/facts.h"
#include "report/traffic.h"

#include <stdint.h>

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
const char *verdict_token(enum verdict verdict);                   /* "not_applicable" */
bool report_wants(const struct check *check, const char *id_glob); /* NULL: every check */

/* Appends the counts in words, those of verdicts that no check has left out: "213 checks, 160 pass,
 * 29 not checked, 24 fail". Every page says it, so that what was not checked is never hidden. */
void report_put_counts(const struct check_counts *counts, struct buf *out);

enum health report_health(const struct report *report);
const char *health_text(enum health health); /* "pass", "warn", "fail" */

/* What of a report to write; zeroed: the failed checks as text, every check in other formats. */
struct report_request {
    bool all;            /* text: passing checks too */
    const char *id_glob; /* text and JSON: the checks with a matching id; NULL: every check */
    unsigned stale_s;    /* health document: not 0: the report is older than that and fails */
};

/* A writer of report/formats.def: appends the report to `out`, whose error the caller checks. */
#define FORMAT(id, name, type, writer)                                                             \
    void writer(const struct report *report, const struct report_request *request, struct buf *out);
#include "report/formats.def"
#undef FORMAT

enum report_format_id {
#define FORMAT(id, name, type, writer) FORMAT_##id,
#include "report/formats.def"
#undef FORMAT
    FORMAT_COUNT
};

struct report_format {
    const char *name; /* for `holdfast check --format`; NULL: a page only */
    const char *type; /* HTTP content type */
    void (*write)(const struct report *report, const struct report_request *request,
                  struct buf *out);
};

extern const struct report_format report_formats[FORMAT_COUNT];

/* How many of them `holdfast check` offers: the first ones, which have a name. */
size_t report_formats_offered(void);

#endif
