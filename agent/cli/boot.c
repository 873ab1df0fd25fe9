/* holdfast boot: enforces the stored policy once, before any interface is up. */
#include "cli/commands.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "node/boot_record.h"
#include "node/node.h"

#include <stdio.h>
#include <string.h>

struct tally {
    struct node *node;
    size_t differed, repaired;
};

static void count_change(void *context, const struct domain *domain, const struct check *check,
                         bool repaired)
{
    struct tally *tally = context;
    (void)domain;
    (void)check;
    if (repaired)
        tally->repaired++;
    else
        tally->differed++;
}

static void log_check(const struct check *check)
{
    struct buf line = {0};
    check_print(check, &line);
    log_error("%s", buf_text(&line));
    buf_free(&line);
}

/* Checks that still fail are named on the console: no one reads a report at boot. */
static void tell_shortfalls(const struct results *results)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++) {
        const struct checks *checks = &results->domain[d];
        if (domain_table[d]->weight != WEIGHT_ENFORCED)
            continue;
        for (size_t i = 0; i < checks->count; i++) {
            const struct check *check = &checks->list[i];
            if (check->verdict >= VERDICT_FAIL)
                log_check(check);
        }
    }
}

static int enforce(struct node *node, uint64_t started_ms)
{
    struct results results = {0};
    struct tally tally = {.node = node};
    struct change_listener listener = {count_change, &tally};
    const struct walk walk = node_walk(node, PHASE_BOOT);
    domain_enforce(&walk, &listener, &results);
    enum verdict worst = results_worst(&results, WEIGHT_ENFORCED);
    if (node->policy.admin_disabled && node_latch_admin(node) < 0)
        worst = VERDICT_ERROR;
    struct boot_record record = {.started_ms = started_ms, .finished_ms = clock_boot_ms()};
    boot_record_digest(&node->settings, record.network);
    int error = boot_record_write(node->system.root, &record);
    if (error)
        log_error("cannot write " NODE_RUN_FOLDER "/boot: %s", strerror(-error));
    tell_shortfalls(&results);
    node_event(node, "boot", "revision %llu: %zu checks failed, %zu repaired, %s",
               (unsigned long long)node->revision, tally.differed, tally.repaired,
               worst >= VERDICT_FAIL ? "some fail" : "all pass");
    results_free(&results);
    return worst >= VERDICT_FAIL || node->reason.length || node->frozen ? EXIT_FALLS_SHORT
                                                                        : EXIT_HOLDS;
}

int cli_boot(const struct invocation *invocation)
{
    uint64_t started_ms = clock_boot_ms();
    struct node node;
    struct system system;
    arena_begin();
    node_system(&system, invocation->root);
    int guarded = domain_base_deny(&system); /* before the database, which may take its time */
    int error = node_load(&node, invocation->root, invocation->state_path, NODE_BOOT);
    if (error) {
        log_error("cannot load the node: %s", strerror(-error));
        return EXIT_COULD_NOT;
    }
    if (node.reason.length)
        log_error("FAILED CLOSED: %s", buf_text(&node.reason));
    if (node.frozen)
        log_error("%s: %s", node.state_path, NODE_FROZEN);
    int code = enforce(&node, started_ms);
    if (guarded < 0) {
        log_error("the firewall could not be closed: %s: the network stays down",
                  strerror(-guarded));
        code = EXIT_COULD_NOT;
    }
    node_close(&node);
    return code;
}
