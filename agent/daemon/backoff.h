/*
 * The growing delay before a process or a probe that failed is started again: 1 second, doubled at
 * each failure, 60 seconds at the most. Something that lasted a minute begins at the first delay
 * again. Pure: times are the caller's, in milliseconds of clock_boot_ms().
 */
#ifndef HOLDFAST_DAEMON_BACKOFF_H
#define HOLDFAST_DAEMON_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_FIRST_MS = 1000, BACKOFF_LAST_MS = 60000, BACKOFF_GOOD_MS = 60000 };

/* Zeroed: no failure yet. */
struct backoff {
    unsigned failures; /* in a row */
};

/* One more failure, of something that lasted `lasted_ms`. The delay before the next try, in
 * milliseconds. */
unsigned backoff_failed(struct backoff *backoff, uint64_t lasted_ms);

#endif
