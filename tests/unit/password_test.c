/* The administrator's password against shadow(5) as found, damaged and hostile. */
#include "control/password.h"

#include "base/file.h"
#include "base/str.h"

#include <crypt.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PASSWORD "correct horse"

enum { DAY_S = 86400 };

static char root[64];

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/etc/%s", root, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

static int make_root(void **state)
{
    char folder[128];
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/holdfast-password-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    (void)snprintf(folder, sizeof(folder), "%s/etc", root);
    return mkdir(folder, 0755);
}

static int remove_root(void **state)
{
    static const char *const names[] = {"/etc/shadow", "/etc/passwd", "/etc", ""};
    char path[128];
    (void)state;
    for (size_t i = 0; i < countof(names); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", root, names[i]);
        (void)remove(path);
    }
    return 0;
}

/* The hash of PASSWORD with this setting of crypt(3). */
static const char *hashed(const char *setting)
{
    const char *hash = crypt(PASSWORD, setting);
    assert_non_null(hash);
    assert_int_not_equal(hash[0], '*');
    return hash;
}

/* Each "%s" of the line stands for a good hash. */
static void shadow(const char *line)
{
    char text[1024];
    const char *hash = hashed("$5$salt$");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, sizeof(text), line, hash, hash);
#pragma GCC diagnostic pop
    write_file("shadow", text);
}

static void every_kind_of_hash_takes_its_password_and_no_other(void **state)
{
    static const char *const settings[] = {"ab",       "$1$salt$", "$2b$04$abcdefghijklmnopqrstuu",
                                           "$5$salt$", "$6$salt$", "$6$rounds=1000$salt$"};
    (void)state;
    for (size_t i = 0; i < countof(settings); i++) {
        char line[256];
        (void)snprintf(line, sizeof(line), "admin:%s:0::::::\n", hashed(settings[i]));
        write_file("shadow", line);
        assert_int_equal(password_check(root, PASSWORD), 0);
        assert_int_equal(password_check(root, "Correct horse"), -EACCES);
        assert_int_equal(password_check(root, ""), -EACCES);
    }
}

static void a_hash_of_an_unknown_kind_cannot_be_checked(void **state)
{
    static const char *const hashes[] = {"$9$salt$abc", "$5$", "x", "$", "$6$rounds=0$"};
    (void)state;
    for (size_t i = 0; i < countof(hashes); i++) {
        char line[256];
        (void)snprintf(line, sizeof(line), "admin:%s:0::::::\n", hashes[i]);
        write_file("shadow", line);
        assert_int_not_equal(password_check(root, PASSWORD), 0);
        assert_int_not_equal(password_check(root, hashes[i]), 0);
    }
    write_file("shadow", "admin:$9$salt$abc:0::::::\n");
    assert_int_equal(password_check(root, PASSWORD), -ENOTSUP);
}

static void a_hash_that_cannot_be_computed_is_named_by_its_kind(void **state)
{
    static const struct {
        const char *hash, *kind;
    } cases[] = {
        {"$y$j9T$abcdefgh$x", "kind yescrypt,"},
        {"$gy$j9T$abcdefgh$x", "kind gost-yescrypt,"},
        {"$7$CU..../....salt", "kind scrypt,"},
        {"$9$salt$abc", "does not know"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        char line[256];
        struct buf why = {0};
        (void)snprintf(line, sizeof(line), "admin:%s:0::::::\n", cases[i].hash);
        write_file("shadow", line);
        password_unsupported(root, &why);
        assert_non_null(strstr(buf_text(&why), cases[i].kind));
        assert_null(strstr(buf_text(&why), cases[i].hash));
        buf_free(&why);
    }
}

/* P2: the day of expiry itself is past (shadow(5)). */
static void an_account_is_refused_on_its_day_of_expiry(void **state)
{
    char line[64];
    (void)state;
    for (int left = 0; left <= 1; left++) {
        (void)snprintf(line, sizeof(line), "admin:%%s:0:::::%lld:\n",
                       (long long)(time(NULL) / DAY_S) + left);
        shadow(line);
        assert_int_equal(password_check(root, PASSWORD), left ? 0 : -EPERM);
    }
}

/* P4: crypt(3) of the host takes longer ones than musl's. */
static void a_password_longer_than_the_most_is_wrong_whatever_its_hash(void **state)
{
    char password[PASSWORD_MAX + 2], line[256];
    (void)state;
    memset(password, 'x', sizeof(password) - 1);
    password[sizeof(password) - 1] = '\0';
    const char *hash = crypt(password, "$5$salt$");
    assert_non_null(hash);
    (void)snprintf(line, sizeof(line), "admin:%s:0::::::\n", hash);
    write_file("shadow", line);
    assert_int_equal(password_check(root, password), -EACCES);
}

static void a_locked_account_takes_no_password(void **state)
{
    static const char *const lines[] = {"admin:!%s:0::::::\n", "admin:*:0::::::\n",
                                        "admin:!:0::::::\n",   "admin:!!:0::::::\n",
                                        "admin:!*:0::::::\n",  "admin:*LK*%s:0::::::\n"};
    (void)state;
    for (size_t i = 0; i < countof(lines); i++) {
        shadow(lines[i]);
        assert_int_equal(password_check(root, PASSWORD), -EPERM);
        assert_int_equal(password_check(root, ""), -EPERM);
    }
}

static void an_empty_field_is_no_password_that_opens(void **state)
{
    (void)state;
    shadow("admin::0::::::\n");
    assert_int_equal(password_check(root, ""), -EPERM);
    assert_int_equal(password_check(root, PASSWORD), -EPERM);
}

static void a_missing_file_or_account_refuses(void **state)
{
    (void)state;
    assert_int_equal(password_check(root, PASSWORD), -EPERM);
    write_file("shadow", "");
    assert_int_equal(password_check(root, PASSWORD), -EPERM);
    shadow("administrator:%s:0::::::\nadmi:%s:0::::::\n");
    assert_int_equal(password_check(root, PASSWORD), -EPERM);
}

static void a_malformed_line_refuses(void **state)
{
    static const char *const lines[] = {"admin\n",         "admin:",          "admin:\n",
                                        "admin:%s\n",      "admin:%s:0:\n",   " admin:%s:0::::::\n",
                                        ":admin:%s:0::::", "admin %s:0::::::"};
    (void)state;
    for (size_t i = 0; i < countof(lines); i++) {
        shadow(lines[i]);
        assert_int_equal(password_check(root, PASSWORD), -EPERM);
    }
}

static void the_first_of_two_lines_counts_as_login_has_it(void **state)
{
    (void)state;
    shadow("admin:!:0::::::\nadmin:%s:0::::::\n");
    assert_int_equal(password_check(root, PASSWORD), -EPERM);
    shadow("root:!*:0::::::\n\nadmin:%s:0::::::\nadmin:!:0::::::\n");
    assert_int_equal(password_check(root, PASSWORD), 0);
}

static void an_account_past_its_day_is_refused(void **state)
{
    char line[64];
    long today = (long)(time(NULL) / DAY_S);
    (void)state;
    (void)snprintf(line, sizeof(line), "admin:%%s:0:::::%ld:\n", today - 1);
    shadow(line);
    assert_int_equal(password_check(root, PASSWORD), -EPERM);
    (void)snprintf(line, sizeof(line), "admin:%%s:0:::::%ld:\n", today + 2);
    shadow(line);
    assert_int_equal(password_check(root, PASSWORD), 0);
    shadow("admin:%s:0:::::0:\n");
    assert_int_equal(password_check(root, PASSWORD), -EPERM);
    shadow("admin:%s:0:::::never:\n");
    assert_int_equal(password_check(root, PASSWORD), -EPERM);
}

static void a_long_password_is_wrong_and_never_cut(void **state)
{
    char password[2 * PASSWORD_MAX], line[256];
    (void)state;
    memset(password, 'x', sizeof(password));
    password[PASSWORD_MAX] = '\0';
    (void)snprintf(line, sizeof(line), "admin:%s:0::::::\n", crypt(password, "$6$salt$"));
    write_file("shadow", line);
    assert_int_equal(password_check(root, password), 0);
    password[PASSWORD_MAX - 1] = '\0';
    assert_int_equal(password_check(root, password), -EACCES);
    password[PASSWORD_MAX - 1] = password[PASSWORD_MAX] = 'x';
    password[PASSWORD_MAX + 1] = '\0';
    assert_int_equal(password_check(root, password), -EACCES);
    password[PASSWORD_MAX + 1] = 'x';
    password[sizeof(password) - 1] = '\0';
    assert_int_equal(password_check(root, password), -EACCES);
}

static void an_oversized_or_unreadable_shadow_is_no_verdict(void **state)
{
    enum { SIZE = 2 * 1048576 };
    char path[128];
    char *text = malloc(SIZE + 1);
    (void)state;
    assert_non_null(text);
    memset(text, 'a', SIZE);
    text[SIZE] = '\0';
    write_file("shadow", text);
    free(text);
    assert_int_equal(password_check(root, PASSWORD), -EIO);
    (void)snprintf(path, sizeof(path), "%s/etc/shadow", root);
    assert_int_equal(remove(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(password_check(root, PASSWORD), -EIO);
}

static void a_shadow_that_may_not_be_read_makes_no_password_wrong(void **state)
{
    char path[128];
    bool is_root = geteuid() == 0;
    (void)state;
    shadow("admin:%s:0::::::\n");
    (void)snprintf(path, sizeof(path), "%s/etc/shadow", root);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(is_root ? seteuid(1000) : 0, 0);
    int error = password_check(root, PASSWORD);
    assert_int_equal(is_root ? seteuid(0) : 0, 0);
    assert_int_equal(error, -EIO);
}

static void the_admin_is_found_by_name_with_its_numbers(void **state)
{
    uid_t uid;
    gid_t gid;
    char line[512];
    (void)state;
    assert_int_equal(password_account(root, PASSWORD_ADMIN, &uid, &gid), -ENOENT);
    write_file("passwd", "root:x:0:0::/:/bin/sh\nadmin:x:1000:1001:A:/home/admin:/bin/sh\n");
    assert_int_equal(password_account(root, PASSWORD_ADMIN, &uid, &gid), 0);
    assert_int_equal(uid, 1000);
    assert_int_equal(gid, 1001);
    (void)snprintf(line, sizeof(line), "admin:%0200d:1002:1003::/:/bin/sh\n", 7);
    write_file("passwd", line);
    assert_int_equal(password_account(root, PASSWORD_ADMIN, &uid, &gid), 0);
    assert_int_equal(uid, 1002);
    assert_int_equal(gid, 1003);
}

static void a_malformed_admin_is_none_and_never_root(void **state)
{
    static const char *const lines[] = {"admin:x:0:0::/:/bin/sh\n",
                                        "admin:x:-1:1000::/:/bin/sh\n",
                                        "admin:x::1000::/:/bin/sh\n",
                                        "admin:x:1000\n",
                                        "admin:x:1000:\n",
                                        "admin:x\n",
                                        "admin:x:1e3:1000::/:/bin/sh",
                                        "admin:x:4294967295:1000::/:",
                                        "admin:x: 1000:1000::/:\n"};
    (void)state;
    for (size_t i = 0; i < countof(lines); i++) {
        uid_t uid;
        gid_t gid;
        write_file("passwd", lines[i]);
        assert_true(password_account(root, PASSWORD_ADMIN, &uid, &gid) < 0);
    }
}

static void the_delay_doubles_to_half_a_minute_and_stays(void **state)
{
    static const unsigned wanted_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 32000};
    (void)state;
    for (unsigned i = 0; i < countof(wanted_ms); i++)
        assert_int_equal(password_delay_ms(i + 1), wanted_ms[i]);
    assert_int_equal(password_delay_ms(UINT32_MAX), 32000);
}

int main(void)
{
#define PASSWORD_TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        PASSWORD_TEST(every_kind_of_hash_takes_its_password_and_no_other),
        PASSWORD_TEST(a_hash_of_an_unknown_kind_cannot_be_checked),
        PASSWORD_TEST(a_hash_that_cannot_be_computed_is_named_by_its_kind),
        PASSWORD_TEST(an_account_is_refused_on_its_day_of_expiry),
        PASSWORD_TEST(a_password_longer_than_the_most_is_wrong_whatever_its_hash),
        PASSWORD_TEST(a_locked_account_takes_no_password),
        PASSWORD_TEST(an_empty_field_is_no_password_that_opens),
        PASSWORD_TEST(a_missing_file_or_account_refuses),
        PASSWORD_TEST(a_malformed_line_refuses),
        PASSWORD_TEST(the_first_of_two_lines_counts_as_login_has_it),
        PASSWORD_TEST(an_account_past_its_day_is_refused),
        PASSWORD_TEST(a_long_password_is_wrong_and_never_cut),
        PASSWORD_TEST(an_oversized_or_unreadable_shadow_is_no_verdict),
        PASSWORD_TEST(a_shadow_that_may_not_be_read_makes_no_password_wrong),
        PASSWORD_TEST(the_admin_is_found_by_name_with_its_numbers),
        PASSWORD_TEST(a_malformed_admin_is_none_and_never_root),
        cmocka_unit_test(the_delay_doubles_to_half_a_minute_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
