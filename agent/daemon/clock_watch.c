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

static void look(const void *context, struct loop_wait *wait)
{
    const struct clock_watch *clock = context;
    wait->fd = clock->fd;
}

static void run(void *context, short revents)
{
    const struct clock_watch *clock = context;
    uint64_t expirations;
    (void)revents;
    if (read(clock->fd, &expirations, sizeof(expirations)) <= 0 && errno != ECANCELED)
        return;
    (void)arm(clock->fd);
    clock->was_set.call(clock->was_set.context);
}

void clock_watch_open(struct clock_watch *clock, struct loop *loop, struct loop_notice was_set)
{
    clock->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    clock->was_set = was_set;
    clock->source = (struct loop_source){.look = look, .run = run, .context = clock};
    if (clock->fd < 0 || arm(clock->fd) < 0 || loop_add(loop, &clock->source) < 0)
        clock_watch_close(clock);
}

void clock_watch_close(struct clock_watch *clock)
{
    if (clock->fd >= 0)
        close(clock->fd);
    clock->fd = -1;
}
