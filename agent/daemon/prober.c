/* Both sides of the prober: the daemon's, and the process that was executed. */
#include "daemon/prober.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memfd.h"
#include "node/fips_evidence.h"
#include "probe/probe_cache.h"
#include "process/helper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FIRST_MS = 5000, /* for services that start beside the daemon */
    LONGEST_S = 120  /* a prober that hangs is ended by the daemon, or by the end of its life */
};

_Static_assert((int)PROBE_CACHE_LISTENERS_MAX <= (int)SANDBOX_PORTS_MAX,
               "each listener has a port");

void prober_init(struct prober *prober)
{
    *prober = (struct prober){.pidfd = -1, .memory = -1, .due_ms = clock_boot_ms() + FIRST_MS};
    helper_log_init(&prober->log, helper_row(HELPER_PROBER)->name);
}

void prober_soon(struct prober *prober)
{
    prober->due_ms = clock_boot_ms() + FIRST_MS;
}

/* --- starting --- */

static int spawn_prober(struct prober *prober, int memory)
{
    int errors = helper_log_open(&prober->log);
    if (errors < 0)
        return errors;
    int pid = helper_spawn(HELPER_PROBER, &memory, errors);
    close(errors);
    if (pid < 0)
        return pid;
    prober->pid = pid;
    prober->memory = memory;
    prober->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return prober->pidfd < 0 ? -errno : 0;
}

static int lay_out(int memory, const struct policy *policy)
{
    struct probe_cache *record = malloc(sizeof(*record));
    if (!record)
        return -ENOMEM;
    probe_cache_prepare(record, policy);
    int error = file_write_all(memory, record, sizeof(*record));
    free(record);
    return error ? error : memfd_fix_size(memory);
}

static int start(struct prober *prober, const struct node *node)
{
    int memory = memfd_open("probe");
    if (memory < 0)
        return memory;
    int error = lay_out(memory, &node->policy);
    if (error == 0)
        error = spawn_prober(prober, memory);
    if (error && prober->pid)
        prober_close(prober);
    else if (error)
        close(memory);
    return error;
}

/* --- ending --- */

void prober_close(struct prober *prober)
{
    if (prober->pid)
        (void)helper_end(prober->pid);
    if (prober->pidfd >= 0)
        close(prober->pidfd);
    if (prober->memory >= 0)
        close(prober->memory);
    helper_log_close(&prober->log);
    prober->pid = 0;
    prober->pidfd = prober->memory = -1;
}

static void retry(struct prober *prober)
{
    prober->due_ms = clock_boot_ms() + backoff_failed(&prober->retries, 0);
}

static void fail(struct prober *prober, struct node *node, const char *why)
{
    (void)snprintf(prober->reason, sizeof(prober->reason), "%s", why);
    prober->failures++;
    retry(prober);
    if (node_event(node, "prober", "cannot probe the node's listeners: %s", why))
        log_error("cannot probe the node's listeners: %s", why);
}

/* A listener that is busy, or one whose answer did not come in time, is no fault of its own yet:
 * what was found before stands while that is asked again, for as long as probe_cache_carry says. */
static int take(struct prober *prober, const struct node *node, bool *complete)
{
    struct probe_cache *record = calloc(2, sizeof(*record));
    if (!record)
        return -ENOMEM;
    int error = lseek(prober->memory, 0, SEEK_SET) < 0 ? -errno : 0;
    if (error == 0)
        error = file_read_exactly(prober->memory, record, sizeof(*record));
    if (error == 0 && (!probe_cache_is_valid(record) || record->boot_ms == 0))
        error = -EBADMSG;
    if (error == 0) {
        *complete = probe_cache_is_complete(record);
        if (probe_cache_read(node->system.root, &record[1]) == 0)
            probe_cache_carry(record, &record[1]);
        error = probe_cache_write(node->system.root, record);
    }
    free(record);
    return error;
}

bool prober_finish(struct prober *prober, struct node *node)
{
    bool complete = false;
    int error = take(prober, node, &complete);
    prober_close(prober);
    if (error) {
        fail(prober, node, error == -EBADMSG ? "the prober ended early" : strerror(-error));
        return true;
    }
    prober->failures = 0;
    prober->reason[0] = '\0';
    if (complete)
        prober->retries = (struct backoff){0};
    else
        retry(prober);
    return true;
}

/* --- when --- */

bool prober_do_due(struct prober *prober, struct node *node)
{
    uint64_t now_ms = clock_boot_ms();
    if (prober->pid && now_ms >= prober->end_ms) {
        prober_close(prober);
        fail(prober, node, "the prober did not come to its end in time and was ended");
        return true;
    }
    if (prober->pid || prober->due_ms == 0 || now_ms < prober->due_ms)
        return false;
    if (!fips_evidence_passed(node)) {
        prober->due_ms = 0;
        return false;
    }
    prober->due_ms = now_ms + PROBE_CACHE_INTERVAL_S * UINT64_C(1000);
    prober->end_ms = now_ms + LONGEST_S * UINT64_C(1000);
    int error = start(prober, node);
    if (error)
        fail(prober, node, strerror(-error));
    return error != 0;
}

uint64_t prober_due_ms(const struct prober *prober)
{
    return prober->pid ? prober->end_ms : prober->due_ms;
}

static void look(const void *context, struct loop_wait *wait)
{
    const struct prober *prober = context;
    wait->fd = prober->pidfd;
    wait->due_ms = prober_due_ms(prober);
}

static void run(void *context, short revents)
{
    struct prober *prober = context;
    bool changed = revents && prober_finish(prober, prober->node);
    changed |= prober_do_due(prober, prober->node);
    if (changed)
        prober->changed.call(prober->changed.context);
}

int prober_register(struct prober *prober, struct loop *loop, struct node *node,
                    struct loop_notice changed)
{
    prober->node = node;
    prober->changed = changed;
    prober->source = (struct loop_source){.look = look, .run = run, .context = prober};
    int error = helper_log_register(&prober->log, loop);
    return error ? error : loop_add(loop, &prober->source);
}

/* --- the process --- */

/* It talks to listeners that may belong to any process. A system call outside its filter kills it;
 * no other process depends on it. */
static int give_up_privilege(const struct helper_self *self, const struct probe_cache *record,
                             struct connect_sources *sources)
{
    struct sandbox sandbox = helper_sandbox(self);
    sandbox.file_size = sizeof(*record);
    sandbox.port_count = record->count;
    for (size_t i = 0; i < record->count; i++)
        sandbox.ports[i] = record->listener[i].port;
    connect_sources_open(sources);
    return sandbox_enter(&sandbox, self->parent_pid);
}

/* What the daemon laid out, and what it is to be probed. */
static int read_order(struct probe_cache *record)
{
    struct stat status;
    bool is_ours = fstat(HELPER_FD, &status) == 0 && status.st_size == (off_t)sizeof(*record) &&
                   lseek(HELPER_FD, 0, SEEK_SET) == 0 &&
                   file_read_exactly(HELPER_FD, record, sizeof(*record)) == 0 &&
                   probe_cache_is_valid(record);
    return is_ours ? 0 : HELPER_NOT_SPAWNED;
}

static int probe_into(struct probe_cache *record, struct connect_sources *sources)
{
    probe_cache_probe(record, sources);
    if (lseek(HELPER_FD, 0, SEEK_SET) < 0)
        return -errno;
    return file_write_all(HELPER_FD, record, sizeof(*record));
}

int prober_main(const struct helper_self *self)
{
    struct probe_cache *record = malloc(sizeof(*record));
    struct connect_sources sources;
    int error = record ? read_order(record) : -ENOMEM;
    if (error == 0)
        error = give_up_privilege(self, record, &sources);
    if (error == 0)
        error = probe_into(record, &sources);
    free(record);
    return error;
}
