/* What a power cut must not take: each file that is put in place by rename(2) was made durable
 * before that, and its folder after it. fsync(2) and rename(2) are this test's, and note down who
 * called them with what. */
#include "base/file.h"
#include "base/str.h"
#include "state/state.h"
#include "state_fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { CALLS_MAX = 256 };

/* A rename has a second name. */
static struct call {
    char what[PATH_MAX], to[PATH_MAX];
} calls[CALLS_MAX];
static size_t count;

static struct call *note(void)
{
    assert_true(count < CALLS_MAX);
    calls[count] = (struct call){.to = ""};
    return &calls[count++];
}

static int note_sync(int fd, long number)
{
    char link[64];
    struct call *call = note();
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    assert_true(readlink(link, call->what, sizeof(call->what) - 1) > 0);
    return (int)syscall(number, fd);
}

int fsync(int fd)
{
    return note_sync(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return note_sync(fd, SYS_fdatasync);
}

int rename(const char *from, const char *to)
{
    struct call *call = note();
    assert_int_equal(str_copy(call->what, sizeof(call->what), from), 0);
    assert_int_equal(str_copy(call->to, sizeof(call->to), to), 0);
    return (int)syscall(SYS_rename, from, to);
}

static int begin(void **context)
{
    struct fixture *fixture = malloc(sizeof(*fixture));
    assert_non_null(fixture);
    fixture_begin(fixture);
    count = 0;
    *context = fixture;
    return 0;
}

static int end(void **context)
{
    fixture_end(*context);
    free(*context);
    return 0;
}

/* Whether `path` was made durable by one of the calls from `from` up to `to`. */
static bool is_synced(const char *path, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (calls[i].to[0] == '\0' && str_equal(calls[i].what, path))
            return true;
    return false;
}

/* The call that gave the path this name. */
static size_t rename_to(const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(calls[i].to, path))
            return i;
    fail_msg("%s was not put in place", path);
    return count;
}

static void assert_durable(const struct fixture *fixture, const char *path)
{
    size_t at = rename_to(path);
    assert_true(is_synced(calls[at].what, 0, at));
    assert_true(is_synced(fixture->folder, at, count));
}

static void a_file_is_durable_before_it_has_its_name_and_the_name_after(void **context)
{
    const struct fixture *fixture = *context;
    assert_int_equal(file_replace(fixture->path, "a", 1, 0600), 0);
    assert_durable(fixture, fixture->path);
    count = 0;
    assert_int_equal(file_replace_alike(fixture->path, fixture->path, "b", 1), 0);
    assert_durable(fixture, fixture->path);
}

static void what_a_reboot_forgets_costs_no_sync(void **context)
{
    const struct fixture *fixture = *context;
    assert_int_equal(file_replace_volatile(fixture->path, "a", 1, 0600), 0);
    assert_int_equal(count, 1);
    assert_string_equal(calls[0].to, fixture->path);
}

static void a_new_database_is_durable_with_its_first_commit(void **context)
{
    const struct fixture *fixture = *context;
    struct state *state = fixture_open(fixture, STATE_WRITE);
    assert_int_equal(fixture_store(state, WEB_MAX_SESSIONS, "7", NULL), 0);
    state_close(state);
    assert_durable(fixture, fixture->path);
}

static void a_damaged_database_that_is_set_aside_stays_aside(void **context)
{
    const struct fixture *fixture = *context;
    fixture_fill(fixture);
    count = 0;
    assert_int_equal(state_set_aside(fixture->path), 0);
    assert_true(count >= 2);
    assert_true(calls[count - 2].to[0] != '\0');
    assert_true(is_synced(fixture->folder, count - 1, count));
}

static void a_latch_is_durable(void **context)
{
    const struct fixture *fixture = *context;
    assert_int_equal(state_latch_file_set(fixture->path, "lost"), 0);
    assert_true(count >= 1);
    assert_true(is_synced(fixture->folder, count - 1, count));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_durable_before_it_has_its_name_and_the_name_after),
        TEST(what_a_reboot_forgets_costs_no_sync),
        TEST(a_new_database_is_durable_with_its_first_commit),
        TEST(a_damaged_database_that_is_set_aside_stays_aside),
        TEST(a_latch_is_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
