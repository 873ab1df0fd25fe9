/* Memory runs out: the n-th allocation fails, n rising until none does. Nothing crashes, leaks, or
 * passes as success when it failed. The linker puts the four functions here in the places of the C
 * library's (--wrap). */
#include "domain/domain.h"
#include "settings/text.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- the allocations --- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static unsigned long left; /* 0: none fails; 1: the next one does */
static bool failed;

static bool fails(void)
{
    if (left == 0 || --left > 0)
        return false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* --- the walk over n --- */

/* `attempt` is true when it tells success; then nothing may have failed. */
static void until_none_fails(bool (*attempt)(void))
{
    for (unsigned long n = 1;; n++) {
        failed = false;
        left = n;
        bool well = attempt();
        left = 0;
        if (well && failed)
            fail_msg("the failure of allocation %lu passed as success", n);
        if (!failed) {
            assert_true(well);
            assert_true(n > 1);
            return;
        }
    }
}

static const char changes[] = "node.hostname = other\n"
                              "health.stations = 192.0.2.0/24\n"
                              "health.stations = 2001:db8::/64\n"
                              "sip.tls_port = 5071\n";

static bool import_text(void)
{
    struct settings settings = {0};
    struct buf faults = {0};
    bool well = settings_defaults(&settings) == 0 &&
                settings_import(&settings, "text", changes, strlen(changes), &faults) == 0;
    buf_free(&faults);
    settings_free(&settings);
    return well;
}

static bool import_leaves_all_as_it_was(void)
{
    struct settings settings = {0}, before = {0};
    struct buf faults = {0};
    unsigned long held = left;
    left = 0;
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_equal(settings_copy(&before, &settings), 0);
    left = held;
    bool well = settings_import(&settings, "text", changes, strlen(changes), &faults) == 0;
    left = 0;
    assert_true(well || settings_equal(&settings, &before));
    buf_free(&faults);
    settings_free(&settings);
    settings_free(&before);
    return well;
}

static bool export_text(void)
{
    struct settings settings = {0};
    struct buf out = {0};
    bool well = settings_defaults(&settings) == 0;
    for (enum setting_key key = 0; well && key < SETTING_COUNT; key++)
        setting_export(&settings, key, false, &out);
    well = well && buf_error(&out) == 0;
    buf_free(&out);
    settings_free(&settings);
    return well;
}

static bool strictest(void)
{
    struct settings settings = {0};
    bool well = settings_strictest(&settings) == 0;
    settings_free(&settings);
    return well;
}

/* --- plans --- */

static bool plan_domain(size_t domain)
{
    struct settings settings = {0};
    struct policy policy;
    struct rows rows = {0};
    unsigned long held = left;
    left = 0;
    assert_int_equal(settings_defaults(&settings), 0);
    policy_make(&policy, &(struct policy_input){.role = ROLE_CONFERENCING, .settings = &settings});
    left = held;
    domain_table[domain]->plan(&policy, &rows);
    left = 0;
    bool well = !rows.failed;
    assert_true(well || rows_worst(&rows) == VERDICT_ERROR);
    rows_free(&rows);
    settings_free(&settings);
    return well;
}

static void plan_until_none_fails(size_t domain)
{
    for (unsigned long n = 1;; n++) {
        failed = false;
        left = n;
        bool well = plan_domain(domain);
        if (well && failed)
            fail_msg("%s: the failure of allocation %lu passed as success",
                     domain_table[domain]->name, n);
        if (!failed)
            return;
    }
}

/* --- the tests --- */

static void an_import_fails_whole(void **state)
{
    until_none_fails(import_text);
    until_none_fails(import_leaves_all_as_it_was);
    (void)state;
}

static void an_export_tells_that_it_is_not_whole(void **state)
{
    until_none_fails(export_text);
    (void)state;
}

static void the_strictest_settings_are_whole_or_none(void **state)
{
    until_none_fails(strictest);
    (void)state;
}

static void a_plan_that_is_not_whole_is_an_error(void **state)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++)
        plan_until_none_fails(d);
    (void)state;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_import_fails_whole),
        cmocka_unit_test(an_export_tells_that_it_is_not_whole),
        cmocka_unit_test(the_strictest_settings_are_whole_or_none),
        cmocka_unit_test(a_plan_that_is_not_whole_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
