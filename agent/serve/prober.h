/*
 * The prober: the process that probes the node's own listeners for the warden, which must never
 * wait. It is this binary executed anew, as nobody and with nothing but one shared memory, from
 * which the warden takes what it found once it has ended. It starts some seconds after the daemon,
 * after each change of a setting, and every RECORD_INTERVAL_S.
 */
#ifndef HOLDFAST_SERVE_PROBER_H
#define HOLDFAST_SERVE_PROBER_H

#include "serve/node.h"

#include <stdint.h>

struct prober {
    int pid, pidfd, memory; /* 0, -1, -1: none runs */
    uint64_t due_ms;        /* of clock_boot_ms(): when the next one starts */
};

/* None runs; the first is due when the listeners have had some seconds to start. */
void prober_init(struct prober *prober);

/* The next one is due soon: a setting was changed, which makes services start again. */
void prober_soon(struct prober *prober);

/* Starts one where it is due and none runs. A failure is told, and tried again when it is due next.
 */
void prober_start_due(struct prober *prober, const struct node *node);

/* To be called when `pidfd` is readable: takes what was found and keeps it. True where there is a
 * new record, so that a walk is worth its while. */
bool prober_finish(struct prober *prober, const struct node *node);

/* Ends one that runs. */
void prober_close(struct prober *prober);

/* Whether a program's arguments are those that the warden gives; then its main. */
bool prober_is_meant(int count, char *const *words);
int prober_main(void);

#endif
