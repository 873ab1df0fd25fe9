/* Time: the wall clock for people and logs, the monotonic clock for order and limits. */
#ifndef HOLDFAST_BASE_CLOCK_H
#define HOLDFAST_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT_SIZE = sizeof("2026-01-02T03:04:05Z") };

/* Seconds since 1970-01-01 UTC. */
int64_t clock_now_s(void);

/* Milliseconds of CLOCK_BOOTTIME: since the kernel started, never set back. */
uint64_t clock_boot_ms(void);

/* RFC 3339 in UTC, to the second. */
void clock_text(int64_t time_s, char text[CLOCK_TEXT_SIZE]);

#endif
