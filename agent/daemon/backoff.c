/* The growing delay. */
#include "daemon/backoff.h"

#include <limits.h>

unsigned backoff_failed(struct backoff *backoff, uint64_t lasted_ms)
{
    unsigned delay_ms = BACKOFF_FIRST_MS;
    if (lasted_ms >= BACKOFF_GOOD_MS)
        backoff->failures = 0;
    for (unsigned i = 0; i < backoff->failures && delay_ms < BACKOFF_LAST_MS; i++)
        delay_ms *= 2;
    if (backoff->failures < UINT_MAX)
        backoff->failures++;
    return delay_ms < BACKOFF_LAST_MS ? delay_ms : BACKOFF_LAST_MS;
}
