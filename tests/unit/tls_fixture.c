/* A root of its own, removed with the test. */
#include "tls_fixture.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "domain/domain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GOOD_SUITE = 0xC02C };

int tls_begin(void **state)
{
    struct tls_node *node = calloc(1, sizeof(*node));
    char path[128];
    assert_non_null(node);
    (void)snprintf(node->root, sizeof(node->root), "/tmp/holdfast-probe-XXXXXX");
    assert_non_null(mkdtemp(node->root));
    (void)snprintf(path, sizeof(path), "%s/run/holdfast", node->root);
    assert_int_equal(file_make_folders(path, 0755), 0);
    assert_int_equal(settings_defaults(&node->settings), 0);
    policy_make(&node->policy,
                &(struct policy_input){.role = ROLE_CONFERENCING, .settings = &node->settings});
    node->record = calloc(1, sizeof(*node->record));
    assert_non_null(node->record);
    probe_cache_prepare(node->record, &node->policy);
    node->record->boot_ms = clock_boot_ms();
    *state = node;
    return 0;
}

int tls_end(void **state)
{
    struct tls_node *node = *state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", node->root);
    assert_int_equal(system(command), 0);
    checks_free(&node->checks);
    settings_free(&node->settings);
    free(node->record);
    free(node);
    return 0;
}

const struct page_answer tls_good_page = {
    .status = 404,
    .transport_security = "max-age=31536000",
    .referrer_policy = "same-origin",
};

/* Every listener as one that does what the policy says. */
void tls_all_is_well(struct probe_cache *record)
{
    for (size_t i = 0; i < record->count; i++) {
        struct probe_result *result = &record->listener[i].result;
        *result = (struct probe_result){.error = 0};
        for (size_t v = 0; v < PROBE_VERSIONS; v++)
            result->version[v].version = (uint16_t)(SSL_3_0 + v);
        struct probe_version *version = &result->version[TLS_1_2 - SSL_3_0];
        version->accepted = true;
        version->suite_count = 1;
        version->suites[0].id = GOOD_SUITE;
        version->server_order = version->renegotiation = version->master_secret = PROBE_YES;
        for (size_t p = 0; p < PAGE_COUNT; p++)
            result->page[p] = tls_good_page;
    }
}

void tls_look(struct tls_node *node)
{
    const struct system system = {.root = node->root};
    checks_free(&node->checks);
    node->checks = (struct checks){.list = NULL};
    domain_tls.plan(&node->policy, &node->checks);
    domain_tls.observe(&system, NULL, &node->policy, &node->checks);
    assert_true(node->checks.count > 0);
}

void tls_keep_and_look(struct tls_node *node)
{
    assert_int_equal(probe_cache_write(node->root, node->record), 0);
    tls_look(node);
}

/* Of the checks that a probe's record decides. */
void tls_assert_all(const struct tls_node *node, enum verdict verdict)
{
    for (size_t i = 0; i < node->checks.count; i++)
        if (!str_equal(node->checks.list[i].id, "tls.health.served"))
            assert_int_equal(node->checks.list[i].verdict, verdict);
}

const struct check *tls_find_check(const struct tls_node *node, const char *id)
{
    for (size_t i = 0; i < node->checks.count; i++)
        if (str_equal(node->checks.list[i].id, id))
            return &node->checks.list[i];
    fail_msg("no check %s", id);
    return NULL;
}

struct probe_cache_listener *tls_find_listener(struct tls_node *node, const char *name)
{
    for (size_t i = 0; i < node->record->count; i++)
        if (str_equal(node->record->listener[i].name, name))
            return &node->record->listener[i];
    fail_msg("no listener %s", name);
    return NULL;
}

struct probe_result *tls_find_result(struct tls_node *node, const char *name)
{
    return &tls_find_listener(node, name)->result;
}
