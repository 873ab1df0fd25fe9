/* The endpoint's process: started, asked, replaced. */
#include "daemon/endpoint.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/fingerprint.h"
#include "node/fips_evidence.h"
#include "process/helper.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TICKET_KEY_S = 3600,
    ASK_MS = 5000,
    RECORDS_MAX = 16,            /* read at once: a process that floods decides over no turn */
    UNANSWERED_MAX = 2,          /* ten seconds: a busy machine answers late */
    UNANSWERED_STARTING_MAX = 12 /* a start with self-tests on a slow machine takes longer */
};

/* spec/interfaces.md, The endpoint */
static const struct worker_limits limits = {
    .connections = 100,
    .connections_per_address = 10,
    .handshake_ms = 10000,
    .head_ms = 10000,
    .idle_ms = 60000,
    .life_ms = 600000,
    .handshakes_per_address_s = 20,
    .head_bytes = 8192,
};

void endpoint_init(struct endpoint *endpoint)
{
    *endpoint = (struct endpoint){.listener = -1};
    helper_log_init(&endpoint->log, helper_row(HELPER_ENDPOINT)->name);
}

int endpoint_open(struct endpoint *endpoint, struct node *node)
{
    endpoint->served.daemon_pid = getpid();
    return fips_evidence_passed(node) ? own_certificate_open(&endpoint->certificate, node) : 0;
}

void endpoint_evaluate(struct node *node)
{
    struct buf key_pem = {0};
    fips_evidence_test(node);
    if (fips_evidence_passed(node) && node->state &&
        state_object_get(node->state, OWN_CERTIFICATE_KEY, &key_pem) == 0)
        fips_evidence_test_key(node, &key_pem);
    buf_wipe(&key_pem);
}

/* --- what is known of it --- */

static void write_served(struct endpoint *endpoint, const struct node *node)
{
    int error = served_write(node->system.root, &endpoint->served);
    if (error)
        log_error("cannot write " SERVED_RECORD_PATH ": %s", strerror(-error));
}

static void set_state(struct endpoint *endpoint, const struct node *node, enum served_state state,
                      const char *reason)
{
    struct served_record *served = &endpoint->served;
    served->state = state;
    served->pid = endpoint->running ? endpoint->worker.pid : 0;
    (void)snprintf(served->reason, sizeof(served->reason), "%s", reason);
    write_served(endpoint, node);
}

void endpoint_report(struct endpoint *endpoint, const struct node *node, unsigned failures,
                     const char *reason)
{
    struct served_record *served = &endpoint->served;
    served->probe_failures = failures;
    (void)snprintf(served->probe_reason, sizeof(served->probe_reason), "%s", reason);
    write_served(endpoint, node);
}

/* --- ending --- */

static void stop(struct endpoint *endpoint)
{
    if (endpoint->running)
        worker_stop(&endpoint->worker);
    helper_log_close(&endpoint->log);
    endpoint->running = false;
}

/* The process is down, or could not be started: said once, and tried again after a while. */
__attribute__((format(printf, 3, 4))) static void fail(struct endpoint *endpoint, struct node *node,
                                                       const char *format, ...)
{
    char reason[SERVED_TEXT_SIZE];
    uint64_t now_ms = clock_boot_ms();
    uint64_t lasted_ms = endpoint->running ? now_ms - endpoint->started_ms : 0;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    stop(endpoint);
    unsigned delay_ms = backoff_failed(&endpoint->backoff, lasted_ms);
    endpoint->start_due_ms = now_ms + delay_ms;
    set_state(endpoint, node, SERVED_DOWN, reason);
    if (node_event(node, "endpoint", "%s; it is started again", reason))
        log_error("endpoint: %s; it is started again in %u s", reason, delay_ms / 1000);
}

static void fail_by_status(struct endpoint *endpoint, struct node *node)
{
    int status = worker_wait(&endpoint->worker);
    if (status >= 0 && WIFSIGNALED(status))
        fail(endpoint, node, "the process was ended by signal %d", WTERMSIG(status));
    else if (status >= 0 && WIFEXITED(status))
        fail(endpoint, node, "the process ended with status %d", WEXITSTATUS(status));
    else
        fail(endpoint, node, "the process closed its channel");
}

/* --- starting --- */

static void find_offer(struct tls_offer *offer, const struct node *node)
{
    tls_offer_make(offer, &node->policy.crypto, SURFACE_HTTPS_IN);
}

/* The socket stays open from one process to the next. */
static int open_listener(struct endpoint *endpoint, const struct node *node)
{
    struct endpoint_place place;
    int error = endpoint_place_read(&place, &node->settings);
    if (error)
        return error;
    if (endpoint_place_equals(&place, &endpoint->place) && worker_listens(endpoint->listener))
        return 0;
    if (endpoint->listener >= 0)
        close(endpoint->listener);
    endpoint->place = place;
    endpoint->listener = worker_listen(place.address, place.port);
    (void)snprintf(endpoint->served.place, sizeof(endpoint->served.place), "%.100s port %u",
                   place.address, (unsigned)place.port);
    return endpoint->listener < 0 ? endpoint->listener : 0;
}

static int spawn(struct endpoint *endpoint, const struct node *node)
{
    int error = stations_read(&endpoint->stations, &node->settings);
    int errors = error ? error : helper_log_open(&endpoint->log);
    if (errors < 0)
        return errors;
    struct worker_setup setup = {
        .offer = endpoint->offer,
        .certificate_pem = endpoint->certificate.certificate_pem,
        .key_pem = endpoint->certificate.key_pem,
        .ticket_key_s = TICKET_KEY_S,
        .limits = limits,
        .stations = &endpoint->stations,
        .fips = settings_bool(&node->settings, SECURITY_FIPS),
        .errors = errors,
    };
    error = worker_spawn_on(&endpoint->worker, &setup, endpoint->listener);
    close(errors);
    return error;
}

static void note_start(struct endpoint *endpoint, const struct node *node)
{
    struct served_record *served = &endpoint->served;
    endpoint->running = true;
    endpoint->started_ms = clock_boot_ms();
    endpoint->unanswered = 0;
    endpoint->asked = endpoint->heard = 0;
    endpoint->ask_due_ms = endpoint->started_ms;
    served->starts++;
    served->pid = endpoint->worker.pid;
    if (str_equal(served->fingerprint, endpoint->certificate.fingerprint))
        return;
    served->since_ms = endpoint->started_ms;
    (void)str_copy(served->fingerprint, sizeof(served->fingerprint),
                   endpoint->certificate.fingerprint);
    fingerprint_write(node->system.root, endpoint->certificate.fingerprint);
}

static bool is_allowed(struct endpoint *endpoint, struct node *node)
{
    const struct own_certificate *certificate = &endpoint->certificate;
    if (!fips_evidence_passed(node))
        set_state(endpoint, node, SERVED_DOWN, "FIPS mode forbids it: a self-test failed");
    else if (certificate->fault)
        fail(endpoint, node, "%s", certificate->fault);
    else if (certificate->certificate_pem.length == 0)
        fail(endpoint, node, "there is no certificate");
    else if (!fips_evidence_allows_key(node))
        set_state(endpoint, node, SERVED_DOWN, "FIPS mode forbids it: its key is not approved");
    else
        return true;
    return false;
}

void endpoint_start(struct endpoint *endpoint, struct node *node)
{
    endpoint->start_due_ms = 0;
    if (fips_evidence_passed(node) && endpoint->certificate.key_pem.length)
        fips_evidence_test_key(node, &endpoint->certificate.key_pem);
    if (!is_allowed(endpoint, node))
        return;
    find_offer(&endpoint->offer, node);
    int error = open_listener(endpoint, node);
    if (error) {
        fail(endpoint, node, "cannot listen at %s: %s", endpoint->served.place, strerror(-error));
        return;
    }
    error = spawn(endpoint, node);
    if (error) {
        fail(endpoint, node, "the process cannot be started: %s", strerror(-error));
        return;
    }
    note_start(endpoint, node);
    if (endpoint->served.state != SERVED_DOWN) /* it stays down until it answers */
        set_state(endpoint, node, SERVED_STARTING, "");
}

static bool is_as_set(const struct endpoint *endpoint, const struct node *node)
{
    struct endpoint_place place;
    struct tls_offer offer;
    find_offer(&offer, node);
    return endpoint_place_read(&place, &node->settings) == 0 &&
           endpoint_place_equals(&place, &endpoint->place) &&
           memcmp(&offer, &endpoint->offer, sizeof(offer)) == 0;
}

/* Sends the process the stations to serve. False where that failed. */
static bool admit(struct endpoint *endpoint, const struct node *node)
{
    struct stations stations;
    if (stations_read(&stations, &node->settings) < 0)
        return false;
    if (memcmp(&stations, &endpoint->stations, sizeof(stations)) == 0)
        return true;
    endpoint->stations = stations;
    return worker_admit(&endpoint->worker, &stations) == 0;
}

/* FIPS mode with a failed self-test may have kept the pair from being read so far. */
static bool renew(struct endpoint *endpoint, struct node *node)
{
    if (!fips_evidence_passed(node))
        return false;
    if (!endpoint->certificate.is_loaded)
        return own_certificate_open(&endpoint->certificate, node) == 0;
    return own_certificate_renew(&endpoint->certificate, node);
}

bool endpoint_hold(struct endpoint *endpoint, struct node *node)
{
    bool renewed = renew(endpoint, node);
    bool ran = endpoint->running;
    if (!renewed && is_as_set(endpoint, node) &&
        (ran ? admit(endpoint, node) : endpoint->start_due_ms > 0))
        return false; /* it runs, or its delay counts */
    stop(endpoint);
    endpoint_start(endpoint, node);
    return ran || endpoint->running;
}

/* --- signs of life --- */

static bool has_heard(const struct endpoint *endpoint)
{
    return endpoint->heard - endpoint->asked < UINT32_MAX / 2; /* they may wrap */
}

static unsigned patience(const struct endpoint *endpoint)
{
    return endpoint->served.state == SERVED_ANSWERS ? UNANSWERED_MAX : UNANSWERED_STARTING_MAX;
}

static bool ask(struct endpoint *endpoint, struct node *node)
{
    endpoint->unanswered = has_heard(endpoint) ? 0 : endpoint->unanswered + 1;
    if (endpoint->unanswered >= patience(endpoint)) {
        fail(endpoint, node, "the process does not answer");
        return true;
    }
    if (!worker_listens(endpoint->listener)) {
        fail(endpoint, node, "the listening socket was shut down");
        return true;
    }
    endpoint->ask_due_ms = clock_boot_ms() + ASK_MS;
    if (worker_publish(&endpoint->worker, -1) == 0)
        endpoint->asked = endpoint->worker.asked;
    return false;
}

bool endpoint_do_due(struct endpoint *endpoint, struct node *node)
{
    uint64_t now_ms = clock_boot_ms();
    if (!endpoint->running && endpoint->start_due_ms && now_ms >= endpoint->start_due_ms) {
        endpoint_start(endpoint, node);
        return true;
    }
    return endpoint->running && now_ms >= endpoint->ask_due_ms && ask(endpoint, node);
}

uint64_t endpoint_due_ms(const struct endpoint *endpoint)
{
    return endpoint->running ? endpoint->ask_due_ms : endpoint->start_due_ms;
}

bool endpoint_read(struct endpoint *endpoint, struct node *node, struct traffic_counts *counts)
{
    struct worker_record record;
    int error = worker_record_read(&endpoint->worker, &record);
    for (unsigned i = 0; error == 0 && i < RECORDS_MAX;
         error = worker_record_read(&endpoint->worker, &record), i++) {
        *counts = record.counts;
        endpoint->heard = record.heard;
    }
    if (error && error != -EAGAIN) {
        fail_by_status(endpoint, node);
        return true;
    }
    if (endpoint->served.state == SERVED_ANSWERS || endpoint->heard == 0)
        return false;
    if (endpoint->served.state == SERVED_DOWN)
        (void)node_event(node, "endpoint", "answers again");
    set_state(endpoint, node, SERVED_ANSWERS, "");
    return true;
}

bool endpoint_look_at_child(struct endpoint *endpoint, struct node *node)
{
    if (!endpoint->running || !worker_is_stopped(&endpoint->worker))
        return false;
    fail(endpoint, node, "the process was stopped");
    return true;
}

static void look(const void *context, struct loop_wait *wait)
{
    const struct endpoint *endpoint = context;
    wait->fd = endpoint->running ? endpoint->worker.channel : -1;
    wait->due_ms = endpoint_due_ms(endpoint);
}

static void run(void *context, short revents)
{
    struct endpoint *endpoint = context;
    bool changed =
        revents && endpoint->running && endpoint_read(endpoint, endpoint->node, endpoint->counts);
    changed |= endpoint_do_due(endpoint, endpoint->node);
    if (changed)
        endpoint->changed.call(endpoint->changed.context);
}

int endpoint_register(struct endpoint *endpoint, struct loop *loop, struct node *node,
                      struct traffic_counts *counts, struct loop_notice changed)
{
    endpoint->node = node;
    endpoint->counts = counts;
    endpoint->changed = changed;
    endpoint->source = (struct loop_source){.look = look, .run = run, .context = endpoint};
    int error = helper_log_register(&endpoint->log, loop);
    return error ? error : loop_add(loop, &endpoint->source);
}

void endpoint_close(struct endpoint *endpoint, const struct node *node)
{
    stop(endpoint);
    if (endpoint->listener >= 0)
        close(endpoint->listener);
    endpoint->listener = -1;
    own_certificate_close(&endpoint->certificate);
    if (!endpoint->served.daemon_pid)
        return;
    served_remove(node->system.root);
    fingerprint_remove(node->system.root);
}
