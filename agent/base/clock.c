/* The two clocks. */
#include "base/clock.h"

#include <string.h>
#include <time.h>

int64_t clock_now_s(void)
{
    return (int64_t)time(NULL);
}

uint64_t clock_boot_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void clock_text(int64_t time_s, char text[CLOCK_TEXT_SIZE])
{
    struct tm parts;
    time_t seconds = (time_t)time_s;
    if (!gmtime_r(&seconds, &parts) ||
        strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        memcpy(text, "0000-00-00T00:00:00Z", CLOCK_TEXT_SIZE);
}
