/* One poll(2) over all lines; a line is idle, waits for its turn, or has a connection open. */
#include "probe/scan.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum {
    PACE_MS = 60,      /* between two connections, for a listener with a budget of 20 a second */
    RETRIES = 3,       /* of a close without a word, each alone */
    RETRIES_KNOWN = 1, /* once it has proved to be how this listener refuses */
    QUEUE_TRIES = 2,   /* of a connection that was not made in time while others were */
    READ_SIZE = 16384
};

enum phase {
    PHASE_IDLE,
    PHASE_WAITING,
    PHASE_CONNECTING,
    PHASE_SENDING,
    PHASE_READING,
    PHASE_DONE
};

struct line {
    struct scan_prober *scan_prober;
    enum phase phase;
    int fd;
    uint64_t deadline_ms;
    unsigned tries; /* of this question that were closed without a word */
    size_t hello_size, sent;
    unsigned char hello[HELLO_SIZE_MAX];
    struct reply_reader reader;
};

struct scan {
    const struct target *target;
    const struct scan_limits *limits;
    struct scan_count *counted;
    struct line *lines;
    size_t line_count;
    uint64_t last_start_ms;
    bool throttled;        /* the listener has a budget: PACE_MS lies between two connections */
    bool closes_to_refuse; /* it closed a question without a word however often it was asked */
    bool reached;          /* a connection was made */
    bool one_by_one;       /* its queue is short: what comes at once with others is left outside */
};

/* --- a line's question --- */

static void next_question(struct line *line)
{
    int size = line->scan_prober->ask(line->scan_prober, line->hello);
    line->phase = size > 0 ? PHASE_WAITING : PHASE_DONE;
    line->hello_size = size > 0 ? (size_t)size : 0;
    line->tries = 0;
}

static void hang_up(const struct scan *scan, struct line *line)
{
    if (line->fd >= 0)
        connect_close(scan->target, line->fd);
    line->fd = -1;
}

static void conclude(struct scan *scan, struct line *line, enum scan_response scan_response)
{
    hang_up(scan, line);
    if (line->tries && scan_response != SCAN_CLOSED)
        scan->throttled = true; /* the same question was answered at the slower pace */
    if (scan_response == SCAN_CLOSED)
        scan->closes_to_refuse = true;
    scan->counted->scan_response[scan_response]++;
    line->scan_prober->on_response(line->scan_prober, scan_response, &line->reader);
    next_question(line);
}

static void closed(struct scan *scan, struct line *line)
{
    if (line->reader.wire_length) {
        conclude(scan, line, SCAN_GARBAGE);
        return;
    }
    line->tries++;
    if (line->tries > (unsigned)(scan->closes_to_refuse ? RETRIES_KNOWN : RETRIES)) {
        conclude(scan, line, SCAN_CLOSED);
        return;
    }
    hang_up(scan, line);
    line->phase = PHASE_WAITING;
}

static void failed(struct scan *scan, struct line *line, int error)
{
    if (error == -ECONNRESET || error == -EPIPE) {
        closed(scan, line);
        return;
    }
    scan->counted->error = error;
    conclude(scan, line, SCAN_NOTHING);
}

/* --- its connection --- */

static void begin(struct scan *scan, struct line *line, uint64_t now_ms)
{
    scan->last_start_ms = now_ms;
    scan->counted->connections++;
    reply_begin(&line->reader);
    line->sent = 0;
    line->deadline_ms = now_ms + scan->limits->answer_ms;
    line->fd = connect_begin(scan->target);
    line->phase = PHASE_CONNECTING;
    if (line->fd < 0)
        failed(scan, line, line->fd);
}

static void go_on_sending(struct scan *scan, struct line *line)
{
    ssize_t sent = send(line->fd, line->hello + line->sent, line->hello_size - line->sent,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        failed(scan, line, -errno);
        return;
    }
    line->sent += sent > 0 ? (size_t)sent : 0;
    line->phase = line->sent == line->hello_size ? PHASE_READING : PHASE_SENDING;
}

static void connected(struct scan *scan, struct line *line)
{
    int error = connect_outcome(line->fd);
    if (error) {
        failed(scan, line, error);
        return;
    }
    scan->reached = true;
    go_on_sending(scan, line);
}

static void answered(struct scan *scan, struct line *line)
{
    unsigned char data[READ_SIZE];
    ssize_t length = recv(line->fd, data, sizeof(data), MSG_DONTWAIT);
    if (length < 0) {
        if (errno != EAGAIN && errno != EINTR)
            failed(scan, line, -errno);
        return;
    }
    if (length == 0) {
        closed(scan, line);
        return;
    }
    int state = reply_feed(&line->reader, data, (size_t)length);
    if (state < 0)
        conclude(scan, line, SCAN_GARBAGE);
    else if (state == 1)
        conclude(scan, line, line->reader.reply.hello ? SCAN_HELLO : SCAN_ALERT);
}

static void go_on(struct scan *scan, struct line *line)
{
    if (line->phase == PHASE_CONNECTING)
        connected(scan, line);
    else if (line->phase == PHASE_SENDING)
        go_on_sending(scan, line);
    else if (line->phase == PHASE_READING)
        answered(scan, line);
}

static bool is_open(const struct line *line)
{
    return line->phase >= PHASE_CONNECTING && line->phase <= PHASE_READING;
}

static void too_late(struct scan *scan, struct line *line)
{
    if (line->phase != PHASE_CONNECTING) {
        scan->counted->begun |= line->reader.wire_length > 0;
        conclude(scan, line, SCAN_SILENCE);
        return;
    }
    if (scan->reached && line->tries < QUEUE_TRIES) {
        scan->one_by_one = true;
        line->tries++;
        hang_up(scan, line);
        line->phase = PHASE_WAITING;
        return;
    }
    scan->counted->error = -ETIMEDOUT;
    conclude(scan, line, SCAN_NOTHING);
}

/* --- scheduling --- */

static size_t open_count(const struct scan *scan)
{
    size_t count = 0;
    for (size_t i = 0; i < scan->line_count; i++)
        count += is_open(&scan->lines[i]);
    return count;
}

/* A line that was closed without a word comes first, and alone; NULL when none waits. */
static struct line *next_waiting(struct scan *scan)
{
    struct line *next = NULL;
    for (size_t i = 0; i < scan->line_count; i++) {
        struct line *line = &scan->lines[i];
        if (line->phase == PHASE_WAITING && (!next || line->tries > next->tries))
            next = line;
    }
    return next;
}

static bool asks_again(const struct scan *scan)
{
    for (size_t i = 0; i < scan->line_count; i++)
        if (scan->lines[i].tries && scan->lines[i].phase != PHASE_DONE)
            return true;
    return false;
}

/* Begins what may begin now; how long until more may, -1 when that is not a matter of time. */
static int begin_lines(struct scan *scan)
{
    for (;;) {
        struct line *line = next_waiting(scan);
        bool again = asks_again(scan);
        uint64_t now_ms = clock_boot_ms();
        uint64_t due_ms = scan->last_start_ms + (again || scan->throttled ? PACE_MS : 0);
        if (!line || open_count(scan) >= (again || scan->one_by_one ? 1 : scan->limits->parallel))
            return -1;
        if (now_ms < due_ms)
            return (int)(due_ms - now_ms);
        begin(scan, line, now_ms);
    }
}

/* --- the loop --- */

static int until(uint64_t deadline_ms, uint64_t now_ms, int timeout_ms)
{
    int left = deadline_ms > now_ms ? (int)(deadline_ms - now_ms) : 0;
    return timeout_ms < 0 || left < timeout_ms ? left : timeout_ms;
}

static int wait_for_lines(struct scan *scan, struct pollfd *fds, int timeout_ms)
{
    uint64_t now_ms = clock_boot_ms();
    timeout_ms = until(scan->limits->deadline_ms, now_ms, timeout_ms);
    for (size_t i = 0; i < scan->line_count; i++) {
        const struct line *line = &scan->lines[i];
        fds[i] = (struct pollfd){.fd = -1};
        if (!is_open(line))
            continue;
        fds[i].fd = line->fd;
        fds[i].events = line->phase == PHASE_READING ? POLLIN : POLLOUT;
        timeout_ms = until(line->deadline_ms, now_ms, timeout_ms);
    }
    return poll(fds, (nfds_t)scan->line_count, timeout_ms);
}

/* False when every line is done. */
static bool turn(struct scan *scan)
{
    struct pollfd fds[SCAN_PROBERS_MAX];
    int timeout_ms = begin_lines(scan);
    if (timeout_ms < 0 && open_count(scan) == 0)
        return false;
    if (wait_for_lines(scan, fds, timeout_ms) < 0)
        return errno == EINTR;
    uint64_t now_ms = clock_boot_ms();
    for (size_t i = 0; i < scan->line_count; i++) {
        struct line *line = &scan->lines[i];
        if (fds[i].fd >= 0 && fds[i].revents)
            go_on(scan, line);
        else if (is_open(line) && now_ms >= line->deadline_ms)
            too_late(scan, line);
    }
    return true;
}

static void run_lines(struct scan *scan)
{
    while (turn(scan)) {
        if (clock_boot_ms() >= scan->limits->deadline_ms) {
            scan->counted->unfinished = true;
            break;
        }
    }
    for (size_t i = 0; i < scan->line_count; i++)
        hang_up(scan, &scan->lines[i]);
}

int scan_run(const struct target *target, const struct scan_limits *limits,
             struct scan_prober *const *scan_probers, size_t count, struct scan_count *counted)
{
    struct scan scan = {
        .target = target, .limits = limits, .counted = counted, .line_count = count};
    *counted = (struct scan_count){.error = 0};
    if (count > SCAN_PROBERS_MAX)
        return -EINVAL;
    scan.lines = calloc(count, sizeof(*scan.lines));
    if (!scan.lines)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        scan.lines[i].scan_prober = scan_probers[i];
        scan.lines[i].fd = -1;
        next_question(&scan.lines[i]);
    }
    run_lines(&scan);
    free(scan.lines);
    return 0;
}
