/* The daemon's interval: a walk is due so often, whatever the kernel announces. It counts the time
 * of a suspended machine too (CLOCK_BOOTTIME). */
#ifndef HOLDFAST_DAEMON_INTERVAL_H
#define HOLDFAST_DAEMON_INTERVAL_H

#include "base/loop.h"

struct interval {
    int fd; /* a timerfd, which tests read in /proc; -1: none */
    struct loop_notice expired;
    struct loop_source source;
};

/* Calls `expired` every so many seconds. 0 or a negative errno. */
int interval_open(struct interval *interval, struct loop *loop, unsigned every_s,
                  struct loop_notice expired);
void interval_close(struct interval *interval);

#endif
