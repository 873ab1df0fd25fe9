/* The newest events of the log, copied for the status page: a report outlives the walk over
 * them. */
#ifndef HOLDFAST_DAEMON_RECENT_EVENTS_H
#define HOLDFAST_DAEMON_RECENT_EVENTS_H

#include "report/report.h"
#include "state/state.h"

enum { RECENT_EVENTS_MAX = 20 };

struct recent_events {
    struct report_event list[RECENT_EVENTS_MAX]; /* oldest first, as the log has them */
    size_t count;
};

/* Reads them into an empty `recent`, which stays empty without a state (NULL). 0, or a negative
 * errno, and it is empty again. */
int recent_events_read(struct recent_events *recent_events, struct state *state);

void recent_events_free(struct recent_events *recent_events);

#endif
