/* Counts refusals within a minute. */
#include "control/refusals.h"

enum { MINUTE_MS = 60000 };

void refusals_report_each(const struct refusals *refusals, const char *who, const char *why)
{
    refusals->report(refusals->context, who, why);
}

void refusals_report(struct refusals *refusals, uint64_t now_ms, const char *who, const char *why)
{
    if (now_ms - refusals->since_ms >= MINUTE_MS) {
        refusals->since_ms = now_ms;
        refusals->count = 0;
    }
    if (refusals->count++ < CONTROL_REFUSALS_MAX)
        refusals_report_each(refusals, who, why);
}
