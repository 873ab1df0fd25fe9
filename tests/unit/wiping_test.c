/* What is left of a secret in memory: the sanitizer's own allocator says what is allocated and what
 * is given back, and each piece is searched for it. A build without the sanitizer has nobody to
 * ask, and tests nothing here. */
#include "control_fixture.h"

#include "base/buf.h"
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

enum { PIECES_MAX = 16384 };

static struct {
    const char *secret; /* NULL: nothing is searched */
    size_t freed_with_it;
    struct piece {
        const volatile void *at;
        size_t size;
    } pieces[PIECES_MAX];
    size_t count;
} heap;

static bool holds(const volatile void *at, size_t size)
{
    return heap.secret &&
           memmem((const void *)(uintptr_t)at, size, heap.secret, strlen(heap.secret)) != NULL;
}

#ifdef __SANITIZE_ADDRESS__
/* Of sanitizer/allocator_interface.h, which gcc does not install everywhere. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *at, size_t size)
{
    if (heap.count < PIECES_MAX)
        heap.pieces[heap.count++] = (struct piece){at, size};
}

static void on_free(const volatile void *at)
{
    for (size_t i = heap.count; i-- > 0;) {
        if (heap.pieces[i].at != at)
            continue;
        heap.freed_with_it += holds(at, heap.pieces[i].size);
        heap.pieces[i] = heap.pieces[--heap.count];
        return;
    }
}

static bool listen_to_heap(void)
{
    return __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0;
}
#else
static bool listen_to_heap(void)
{
    return false;
}
#endif

static bool can_listen;

static bool search_for(const char *secret)
{
    heap.secret = secret;
    heap.freed_with_it = 0;
    return can_listen;
}

/* In how many pieces it stands at the moment. */
static size_t held(void)
{
    size_t count = 0;
    assert_true(heap.count < PIECES_MAX);
    for (size_t i = 0; i < heap.count; i++)
        count += holds(heap.pieces[i].at, heap.pieces[i].size);
    return count;
}

static void the_search_finds_what_is_not_wiped(void **state)
{
    (void)state;
    if (!search_for(SECRET))
        return;
    char *copy = strdup(SECRET);
    assert_int_equal(held(), 1);
    free(copy);
    assert_int_equal(held(), 0);
    assert_int_equal(heap.freed_with_it, 1);
}

static void the_door_forgets_a_password_before_it_is_checked(void **state)
{
    char byte;
    (void)state;
    if (!search_for(FIXTURE_PASSWORD))
        return;
    int fd = control_fixture_connect_client();
    control_fixture.hurried = true;
    control_fixture_request(fd, CONTROL_LOGIN, FIXTURE_PASSWORD);
    control_fixture_turn(); /* its head */
    control_fixture_turn(); /* the password */
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(held(), 0);
    control_fixture.hurried = false;
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_int_equal(heap.freed_with_it, 0);
    close(fd);
}

/* One that must wait for an earlier guess is kept until then; its client leaves before. */
static void the_door_forgets_a_password_that_was_never_checked(void **state)
{
    (void)state;
    if (!search_for(FIXTURE_PASSWORD))
        return;
    int first = control_fixture_connect_client(), second = control_fixture_connect_client();
    control_fixture_request(first, CONTROL_LOGIN, "wrong");
    (void)control_fixture_answer(first);
    control_fixture_request(second, CONTROL_LOGIN, FIXTURE_PASSWORD);
    assert_int_equal(control_fixture_answer(second), -EAGAIN);
    assert_int_equal(held(), 1);
    control_close(control_fixture.control);
    control_fixture.control = NULL;
    assert_int_equal(held() + heap.freed_with_it, 0);
    close(first);
    close(second);
}

static void the_door_forgets_a_change_and_its_secrets(void **state)
{
    (void)state;
    if (!search_for(SECRET))
        return;
    int fd = control_fixture_connect_client();
    control_fixture_request(fd, CONTROL_APPLY_SET, SERVER SECRET "\n");
    assert_int_equal(control_fixture_answer(fd), 0);
    assert_int_equal(held() + heap.freed_with_it, 0);
    close(fd);
}

static void settings_forget_a_secret_with_the_value_that_held_it(void **state)
{
    static const char text[] = SERVER SECRET "\n", other[] = "ntp.server = b.test\n",
                      bad[] = SERVER SECRET "\nnosuch = 1\n";
    struct settings settings = {0}, copy = {0};
    struct buf out = {0}, faults = {0};
    (void)state;
    if (!search_for(SECRET))
        return;
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_not_equal(settings_import(&settings, "x", bad, sizeof(bad) - 1, &faults), 0);
    assert_int_equal(held() + heap.freed_with_it, 0);
    assert_int_equal(settings_import(&settings, "x", text, sizeof(text) - 1, &faults), 0);
    assert_int_equal(settings_copy(&copy, &settings), 0);
    settings_export(&settings, EXPORT_ALL, true, &out);
    assert_int_equal(held(), 3);
    buf_wipe(&out);
    assert_int_equal(settings_import(&settings, "x", other, sizeof(other) - 1, &faults), 0);
    settings_free(&copy);
    assert_int_equal(held() + heap.freed_with_it, 0);
    settings_free(&settings);
    buf_free(&faults);
}

int main(void)
{
#define CONTROL_TEST(name)                                                                         \
    cmocka_unit_test_setup_teardown(name, control_fixture_open, control_fixture_close)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_what_is_not_wiped),
        CONTROL_TEST(the_door_forgets_a_password_before_it_is_checked),
        CONTROL_TEST(the_door_forgets_a_password_that_was_never_checked),
        CONTROL_TEST(the_door_forgets_a_change_and_its_secrets),
        cmocka_unit_test(settings_forget_a_secret_with_the_value_that_held_it),
    };
    can_listen = listen_to_heap();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
