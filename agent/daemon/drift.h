/*
 * Drift: checks that passed after one walk and fail at the next. The daemon repairs them, counts
 * them and records them in the event log, the first few by name. Checks that fail after a change of
 * settings, or at the daemon's first walk, are recorded as enforced.
 */
#ifndef HOLDFAST_DAEMON_DRIFT_H
#define HOLDFAST_DAEMON_DRIFT_H

#include "node/node.h"

#include <stdbool.h>
#include <stdint.h>

struct drift {
    uint64_t repaired; /* checks repaired since the daemon's start */
    int64_t last_s;    /* when some were found, 0: never */
    bool walked;       /* a walk has been: from then on it watches */
    uint64_t revision; /* of the settings at the last walk */
};

/* One walk over all domains, into `now`; `before` are the results of the last one. An event of kind
 * "drift", or "enforced" at the first walk and for a new revision of the settings, names the failed
 * checks. A check that cannot be repaired is recorded once, not at every walk. */
void drift_walk(struct drift *drift, struct node *node, const struct results *before,
                struct results *now);

#endif
