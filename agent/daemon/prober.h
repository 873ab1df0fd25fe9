/*
 * The prober: the process that probes the node's own listeners for the daemon, which must never
 * wait. It is a helper (process/helper.h) with nothing but one shared memory, from
 * which the daemon takes what it found once it has ended. It starts some seconds after the daemon,
 * after each change of a setting, and every PROBE_CACHE_INTERVAL_S; soon again, after a growing
 * delay, where a listener refused it or was too slow.
 */
#ifndef HOLDFAST_DAEMON_PROBER_H
#define HOLDFAST_DAEMON_PROBER_H

#include "daemon/backoff.h"
#include "node/node.h"
#include "process/helper_log.h"

#include <stdint.h>

enum { PROBER_REASON_SIZE = 120 };

struct prober {
    int pid, pidfd, memory; /* 0, -1, -1: none runs */
    struct helper_log log;
    uint64_t due_ms;                 /* of clock_boot_ms(): when the next one starts */
    uint64_t end_ms;                 /* ... and when the one that runs is ended */
    struct backoff retries;          /* of probes in a row that were refused or not finished */
    unsigned failures;               /* probers in a row that brought no record at all */
    char reason[PROBER_REASON_SIZE]; /* of the last failure */
    struct node *node;
    struct loop_notice changed;
    struct loop_source source;
};

/* None runs; the first is due when the listeners have had some seconds to start. */
void prober_init(struct prober *prober);

/* Does all of it in the turns of this loop, and calls `changed` where there is a new record or a
 * failure. 0 or a negative errno. */
int prober_register(struct prober *prober, struct loop *loop, struct node *node,
                    struct loop_notice changed);

/* The next one is due soon: a setting was changed, which makes services start again. */
void prober_soon(struct prober *prober);

/* Starts one where it is due and none runs; ends one that takes longer than it may, which is a
 * failure. None starts where FIPS mode forbids it: a library that failed is not used. A failure is
 * logged, an event, and tried again after a growing delay. True where one
 * failed just now. */
bool prober_do_due(struct prober *prober, struct node *node);
uint64_t prober_due_ms(const struct prober *prober); /* 0: nothing is */

/* To be called when `pidfd` is readable: takes what was found and keeps it. True where there is a
 * new record or a failure, so that a walk is worth its while. */
bool prober_finish(struct prober *prober, struct node *node);

/* Ends one that runs. */
void prober_close(struct prober *prober);

#endif
