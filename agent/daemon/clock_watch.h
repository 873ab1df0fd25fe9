/*
 * Steps of the wall clock (settimeofday(2), adjtimex(2), NTP): what was made by its time, as a
 * certificate is, is looked at again at once. Source: timerfd_create(2), TFD_TIMER_CANCEL_ON_SET.
 */
#ifndef HOLDFAST_DAEMON_CLOCK_WATCH_H
#define HOLDFAST_DAEMON_CLOCK_WATCH_H

#include <stdbool.h>

/* A descriptor that becomes readable when the clock was set, or a negative errno: the daemon's own
 * interval alone looks at the clock then. */
int clock_watch_open(void);

/* True where the clock was set since the last call; watches on. */
bool clock_watch_drain(int fd);

#endif
