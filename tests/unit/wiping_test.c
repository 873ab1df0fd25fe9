/* What is left of a secret in memory. */
#include "control_fixture.h"

#include "base/buf.h"
#include "heap_search.h"
#include "settings/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef01234567"
#define SERVER "ntp.server = a.test key=1 type=sha1 secret="

static void the_search_finds_what_is_not_wiped(void **state)
{
    (void)state;
    if (!heap_search_begin(SECRET))
        return;
    char *copy = strdup(SECRET);
    assert_int_equal(heap_search_held(), 1);
    free(copy);
    assert_int_equal(heap_search_held(), 0);
    assert_int_equal(heap_search_freed(), 1);
}

static void the_control_socket_forgets_a_password_before_it_is_checked(void **state)
{
    char byte;
    (void)state;
    if (!heap_search_begin(FIXTURE_PASSWORD))
        return;
    int fd = control_fixture_connect_client();
    control_fixture.hurried = true;
    control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
    control_fixture_turn(); /* its head */
    control_fixture_turn(); /* the password */
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(heap_search_held(), 0);
    control_fixture.hurried = false;
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_int_equal(heap_search_freed(), 0);
    close(fd);
}

/* One that must wait for an earlier guess is kept until then; its client leaves before. */
static void the_control_socket_forgets_a_password_that_was_never_checked(void **state)
{
    (void)state;
    if (!heap_search_begin(FIXTURE_PASSWORD))
        return;
    int first = control_fixture_connect_client(), second = control_fixture_connect_client();
    control_fixture_request(first, CONTROL_LOGIN, "wrong");
    (void)control_fixture_answer(first);
    control_fixture_request(second, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(second), -EAGAIN);
    assert_int_equal(heap_search_held(), 1);
    control_close(control_fixture.control);
    control_fixture.control = NULL;
    assert_int_equal(heap_search_held() + heap_search_freed(), 0);
    close(first);
    close(second);
}

static void the_control_socket_forgets_a_change_and_its_secrets(void **state)
{
    (void)state;
    if (!heap_search_begin(SECRET))
        return;
    int fd = control_fixture_connect_client();
    control_fixture_request(fd, CONTROL_APPLY_SET, SERVER SECRET "\n");
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_int_equal(heap_search_held() + heap_search_freed(), 0);
    close(fd);
}

static void settings_forget_a_secret_with_the_value_that_held_it(void **state)
{
    static const char text[] = SERVER SECRET "\n", other[] = "ntp.server = b.test\n",
                      bad[] = SERVER SECRET "\nnosuch = 1\n";
    struct settings settings = {0}, copy = {0};
    struct buf out = {0}, faults = {0};
    (void)state;
    if (!heap_search_begin(SECRET))
        return;
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_not_equal(settings_import(&settings, "x", bad, sizeof(bad) - 1, &faults), 0);
    assert_int_equal(heap_search_held() + heap_search_freed(), 0);
    assert_int_equal(settings_import(&settings, "x", text, sizeof(text) - 1, &faults), 0);
    assert_int_equal(settings_copy(&copy, &settings), 0);
    settings_export(&settings, EXPORT_ALL, true, &out);
    assert_int_equal(heap_search_held(), 3);
    buf_wipe(&out);
    assert_int_equal(settings_import(&settings, "x", other, sizeof(other) - 1, &faults), 0);
    settings_free(&copy);
    assert_int_equal(heap_search_held() + heap_search_freed(), 0);
    settings_free(&settings);
    buf_free(&faults);
}

int main(void)
{
#define CONTROL_TEST(name)                                                                         \
    cmocka_unit_test_setup_teardown(name, control_fixture_open, control_fixture_close)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_what_is_not_wiped),
        CONTROL_TEST(the_control_socket_forgets_a_password_before_it_is_checked),
        CONTROL_TEST(the_control_socket_forgets_a_password_that_was_never_checked),
        CONTROL_TEST(the_control_socket_forgets_a_change_and_its_secrets),
        cmocka_unit_test(settings_forget_a_secret_with_the_value_that_held_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
