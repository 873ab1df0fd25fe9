/* The tls domain and its record: which verdict follows from what the last probe found. */
#include "domain/domain.h"
#include "probe/judge.h"
#include "probe/record.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { GOOD_SUITE = 0xC02C, TRIPLE_DES = 0x000A, AES128_SHA = 0x002F };

struct ground {
    char root[64];
    struct settings settings;
    struct policy policy;
    struct probe_record *record;
    struct rows rows;
};

static int begin(void **state)
{
    struct ground *ground = calloc(1, sizeof(*ground));
    char path[128];
    assert_non_null(ground);
    (void)snprintf(ground->root, sizeof(ground->root), "/tmp/holdfast-probe-XXXXXX");
    assert_non_null(mkdtemp(ground->root));
    (void)snprintf(path, sizeof(path), "%s/run/holdfast", ground->root);
    assert_int_equal(file_make_folders(path, 0755), 0);
    assert_int_equal(settings_defaults(&ground->settings), 0);
    policy_make(&ground->policy,
                &(struct policy_input){.role = ROLE_CONFERENCING, .settings = &ground->settings});
    ground->record = calloc(1, sizeof(*ground->record));
    assert_non_null(ground->record);
    record_prepare(ground->record, &ground->policy);
    ground->record->boot_ms = clock_boot_ms();
    *state = ground;
    return 0;
}

static int end(void **state)
{
    struct ground *ground = *state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", ground->root);
    assert_int_equal(system(command), 0);
    rows_free(&ground->rows);
    settings_free(&ground->settings);
    free(ground->record);
    free(ground);
    return 0;
}

/* Every listener as one that does what the policy says. */
static void all_is_well(struct probe_record *record)
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
    }
}

static void look(struct ground *ground)
{
    const struct system system = {.root = ground->root};
    rows_free(&ground->rows);
    ground->rows = (struct rows){.list = NULL};
    domain_tls.plan(&ground->policy, &ground->rows);
    domain_tls.observe(&system, &ground->policy, &ground->rows);
    assert_true(ground->rows.count > 0);
}

static void keep_and_look(struct ground *ground)
{
    assert_int_equal(record_write(ground->root, ground->record), 0);
    look(ground);
}

static void assert_all(const struct ground *ground, enum verdict verdict)
{
    for (size_t i = 0; i < ground->rows.count; i++)
        assert_int_equal(ground->rows.list[i].verdict, verdict);
}

static const struct row *find_row(const struct ground *ground, const char *id)
{
    for (size_t i = 0; i < ground->rows.count; i++)
        if (str_equal(ground->rows.list[i].id, id))
            return &ground->rows.list[i];
    fail_msg("no row %s", id);
    return NULL;
}

static struct probe_result *find_result(struct ground *ground, const char *name)
{
    for (size_t i = 0; i < ground->record->count; i++)
        if (str_equal(ground->record->listener[i].name, name))
            return &ground->record->listener[i].result;
    fail_msg("no listener %s", name);
    return NULL;
}

static void without_a_record_no_row_applies(void **state)
{
    struct ground *ground = *state;
    look(ground);
    assert_all(ground, VERDICT_NOT_APPLICABLE);
}

static void listeners_that_keep_to_the_policy_pass(void **state)
{
    struct ground *ground = *state;
    assert_int_equal(ground->record->count, 3);
    all_is_well(ground->record);
    keep_and_look(ground);
    find_row(ground, "tls.health.suites");
    find_row(ground, "tls.https.versions");
    find_row(ground, "tls.sip-tls.order");
    for (size_t i = 0; i < ground->rows.count; i++)
        assert_true(ground->rows.list[i].verdict < VERDICT_FAIL);
}

static void what_is_accepted_and_not_permitted_fails_with_its_name_and_setting(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    struct probe_result *result = find_result(ground, "sip-tls");
    struct probe_version *old = &result->version[TLS_1_0 - SSL_3_0];
    struct probe_version *new = &result->version[TLS_1_2 - SSL_3_0];
    old->accepted = true;
    new->suites[new->suite_count++].id = AES128_SHA;
    new->suites[new->suite_count++].id = TRIPLE_DES;
    keep_and_look(ground);
    const struct row *row = find_row(ground, "tls.sip-tls.suites");
    assert_int_equal(row->verdict, VERDICT_FAIL);
    assert_int_equal(row->setting, TLS_AES128_SHA);
    assert_non_null(row->section);
    assert_string_equal(row->actual, "TLS_RSA_WITH_AES_128_CBC_SHA is accepted with TLS 1.2; "
                                     "TLS_RSA_WITH_3DES_EDE_CBC_SHA is accepted with TLS 1.2");
    row = find_row(ground, "tls.sip-tls.versions");
    assert_int_equal(row->verdict, VERDICT_FAIL);
    assert_int_equal(row->setting, TLS_LEGACY);
    assert_string_equal(row->actual, "TLS 1.0 is accepted");
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_PASS);
}

static void a_record_is_held_against_the_policy_of_the_moment(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    struct probe_version *version = &find_result(ground, "https")->version[TLS_1_2 - SSL_3_0];
    version->suites[version->suite_count++].id = AES128_SHA;
    keep_and_look(ground);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_FAIL);
    assert_int_equal(settings_put(&ground->settings, TLS_AES128_SHA, "yes", NULL), 0);
    policy_make(&ground->policy,
                &(struct policy_input){.role = ROLE_CONFERENCING, .settings = &ground->settings});
    look(ground);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_PASS);
}

static void a_closed_port_does_not_apply_and_a_mute_one_is_an_error(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    find_result(ground, "https")->error = -ECONNREFUSED;
    find_result(ground, "sip-tls")->error = -ETIMEDOUT;
    keep_and_look(ground);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_NOT_APPLICABLE);
    assert_int_equal(find_row(ground, "tls.sip-tls.suites")->verdict, VERDICT_ERROR);
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_probe_that_was_not_finished_is_no_proof_but_its_faults_count(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    struct probe_result *result = find_result(ground, "https");
    result->error = -ETIME;
    result->version[TLS_1_1 - SSL_3_0].accepted = true;
    keep_and_look(ground);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_NOT_CHECKED);
    assert_int_equal(find_row(ground, "tls.https.versions")->verdict, VERDICT_FAIL);
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_record_of_another_time_is_not_taken_for_a_check(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    ground->record->boot_ms = 1000;
    assert_false(record_is_stale(ground->record, 1000));
    assert_false(record_is_stale(ground->record, 1000 + RECORD_STALE_S * UINT64_C(1000)));
    assert_true(record_is_stale(ground->record, 1001 + RECORD_STALE_S * UINT64_C(1000)));
    assert_true(record_is_stale(ground->record, 999));
    ground->record->boot_ms = UINT64_MAX;
    keep_and_look(ground);
    assert_all(ground, VERDICT_NOT_CHECKED);
}

static void a_damaged_record_is_an_error_and_never_a_verdict(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    struct probe_record *record = ground->record;
    struct probe_result *result = &record->listener[0].result;
    const struct {
        void *at;
        size_t size;
    } places[] = {
        {&record->magic,                  sizeof(record->magic)                 },
        {&record->size,                   sizeof(record->size)                  },
        {&record->count,                  sizeof(record->count)                 },
        {&record->listener[0].name,       sizeof(record->listener[0].name)      },
        {&result->reason,                 sizeof(result->reason)                },
        {&result->group_count,            sizeof(result->group_count)           },
        {&result->version[2].suite_count, sizeof(result->version[2].suite_count)},
        {&result->version[2].version,     sizeof(result->version[2].version)    },
        {&result->chain.count,            sizeof(result->chain.count)           },
    };
    for (size_t i = 0; i < countof(places); i++) {
        unsigned char before[PROBE_REASON_SIZE];
        memcpy(before, places[i].at, places[i].size);
        memset(places[i].at, 0x7f, places[i].size);
        assert_false(record_is_sound(record));
        keep_and_look(ground);
        assert_all(ground, VERDICT_ERROR);
        memcpy(places[i].at, before, places[i].size);
        assert_true(record_is_sound(record));
    }
}

static void the_record_of_a_port_that_was_changed_is_not_taken(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    for (size_t i = 0; i < ground->record->count; i++)
        ground->record->listener[i].port++;
    keep_and_look(ground);
    assert_all(ground, VERDICT_NOT_APPLICABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_record_no_row_applies, begin, end),
        cmocka_unit_test_setup_teardown(listeners_that_keep_to_the_policy_pass, begin, end),
        cmocka_unit_test_setup_teardown(
            what_is_accepted_and_not_permitted_fails_with_its_name_and_setting, begin, end),
        cmocka_unit_test_setup_teardown(a_record_is_held_against_the_policy_of_the_moment, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_closed_port_does_not_apply_and_a_mute_one_is_an_error,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            a_probe_that_was_not_finished_is_no_proof_but_its_faults_count, begin, end),
        cmocka_unit_test_setup_teardown(a_record_of_another_time_is_not_taken_for_a_check, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_damaged_record_is_an_error_and_never_a_verdict, begin,
                                        end),
        cmocka_unit_test_setup_teardown(the_record_of_a_port_that_was_changed_is_not_taken, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
