/* FIPS mode's conditions on a process: a self-test that failed stays failed, and where the mode
 * is off none is run. */
#include "node/fips_evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* The kernel's generator, as this test wants it. */
static bool generator_is_stuck;

ssize_t getrandom(void *to, size_t size, unsigned flags)
{
    if (!generator_is_stuck)
        return syscall(SYS_getrandom, to, size, flags);
    memset(to, 7, size);
    return (ssize_t)size;
}

static int begin(void **state)
{
    static struct node node;
    node = (struct node){.role = ROLE_MANAGEMENT, .state_path = "/nonexistent/state.db"};
    node.system.root = "/nonexistent";
    *state = &node;
    return settings_defaults(&node.settings);
}

static int end(void **state)
{
    generator_is_stuck = false;
    node_close(*state);
    return 0;
}

static void switch_on(struct node *node)
{
    assert_int_equal(settings_put(&node->settings, SECURITY_FIPS, "yes", NULL), 0);
}

static void outside_fips_mode_nothing_is_tested(void **state)
{
    struct node *node = *state;
    generator_is_stuck = true;
    fips_evidence_test(node);
    assert_true(fips_evidence_passed(node));
    assert_false(node->fips.tested);
}

static void tests_that_pass_are_made_once(void **state)
{
    struct node *node = *state;
    switch_on(node);
    fips_evidence_test(node);
    assert_true(fips_evidence_passed(node));
    assert_true(node->fips.tested);
    generator_is_stuck = true;
    fips_evidence_test(node);
    assert_true(fips_evidence_passed(node));
    assert_int_equal(node->reason.length, 0);
}

static void a_test_that_failed_has_failed_however_often_it_is_asked_for(void **state)
{
    struct node *node = *state;
    switch_on(node);
    generator_is_stuck = true;
    fips_evidence_test(node);
    assert_false(fips_evidence_passed(node));
    assert_non_null(strstr(buf_text(&node->reason), "a self-test failed"));
    generator_is_stuck = false;
    for (int turn = 0; turn < 3; turn++) {
        fips_evidence_test(node);
        assert_false(fips_evidence_passed(node));
    }
}

static void what_was_not_tested_is_not_used(void **state)
{
    struct node *node = *state;
    assert_true(fips_evidence_passed(node));
    assert_true(fips_evidence_allows_key(node));
    switch_on(node);
    assert_false(fips_evidence_passed(node));
    assert_false(fips_evidence_allows_key(node));
    assert_false(node->fips.tested);
    assert_int_equal(node->reason.length, 0);
}

int main(void)
{
#define ON_NODE(test) cmocka_unit_test_setup_teardown(test, begin, end)
    static const struct CMUnitTest tests[] = {
        ON_NODE(outside_fips_mode_nothing_is_tested),
        ON_NODE(what_was_not_tested_is_not_used),
        ON_NODE(tests_that_pass_are_made_once),
        ON_NODE(a_test_that_failed_has_failed_however_often_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
