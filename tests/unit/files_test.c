/* Checks of files with a secret: their mode and owner are held, their content is never shown, and
 * nothing of it is left in memory. */
#include "domain/files.h"

#include "base/file.h"
#include "base/str.h"
#include "heap_search.h"

#include <errno.h>
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

#define KEY   "0123456789abcdef0123456789abcdef01234567"
#define OTHER "fedcba98fedcba98fedcba98fedcba98fedcba98"
#define PATH  "/run/holdfast/test.keys"

enum { UID = 12345, GID = 54321, LINES = 1000 };

static void render_keys(const struct policy *policy, struct buf *out)
{
    (void)policy;
    for (unsigned line = 0; line < LINES; line++)
        buf_printf(out, "%u SHA1 HEX:" KEY "\n", line);
}

static const struct rendered_file keys = {
    .id = "files.keys",
    .title = "A file with a secret",
    .render = render_keys,
    .file = {PATH, 0400, UID, GID, true},
    .settings = (const enum setting_key[]){SETTING_NONE},
};

static struct {
    char root[64], path[128];
    struct policy policy;
    struct system system;
    struct checks checks;
} test;

static int make_root(void **state)
{
    (void)state;
    memset(&test, 0, sizeof(test));
    (void)snprintf(test.root, sizeof(test.root), "/tmp/files_test.XXXXXX");
    assert_non_null(mkdtemp(test.root));
    (void)snprintf(test.path, sizeof(test.path), "%s" PATH, test.root);
    test.system.root = test.root;
    assert_non_null(checks_add(&test.checks, (struct check){.id = keys.id,
                                                            .title = keys.title,
                                                            .setting = SETTING_NONE,
                                                            .expected = "as of revision 0"}));
    return 0;
}

static int remove_root(void **state)
{
    char command[128];
    (void)state;
    checks_free(&test.checks);
    (void)snprintf(command, sizeof(command), "rm -rf %s", test.root);
    return system(command);
}

static const struct check *observe(void)
{
    files_observe_one(&keys, &test.system, &test.policy, &test.checks, test.checks.list);
    return test.checks.list;
}

static const struct check *converge(void)
{
    files_converge_one(&keys, &test.system, &test.policy, &test.checks, test.checks.list);
    return observe();
}

/* All that a report, an event or the log can say of the check. */
static const char *shown(const struct check *check)
{
    static char text[1024];
    struct buf out = {0};
    check_print(check, &out);
    buf_printf(&out, " %s %s %s", check->observed, check->expected,
               check->reason ? check->reason : "");
    assert_int_equal(str_copy(text, sizeof(text), buf_text(&out)), 0);
    buf_free(&out);
    return text;
}

static bool is_as_it_should_be(void)
{
    struct stat status;
    return lstat(test.path, &status) == 0 && (status.st_mode & 07777) == 0400 &&
           status.st_uid == UID && status.st_gid == GID;
}

static void it_is_written_with_its_mode_and_owner(void **state)
{
    (void)state;
    assert_int_equal(observe()->verdict, VERDICT_FAIL);
    assert_string_equal(test.checks.list->observed, "absent");
    assert_int_equal(converge()->verdict, VERDICT_PASS);
    assert_true(is_as_it_should_be());
}

static void another_mode_or_owner_is_drift_and_repaired(void **state)
{
    (void)state;
    (void)converge();
    assert_int_equal(chmod(test.path, 0440), 0);
    assert_int_equal(observe()->verdict, VERDICT_FAIL);
    assert_string_equal(test.checks.list->observed, "of mode 0440");
    assert_int_equal(converge()->verdict, VERDICT_PASS);
    assert_true(is_as_it_should_be());
    assert_int_equal(chown(test.path, 0, 0), 0);
    assert_int_equal(observe()->verdict, VERDICT_FAIL);
    assert_string_equal(test.checks.list->observed, "owned by 0:0");
    assert_int_equal(converge()->verdict, VERDICT_PASS);
    assert_true(is_as_it_should_be());
}

/* Not even its digest: a short secret can be guessed from it. */
static void its_check_says_that_it_differs_and_never_how(void **state)
{
    static const char *const contents[] = {
        "0 SHA1 HEX:" OTHER "\n", "0 SHA1 HEX:" KEY "\n", "", OTHER, "# for revision 7\n" OTHER,
    };
    char *first;
    (void)state;
    (void)converge();
    first = strdup(shown(observe()));
    assert_null(strstr(first, "SHA-256"));
    assert_null(strstr(first, KEY));
    free(first);
    for (size_t i = 0; i < countof(contents); i++) {
        const struct file_attributes attributes = {0400, UID, GID, false};
        assert_int_equal(
            file_replace_with(test.path, contents[i], strlen(contents[i]), &attributes), 0);
        const struct check *check = observe();
        assert_int_equal(check->verdict, VERDICT_FAIL);
        assert_string_equal(check->observed, "different");
        assert_string_equal(check->reason, PATH);
        assert_int_equal(converge()->verdict, VERDICT_PASS);
    }
}

static void nothing_of_it_is_left_in_memory(void **state)
{
    const struct file_attributes attributes = {0400, UID, GID, false};
    (void)state;
    if (!heap_search_begin(KEY))
        return;
    assert_int_equal(converge()->verdict, VERDICT_PASS);
    assert_int_equal(heap_search_held() + heap_search_freed(), 0);
    assert_true(heap_search_begin(OTHER));
    assert_int_equal(file_replace_with(test.path, OTHER, strlen(OTHER), &attributes), 0);
    assert_int_equal(observe()->verdict, VERDICT_FAIL);
    assert_int_equal(heap_search_held() + heap_search_freed(), 0);
}

static void render_too_much(const struct policy *policy, struct buf *out)
{
    for (unsigned i = 0; i < 2; i++)
        render_keys(policy, out);
}

static void a_text_longer_than_any_file_is_refused(void **state)
{
    struct rendered_file large = keys;
    struct buf text = {0};
    (void)state;
    large.render = render_too_much;
    assert_int_equal(rendered_make(&large, &test.policy, &text), -EFBIG);
    rendered_end(&large, &text);
    assert_null(text.data);
}

int main(void)
{
#define FILES_TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        FILES_TEST(it_is_written_with_its_mode_and_owner),
        FILES_TEST(another_mode_or_owner_is_drift_and_repaired),
        FILES_TEST(its_check_says_that_it_differs_and_never_how),
        FILES_TEST(nothing_of_it_is_left_in_memory),
        FILES_TEST(a_text_longer_than_any_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
