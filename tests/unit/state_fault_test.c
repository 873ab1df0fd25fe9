/*
 * Failures injected at every write, sync, truncation, read, opening and allocation of SQLite, one
 * after the other until none is left to fail: each gives an error in words or success, and after
 * it the database opens, holds what was acknowledged and verifies.
 */
#include "base/str.h"
#include "state/state.h"
#include "state_fixture.h"
#include "state_vfs.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ENOUGH = 5000 };

static int begin(void **context)
{
    struct fixture *fixture = malloc(sizeof(*fixture));
    assert_non_null(fixture);
    fixture_begin(fixture);
    vfs_install();
    *context = fixture;
    return 0;
}

static int end(void **context)
{
    vfs_remove();
    fixture_end(*context);
    free(*context);
    return 0;
}

/* What one run got through before the failure. */
struct done {
    int error;
    bool opened, stored, latched;
};

static struct done work(const struct fixture *fixture, const char *value)
{
    struct done done = {0};
    struct state *state;
    struct buf why = {0};
    done.error = state_open(&state, fixture->path, STATE_WRITE, &why);
    assert_true(done.error == 0 || done.error == -ENOMEM || why.length > 0);
    buf_free(&why);
    if (done.error)
        return done;
    done.opened = true;
    done.error = fixture_store(state, WEB_MAX_SESSIONS, value, NULL);
    done.stored = done.error == 0;
    if (done.error == 0)
        done.error = state_latch_set(state, "test");
    done.latched = done.error == 0;
    if (done.error == 0)
        done.error = state_object_put(state, "key", value, strlen(value));
    if (done.error == 0)
        done.error = state_event(state, "boot", "enforced");
    state_close(state);
    return done;
}

/* With nothing failing: the value is the old or the new one, and the new one where that was
 * acknowledged; the latch is set where it was. */
static void look_after(const struct fixture *fixture, const struct done *done, const char *before,
                       const char *wanted, const char *what)
{
    char last[STATE_HASH_TEXT_SIZE];
    char text[64];
    uint64_t count;
    vfs_fail(0, 0, SQLITE_OK, false);
    struct state *state = fixture_open(fixture, STATE_WRITE);
    assert_int_equal(fixture_load(state, WEB_MAX_SESSIONS, text, NULL), 0);
    if (!str_equal(text, wanted) && (done->stored || !str_equal(text, before)))
        fail_msg("%s: %s was stored, %s stood before, %s is there", what, wanted, before, text);
    assert_true(!done->latched || state_latch(state, "test"));
    assert_int_equal(state_events_verify(state, &count, last), 0);
    assert_int_equal(fixture_store(state, WEB_MAX_SESSIONS, before, NULL), 0);
    state_close(state);
}

struct failure {
    const char *name;
    unsigned acts;
    int code, error; /* SQLite's, and what it is told as */
    bool forever;
};

static const struct failure failures[] = {
    {"a write fails", VFS_WRITE, SQLITE_IOERR_WRITE, -EIO, false},
    {"writes fail", VFS_WRITE, SQLITE_IOERR_WRITE, -EIO, true},
    {"the disk is full", VFS_WRITE, SQLITE_FULL, -ENOSPC, true},
    {"a sync fails", VFS_SYNC, SQLITE_IOERR_FSYNC, -EIO, false},
    {"syncs fail", VFS_SYNC, SQLITE_IOERR_FSYNC, -EIO, true},
    {"a truncation fails", VFS_TRUNCATE, SQLITE_IOERR_TRUNCATE, -EIO, false},
    {"a read fails", VFS_READ, SQLITE_IOERR_READ, -EIO, false},
    {"reads fail", VFS_READ, SQLITE_IOERR_READ, -EIO, true},
    {"a file cannot be opened", VFS_OPEN, SQLITE_CANTOPEN, 0, false},
};

/* The failures move on through the whole work until none is met. */
static void fail_in_turn(const struct fixture *fixture, const struct failure *failure)
{
    for (unsigned nth = 1; nth < ENOUGH; nth++) {
        vfs_fail(failure->acts, nth, failure->code, failure->forever);
        struct done done = work(fixture, "8");
        if (!vfs_has_failed())
            return;
        if (done.error == -EBADMSG || done.error == -ENOENT ||
            (done.error && failure->error && done.error != failure->error))
            fail_msg("%s, number %u: %d", failure->name, nth, done.error);
        look_after(fixture, &done, "7", "8", failure->name);
    }
    fail_msg("%s: no end of it", failure->name);
}

static void an_acknowledged_revision_outlives_any_failure_of_the_disk(void **context)
{
    fixture_fill(*context);
    for (size_t i = 0; i < countof(failures); i++)
        fail_in_turn(*context, &failures[i]);
}

/* Nothing there, or everything: a failure leaves no half-made database behind. */
static void a_new_database_is_made_whole_or_not_at_all(void **context)
{
    const struct fixture *fixture = *context;
    struct state *state;
    for (size_t i = 0; i < countof(failures); i++) {
        for (unsigned nth = 1;; nth++) {
            struct buf why = {0};
            (void)state_set_aside(fixture->path);
            vfs_fail(failures[i].acts, nth, failures[i].code, failures[i].forever);
            int error = state_open(&state, fixture->path, STATE_WRITE, &why);
            state_close(error ? NULL : state);
            buf_free(&why);
            if (!vfs_has_failed())
                break;
            vfs_fail(0, 0, SQLITE_OK, false);
            error = state_open(&state, fixture->path, STATE_READ, NULL);
            if (error != 0 && error != -ENOENT)
                fail_msg("%s, number %u: %d", failures[i].name, nth, error);
            state_close(error ? NULL : state);
            state_close(fixture_open(fixture, STATE_WRITE));
        }
    }
}

static void an_event_syncs_once_and_looking_not_at_all(void **context)
{
    char text[64];
    fixture_fill(*context);
    vfs_fail(0, 0, SQLITE_OK, false);
    struct state *state = fixture_open(*context, STATE_WRITE);
    assert_int_equal(fixture_load(state, WEB_MAX_SESSIONS, text, NULL), 0);
    assert_int_equal(vfs_count(VFS_SYNC | VFS_WRITE | VFS_TRUNCATE), 0);
    for (int i = 0; i < 10; i++) {
        vfs_fail(0, 0, SQLITE_OK, false);
        assert_int_equal(state_event(state, "boot", "x"), 0);
        assert_int_equal(vfs_count(VFS_SYNC), 1);
    }
    vfs_fail(0, 0, SQLITE_OK, false);
    assert_int_equal(fixture_store(state, WEB_MAX_SESSIONS, "9", NULL), 0);
    assert_int_equal(vfs_count(VFS_SYNC), 1);
    state_close(state);
}

/* --- memory --- */

static struct {
    sqlite3_mem_methods real;
    unsigned left;
    bool failed;
} memory;

static bool out_of_memory(void)
{
    if (memory.left == 0 || --memory.left > 0)
        return false;
    memory.failed = true;
    return true;
}

static void *scarce_malloc(int size)
{
    return out_of_memory() ? NULL : memory.real.xMalloc(size);
}

static void *scarce_realloc(void *old, int size)
{
    return out_of_memory() ? NULL : memory.real.xRealloc(old, size);
}

static void make_memory_scarce(void)
{
    assert_int_equal(sqlite3_shutdown(), SQLITE_OK);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real), SQLITE_OK);
    sqlite3_mem_methods scarce = memory.real;
    scarce.xMalloc = scarce_malloc;
    scarce.xRealloc = scarce_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &scarce), SQLITE_OK);
    assert_int_equal(sqlite3_initialize(), SQLITE_OK);
}

static void make_memory_plenty(void)
{
    assert_int_equal(sqlite3_shutdown(), SQLITE_OK);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &memory.real), SQLITE_OK);
    assert_int_equal(sqlite3_initialize(), SQLITE_OK);
}

static void no_allocation_that_fails_loses_anything(void **context)
{
    const struct fixture *fixture = *context;
    fixture_fill(fixture);
    vfs_remove();
    make_memory_scarce();
    vfs_install();
    unsigned nth = 0;
    do {
        memory.left = ++nth;
        memory.failed = false;
        struct done done = work(fixture, "8");
        memory.left = 0;
        if (done.error != 0 && done.error != -ENOMEM)
            fail_msg("allocation %u: %d", nth, done.error);
        look_after(fixture, &done, "7", "8", "an allocation fails");
    } while (memory.failed && nth < ENOUGH);
    assert_in_range(nth, 100, ENOUGH - 1);
    vfs_remove();
    make_memory_plenty();
    vfs_install();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(an_acknowledged_revision_outlives_any_failure_of_the_disk),
        TEST(a_new_database_is_made_whole_or_not_at_all),
        TEST(an_event_syncs_once_and_looking_not_at_all),
        TEST(no_allocation_that_fails_loses_anything),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
