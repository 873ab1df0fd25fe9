/* Who may call: the users that the node's files name, and files that are not to be trusted. */
#include "control/verbs.h"

#include "base/file.h"
#include "base/str.h"
#include "control/caller.h"
#include "settings/change.h"

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

#define PASSWD                                                                                     \
    "root:x:0:0::/:/bin/sh\nadmin:x:1000:1000::/:/bin/sh\nmcu:x:990:990::/:/bin/false\n"           \
    "again:x:1000:1000::/:/bin/sh\nzero:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"

static char root[64];

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s%s", root, name);
    assert_int_equal(file_replace(path, text, strlen(text), mode), 0);
}

static int set_up(void **state)
{
    char folder[128];
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/holdfast-caller-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    (void)snprintf(folder, sizeof(folder), "%s/etc/holdfast", root);
    if (file_make_folders(folder, 0755) < 0)
        return -1;
    write_file("/etc/passwd", PASSWD, 0644);
    return 0;
}

static int tear_down(void **state)
{
    char command[96];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static void the_kernels_word_tells_one_caller_from_another(void **state)
{
    static const struct {
        uid_t uid;
        const char *login; /* NULL: refused */
    } cases[] = {{0, "root"}, {1000, "admin"}, {990, "management"}, {991, NULL}, {65534, NULL}};
    struct caller_users users;
    struct caller caller;
    (void)state;
    write_file(CALLER_MANAGEMENT_PATH, "mcu\n", 0644);
    caller_users_read(&users, root);
    for (size_t i = 0; i < countof(cases); i++) {
        int error = caller_find(&users, cases[i].uid, &caller);
        assert_int_equal(error, cases[i].login ? 0 : -EACCES);
        if (cases[i].login)
            assert_string_equal(caller.login, cases[i].login);
        assert_false(caller.logged_in);
    }
}

static void a_file_that_is_not_to_be_trusted_names_nobody(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
    } cases[] = {
        {"mcu\n", 0664},    {"mcu\n", 0646},    {"", 0644},
        {"\n", 0644},       {"nosuch\n", 0644}, {"admin\n", 0644},
        {"again\n", 0644},  {"root\n", 0644},   {"zero\n", 0644},
        {"nobody\n", 0644}, {"mcu:x\n", 0644},  {"mcu\nroot\n", 0644},
        {"-mcu\n", 0644},   {"MCU\n", 0644},    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 0644},
    };
    struct caller_users users;
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        write_file(CALLER_MANAGEMENT_PATH, cases[i].text, cases[i].mode);
        caller_users_read(&users, root);
        assert_false(users.has_management);
        assert_true(users.has_admin);
    }
}

static void without_the_file_or_by_a_link_to_an_open_one_there_is_no_management(void **state)
{
    char path[128];
    struct caller_users users;
    (void)state;
    caller_users_read(&users, root);
    assert_false(users.has_management);
    write_file("/etc/holdfast/other", "mcu\n", 0666);
    (void)snprintf(path, sizeof(path), "%s" CALLER_MANAGEMENT_PATH, root);
    assert_int_equal(symlink("other", path), 0);
    caller_users_read(&users, root);
    assert_false(users.has_management);
}

static void an_administrators_name_is_bounded_and_cleaned(void **state)
{
    char text[CALLER_TEXT_SIZE], longest[CALLER_NAME_MAX + 2];
    struct caller caller = {.kind = CALLER_MANAGEMENT, .login = "management"};
    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[CALLER_NAME_MAX + 1] = '\0';
    assert_int_equal(caller_act_for(&caller, "", 0), -EBADMSG);
    assert_int_equal(caller_act_for(&caller, longest, CALLER_NAME_MAX + 1), -EBADMSG);
    assert_int_equal(caller_act_for(&caller, "a\0b", 3), -EBADMSG);
    assert_false(caller.logged_in);
    assert_int_equal(caller_act_for(&caller, "a\nb\033[2J\xff", 8), 0);
    assert_true(caller.logged_in);
    caller_text(&caller, text);
    assert_string_equal(text, "management for a?b?[2J?");
    longest[CALLER_NAME_MAX] = '\0';
    assert_int_equal(caller_act_for(&caller, longest, CALLER_NAME_MAX), 0);
    caller_text(&caller, text);
    assert_int_equal(strlen(text), strlen("management for ") + CALLER_NAME_MAX);
}

/* Of each verb: who may ask, before and after a log-in (R root, A admin, M management). */
static void the_table_says_who_may_ask_for_what(void **state)
{
    static const struct {
        enum control_verb verb;
        const char *before, *after;
    } cases[] = {
        {CONTROL_LOGIN, "RA", "RA"},        {CONTROL_LOAD, "R", "RAM"},
        {CONTROL_APPLY_WIZARD, "", "RAM"},  {CONTROL_APPLY_SET, "R", "RAM"},
        {CONTROL_APPLY_IMPORT, "R", "RAM"}, {CONTROL_REBOOT, "R", "RAM"},
        {CONTROL_EVENTS, "RAM", "RAM"},     {CONTROL_CONSOLE, "R", "R"},
        {CONTROL_ACT_FOR, "M", "M"},
    };
    static const enum caller_kind kinds[] = {CALLER_ROOT, CALLER_ADMIN, CALLER_MANAGEMENT};
    (void)state;
    assert_int_equal(countof(cases), CONTROL_VERB_END - 1);
    for (size_t i = 0; i < countof(cases); i++)
        for (size_t k = 0; k < countof(kinds); k++) {
            struct caller caller = {.kind = kinds[k]};
            const struct verb *verb = verb_row(cases[i].verb);
            assert_int_equal(verb_permit(verb, &caller) == 0,
                             strchr(cases[i].before, "RAM"[k]) != NULL);
            caller.logged_in = true;
            assert_int_equal(verb_permit(verb, &caller) == 0,
                             strchr(cases[i].after, "RAM"[k]) != NULL);
        }
}

int main(void)
{
#define CALLER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CALLER_TEST(the_kernels_word_tells_one_caller_from_another),
        CALLER_TEST(a_file_that_is_not_to_be_trusted_names_nobody),
        CALLER_TEST(without_the_file_or_by_a_link_to_an_open_one_there_is_no_management),
        CALLER_TEST(an_administrators_name_is_bounded_and_cleaned),
        CALLER_TEST(the_table_says_who_may_ask_for_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
