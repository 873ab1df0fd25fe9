/*
 * Steps of the wall clock (settimeofday(2), adjtimex(2), NTP): what was made by its time, as a
 * certificate is, is looked at again at once. Source: timerfd_create(2), TFD_TIMER_CANCEL_ON_SET.
 */
#ifndef HOLDFAST_DAEMON_CLOCK_WATCH_H
#define HOLDFAST_DAEMON_CLOCK_WATCH_H

#include "base/loop.h"

struct clock_watch {
    int fd; /* negative: none; the daemon's own interval alone looks at the clock then */
    struct loop_notice was_set;
    struct loop_source source;
};

/* From now on `was_set` is called when the clock was set. */
void clock_watch_open(struct clock_watch *clock, struct loop *loop, struct loop_notice was_set);
void clock_watch_close(struct clock_watch *clock);

#endif
