/* Ask, sleep, run. */
#include "base/loop.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>

void loop_init(struct loop *loop)
{
    *loop = (struct loop){.now_ms = clock_boot_ms, .wait = poll};
}

int loop_add(struct loop *loop, struct loop_source *source)
{
    struct loop_source **end = &loop->first;
    if (loop->count == LOOP_SOURCES_MAX)
        return -ENOSPC;
    while (*end)
        end = &(*end)->next;
    *end = source;
    source->next = NULL;
    source->polled_fd = -1;
    source->ready = 0;
    loop->count++;
    return 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    struct loop_source **link = &loop->first;
    while (*link && *link != source)
        link = &(*link)->next;
    if (!*link)
        return;
    *link = source->next;
    loop->count--;
    if (loop->next == source)
        loop->next = source->next;
}

static struct loop_wait look(const struct loop_source *source)
{
    struct loop_wait wait = {.fd = -1, .events = POLLIN};
    source->look(source->context, &wait);
    return wait;
}

/* Of two time limits in milliseconds the shorter; -1 is none. */
static int shorter(int timeout_ms, uint64_t due_ms, uint64_t now_ms)
{
    if (due_ms == 0)
        return timeout_ms;
    uint64_t left_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    int left = left_ms < INT_MAX ? (int)left_ms : INT_MAX;
    return timeout_ms < 0 || left < timeout_ms ? left : timeout_ms;
}

/* Fills `fds` in the order of the sources. poll(2) takes no more of them than RLIMIT_NOFILE, those
 * below 0 among them: sources without a descriptor have none. How many there are. */
static nfds_t ask_all(struct loop *loop, struct pollfd *fds, int *timeout_ms)
{
    nfds_t count = 0;
    uint64_t now_ms = loop->now_ms();
    *timeout_ms = -1;
    for (struct loop_source *source = loop->first; source; source = source->next) {
        const struct loop_wait wait = look(source);
        source->polled_fd = wait.fd;
        if (wait.fd >= 0)
            fds[count++] = (struct pollfd){.fd = wait.fd, .events = wait.events};
        *timeout_ms = shorter(*timeout_ms, wait.due_ms, now_ms);
    }
    return count;
}

static void note_ready(const struct loop *loop, const struct pollfd *fds)
{
    for (struct loop_source *source = loop->first; source; source = source->next)
        source->ready = source->polled_fd >= 0 ? (fds++)->revents : 0;
}

/* What the kernel said of a descriptor does not count for another that has taken its place. */
static void run_source(const struct loop *loop, struct loop_source *source)
{
    const struct loop_wait wait = look(source);
    short ready = wait.fd == source->polled_fd ? source->ready : 0;
    source->ready = 0;
    if (ready || (wait.due_ms && loop->now_ms() >= wait.due_ms))
        source->run(source->context, ready);
}

int loop_turn(struct loop *loop)
{
    struct pollfd fds[LOOP_SOURCES_MAX];
    int timeout_ms;
    nfds_t count = ask_all(loop, fds, &timeout_ms);
    if (loop->wait(fds, count, timeout_ms) < 0)
        return errno == EINTR ? 0 : -errno;
    note_ready(loop, fds);
    for (struct loop_source *source = loop->first; source; source = loop->next) {
        loop->next = source->next;
        run_source(loop, source);
    }
    loop->next = NULL;
    return 0;
}

int loop_run(struct loop *loop)
{
    int error = 0;
    while (error == 0 && !loop->is_stopped)
        error = loop_turn(loop);
    return error;
}

void loop_stop(struct loop *loop)
{
    loop->is_stopped = true;
}
