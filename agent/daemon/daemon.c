/*
 * The daemon's loop: one poll(2) over the kernel's announcements, the timer, the control socket,
 * the endpoint and signals. A walk follows whatever says that something may have changed.
 */
#include "daemon/daemon.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "control/password.h"
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
#include "snapshot/publisher.h"

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

struct daemon {
    const struct daemon_setup *setup;
    struct node node;
    struct results results; /* of the last walk */
    struct monitor *monitor;
    struct control *control;
    struct endpoint endpoint;
    struct prober prober;
    int signals, timer;
    int files;            /* inotify; negative: the timer alone looks at them */
    int clock;            /* daemon/clock_watch.h; negative: likewise */
    uint64_t walk_due_ms; /* CLOCK_BOOTTIME; 0: no walk is due */
    uint64_t generation;
    struct drift drift;
    struct traffic_counts traffic;
    struct publisher publisher;
    bool stop;
};

/* --- one walk, and the pages that show it --- */

static void make_report(const struct daemon *daemon, const struct recent_events *recent_events,
                        struct report *report)
{
    *report = (struct report){.traffic = daemon->traffic,
                              .results = &daemon->results,
                              .events = recent_events->list,
                              .event_count = recent_events->count};
    node_facts(&daemon->node, &report->facts);
    report->facts.generation = daemon->generation;
    report->facts.certificate_expires_s = daemon->endpoint.certificate.life.until_s;
    report->facts.certificate_fingerprint = daemon->endpoint.certificate.fingerprint;
    report->facts.drift_repaired = daemon->drift.repaired;
    report->facts.last_drift_s = daemon->drift.last_s;
}

static void log_unpublished(const struct daemon *daemon, int error)
{
    if (error)
        log_error("cannot publish generation %llu: %s", (unsigned long long)daemon->generation,
                  strerror(-error));
}

/* The endpoint has its own copy; local readers come for theirs. */
static void publish(struct daemon *daemon)
{
    struct recent_events recent_events = {.count = 0};
    struct report report;
    (void)recent_events_read(&recent_events,
                             daemon->node.state); /* logged, or no memory: the page has none then */
    make_report(daemon, &recent_events, &report);
    log_unpublished(daemon, publisher_publish(&daemon->publisher, &report, &daemon->node,
                                              STALE_INTERVALS * daemon->setup->interval_s));
    int stations = daemon->publisher.fds[AUDIENCE_STATIONS];
    if (stations >= 0 && daemon->endpoint.running)
        log_unpublished(daemon, worker_publish(&daemon->endpoint.worker, stations));
    recent_events_free(&recent_events);
}

static void walk(struct daemon *daemon)
{
    struct results now = {0};
    daemon->walk_due_ms = 0;
    fips_evidence_test(&daemon->node); /* a change may have switched FIPS mode on */
    if (endpoint_hold(&daemon->endpoint, &daemon->node))
        prober_soon(&daemon->prober);
    endpoint_report(&daemon->endpoint, &daemon->node, daemon->prober.failures,
                    daemon->prober.reason);
    node_events_settle(&daemon->node);
    drift_walk(&daemon->drift, &daemon->node, &daemon->results, &now);
    results_free(&daemon->results);
    daemon->results = now;
    daemon->generation++;
    file_watch_renew(daemon->files, daemon->node.system.root);
    publish(daemon);
}

static void walk_soon(struct daemon *daemon, unsigned delay_ms)
{
    uint64_t due_ms = clock_boot_ms() + delay_ms;
    if (daemon->walk_due_ms == 0 || due_ms < daemon->walk_due_ms)
        daemon->walk_due_ms = due_ms;
}

/* The endpoint is in another state: a new process has no pages yet, and the rows say so. */
static void endpoint_changed(struct daemon *daemon)
{
    walk_soon(daemon, 0);
    prober_soon(&daemon->prober);
}

/* --- what the control socket asks --- */

static int control_run(void *context, const struct verb *verb, const struct request *request,
                       struct buf *answer)
{
    struct daemon *daemon = context;
    int error = verb->run(&daemon->node, request, answer);
    if (!verb->writes || (error && !daemon->node.reason.length))
        return error;
    walk_soon(daemon, 0);
    if (error == 0)
        prober_soon(&daemon->prober);
    return error;
}

static void control_refused(void *context, const char *who, const char *why)
{
    struct daemon *daemon = context;
    if (node_event(&daemon->node, "refused", "%s: %s", who, why))
        log_warning("control socket: %s: %s", who, why);
}

/* --- the loop --- */

enum {
    FD_SIGNAL,
    FD_TIMER,
    FD_ENDPOINT,
    FD_ENDPOINT_LOG,
    FD_PROBER,
    FD_PROBER_LOG,
    FD_FILES,
    FD_CLOCK,
    FD_PUBLISHER,
    FD_MONITOR,
    FD_CONTROL = FD_MONITOR + MONITOR_FDS
};

static void read_signal(struct daemon *daemon)
{
    struct signalfd_siginfo info;
    if (read(daemon->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP)
        walk_soon(daemon, 0);
    else if (info.ssi_signo != SIGCHLD)
        daemon->stop = true;
    else if (endpoint_look_at_child(&daemon->endpoint, &daemon->node))
        endpoint_changed(daemon);
}

static void read_timer(struct daemon *daemon)
{
    uint64_t expirations;
    if (read(daemon->timer, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
        walk_soon(daemon, 0);
}

static int until(uint64_t due_ms, int timeout_ms)
{
    uint64_t now_ms = clock_boot_ms();
    int left = due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
    return due_ms == 0 || (timeout_ms >= 0 && timeout_ms < left) ? timeout_ms : left;
}

static void do_what_is_due(struct daemon *daemon)
{
    if (endpoint_do_due(&daemon->endpoint, &daemon->node))
        endpoint_changed(daemon);
    if (daemon->walk_due_ms && clock_boot_ms() >= daemon->walk_due_ms)
        walk(daemon);
    if (!fips_evidence_passed(&daemon->node)) { /* a library that failed is not used */
        prober_close(&daemon->prober);
        daemon->prober.due_ms = 0;
    } else if (prober_do_due(&daemon->prober, &daemon->node)) {
        walk_soon(daemon, 0);
    }
    helper_log_do_due(&daemon->endpoint.log);
    helper_log_do_due(&daemon->prober.log);
}

static void list_sources(const struct daemon *daemon, struct pollfd *fds)
{
    const int listed[FD_MONITOR] = {
        [FD_SIGNAL] = daemon->signals,
        [FD_TIMER] = daemon->timer,
        [FD_ENDPOINT] = daemon->endpoint.running ? daemon->endpoint.worker.channel : -1,
        [FD_ENDPOINT_LOG] = helper_log_fd(&daemon->endpoint.log),
        [FD_PROBER] = daemon->prober.pidfd,
        [FD_PROBER_LOG] = helper_log_fd(&daemon->prober.log),
        [FD_FILES] = daemon->files,
        [FD_CLOCK] = daemon->clock,
        [FD_PUBLISHER] = daemon->publisher.listener,
    };
    for (size_t i = 0; i < countof(listed); i++)
        fds[i] = (struct pollfd){.fd = listed[i], .events = POLLIN};
    monitor_fds(daemon->monitor, &fds[FD_MONITOR]);
}

static int first_timeout_ms(const struct daemon *daemon)
{
    const uint64_t due_ms[] = {
        daemon->walk_due_ms,
        endpoint_due_ms(&daemon->endpoint),
        helper_log_due_ms(&daemon->endpoint.log),
        prober_due_ms(&daemon->prober),
        helper_log_due_ms(&daemon->prober.log),
    };
    int timeout_ms = -1;
    for (size_t i = 0; i < countof(due_ms); i++)
        timeout_ms = until(due_ms[i], timeout_ms);
    return timeout_ms;
}

/* What a helper wrote comes first: its last words stand before the message that it has ended. */
static void read_sources(struct daemon *daemon, const struct pollfd *fds)
{
    if (fds[FD_ENDPOINT_LOG].revents)
        helper_log_read(&daemon->endpoint.log);
    if (fds[FD_PROBER_LOG].revents)
        helper_log_read(&daemon->prober.log);
    if (fds[FD_SIGNAL].revents)
        read_signal(daemon);
    if (fds[FD_TIMER].revents)
        read_timer(daemon);
    if (fds[FD_FILES].revents && file_watch_drain(daemon->files))
        walk_soon(daemon, SETTLE_MS);
    if (fds[FD_CLOCK].revents && clock_watch_drain(daemon->clock))
        walk_soon(daemon, 0);
    if (fds[FD_ENDPOINT].revents && daemon->endpoint.running &&
        endpoint_read(&daemon->endpoint, &daemon->node, &daemon->traffic))
        endpoint_changed(daemon);
    if (fds[FD_PROBER].revents && prober_finish(&daemon->prober, &daemon->node))
        walk_soon(daemon, 0);
    if (monitor_drain(daemon->monitor, &fds[FD_MONITOR]))
        walk_soon(daemon, SETTLE_MS);
}

static int turn(struct daemon *daemon)
{
    struct pollfd fds[FD_CONTROL + CONTROL_FDS_MAX] = {{0}};
    int timeout_ms = first_timeout_ms(daemon);
    list_sources(daemon, fds);
    size_t controls = control_fds(daemon->control, &fds[FD_CONTROL], &timeout_ms);
    if (poll(fds, FD_CONTROL + controls, timeout_ms) < 0)
        return errno == EINTR ? 0 : -errno;
    read_sources(daemon, fds);
    control_serve(daemon->control, &fds[FD_CONTROL], controls);
    if (fds[FD_PUBLISHER].revents)
        publisher_serve(&daemon->publisher);
    do_what_is_due(daemon);
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

/* For root alone where there is no such user; the control socket logs why. */
static int open_publisher(struct daemon *daemon)
{
    uid_t admin = 0;
    gid_t group = 0;
    if (password_account(daemon->setup->root, PASSWORD_ADMIN, &admin, &group) < 0) {
        admin = 0;
        group = 0;
    }
    return publisher_open(&daemon->publisher, daemon->setup->root, admin, group);
}

static int open_sources(struct daemon *daemon)
{
    const struct control_actions actions = {
        .run = control_run, .refused = control_refused, .now_ms = clock_boot_ms, .context = daemon};
    daemon->signals = open_signals();
    daemon->timer = open_timer(daemon->setup->interval_s);
    daemon->files = file_watch_open();
    daemon->clock = clock_watch_open();
    if (daemon->signals < 0 || daemon->timer < 0) {
        int error = daemon->signals < 0 ? daemon->signals : daemon->timer;
        log_error("run: cannot wait for signals and time: %s", strerror(-error));
        return error;
    }
    int error = monitor_open(&daemon->monitor);
    if (error == 0)
        error = control_open(&daemon->control, daemon->setup->root, &actions);
    if (error == 0)
        error = open_publisher(daemon);
    if (error == 0)
        error = endpoint_open(&daemon->endpoint, &daemon->node);
    return error;
}

static void close_all(struct daemon *daemon)
{
    prober_close(&daemon->prober);
    endpoint_close(&daemon->endpoint, &daemon->node);
    control_close(daemon->control);
    publisher_close(&daemon->publisher);
    monitor_close(daemon->monitor);
    if (daemon->timer >= 0)
        close(daemon->timer);
    if (daemon->files >= 0)
        close(daemon->files);
    if (daemon->clock >= 0)
        close(daemon->clock);
    if (daemon->signals >= 0)
        close(daemon->signals);
    results_free(&daemon->results);
    node_close(&daemon->node);
}

static int open_node(struct daemon *daemon)
{
    const struct daemon_setup *setup = daemon->setup;
    int error = node_load(&daemon->node, setup->root, setup->state_path, NODE_RUN);
    if (error == 0 && daemon->node.state && !daemon->node.writable && !daemon->node.frozen)
        error = -EBUSY;
    if (error)
        log_error("run: cannot load the node from %s: %s", setup->state_path, strerror(-error));
    else if (daemon->node.reason.length)
        log_error("FAILED CLOSED: %s", buf_text(&daemon->node.reason));
    else if (daemon->node.frozen)
        log_error("%s: %s", setup->state_path, NODE_FROZEN);
    if (error == 0)
        fips_evidence_test(&daemon->node);
    return error;
}

/* A boot that did not come to its end enforced nothing before the network came up: what the walk
 * finds is not the whole story then. */
static void note_missing_boot(struct daemon *daemon)
{
    struct boot_record record = {0};
    if (boot_record_read(daemon->node.system.root, &record) == 0)
        return;
    node_event(
        &daemon->node, "unbooted",
        "no boot is recorded since the machine started: nothing is known to have enforced the "
        "policy before the network came up");
}

int daemon_run(const struct daemon_setup *setup)
{
    struct daemon daemon = {.setup = setup, .signals = -1, .timer = -1, .files = -1, .clock = -1};
    publisher_init(&daemon.publisher);
    prober_init(&daemon.prober);
    endpoint_init(&daemon.endpoint);
    int error = privilege_reduce();
    if (error == 0)
        error = open_node(&daemon);
    if (error == 0)
        error = open_sources(&daemon);
    if (error == 0) {
        note_missing_boot(&daemon);
        endpoint_start(&daemon.endpoint, &daemon.node);
        walk(&daemon);
    }
    while (error == 0 && !daemon.stop)
        error = turn(&daemon);
    close_all(&daemon);
    return error;
}
