/*
 * Damaged and hostile databases: each is refused with -EBADMSG (or, where what was damaged does not
 * count, holds just what was stored), never believed, never a crash; and readers that leave no
 * trace.
 */
#include "base/str.h"
#include "state/state.h"
#include "state_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { STEP = 512, FLIPS = 600, SEED = 20240229, NOBODY = 65534 };

static int begin(void **context)
{
    struct fixture *fixture = malloc(sizeof(*fixture));
    assert_non_null(fixture);
    fixture_begin(fixture);
    *context = fixture;
    return 0;
}

static int end(void **context)
{
    fixture_end(*context);
    free(*context);
    return 0;
}

/* The journal written back, so that the database file holds everything. */
static void fill_and_settle(const struct fixture *fixture)
{
    fixture_fill(fixture);
    fixture_sql(fixture, "PRAGMA wal_checkpoint(TRUNCATE)");
}

/* What opening gives; when it succeeds, nothing that is read may be another than what was stored,
 * and an event that is can only be found by verifying. */
static int open_and_compare(const struct fixture *fixture, enum state_mode mode, bool *verified)
{
    char last[STATE_HASH_TEXT_SIZE];
    struct state *state;
    struct buf why = {0}, object = {0};
    char text[64];
    uint64_t number;
    int error = state_open(&state, fixture->path, mode, &why);
    assert_true((error == 0) == (why.length == 0));
    buf_free(&why);
    *verified = false;
    if (error)
        return error;
    error = fixture_load(state, WEB_MAX_SESSIONS, text, &number);
    if (error == 0) {
        assert_string_equal(text, "7");
        assert_int_equal(number, 1);
        error = state_object_get(state, "certificate", &object);
    }
    if (error == 0) {
        assert_string_equal(buf_text(&object), "DER");
        *verified = state_events_verify(state, &number, last) == 0;
        assert_true(!*verified || number == 2);
    }
    buf_free(&object);
    state_close(state);
    return error;
}

static void expect(const struct fixture *fixture, int wanted)
{
    bool verified;
    for (enum state_mode mode = STATE_READ; mode <= STATE_WRITE; mode++)
        assert_int_equal(open_and_compare(fixture, mode, &verified), wanted);
}

static void a_database_cut_short_is_damage(void **context)
{
    const struct fixture *fixture = *context;
    size_t size;
    bool verified;
    fill_and_settle(fixture);
    unsigned char *whole = fixture_read(fixture, "", &size);
    for (size_t length = 0; length < size; length += STEP) {
        fixture_write(fixture, "", whole, length);
        for (enum state_mode mode = STATE_READ; mode <= STATE_WRITE; mode++)
            assert_int_equal(open_and_compare(fixture, mode, &verified), -EBADMSG);
    }
    free(whole);
}

static void a_flipped_bit_is_damage_or_does_not_count(void **context)
{
    const struct fixture *fixture = *context;
    size_t size;
    unsigned found = 0;
    uint32_t seed = SEED;
    fill_and_settle(fixture);
    unsigned char *whole = fixture_read(fixture, "", &size);
    for (unsigned i = 0; i < FLIPS; i++) {
        size_t at = fixture_random(&seed) % size;
        unsigned char bit = (unsigned char)(1u << fixture_random(&seed) % 8);
        bool verified;
        whole[at] ^= bit;
        fixture_write(fixture, "", whole, size);
        int error = open_and_compare(fixture, STATE_READ, &verified);
        if (error != 0 && error != -EBADMSG && error != -EPROTO && error != -ENOENT)
            fail_msg("byte %zu, bit %u, seed %u: %d", at, bit, SEED, error);
        found += error != 0 || !verified;
        whole[at] ^= bit;
    }
    assert_true(found > 20); /* most of a small database's bytes are unused */
    free(whole);
}

static void what_is_no_database_is_damage(void **context)
{
    const struct fixture *fixture = *context;
    unsigned char noise[8192];
    uint32_t seed = SEED;
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (unsigned char)fixture_random(&seed);
    fixture_write(fixture, "", "", 0);
    expect(fixture, -EBADMSG);
    fixture_write(fixture, "", "key = value\n", 12);
    expect(fixture, -EBADMSG);
    fixture_write(fixture, "", noise, sizeof(noise));
    expect(fixture, -EBADMSG);
    memcpy(noise, "SQLite format 3", 16);
    fixture_write(fixture, "", noise, sizeof(noise));
    expect(fixture, -EBADMSG);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    expect(fixture, -EBADMSG);
}

/* Each on a sound database of its own. */
static const struct {
    const char *sql;
    int error;
} tampered[] = {
    {"PRAGMA user_version=2", -EPROTO},
    {"PRAGMA user_version=2147483647", -EPROTO},
    {"PRAGMA user_version=0", -EBADMSG},
    {"PRAGMA user_version=-1", -EBADMSG},
    {"CREATE TABLE extra (x)", -EBADMSG},
    {"CREATE VIEW extra AS SELECT 1", -EBADMSG},
    {"CREATE INDEX extra ON events (kind)", -EBADMSG},
    {"CREATE TRIGGER extra AFTER INSERT ON events BEGIN DELETE FROM settings; END", -EBADMSG},
    {"DROP TRIGGER latches_no_delete", -EBADMSG},
    {"DROP TABLE objects", -EBADMSG},
    {"UPDATE settings SET value = '8' WHERE key = 'web.max_sessions'", -EBADMSG},
    {"UPDATE settings SET key = 'no.such.key'", -EBADMSG},
    {"DELETE FROM settings", -EBADMSG},
    {"INSERT INTO settings VALUES ('security.fips', 1, 'yes')", -EBADMSG},
    {"INSERT INTO revisions VALUES (2, 0, 'x', 'y', zeroblob(32))", -EBADMSG},
    {"INSERT INTO events VALUES (3, 0, 'x', 'y', zeroblob(32), zeroblob(32))", -EBADMSG},
    {"UPDATE objects SET data = x'00'", -EBADMSG},
    {"PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE events (x)'"
     " WHERE name = 'events'",
     -EBADMSG},
    {"PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'settings'",
     -EBADMSG},
};

static void a_tampered_database_is_damage_and_a_newer_one_is_refused(void **context)
{
    const struct fixture *fixture = *context;
    size_t size;
    fill_and_settle(fixture);
    unsigned char *whole = fixture_read(fixture, "", &size);
    for (size_t i = 0; i < countof(tampered); i++) {
        fixture_sql(fixture, tampered[i].sql);
        for (enum state_mode mode = STATE_READ; mode <= STATE_WRITE; mode++) {
            bool verified;
            int error = open_and_compare(fixture, mode, &verified);
            if (error != tampered[i].error)
                fail_msg("%s: %d", tampered[i].sql, error);
        }
        (void)unlink(fixture->path);
        fixture_write(fixture, "-wal", "", 0);
        fixture_write(fixture, "", whole, size);
    }
    expect(fixture, 0);
    free(whole);
}

/* A tool that drops the trigger and makes it again leaves the schema as it was. */
static void a_rewritten_event_breaks_the_chain_at_its_number(void **context)
{
    char last[STATE_HASH_TEXT_SIZE];
    const struct fixture *fixture = *context;
    uint64_t bad;
    struct state *state = fixture_open(fixture, STATE_WRITE);
    for (int i = 0; i < 5; i++)
        assert_int_equal(state_event(state, "password", "wrong password for admin"), 0);
    state_close(state);
    fixture_sql(fixture, "DROP TRIGGER events_no_update;"
                         "UPDATE events SET text = 'all is well' WHERE sequence = 3;"
                         "CREATE TRIGGER events_no_update BEFORE UPDATE ON events"
                         " BEGIN SELECT RAISE(ABORT, 'an event never changes'); END");
    state = fixture_open(fixture, STATE_READ);
    assert_int_equal(state_events_verify(state, &bad, last), -EBADMSG);
    assert_int_equal(bad, 3);
    state_close(state);
}

static void what_is_set_aside_is_kept_and_can_be_read(void **context)
{
    const struct fixture *fixture = *context;
    char aside[400] = "";
    fixture_fill(fixture);
    assert_int_equal(state_set_aside(fixture->path), 0);
    assert_false(fixture_has(fixture, "") || fixture_has(fixture, "-wal"));
    DIR *folder = opendir(fixture->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (str_starts(entry->d_name, "state.db.damaged-") && !strstr(entry->d_name, "Z-"))
            (void)snprintf(aside, sizeof(aside), "%s/%s", fixture->folder, entry->d_name);
    closedir(folder);
    struct fixture moved = *fixture;
    assert_int_equal(str_copy(moved.path, sizeof(moved.path), aside), 0);
    expect(&moved, 0);
    assert_int_equal(state_set_aside(fixture->path), 0); /* nothing there is no failure */
}

static void a_journal_without_its_database_is_not_replayed_into_a_new_one(void **context)
{
    const struct fixture *fixture = *context;
    uint64_t revision;
    char text[64];
    fixture_fill(fixture);
    assert_int_equal(unlink(fixture->path), 0);
    struct state *state = fixture_open(fixture, STATE_WRITE);
    assert_int_equal(fixture_load(state, WEB_MAX_SESSIONS, text, &revision), 0);
    assert_int_equal(revision, 0);
    assert_string_equal(text, "0");
    state_close(state);
}

static void what_a_crash_left_of_a_new_database_is_built_again(void **context)
{
    const struct fixture *fixture = *context;
    static const char noise[5000] = "SQLite format 3";
    for (size_t length = 0; length <= sizeof(noise); length += 1000) {
        fixture_write(fixture, ".new", noise, length);
        fixture_write(fixture, ".new-journal", noise, length);
        fixture_write(fixture, "-wal", "", 0);
        fixture_write(fixture, "-shm", "", 0);
        state_close(fixture_open(fixture, STATE_WRITE));
        assert_false(fixture_has(fixture, ".new") || fixture_has(fixture, ".new-journal"));
        assert_int_equal(unlink(fixture->path), 0);
    }
}

static void the_database_of_schema_version_1_still_opens(void **context)
{
    const struct fixture *fixture = *context;
    const char *folder = getenv("UNIT_DATA");
    char command[256];
    (void)snprintf(command, sizeof(command), "cp %s/state-v1.db %s",
                   folder ? folder : "tests/unit/data", fixture->path);
    assert_int_equal(system(command), 0);
    expect(fixture, 0);
}

/* --- readers leave no trace --- */

/* Names, sizes, times and contents of everything in the folder but the index in shared memory. */
static void look(const struct fixture *fixture, struct buf *out)
{
    static const char *const parts[] = {"", "-wal", "-shm", "-journal", ".lock", ".new"};
    struct stat st;
    assert_int_equal(stat(fixture->folder, &st), 0);
    buf_printf(out, "%lld.%09ld;", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    for (size_t i = 0; i < countof(parts); i++) {
        char name[128];
        size_t size;
        (void)snprintf(name, sizeof(name), "%s%s", fixture->path, parts[i]);
        if (stat(name, &st) < 0)
            continue;
        unsigned char *data = fixture_read(fixture, parts[i], &size);
        buf_printf(out, "%s %o %lld.%09ld ", parts[i], st.st_mode, (long long)st.st_mtim.tv_sec,
                   st.st_mtim.tv_nsec);
        buf_append(out, data, size);
        free(data);
    }
}

static void read_without_trace(const struct fixture *fixture)
{
    struct buf before = {0}, after = {0};
    bool verified;
    look(fixture, &before);
    assert_int_equal(open_and_compare(fixture, STATE_READ, &verified), 0);
    assert_true(verified);
    look(fixture, &after);
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.data, after.data, before.length);
    buf_free(&before);
    buf_free(&after);
}

/* Root may write anywhere: a child that is not root reads. */
static void read_from_a_folder_that_cannot_be_written(const struct fixture *fixture)
{
    static const char *const parts[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < countof(parts); i++) {
        char name[128];
        (void)snprintf(name, sizeof(name), "%s%s", fixture->path, parts[i]);
        (void)chmod(name, 0444);
    }
    assert_int_equal(chmod(fixture->folder, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        bool verified;
        if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
            fixture_die(false);
        fixture_die(open_and_compare(fixture, STATE_READ, &verified) == 0 && verified);
    }
    fixture_expect_death(child);
    assert_int_equal(chmod(fixture->folder, 0700), 0);
}

/* A process that filled the database and died in the middle, its journal not written back. */
static void leave_a_crash(const struct fixture *fixture)
{
    pid_t child = fork();
    if (child == 0) {
        struct state *state = fixture_open(fixture, STATE_WRITE);
        bool done = fixture_store(state, WEB_MAX_SESSIONS, "7", NULL) == 0 &&
                    state_event(state, "boot", "x") == 0 &&
                    state_object_put(state, "certificate", "DER", 3) == 0;
        fixture_die(done);
    }
    fixture_expect_death(child);
    size_t size;
    free(fixture_read(fixture, "-wal", &size));
    assert_true(size > 0);
}

static void remove_part(const struct fixture *fixture, const char *suffix)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "%s%s", fixture->path, suffix);
    assert_int_equal(unlink(name), 0);
}

static void a_reader_of_what_a_crash_left_changes_nothing(void **context)
{
    leave_a_crash(*context);
    read_without_trace(*context);
    read_from_a_folder_that_cannot_be_written(*context);
}

static void a_reader_of_a_copy_without_the_index_changes_nothing(void **context)
{
    leave_a_crash(*context);
    remove_part(*context, "-shm");
    read_without_trace(*context);
    read_from_a_folder_that_cannot_be_written(*context);
}

static void a_reader_of_a_bare_database_changes_nothing(void **context)
{
    fill_and_settle(*context);
    assert_false(fixture_has(*context, "-wal"));
    read_without_trace(*context);
    read_from_a_folder_that_cannot_be_written(*context);
}

static void a_reader_beside_a_writer_changes_nothing_but_its_locks(void **context)
{
    struct buf before = {0}, after = {0};
    bool verified;
    fixture_fill(*context);
    struct state *writer = fixture_open(*context, STATE_WRITE);
    char text[64];
    assert_int_equal(fixture_load(writer, WEB_MAX_SESSIONS, text, NULL), 0);
    look(*context, &before);
    pid_t child = fork();
    if (child == 0)
        fixture_die(open_and_compare(*context, STATE_READ, &verified) == 0 && verified);
    fixture_expect_death(child);
    look(*context, &after);
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.data, after.data, before.length);
    buf_free(&before);
    buf_free(&after);
    state_close(writer);
}

static void a_writer_on_what_cannot_be_written_says_so(void **context)
{
    const struct fixture *fixture = *context;
    fixture_fill(fixture);
    assert_int_equal(chmod(fixture->folder, 0555), 0);
    assert_int_equal(chmod(fixture->path, 0444), 0);
    char name[128];
    (void)snprintf(name, sizeof(name), "%s.lock", fixture->path);
    assert_int_equal(chmod(name, 0444), 0);
    pid_t child = fork();
    if (child == 0) {
        struct state *state;
        struct buf why = {0};
        if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
            fixture_die(false);
        int error = state_open(&state, fixture->path, STATE_WRITE, &why);
        fixture_die(error == -EACCES && strstr(buf_text(&why), "Permission denied"));
    }
    fixture_expect_death(child);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_database_cut_short_is_damage),
        TEST(a_flipped_bit_is_damage_or_does_not_count),
        TEST(what_is_no_database_is_damage),
        TEST(a_tampered_database_is_damage_and_a_newer_one_is_refused),
        TEST(a_rewritten_event_breaks_the_chain_at_its_number),
        TEST(what_is_set_aside_is_kept_and_can_be_read),
        TEST(a_journal_without_its_database_is_not_replayed_into_a_new_one),
        TEST(what_a_crash_left_of_a_new_database_is_built_again),
        TEST(the_database_of_schema_version_1_still_opens),
        TEST(a_reader_of_what_a_crash_left_changes_nothing),
        TEST(a_reader_of_a_copy_without_the_index_changes_nothing),
        TEST(a_reader_of_a_bare_database_changes_nothing),
        TEST(a_reader_beside_a_writer_changes_nothing_but_its_locks),
        TEST(a_writer_on_what_cannot_be_written_says_so),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
