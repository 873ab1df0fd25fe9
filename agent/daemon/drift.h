/*
 * Drift: rows that are no longer as a walk left them. A walk of the daemon that finds some sets
 * them right, counts them and says so in the event log, with the first few by name. What differs
 * because a setting was changed, or since the boot, before the daemon watched, is told as enforced.
 */
#ifndef HOLDFAST_DAEMON_DRIFT_H
#define HOLDFAST_DAEMON_DRIFT_H

#include "node/node.h"

#include <stdbool.h>
#include <stdint.h>

struct drift {
    uint64_t repaired; /* rows repaired since the daemon's start */
    int64_t last_s;    /* when some were found, 0: never */
    bool walked;       /* a walk has been: from then on it watches */
    uint64_t revision; /* of the settings at the last walk */
};

/* One walk over all domains, into `now`; `before` are the results of the last one. An event of kind
 * "drift", or "enforced" at the first walk and for a new revision of the settings, tells what
 * differed. A row that nothing repairs is told once, not at every walk. */
void drift_walk(struct drift *drift, struct node *node, const struct results *before,
                struct results *now);

#endif
