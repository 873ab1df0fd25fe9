/* timerfd_create(2). */
#include "daemon/interval.h"

#include <errno.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void look(const void *context, struct loop_wait *wait)
{
    const struct interval *interval = context;
    wait->fd = interval->fd;
}

static void run(void *context, short revents)
{
    const struct interval *interval = context;
    uint64_t expirations;
    (void)revents;
    if (read(interval->fd, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
        interval->expired.call(interval->expired.context);
}

int interval_open(struct interval *interval, struct loop *loop, unsigned every_s,
                  struct loop_notice expired)
{
    const struct itimerspec every = {.it_interval.tv_sec = every_s, .it_value.tv_sec = every_s};
    interval->fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (interval->fd < 0 || timerfd_settime(interval->fd, 0, &every, NULL) < 0)
        return -errno;
    interval->expired = expired;
    interval->source = (struct loop_source){.look = look, .run = run, .context = interval};
    return loop_add(loop, &interval->source);
}

void interval_close(struct interval *interval)
{
    if (interval->fd >= 0)
        close(interval->fd);
    interval->fd = -1;
}
