/* signalfd(2). */
#include "daemon/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void look(const void *context, struct loop_wait *wait)
{
    const struct signals *signals = context;
    wait->fd = signals->fd;
}

static void run(void *context, short revents)
{
    const struct signals *signals = context;
    struct signalfd_siginfo info;
    (void)revents;
    if (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        signals->caught(signals->context, info.ssi_signo);
}

static int block(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGCHLD);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* whoever read standard error may be gone */
        return -errno;
    return sigprocmask(SIG_BLOCK, set, NULL) < 0 ? -errno : 0;
}

int signals_open(struct signals *signals, struct loop *loop,
                 void (*caught)(void *context, unsigned number), void *context)
{
    sigset_t set;
    int error = block(&set);
    if (error)
        return error;
    signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals->fd < 0)
        return -errno;
    signals->caught = caught;
    signals->context = context;
    signals->source = (struct loop_source){.look = look, .run = run, .context = signals};
    return loop_add(loop, &signals->source);
}

void signals_close(struct signals *signals)
{
    if (signals->fd >= 0)
        close(signals->fd);
    signals->fd = -1;
}
