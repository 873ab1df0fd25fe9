/* The pipe of a helper's standard error: read in small parts, cut into lines, within limits. */
#include "process/helper_log.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum {
    MINUTE_MS = 60000,
    LINES_MAX = 20,   /* a minute */
    BYTES_MAX = 8192, /* a minute */
    PART_SIZE = 1024, /* read in one turn of the daemon's loop */
    PIPE_SIZE = 4096  /* the smallest that the kernel makes (pipe(7)) */
};

void helper_log_init(struct helper_log *log, const char *name)
{
    *log = (struct helper_log){.name = name, .fd = -1};
}

int helper_log_open(struct helper_log *log)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    if (fcntl(pair[0], F_SETPIPE_SZ, PIPE_SIZE) < 0) {
        int error = -errno;
        close(pair[0]);
        close(pair[1]);
        return error;
    }
    helper_log_close(log);
    log->fd = pair[0];
    return pair[1];
}

int helper_log_fd(const struct helper_log *log)
{
    return log->muted ? -1 : log->fd;
}

/* --- lines --- */

/* The logger cleans it of control characters. */
static void end_line(struct helper_log *log)
{
    if (log->length && !log->skips)
        log_warning("%s: %.*s", log->name, (int)log->length, log->line);
    log->length = 0;
    log->skips = false;
}

/* A line that is full is passed on as it is; the rest of it is not. */
static void take_byte(struct helper_log *log, char byte)
{
    if (byte == '\n') {
        log->lines++;
        end_line(log);
        return;
    }
    if (log->skips)
        return;
    log->line[log->length++] = byte ? byte : '?';
    if (log->length < sizeof(log->line))
        return;
    end_line(log);
    log->skips = true;
}

/* --- limits --- */

static void begin_minute(struct helper_log *log, uint64_t now_ms)
{
    log->minute_end_ms = now_ms + MINUTE_MS;
    log->lines = log->bytes = 0;
    log->muted = false;
}

static bool is_spent(const struct helper_log *log)
{
    return log->lines >= LINES_MAX || log->bytes >= BYTES_MAX;
}

/* What was read and not passed on is lost, up to the end of a line. */
static void mute(struct helper_log *log)
{
    log->muted = true;
    log->length = 0;
    log->skips = true;
    log_warning("%s: writes too much: what comes within a minute is not shown", log->name);
}

/* The number of bytes that were there: 0 when there are none now or when the other end is closed,
 * and then the pipe is. */
static size_t read_part(struct helper_log *log, char part[PART_SIZE])
{
    ssize_t got = read(log->fd, part, PART_SIZE);
    if (got > 0)
        return (size_t)got;
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(log->fd);
        log->fd = -1;
        end_line(log);
    }
    return 0;
}

static size_t pass_on(struct helper_log *log)
{
    char part[PART_SIZE];
    uint64_t now_ms = clock_boot_ms();
    size_t size = read_part(log, part);
    if (now_ms >= log->minute_end_ms)
        begin_minute(log, now_ms);
    log->bytes += (unsigned)size;
    for (size_t i = 0; i < size && log->lines < LINES_MAX; i++)
        take_byte(log, part[i]);
    if (is_spent(log))
        mute(log);
    return size;
}

void helper_log_read(struct helper_log *log)
{
    if (helper_log_fd(log) >= 0)
        (void)pass_on(log);
}

uint64_t helper_log_due_ms(const struct helper_log *log)
{
    return log->muted && log->fd >= 0 ? log->minute_end_ms : 0;
}

/* The pipe is emptied first: what lay in it comes from the middle of a flood. */
void helper_log_do_due(struct helper_log *log)
{
    char part[PART_SIZE];
    uint64_t now_ms = clock_boot_ms();
    if (!log->muted || now_ms < log->minute_end_ms)
        return;
    for (int left = PIPE_SIZE / PART_SIZE; left > 0 && log->fd >= 0; left--) {
        size_t size = read_part(log, part);
        if (size)
            log->skips = part[size - 1] != '\n';
    }
    begin_minute(log, now_ms);
}

static void look(const void *context, struct loop_wait *wait)
{
    const struct helper_log *log = context;
    wait->fd = helper_log_fd(log);
    wait->due_ms = helper_log_due_ms(log);
}

static void run(void *context, short revents)
{
    struct helper_log *log = context;
    if (revents)
        helper_log_read(log);
    helper_log_do_due(log);
}

int helper_log_register(struct helper_log *log, struct loop *loop)
{
    log->source = (struct loop_source){.look = look, .run = run, .context = log};
    return loop_add(loop, &log->source);
}

void helper_log_close(struct helper_log *log)
{
    while (helper_log_fd(log) >= 0 && pass_on(log))
        ;
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
    end_line(log);
}
