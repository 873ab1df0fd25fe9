/*
 * The daemon: its parts register themselves in one loop, and a walk follows whatever says that
 * something may have changed.
 */
#include "daemon/daemon.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "control/password.h"
#include "control/server.h"
#include "daemon/clock_watch.h"
#include "daemon/drift.h"
#include "daemon/endpoint.h"
#include "daemon/file_watch.h"
#include "daemon/interval.h"
#include "daemon/prober.h"
#include "daemon/recent_events.h"
#include "daemon/signals.h"
#include "netlink/monitor.h"
#include "node/boot_record.h"
#include "node/fips_evidence.h"
#include "node/node.h"
#include "process/privilege.h"
#include "snapshot/publisher.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    SETTLE_MS = 20,     /* announcements come in bursts: one walk for all of them */
    STALE_INTERVALS = 3 /* spec/interfaces: a snapshot older than that fails /health */
};

struct daemon {
    const struct daemon_setup *setup;
    struct node node;
    struct results results; /* of the last walk */
    struct loop loop;
    struct monitor *monitor;
    struct control *control;
    struct endpoint endpoint;
    struct prober prober;
    struct signals signals;
    struct interval interval;
    struct file_watch files;
    struct clock_watch clock;
    uint64_t walk_due_ms; /* CLOCK_BOOTTIME; 0: no walk is due */
    struct loop_source walks, readers;
    uint64_t generation;
    struct drift drift;
    struct traffic_counts traffic;
    struct publisher publisher;
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
    if (!fips_evidence_passed(&daemon->node))
        prober_close(&daemon->prober); /* a library that failed is not used */
    if (endpoint_hold(&daemon->endpoint, &daemon->node))
        prober_soon(&daemon->prober);
    endpoint_report(&daemon->endpoint, &daemon->node, daemon->prober.failures,
                    daemon->prober.reason);
    node_events_settle(&daemon->node);
    drift_walk(&daemon->drift, &daemon->node, &daemon->results, &now);
    results_free(&daemon->results);
    daemon->results = now;
    daemon->generation++;
    file_watch_renew(&daemon->files, daemon->node.system.root);
    publish(daemon);
}

static void walk_soon(struct daemon *daemon, unsigned delay_ms)
{
    uint64_t due_ms = clock_boot_ms() + delay_ms;
    if (daemon->walk_due_ms == 0 || due_ms < daemon->walk_due_ms)
        daemon->walk_due_ms = due_ms;
}

/* The endpoint is in another state: a new process has no pages yet, and the rows say so. */
static void on_endpoint_changed(void *context)
{
    struct daemon *daemon = context;
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

/* --- what comes in the loop --- */

static void on_change(void *context)
{
    walk_soon(context, 0);
}

/* Announcements come in bursts. */
static void on_announcement(void *context)
{
    walk_soon(context, SETTLE_MS);
}

static void on_seen(void *context, unsigned bits)
{
    (void)bits;
    on_announcement(context);
}

static void on_signal(void *context, unsigned number)
{
    struct daemon *daemon = context;
    if (number == SIGHUP)
        walk_soon(daemon, 0);
    else if (number != SIGCHLD)
        loop_stop(&daemon->loop);
    else if (endpoint_look_at_child(&daemon->endpoint, &daemon->node))
        on_endpoint_changed(daemon);
}

static void look_at_walk(const void *context, struct loop_wait *wait)
{
    const struct daemon *daemon = context;
    wait->due_ms = daemon->walk_due_ms;
}

static void run_walk(void *context, short revents)
{
    (void)revents;
    walk(context);
}

static void look_at_readers(const void *context, struct loop_wait *wait)
{
    const struct daemon *daemon = context;
    wait->fd = daemon->publisher.listener;
}

static void serve_readers(void *context, short revents)
{
    struct daemon *daemon = context;
    (void)revents;
    publisher_serve(&daemon->publisher);
}

/* --- start and end --- */

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

static int open_signals_and_time(struct daemon *daemon)
{
    const struct loop_notice change = {on_change, daemon}, file = {on_announcement, daemon};
    int error = signals_open(&daemon->signals, &daemon->loop, on_signal, daemon);
    if (error == 0)
        error = interval_open(&daemon->interval, &daemon->loop, daemon->setup->interval_s, change);
    if (error)
        log_error("run: cannot wait for signals and time: %s", strerror(-error));
    file_watch_open(&daemon->files, &daemon->loop, file);
    clock_watch_open(&daemon->clock, &daemon->loop, change);
    return error;
}

static int open_helpers(struct daemon *daemon)
{
    const struct loop_notice endpoint = {on_endpoint_changed, daemon}, prober = {on_change, daemon};
    int error = endpoint_open(&daemon->endpoint, &daemon->node);
    if (error == 0)
        error = endpoint_register(&daemon->endpoint, &daemon->loop, &daemon->node, &daemon->traffic,
                                  endpoint);
    return error ? error : prober_register(&daemon->prober, &daemon->loop, &daemon->node, prober);
}

static int open_sockets(struct daemon *daemon)
{
    const struct control_actions actions = {
        .run = control_run, .refused = control_refused, .now_ms = clock_boot_ms, .context = daemon};
    int error = monitor_open(&daemon->monitor, &daemon->loop, on_seen, daemon);
    if (error == 0)
        error = control_open(&daemon->control, &daemon->loop, daemon->setup->root, &actions);
    return error ? error : open_publisher(daemon);
}

/* In the order of their turns: the walk follows all that may ask for it. */
static int open_sources(struct daemon *daemon)
{
    daemon->readers =
        (struct loop_source){.look = look_at_readers, .run = serve_readers, .context = daemon};
    daemon->walks = (struct loop_source){.look = look_at_walk, .run = run_walk, .context = daemon};
    int error = open_signals_and_time(daemon);
    if (error == 0)
        error = open_helpers(daemon);
    if (error == 0)
        error = open_sockets(daemon);
    if (error == 0)
        error = loop_add(&daemon->loop, &daemon->readers);
    return error ? error : loop_add(&daemon->loop, &daemon->walks);
}

static void close_all(struct daemon *daemon)
{
    prober_close(&daemon->prober);
    endpoint_close(&daemon->endpoint, &daemon->node);
    control_close(daemon->control);
    publisher_close(&daemon->publisher);
    monitor_close(daemon->monitor);
    interval_close(&daemon->interval);
    file_watch_close(&daemon->files);
    clock_watch_close(&daemon->clock);
    signals_close(&daemon->signals);
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
    node_event(&daemon->node, "unbooted",
               "no boot is recorded since the machine started: it is unknown whether anything "
               "enforced the "
               "policy before the network came up");
}

int daemon_run(const struct daemon_setup *setup)
{
    struct daemon daemon = {
        .setup = setup, .signals.fd = -1, .interval.fd = -1, .files.fd = -1, .clock.fd = -1};
    loop_init(&daemon.loop);
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
    if (error == 0)
        error = loop_run(&daemon.loop);
    close_all(&daemon);
    return error;
}
