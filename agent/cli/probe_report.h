/* What `holdfast probe` prints, as text and as JSON. Part of the command. */
#ifndef HOLDFAST_CLI_PROBE_REPORT_H
#define HOLDFAST_CLI_PROBE_REPORT_H

#include "base/buf.h"
#include "probe/evaluate.h"

struct probe_report {
    const char *place; /* as given */
    const struct probe_result *result;
    const struct crypto *crypto;
    enum surface surface; /* SURFACE_NONE: no record was held against it */
    int64_t now_s;
};

void probe_report_text(const struct probe_report *report, struct buf *out);
void probe_report_json(const struct probe_report *report, struct buf *out);

/* How many faults the judge finds. */
size_t probe_report_faults(const struct probe_report *report);

#endif
