/* Passwords at the control socket: who needs one, how guesses are slowed down, and what goes on
 * while one is checked. */
#include "control_fixture.h"

#include "base/file.h"
#include "base/str.h"
#include "control/password.h"

#include <crypt.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void the_wizard_needs_the_password_of_everybody(void **state)
{
    (void)state;
    int fd = control_fixture_connect_client();
    control_fixture_request(fd, CONTROL_APPLY_WIZARD, "a = b\n");
    assert_int_equal(control_fixture_answer(fd), -EACCES);
    assert_int_equal(control_fixture.applied, 0);
    control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(fd), 0);
    control_fixture_request(fd, CONTROL_APPLY_WIZARD, "a = b\n");
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_string_equal(control_fixture.how, "wizard");
    close(fd);
}

static void the_admin_logs_in_before_anything_else(void **state)
{
    static const enum control_verb verbs[] = {CONTROL_LOAD, CONTROL_APPLY_WIZARD, CONTROL_APPLY_SET,
                                              CONTROL_APPLY_IMPORT, CONTROL_REBOOT};
    (void)state;
    if (!control_fixture_is_root())
        return;
    int fd = control_fixture_connect_as(FIXTURE_ADMIN);
    for (size_t i = 0; i < countof(verbs); i++) {
        control_fixture_request(fd, verbs[i], "");
        assert_int_equal(control_fixture_answer(fd), -EACCES);
    }
    assert_int_equal(control_fixture.loaded + control_fixture.applied, 0);
    control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(fd), 0);
    control_fixture_request(fd, CONTROL_APPLY_IMPORT, "a = b\n");
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_string_equal(control_fixture.who, "admin");
    assert_string_equal(control_fixture.how, "import");
    int other = control_fixture_connect_as(FIXTURE_ADMIN);
    control_fixture_request(other, CONTROL_LOAD, "");
    assert_int_equal(control_fixture_answer(other), -EACCES);
    close(other);
    close(fd);
}

static void a_disabled_account_logs_in_with_no_password(void **state)
{
    (void)state;
    int fd = control_fixture_connect_client();
    control_fixture_write("shadow", "admin:!$5$salt$x:0::::::\n");
    control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer_after(fd, 1000), -EPERM);
    assert_string_equal(control_fixture.why,
                        "the password cannot be checked: Operation not permitted");
    close(fd);
}

static void a_password_that_is_too_long_is_wrong(void **state)
{
    char password[PASSWORD_MAX + 3];
    (void)state;
    memset(password, 'x', sizeof(password));
    password[PASSWORD_MAX + 1] = '\0';
    int fd = control_fixture_connect_client();
    control_fixture_request(fd, CONTROL_LOGIN, password);
    assert_int_equal(control_fixture_answer_after(fd, 1000), -EACCES);
    password[PASSWORD_MAX + 1] = 'x';
    password[PASSWORD_MAX + 2] = '\0';
    control_fixture_request(fd, CONTROL_LOGIN, password);
    assert_int_equal(control_fixture_answer(fd), -EPIPE);
    close(fd);
}

static void wrong_passwords_are_answered_later_each_time_and_then_no_more(void **state)
{
    static const int wanted[] = {-EACCES, -EACCES, -EPERM};
    static const uint64_t after_ms[] = {1000, 2000, 4000};
    (void)state;
    int fd = control_fixture_connect_client();
    for (size_t i = 0; i < countof(wanted); i++) {
        control_fixture_request(fd, CONTROL_LOGIN, "wrong");
        assert_int_equal(control_fixture_answer_after(fd, after_ms[i]), wanted[i]);
    }
    assert_int_equal(control_fixture.refused, 3);
    assert_string_equal(control_fixture.why, "wrong password");
    assert_true(control_fixture_is_closed(fd));
    close(fd);
}

static void a_new_connection_does_not_shorten_the_delay(void **state)
{
    (void)state;
    int first = control_fixture_connect_client();
    control_fixture_request(first, CONTROL_LOGIN, "wrong");
    assert_int_equal(control_fixture_answer(first), -EAGAIN);
    close(first);
    control_fixture_turn();
    int second = control_fixture_connect_client();
    control_fixture_request(second, CONTROL_LOGIN, "wrong");
    assert_int_equal(control_fixture_answer_after(second, 1000), -EAGAIN);
    assert_int_equal(control_fixture_answer_after(second, 2000), -EACCES);
    control_fixture_request(second, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(second), 0);
    control_fixture_request(second, CONTROL_LOGIN, "wrong");
    assert_int_equal(control_fixture_answer_after(second, 1000), -EACCES);
    close(second);
}

static void many_connections_guess_no_faster_than_one(void **state)
{
    int fds[CONTROL_CLIENTS_MAX];
    (void)state;
    for (size_t i = 0; i < countof(fds); i++) {
        fds[i] = control_fixture_connect_client();
        control_fixture_request(fds[i], CONTROL_LOGIN, "wrong");
    }
    for (int i = 0; i < 10; i++)
        control_fixture_turn();
    assert_int_equal(control_fixture.refused, 1);
    control_fixture_pass(1000);
    control_fixture_turn();
    assert_int_equal(control_fixture.refused, 2);
    control_fixture_pass(1999);
    assert_int_equal(control_fixture.refused, 2);
    control_fixture_pass(1);
    control_fixture_turn();
    assert_int_equal(control_fixture.refused, 3);
    for (size_t i = 0; i < countof(fds); i++)
        close(fds[i]);
}

static void a_client_that_leaves_while_its_answer_is_held_back_costs_no_busy_loop(void **state)
{
    unsigned busy = 0;
    (void)state;
    int fd = control_fixture_connect_client();
    control_fixture_request(fd, CONTROL_LOGIN, "wrong");
    assert_int_equal(control_fixture_answer(fd), -EAGAIN);
    close(fd);
    for (int i = 0; i < 10; i++)
        busy += control_fixture_turn() == 0;
    assert_true(busy <= 1);
}

/* A hash that takes minutes to compute; of no password. */
#define ENDLESS "admin:$6$rounds=999999999$................$x:0::::::\n"

/* A request is read in two turns: its head, then its payload. */
static void begin_check(int fd, const char *password)
{
    control_fixture.hurried = true;
    control_fixture_request(fd, CONTROL_LOGIN, password);
    for (int turns = 0; turns < 3; turns++)
        control_fixture_turn();
}

static void a_password_that_is_checked_holds_up_no_other_client(void **state)
{
    (void)state;
    control_fixture_write("shadow", ENDLESS);
    int first = control_fixture_connect_client(), second = control_fixture_connect_client();
    begin_check(first, "wrong");
    for (unsigned i = 1; i <= 10; i++) {
        control_fixture_request(second, CONTROL_LOAD, "");
        assert_int_equal(control_fixture_answer(second), 0);
        assert_int_equal(control_fixture.loaded, i);
    }
    assert_int_equal(control_fixture.refused, 0);
    assert_false(control_fixture_is_closed(first));
    close(first);
    close(second);
}

static void one_that_waits_for_its_turn_costs_no_busy_loop(void **state)
{
    unsigned busy = 0;
    (void)state;
    control_fixture_write("shadow", ENDLESS);
    int first = control_fixture_connect_client(), second = control_fixture_connect_client();
    begin_check(first, "wrong");
    begin_check(second, "wrong");
    for (int i = 0; i < 10; i++)
        busy += control_fixture_turn() == 0;
    assert_true(busy <= 2);
    control_fixture_pass(100000);
    assert_false(control_fixture_is_closed(second));
    close(first);
    close(second);
}

static void a_guess_counts_though_its_client_has_left(void **state)
{
    (void)state;
    int fd = control_fixture_connect_client();
    begin_check(fd, "wrong");
    close(fd);
    control_fixture.hurried = false;
    control_fixture_turn();
    control_fixture_turn();
    assert_int_equal(control_fixture.refused, 1);
    fd = control_fixture_connect_client();
    control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer_after(fd, 1000), 0);
    close(fd);
}

/* Linux lists a process's children (proc(5), /proc/PID/task/TID/children). */
static pid_t only_child(void)
{
    char path[64];
    int pid = 0;
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "re");
    assert_non_null(children);
    assert_int_equal(fscanf(children, "%d", &pid), 1);
    (void)fclose(children);
    return pid;
}

static void a_check_that_ends_without_a_result_refuses(void **state)
{
    (void)state;
    control_fixture_write("shadow", ENDLESS);
    int fd = control_fixture_connect_client();
    begin_check(fd, FIXTURE_PASSWORD);
    assert_int_equal(kill(only_child(), SIGKILL), 0);
    control_fixture.hurried = false;
    assert_int_equal(control_fixture_answer_after(fd, 1000), -EPERM);
    assert_string_equal(control_fixture.why, "the password cannot be checked: Timer expired");
    close(fd);
}

static void a_hash_that_cannot_be_computed_is_told_and_not_counted(void **state)
{
    (void)state;
    int fd = control_fixture_connect_client();
    char line[256];
    control_fixture_write("shadow", "admin:$y$j9T$abcdefgh$x:0::::::\n");
    for (unsigned i = 1; i <= 4; i++) {
        control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
        assert_int_equal(control_fixture_answer(fd), -ENOTSUP);
        assert_non_null(strstr(control_fixture.answer, "yescrypt"));
        assert_int_equal(control_fixture.refused, i);
    }
    (void)snprintf(line, sizeof(line), "admin:%s:0::::::\n", crypt(FIXTURE_PASSWORD, "$5$salt$"));
    control_fixture_write("shadow", line);
    control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(fd), 0);
    close(fd);
}

/* The tries of a client that gets no verdict are not counted, and its password is not called wrong;
 * the next one is looked at a second later. */
static void assert_no_verdicts(int fd)
{
    for (unsigned i = 1; i <= 4; i++) {
        control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
        assert_int_equal(control_fixture_answer(fd), -EIO);
        assert_string_equal(control_fixture.answer,
                            "the password cannot be checked; the log says why");
        assert_string_equal(control_fixture.why, control_fixture.answer);
        assert_int_equal(control_fixture.refused, i);
        control_fixture_pass(1000);
    }
}

static void a_shadow_that_may_not_be_read_makes_no_password_wrong(void **state)
{
    char path[128];
    bool is_root = geteuid() == 0;
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/etc/shadow", control_fixture.root);
    assert_int_equal(chmod(path, 0), 0);
    int fd = control_fixture_connect_client();
    assert_int_equal(is_root ? seteuid(FIXTURE_ADMIN) : 0, 0);
    assert_no_verdicts(fd);
    assert_int_equal(is_root ? seteuid(0) : 0, 0);
    assert_int_equal(chmod(path, 0600), 0);
    control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(fd), 0);
    close(fd);
}

/* The process may not raise its limit of processor time again (setrlimit(2): EPERM), and nor may
 * this one: it is the last test. */
static void a_process_that_cannot_be_confined_makes_no_password_wrong(void **state)
{
    char path[128];
    const struct rlimit low = {100, 100};
    (void)state;
    if (!control_fixture_is_root())
        return;
    (void)snprintf(path, sizeof(path), "%s/etc/shadow", control_fixture.root);
    assert_int_equal(chmod(path, 0644), 0);
    int fd = control_fixture_connect_client();
    assert_int_equal(setrlimit(RLIMIT_CPU, &low), 0);
    assert_int_equal(seteuid(FIXTURE_ADMIN), 0);
    assert_no_verdicts(fd);
    assert_int_equal(seteuid(0), 0);
    close(fd);
}

/* D5: those that wait are never too many to be told. */
static void every_wrong_password_is_an_event(void **state)
{
    (void)state;
    int fd = control_fixture_connect_client();
    for (unsigned i = 1; i <= 2 * CONTROL_REFUSALS_MAX; i++) {
        control_fixture_request(fd, CONTROL_LOGIN, "wrong");
        assert_int_equal(control_fixture_answer_after(fd, 1000), -EACCES);
        assert_int_equal(control_fixture.refused, i);
        control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
        assert_int_equal(control_fixture_answer(fd), 0);
    }
    close(fd);
}

/* --- consoles --- */

static void ask_console(int fd, const char *data, size_t size)
{
    control_fixture_send_head(fd, (struct control_head){.magic = CONTROL_MAGIC,
                                                        .verb = CONTROL_CONSOLE,
                                                        .size = (uint32_t)size});
    assert_int_equal(file_write_all(fd, data, size), 0);
}

#define ASK_CONSOLE(fd, text) ask_console(fd, text, sizeof(text) - 1)

static void a_console_lets_in_the_administrator_alone(void **state)
{
    (void)state;
    control_fixture_write("passwd", "root:x:0:0::/:/bin/sh\nadmin:x:1000:1000::/:/bin/sh\n");
    int fd = control_fixture_connect_client();
    ASK_CONSOLE(fd, "tty1\0admin\0" FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(fd), 0);
    ASK_CONSOLE(fd, "tty1\0root\0" FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer_after(fd, 1000), -EACCES);
    assert_string_equal(control_fixture.who, "console tty1");
    assert_string_equal(control_fixture.why, "wrong password for root");
    ASK_CONSOLE(fd, "tty1\0" FIXTURE_PASSWORD "\0" FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer_after(fd, 2000), -EACCES);
    assert_string_equal(control_fixture.why, "unknown user");
    close(fd);
}

static void a_console_is_no_log_in_of_the_connection(void **state)
{
    (void)state;
    int fd = control_fixture_connect_client();
    ASK_CONSOLE(fd, "tty1\0admin\0" FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(fd), 0);
    control_fixture_request(fd, CONTROL_APPLY_WIZARD, "a = b\n");
    assert_int_equal(control_fixture_answer(fd), -EACCES);
    close(fd);
}

static void guesses_at_a_console_do_not_delay_others(void **state)
{
    (void)state;
    int console = control_fixture_connect_client(), fd = control_fixture_connect_client();
    ASK_CONSOLE(console, "tty1\0admin\0wrong");
    assert_int_equal(control_fixture_answer(console), -EAGAIN);
    control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(fd), 0);
    close(console);
    close(fd);
}

static void what_is_no_log_in_at_a_console_closes_the_connection(void **state)
{
    static const struct {
        const char *data;
        size_t size;
    } cases[] = {
        {"", 0},
        {"tty1", 4},
        {"tty1\0admin", 10},
        {"tty1\0\0secret", 12},
        {"tty1\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0b", 40},
        {"ttyttyttyttyttyttyttyttyttyttytty\0admin\0a", 41},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        int fd = control_fixture_connect_client();
        ask_console(fd, cases[i].data, cases[i].size);
        assert_int_equal(control_fixture_answer(fd), -EPIPE);
        assert_int_equal(control_fixture.refused, i + 1);
        close(fd);
    }
    if (!control_fixture_is_root())
        return;
    int fd = control_fixture_connect_as(FIXTURE_ADMIN);
    ASK_CONSOLE(fd, "tty1\0admin\0" FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(fd), -EACCES);
    close(fd);
}

int main(void)
{
#define LOGIN_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, control_fixture_open, control_fixture_close)
    const struct CMUnitTest tests[] = {
        LOGIN_TEST(the_wizard_needs_the_password_of_everybody),
        LOGIN_TEST(the_admin_logs_in_before_anything_else),
        LOGIN_TEST(a_disabled_account_logs_in_with_no_password),
        LOGIN_TEST(a_password_that_is_too_long_is_wrong),
        LOGIN_TEST(wrong_passwords_are_answered_later_each_time_and_then_no_more),
        LOGIN_TEST(a_new_connection_does_not_shorten_the_delay),
        LOGIN_TEST(many_connections_guess_no_faster_than_one),
        LOGIN_TEST(a_client_that_leaves_while_its_answer_is_held_back_costs_no_busy_loop),
        LOGIN_TEST(a_password_that_is_checked_holds_up_no_other_client),
        LOGIN_TEST(one_that_waits_for_its_turn_costs_no_busy_loop),
        LOGIN_TEST(a_guess_counts_though_its_client_has_left),
        LOGIN_TEST(a_check_that_ends_without_a_result_refuses),
        LOGIN_TEST(a_hash_that_cannot_be_computed_is_told_and_not_counted),
        LOGIN_TEST(a_shadow_that_may_not_be_read_makes_no_password_wrong),
        LOGIN_TEST(every_wrong_password_is_an_event),
        LOGIN_TEST(a_console_lets_in_the_administrator_alone),
        LOGIN_TEST(a_console_is_no_log_in_of_the_connection),
        LOGIN_TEST(guesses_at_a_console_do_not_delay_others),
        LOGIN_TEST(what_is_no_log_in_at_a_console_closes_the_connection),
        LOGIN_TEST(a_process_that_cannot_be_confined_makes_no_password_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
