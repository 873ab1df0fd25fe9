/* A timer of the wall clock that never expires by itself. */
#include "daemon/clock_watch.h"

#include <errno.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Beyond what the wall clock can be set to (KTIME_MAX is in 2262). */
#define NEVER_S (INT64_MAX / INT64_C(1000000000) - 1)

static int arm(int fd)
{
    const struct itimerspec never = {.it_value.tv_sec = NEVER_S};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

int clock_watch_open(void)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (arm(fd) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

bool clock_watch_drain(int fd)
{
    uint64_t expirations;
    bool set = read(fd, &expirations, sizeof(expirations)) > 0 || errno == ECANCELED;
    if (set)
        (void)arm(fd);
    return set;
}
