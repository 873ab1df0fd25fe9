/* The checks of FIPS mode, from evidence that a test makes up: each surface, each library, the key
 * and the boot entry for itself. */
#include "domain/fips.h"

#include "base/str.h"
#include "domain/domain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    char root[64];
    struct settings settings;
    struct policy policy;
    struct fips_evidence evidence;
    struct checks checks;
} test;

static void make_policy(const char *fips)
{
    assert_int_equal(settings_put(&test.settings, SECURITY_FIPS, fips, NULL), 0);
    policy_make(&test.policy,
                &(struct policy_input){.role = ROLE_MANAGEMENT, .settings = &test.settings});
}

static int begin(void **state)
{
    memset(&test, 0, sizeof(test));
    (void)snprintf(test.root, sizeof(test.root), "/tmp/holdfast-fips-XXXXXX");
    assert_non_null(mkdtemp(test.root));
    assert_int_equal(settings_defaults(&test.settings), 0);
    make_policy("yes");
    test.evidence.tested = true;
    for (size_t i = 0; i < SELFTEST_LIBRARIES; i++)
        test.evidence.selftests.library[i].ran = 7 + (unsigned)i;
    (void)state;
    return 0;
}

static int end(void **state)
{
    char command[128];
    checks_free(&test.checks);
    settings_free(&test.settings);
    (void)snprintf(command, sizeof(command), "rm -rf %s", test.root);
    (void)state;
    return system(command);
}

static const struct check *look(const char *id)
{
    const struct system system = {.root = test.root};
    checks_free(&test.checks);
    domain_fips.plan(&test.policy, &test.checks);
    domain_fips.observe(&system, &(struct evidence){&test.evidence}, &test.policy, &test.checks);
    for (size_t i = 0; i < test.checks.count; i++)
        if (str_equal(test.checks.list[i].id, id))
            return &test.checks.list[i];
    fail_msg("no check %s", id);
    return NULL;
}

static void expect(const char *id, enum verdict verdict, const char *observed)
{
    const struct check *check = look(id);
    if (check->verdict != verdict || !str_equal(check->observed, observed))
        fail_msg("%s: %s, \"%s\"", id, verdict_text(check->verdict), check->observed);
}

/* --- the tests --- */

static const struct suite *unapproved(void)
{
    static const uint16_t chacha = 0x1303;
    const struct suite *suite = suite_find(chacha);
    assert_non_null(suite);
    assert_false(suite->approved);
    return suite;
}

static void one_unapproved_suite_of_any_surface_fails(void **state)
{
    assert_int_equal(look("fips.suites")->verdict, VERDICT_PASS);
    for (size_t s = 0; s < SURFACE_COUNT; s++) {
        make_policy("yes");
        struct surface_record *record = &test.policy.crypto.surface[s];
        assert_true(record->suite_count > 0);
        record->suites[record->suite_count - 1] = unapproved();
        expect("fips.suites", VERDICT_FAIL, unapproved()->name);
    }
    (void)state;
}

static void each_library_has_a_check_of_its_own(void **state)
{
    static const struct {
        const char *id;
        enum selftest_library library;
    } checks[] = {
        {"fips.selftest.mbedtls", SELFTEST_MBEDTLS},
        {"fips.selftest.bearssl", SELFTEST_BEARSSL},
        {"fips.selftest.random", SELFTEST_KERNEL},
    };
    for (size_t i = 0; i < countof(checks); i++) {
        struct selftest_result *result = &test.evidence.selftests.library[checks[i].library];
        char passed[32];
        (void)snprintf(passed, sizeof(passed), "passed: %u in all", result->ran);
        expect(checks[i].id, VERDICT_PASS, passed);
        result->failed = 1;
        result->first_failed = "AES";
        expect(checks[i].id, VERDICT_FAIL, "failed: AES");
        for (size_t j = 0; j < countof(checks); j++)
            assert_int_equal(look(checks[j].id)->verdict, i == j ? VERDICT_FAIL : VERDICT_PASS);
        result->failed = 0;
    }
    test.evidence.tested = false;
    expect("fips.selftest.mbedtls", VERDICT_NOT_CHECKED, "");
    (void)state;
}

static void the_key_is_named_by_its_kind_and_a_rejected_one_by_its_fault(void **state)
{
    expect("fips.key", VERDICT_NOT_CHECKED, "");
    test.evidence.key = FIPS_KEY_APPROVED;
    (void)str_copy(test.evidence.key_kind, sizeof(test.evidence.key_kind), "EC of 384 bits");
    expect("fips.key", VERDICT_PASS, "approved: EC of 384 bits");
    test.evidence.key = FIPS_KEY_REJECTED;
    (void)str_copy(test.evidence.key_reason, sizeof(test.evidence.key_reason), "p is not prime");
    expect("fips.key", VERDICT_FAIL, "rejected");
    assert_string_equal(look("fips.key")->reason, "p is not prime");
    (void)state;
}

static void the_boot_entry_follows_what_is_asked_for(void **state)
{
    static const struct {
        int stands; /* -1: there is none */
        const char *asked;
        enum verdict verdict;
        const char *observed;
    } cases[] = {
        {-1, "no", VERDICT_PASS, "no " FIPS_BOOT_ENTRY ", which means fips=0"},
        {-1, "yes", VERDICT_FAIL, "no " FIPS_BOOT_ENTRY ", which means fips=0"},
        {1, "yes", VERDICT_PASS, "fips=1 in " FIPS_BOOT_ENTRY},
        {1, "no", VERDICT_FAIL, "fips=1 in " FIPS_BOOT_ENTRY},
        {0, "no", VERDICT_PASS, "fips=0 in " FIPS_BOOT_ENTRY},
        {0, "yes", VERDICT_FAIL, "fips=0 in " FIPS_BOOT_ENTRY},
    };
    char command[128];
    (void)snprintf(command, sizeof(command), "mkdir -p %s/var/lib/holdfast", test.root);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < countof(cases); i++) {
        make_policy(cases[i].asked);
        if (cases[i].stands >= 0)
            assert_int_equal(fips_boot_entry_write(test.root, cases[i].stands), 0);
        expect("fips.boot_entry", cases[i].verdict, cases[i].observed);
    }
    (void)state;
}

int main(void)
{
#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, begin, end)
    static const struct CMUnitTest tests[] = {
        WITH_ROOT(one_unapproved_suite_of_any_surface_fails),
        WITH_ROOT(each_library_has_a_check_of_its_own),
        WITH_ROOT(the_key_is_named_by_its_kind_and_a_rejected_one_by_its_fault),
        WITH_ROOT(the_boot_entry_follows_what_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
