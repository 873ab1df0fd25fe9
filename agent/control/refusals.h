/*
 * Events about refused clients: bounded, since a client that need not wait must not fill the disk
 * with them.
 */
#ifndef HOLDFAST_CONTROL_REFUSALS_H
#define HOLDFAST_CONTROL_REFUSALS_H

#include <stdint.h>

enum { CONTROL_REFUSALS_MAX = 10 /* within a minute */ };

struct refusals {
    void (*report)(void *context, const char *who, const char *why);
    void *context;
    unsigned count;    /* since `since_ms` */
    uint64_t since_ms; /* of the clock that the caller reads */
};

/* Reports a refusal unless CONTROL_REFUSALS_MAX were reported within the last minute. */
void refusals_report(struct refusals *refusals, uint64_t now_ms, const char *who, const char *why);

/* Reports one for which the client has to wait: each of them. */
void refusals_report_each(const struct refusals *refusals, const char *who, const char *why);

#endif
