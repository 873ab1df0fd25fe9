/*
 * The warden's loop: one poll(2) over the kernel's announcements, the timer, the door, the front
 * and signals. A walk follows whatever says that something may have changed.
 */
#include "daemon/daemon.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "control/event_page.h"
#include "control/published.h"
#include "control/server.h"
#include "daemon/clock_watch.h"
#include "daemon/drift.h"
#include "daemon/endpoint.h"
#include "daemon/file_watch.h"
#include "daemon/prober.h"
#include "daemon/recent_events.h"
#include "netlink/monitor.h"
#include "node/boot_record.h"
#include "node/fips_evidence.h"
#include "node/node.h"
#include "process/privilege.h"
#include "snapshot/pages.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    SETTLE_MS = 20,     /* announcements come in bursts: one walk for all of them */
    STALE_INTERVALS = 3 /* spec/interfaces: a snapshot older than that fails /health */
};

struct warden {
    const struct warden_setup *setup;
    struct node node;
    struct results results; /* of the last walk */
    struct monitor *monitor;
    struct door *door;
    struct endpoint endpoint;
    struct prober prober;
    int signals, timer;
    int files;            /* inotify; negative: the timer alone looks at them */
    int clock;            /* daemon/clock_watch.h; negative: likewise */
    uint64_t walk_due_ms; /* CLOCK_BOOTTIME; 0: no walk is due */
    uint64_t generation;
    struct drift drift;
    struct traffic_counts traffic;
    struct buf published; /* what local readers are shown: of the last walk, as the snapshot is */
    bool stop;
};

/* --- one walk, and the pages that show it --- */

static void make_report(const struct warden *warden, const struct recent *recent,
                        struct report *report)
{
    *report = (struct report){.traffic = warden->traffic,
                              .results = &warden->results,
                              .events = recent->list,
                              .event_count = recent->count};
    node_facts(&warden->node, &report->facts);
    report->facts.generation = warden->generation;
    report->facts.certificate_expires_s = warden->endpoint.certificate.life.until_s;
    report->facts.certificate_fingerprint = warden->endpoint.certificate.fingerprint;
    report->facts.drift_repaired = warden->drift.repaired;
    report->facts.last_drift_s = warden->drift.last_s;
}

static void publish_to_stations(struct warden *warden, const struct report *report)
{
    int fd = pages_seal(report, &warden->node.policy, STALE_INTERVALS * warden->setup->interval_s);
    int error = fd < 0 ? fd : front_publish(&warden->endpoint.front, fd);
    if (error)
        log_error("cannot publish generation %llu: %s", (unsigned long long)warden->generation,
                  strerror(-error));
    if (fd >= 0)
        close(fd);
}

/* To the stations where the endpoint runs, and to local readers always. */
static void publish(struct warden *warden)
{
    struct recent recent = {.count = 0};
    struct report report;
    (void)recent_read(&recent, warden->node.state); /* told, or no memory: the page has none then */
    make_report(warden, &recent, &report);
    if (warden->endpoint.running)
        publish_to_stations(warden, &report);
    buf_clear(&warden->published); /* its memory is kept: each walk publishes about as much */
    published_write(&report, &warden->node, &warden->published);
    recent_free(&recent);
}

static void walk(struct warden *warden)
{
    struct results now = {0};
    warden->walk_due_ms = 0;
    if (endpoint_hold(&warden->endpoint, &warden->node))
        prober_soon(&warden->prober);
    endpoint_tell(&warden->endpoint, &warden->node, warden->prober.failures, warden->prober.reason);
    node_events_settle(&warden->node);
    drift_walk(&warden->drift, &warden->node, &warden->results, &now);
    results_free(&warden->results);
    warden->results = now;
    warden->generation++;
    file_watch_renew(warden->files, warden->node.system.root);
    publish(warden);
}

static void walk_soon(struct warden *warden, unsigned delay_ms)
{
    uint64_t due_ms = clock_boot_ms() + delay_ms;
    if (warden->walk_due_ms == 0 || due_ms < warden->walk_due_ms)
        warden->walk_due_ms = due_ms;
}

/* The endpoint is in another state: a new process has no pages yet, and the rows say so. */
static void endpoint_changed(struct warden *warden)
{
    walk_soon(warden, 0);
    prober_soon(&warden->prober);
}

/* --- what the door asks --- */

static int door_load(void *context, struct buf *answer)
{
    const struct warden *warden = context;
    if (warden->node.reason.length) {
        buf_puts(answer, buf_text(&warden->node.reason));
        return -ENODATA;
    }
    return door_write_load(warden->node.role, warden->node.revision, &warden->node.settings,
                           answer);
}

static int door_apply(void *context, const struct change *change, struct buf *answer)
{
    struct warden *warden = context;
    int error = node_apply(&warden->node, change, answer);
    if (error && warden->node.reason.length)
        walk_soon(warden, 0);
    if (error)
        return error;
    buf_printf(answer, "%llu", (unsigned long long)warden->node.revision);
    walk_soon(warden, 0);
    prober_soon(&warden->prober);
    return 0;
}

static int door_published(void *context, struct buf *answer)
{
    const struct warden *warden = context;
    buf_append(answer, buf_text(&warden->published), warden->published.length);
    return buf_error(&warden->published);
}

static int door_events(void *context, const void *request, size_t size, struct buf *answer)
{
    const struct warden *warden = context;
    if (warden->node.state)
        return event_page_write(warden->node.state, request, size, answer);
    buf_puts(answer, buf_text(&warden->node.reason));
    return -ENODATA;
}

static int door_reboot(void *context, const char *who)
{
    struct warden *warden = context;
    return node_reboot(&warden->node, who);
}

static void door_refused(void *context, const char *who, const char *why)
{
    struct warden *warden = context;
    if (node_event(&warden->node, "refused", "%s: %s", who, why))
        log_warning("door: %s: %s", who, why);
}

/* --- the loop --- */

enum {
    FD_SIGNAL,
    FD_TIMER,
    FD_FRONT,
    FD_FRONT_LOG,
    FD_PROBER,
    FD_PROBER_LOG,
    FD_FILES,
    FD_CLOCK,
    FD_MONITOR,
    FD_DOOR = FD_MONITOR + MONITOR_FDS
};

static void read_signal(struct warden *warden)
{
    struct signalfd_siginfo info;
    if (read(warden->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP)
        walk_soon(warden, 0);
    else if (info.ssi_signo != SIGCHLD)
        warden->stop = true;
    else if (endpoint_look_at_child(&warden->endpoint, &warden->node))
        endpoint_changed(warden);
}

static void read_timer(struct warden *warden)
{
    uint64_t expirations;
    if (read(warden->timer, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
        walk_soon(warden, 0);
}

static int until(uint64_t due_ms, int timeout_ms)
{
    uint64_t now_ms = clock_boot_ms();
    int left = due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
    return due_ms == 0 || (timeout_ms >= 0 && timeout_ms < left) ? timeout_ms : left;
}

static void do_what_is_due(struct warden *warden)
{
    if (endpoint_do_due(&warden->endpoint, &warden->node))
        endpoint_changed(warden);
    if (warden->walk_due_ms && clock_boot_ms() >= warden->walk_due_ms)
        walk(warden);
    if (!fips_prove(&warden->node)) { /* a library that failed is not used */
        prober_close(&warden->prober);
        warden->prober.due_ms = 0;
    } else if (prober_do_due(&warden->prober, &warden->node)) {
        walk_soon(warden, 0);
    }
    helper_log_do_due(&warden->endpoint.log);
    helper_log_do_due(&warden->prober.log);
}

static void list_sources(const struct warden *warden, struct pollfd *fds)
{
    const int listed[FD_MONITOR] = {
        [FD_SIGNAL] = warden->signals,
        [FD_TIMER] = warden->timer,
        [FD_FRONT] = warden->endpoint.running ? warden->endpoint.front.channel : -1,
        [FD_FRONT_LOG] = helper_log_fd(&warden->endpoint.log),
        [FD_PROBER] = warden->prober.pidfd,
        [FD_PROBER_LOG] = helper_log_fd(&warden->prober.log),
        [FD_FILES] = warden->files,
        [FD_CLOCK] = warden->clock,
    };
    for (size_t i = 0; i < countof(listed); i++)
        fds[i] = (struct pollfd){.fd = listed[i], .events = POLLIN};
    monitor_fds(warden->monitor, &fds[FD_MONITOR]);
}

static int first_timeout_ms(const struct warden *warden)
{
    const uint64_t due_ms[] = {
        warden->walk_due_ms,
        endpoint_due_ms(&warden->endpoint),
        helper_log_due_ms(&warden->endpoint.log),
        prober_due_ms(&warden->prober),
        helper_log_due_ms(&warden->prober.log),
    };
    int timeout_ms = -1;
    for (size_t i = 0; i < countof(due_ms); i++)
        timeout_ms = until(due_ms[i], timeout_ms);
    return timeout_ms;
}

/* What a helper wrote comes first: its last words stand before the message that it has ended. */
static void read_sources(struct warden *warden, const struct pollfd *fds)
{
    if (fds[FD_FRONT_LOG].revents)
        helper_log_read(&warden->endpoint.log);
    if (fds[FD_PROBER_LOG].revents)
        helper_log_read(&warden->prober.log);
    if (fds[FD_SIGNAL].revents)
        read_signal(warden);
    if (fds[FD_TIMER].revents)
        read_timer(warden);
    if (fds[FD_FILES].revents && file_watch_drain(warden->files))
        walk_soon(warden, SETTLE_MS);
    if (fds[FD_CLOCK].revents && clock_watch_drain(warden->clock))
        walk_soon(warden, 0);
    if (fds[FD_FRONT].revents && warden->endpoint.running &&
        endpoint_read(&warden->endpoint, &warden->node, &warden->traffic))
        endpoint_changed(warden);
    if (fds[FD_PROBER].revents && prober_finish(&warden->prober, &warden->node))
        walk_soon(warden, 0);
    if (monitor_drain(warden->monitor, &fds[FD_MONITOR]))
        walk_soon(warden, SETTLE_MS);
}

static int turn(struct warden *warden)
{
    struct pollfd fds[FD_DOOR + DOOR_FDS_MAX] = {{0}};
    int timeout_ms = first_timeout_ms(warden);
    list_sources(warden, fds);
    size_t doors = door_fds(warden->door, &fds[FD_DOOR], &timeout_ms);
    if (poll(fds, FD_DOOR + doors, timeout_ms) < 0)
        return errno == EINTR ? 0 : -errno;
    read_sources(warden, fds);
    door_serve(warden->door, &fds[FD_DOOR], doors);
    do_what_is_due(warden);
    return 0;
}

/* --- start and end --- */

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* whoever read standard error may be gone */
        return -errno;
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int open_timer(unsigned interval_s)
{
    struct itimerspec every = {.it_interval.tv_sec = interval_s, .it_value.tv_sec = interval_s};
    int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (timerfd_settime(fd, 0, &every, NULL) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static int open_sources(struct warden *warden)
{
    struct door_actions actions = {.load = door_load,
                                   .apply = door_apply,
                                   .reboot = door_reboot,
                                   .published = door_published,
                                   .events = door_events,
                                   .refused = door_refused,
                                   .now_ms = clock_boot_ms,
                                   .context = warden};
    warden->signals = open_signals();
    warden->timer = open_timer(warden->setup->interval_s);
    warden->files = file_watch_open();
    warden->clock = clock_watch_open();
    if (warden->signals < 0 || warden->timer < 0) {
        int error = warden->signals < 0 ? warden->signals : warden->timer;
        log_error("run: cannot wait for signals and time: %s", strerror(-error));
        return error;
    }
    int error = monitor_open(&warden->monitor);
    if (error == 0)
        error = door_open(&warden->door, warden->setup->root, &actions);
    if (error == 0)
        error = endpoint_open(&warden->endpoint, &warden->node);
    return error;
}

static void close_all(struct warden *warden)
{
    prober_close(&warden->prober);
    endpoint_close(&warden->endpoint, &warden->node);
    door_close(warden->door);
    monitor_close(warden->monitor);
    if (warden->timer >= 0)
        close(warden->timer);
    if (warden->files >= 0)
        close(warden->files);
    if (warden->clock >= 0)
        close(warden->clock);
    if (warden->signals >= 0)
        close(warden->signals);
    results_free(&warden->results);
    buf_free(&warden->published);
    node_close(&warden->node);
}

static int open_node(struct warden *warden)
{
    const struct warden_setup *setup = warden->setup;
    int error = node_load(&warden->node, setup->root, setup->state_path, NODE_RUN);
    if (error == 0 && warden->node.state && !warden->node.writable && !warden->node.frozen)
        error = -EBUSY;
    if (error)
        log_error("run: cannot load the node from %s: %s", setup->state_path, strerror(-error));
    else if (warden->node.reason.length)
        log_error("FAILED CLOSED: %s", buf_text(&warden->node.reason));
    else if (warden->node.frozen)
        log_error("%s: %s", setup->state_path, NODE_FROZEN);
    return error;
}

/* A boot that did not come to its end enforced nothing before the network came up: what the walk
 * finds is not the whole story then. */
static void note_missing_boot(struct warden *warden)
{
    struct boot_record record = {0};
    if (boot_record_read(warden->node.system.root, &record) == 0)
        return;
    node_event(
        &warden->node, "unbooted",
        "no boot is recorded since the machine started: nothing is known to have enforced the "
        "policy before the network came up");
}

int warden_run(const struct warden_setup *setup)
{
    struct warden warden = {.setup = setup, .signals = -1, .timer = -1, .files = -1, .clock = -1};
    prober_init(&warden.prober);
    endpoint_init(&warden.endpoint);
    int error = privilege_reduce();
    if (error == 0)
        error = open_node(&warden);
    if (error == 0)
        error = open_sources(&warden);
    if (error == 0) {
        note_missing_boot(&warden);
        endpoint_start(&warden.endpoint, &warden.node);
        walk(&warden);
    }
    while (error == 0 && !warden.stop)
        error = turn(&warden);
    close_all(&warden);
    return error;
}
