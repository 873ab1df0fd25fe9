/* The newest events of the log, copied for the status page: a report outlives the walk over them.
 */
#ifndef HOLDFAST_DAEMON_RECENT_EVENTS_H
#define HOLDFAST_DAEMON_RECENT_EVENTS_H

#include "report/report.h"
#include "state/state.h"

enum { RECENT_EVENTS = 20 };

struct recent {
    struct report_event list[RECENT_EVENTS]; /* oldest first, as the log has them */
    size_t count;
};

/* Reads them into an empty `recent`, which stays empty without a state (NULL). 0, or a negative
 * errno, and it is empty again. */
int recent_read(struct recent *recent, struct state *state);

void recent_free(struct recent *recent);

#endif
