/* FIPS mode's conditions on a process, and their evidence. */
#include "node/fips_evidence.h"

#include "base/log.h"
#include "base/str.h"
#include "pki/key_rules.h"

#include <stdio.h>
#include <time.h>

/* Processor time: what else runs while a node boots is no cost of the tests. */
static double spent_ms(void)
{
    struct timespec spent;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (double)spent.tv_sec * 1e3 + (double)spent.tv_nsec / 1e6;
}

static bool is_on(const struct node *node)
{
    return settings_bool(&node->settings, SECURITY_FIPS);
}

/* The log's hashes are mbedTLS's: what failed is recorded by what did not. */
static void record_failure(struct node *node, const char *what)
{
    struct selftest_report state;
    selftest_run(SELFTEST_STATE, &state);
    if (selftest_passed(&state))
        node_event(node, "selftest", "failed: %s", what);
}

static void name_failures(const struct selftest_report *report, struct buf *what)
{
    for (size_t i = 0; i < SELFTEST_LIBRARIES; i++)
        if (report->library[i].failed)
            buf_printf(what, "%s%s of %s", what->length ? ", " : "",
                       report->library[i].first_failed,
                       selftest_library_name((enum selftest_library)i));
}

static void fail_closed(struct node *node)
{
    struct buf what = {0};
    name_failures(&node->fips.selftests, &what);
    record_failure(node, buf_text(&what));
    if (node_fail_closed(node, "a self-test failed", buf_text(&what)) < 0)
        log_error("out of memory");
    log_error("FAILED CLOSED: %s", buf_text(&node->reason));
    buf_free(&what);
}

void fips_evidence_test(struct node *node)
{
    struct fips_evidence *evidence = &node->fips;
    if (!is_on(node) || evidence->tested)
        return;
    double began_ms = spent_ms();
    selftest_run(SELFTEST_ALL, &evidence->selftests);
    evidence->took_ms = (unsigned)(spent_ms() - began_ms);
    evidence->tested = true;
    if (!selftest_passed(&evidence->selftests))
        fail_closed(node);
}

bool fips_evidence_passed(const struct node *node)
{
    return !is_on(node) || (node->fips.tested && selftest_passed(&node->fips.selftests));
}

static void reject_key(struct node *node, const char *why)
{
    struct fips_evidence *evidence = &node->fips;
    evidence->key = FIPS_KEY_REJECTED;
    (void)snprintf(evidence->key_reason, sizeof(evidence->key_reason), "%s", why);
    log_error("endpoint: FIPS mode forbids its key: %s", evidence->key_reason);
    node_event(node, "key", "the endpoint's key is rejected: %s", evidence->key_reason);
}

void fips_evidence_test_key(struct node *node, const struct buf *key_pem)
{
    struct fips_evidence *evidence = &node->fips;
    struct buf why = {0}, kind = {0};
    if (!is_on(node) || evidence->key != FIPS_KEY_UNKNOWN)
        return;
    if (key_rules_check_pem(key_pem, &kind, &why) == 0)
        evidence->key = FIPS_KEY_APPROVED;
    else
        reject_key(node, why.length ? buf_text(&why) : "out of memory");
    (void)str_copy(evidence->key_kind, sizeof(evidence->key_kind), buf_text(&kind));
    buf_free(&kind);
    buf_free(&why);
}

bool fips_evidence_allows_key(const struct node *node)
{
    return !is_on(node) || node->fips.key == FIPS_KEY_APPROVED;
}
