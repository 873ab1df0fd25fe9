/* Checks, and the walk over the domains below a root of the test's own: what is looked at, changed
 * and told. The accounts stand for every domain that converges. */
#include "domain/domain.h"

#include "base/file.h"
#include "base/str.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OPEN_SHADOW   "root:*:1:0:99999:7:::\nadmin:$6$a$b:1:0:99999:7:::\n"
#define LOCKED_SHADOW "root:*:1:0:99999:7:::\nadmin:!:1:0:99999:7:::\n"

/* --- checks --- */

static void a_check_begins_as_one_that_nobody_observed(void **state)
{
    struct checks checks = {0};
    struct check *check = checks_add(&checks, (struct check){.id = "a", .expected = "1"});
    assert_non_null(check);
    assert_int_equal(check->verdict, VERDICT_ERROR);
    assert_string_equal(check->reason, "not observed");
    assert_null(check->observed);
    checks_free(&checks);
    (void)state;
}

static void what_is_observed_is_compared_with_what_is_desired(void **state)
{
    struct check check = {.expected = "1", .reason = "not observed"};
    check_observe(&check, "1");
    assert_int_equal(check.verdict, VERDICT_PASS);
    assert_null(check.reason);
    check_observe(&check, "01");
    assert_int_equal(check.verdict, VERDICT_FAIL);
    (void)state;
}

static void a_verdict_without_an_observation_has_an_empty_one(void **state)
{
    struct check check = {.expected = "1"};
    check_verdict(&check, VERDICT_ERROR, "why");
    assert_string_equal(check.observed, "");
    assert_string_equal(check.reason, "why");
    (void)state;
}

static void texts_stay_where_they_are_while_checks_are_added(void **state)
{
    enum { MANY = 500 };
    struct checks checks = {0};
    const char *first = checks_text(&checks, "%s", "the first");
    for (unsigned i = 0; i < MANY; i++)
        assert_non_null(
            checks_add(&checks, (struct check){.id = checks_text(&checks, "check.%u", i)}));
    assert_string_equal(first, "the first");
    assert_string_equal(checks.list[MANY - 1].id, "check.499");
    assert_int_equal(checks.count, MANY);
    assert_false(checks.failed);
    checks_free(&checks);
    assert_int_equal(checks.count, 0);
    (void)state;
}

static void a_text_is_one_line_whoever_chose_the_name(void **state)
{
    struct checks checks = {0};
    assert_string_equal(checks_text(&checks, "table %s", "a\nb\x1b[2J"), "table a?b?[2J");
    checks_free(&checks);
    (void)state;
}

static void the_worst_check_counts_and_lost_memory_is_an_error(void **state)
{
    struct checks checks = {0};
    assert_int_equal(checks_worst(&checks), VERDICT_PASS);
    check_observe(checks_add(&checks, (struct check){.expected = "1"}), "1");
    check_verdict(checks_add(&checks, (struct check){.expected = "1"}), VERDICT_NOT_CHECKED,
                  "a person");
    assert_int_equal(checks_worst(&checks), VERDICT_NOT_CHECKED);
    assert_false(checks_differ(&checks));
    check_observe(checks_add(&checks, (struct check){.expected = "1"}), "2");
    assert_int_equal(checks_worst(&checks), VERDICT_FAIL);
    assert_true(checks_differ(&checks));
    checks_free(&checks);
    checks.failed = true;
    assert_int_equal(checks_worst(&checks), VERDICT_ERROR);
    (void)state;
}

/* --- the walk --- */

struct fixture {
    char root[64];
    struct settings settings;
    struct policy policy;
    struct system system;
    struct evidence evidence;
    struct walk walk;
    unsigned differed, repaired; /* of the accounts */
};

static void put(const struct fixture *fixture, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s%s", fixture->root, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

static void expect(const struct fixture *fixture, const char *name, const char *text)
{
    char path[128];
    struct buf found = {0};
    (void)snprintf(path, sizeof(path), "%s%s", fixture->root, name);
    assert_int_equal(file_read(path, 4096, &found), 0);
    assert_string_equal(buf_text(&found), text);
    buf_free(&found);
}

static int fixture_begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char folder[128];
    assert_non_null(fixture);
    (void)snprintf(fixture->root, sizeof(fixture->root), "/tmp/holdfast-domain-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    (void)snprintf(folder, sizeof(folder), "%s/etc", fixture->root);
    assert_int_equal(mkdir(folder, 0755), 0);
    put(fixture, "/etc/shadow", OPEN_SHADOW);
    assert_int_equal(settings_defaults(&fixture->settings), 0);
    policy_make(&fixture->policy, &(struct policy_input){.role = ROLE_MANAGEMENT,
                                                         .settings = &fixture->settings,
                                                         .admin_latched = true});
    fixture->system = (struct system){.root = fixture->root, .initial_netns = true};
    fixture->walk =
        (struct walk){PHASE_RUN, &fixture->policy, &fixture->system, &fixture->evidence};
    *state = fixture;
    return 0;
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found;
    (void)kind;
    (void)where;
    return remove(path);
}

static int fixture_end(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(nftw(fixture->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    settings_free(&fixture->settings);
    free(fixture);
    return 0;
}

static void count_change(void *context, const struct domain *domain, const struct check *check,
                         bool repaired)
{
    struct fixture *fixture = context;
    if (domain != &domain_accounts)
        return;
    assert_int_equal(repaired, check->verdict < VERDICT_FAIL);
    fixture->repaired += repaired;
    fixture->differed += !repaired;
}

static void enforce(struct fixture *fixture)
{
    struct results results = {0};
    struct change_listener listener = {count_change, fixture};
    fixture->differed = fixture->repaired = 0;
    domain_enforce(&fixture->walk, &listener, &results);
    results_free(&results);
}

static void a_check_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct results results = {0};
    domain_check(&fixture->walk, &results);
    assert_true(checks_differ(&results.domain[DOMAIN_ACCOUNTS]));
    assert_int_equal(results_worst(&results, WEIGHT_ENFORCED), VERDICT_ERROR); /* no /proc/sys */
    expect(fixture, "/etc/shadow", OPEN_SHADOW);
    results_free(&results);
}

static void a_check_that_differs_is_told_set_right_and_told_again(void **state)
{
    struct fixture *fixture = *state;
    enforce(fixture);
    assert_true(fixture->repaired > 0);
    assert_true(fixture->differed >= fixture->repaired);
    expect(fixture, "/etc/shadow", LOCKED_SHADOW);
}

static void what_was_set_right_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    enforce(fixture);
    enforce(fixture);
    assert_int_equal(fixture->repaired, 0);
    expect(fixture, "/etc/shadow", LOCKED_SHADOW);
}

static void a_domain_that_fails_stops_no_other(void **state)
{
    struct fixture *fixture = *state;
    struct results results = {0};
    domain_enforce(&fixture->walk, NULL, &results);
    assert_int_equal(checks_worst(&results.domain[DOMAIN_SYSCTL]), VERDICT_ERROR);
    assert_true(results.domain[DOMAIN_GUIDE].count > 0);
    expect(fixture, "/etc/shadow", LOCKED_SHADOW);
    results_free(&results);
}

int main(void)
{
#define ON_GROUND(test) cmocka_unit_test_setup_teardown(test, fixture_begin, fixture_end)
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_begins_as_one_that_nobody_observed),
        cmocka_unit_test(what_is_observed_is_compared_with_what_is_desired),
        cmocka_unit_test(a_verdict_without_an_observation_has_an_empty_one),
        cmocka_unit_test(texts_stay_where_they_are_while_checks_are_added),
        cmocka_unit_test(a_text_is_one_line_whoever_chose_the_name),
        cmocka_unit_test(the_worst_check_counts_and_lost_memory_is_an_error),
        ON_GROUND(a_check_changes_nothing),
        ON_GROUND(a_check_that_differs_is_told_set_right_and_told_again),
        ON_GROUND(what_was_set_right_is_left_alone),
        ON_GROUND(a_domain_that_fails_stops_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
