/* What the node remembers: settings and revisions, events and their chain, latches, objects. */
#include "state/state.h"

#include "base/str.h"
#include "state/database.h"
#include "state/digest.h"
#include "state/events.h"
#include "state_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

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

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/* --- opening --- */

static void a_statement_that_is_none_of_ours_is_refused(void **context)
{
    static const char *const statements[] = {
        "DROP TABLE events",
        "DROP TRIGGER latches_no_delete",
        "CREATE TABLE more (a)",
        "ATTACH ':memory:' AS more",
        "UPDATE settings SET value = ''",
        "UPDATE events SET text = ''",
        "UPDATE revisions SET who = ''",
        "DELETE FROM latches",
        "DELETE FROM revisions",
        "DELETE FROM events_removed",
        "UPDATE latches SET name = ''",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = DELETE",
        "REINDEX",
    };
    static const enum state_mode modes[] = {STATE_WRITE, STATE_READ};
    fixture_fill(*context);
    for (size_t mode = 0; mode < countof(modes); mode++) {
        struct state *state = NULL;
        assert_int_equal(state_open(&state, ((struct fixture *)*context)->path, modes[mode], NULL),
                         0);
        for (size_t i = 0; i < countof(statements); i++) {
            sqlite3_stmt *statement = NULL;
            int code = sqlite3_prepare_v2(state->db, statements[i], -1, &statement, NULL);
            sqlite3_finalize(statement);
            if (code != SQLITE_AUTH)
                fail_msg("%s: %d", statements[i], code);
        }
        state_close(state);
    }
}

static void a_missing_database_is_made_for_a_writer_alone(void **context)
{
    struct fixture *fixture = *context;
    struct state *state;
    struct buf why = {0};
    assert_int_equal(state_open(&state, fixture->path, STATE_READ, &why), -ENOENT);
    assert_null(state);
    assert_non_null(strstr(buf_text(&why), "No such file"));
    assert_false(fixture_has(fixture, ""));
    buf_free(&why);
    state_close(fixture_open(fixture, STATE_WRITE));
    state_close(fixture_open(fixture, STATE_READ));
}

static void folder_and_files_are_the_owners_alone(void **context)
{
    struct fixture *fixture = *context;
    char folder[96], path[128];
    struct state *state;
    (void)snprintf(folder, sizeof(folder), "%s/new", fixture->folder);
    (void)snprintf(path, sizeof(path), "%s/state.db", folder);
    mode_t before = umask(0);
    assert_int_equal(state_open(&state, path, STATE_WRITE, NULL), 0);
    umask(before);
    state_close(state);
    assert_int_equal(mode_of(folder), 0700);
    static const char *const parts[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < countof(parts); i++) {
        (void)snprintf(path, sizeof(path), "%s/state.db%s", folder, parts[i]);
        assert_int_equal(mode_of(path), 0600);
        assert_int_equal(unlink(path), 0);
    }
}

static void there_is_one_writer_and_its_death_frees_the_lock(void **context)
{
    struct fixture *fixture = *context;
    struct state *first = fixture_open(fixture, STATE_WRITE), *second;
    struct buf why = {0};
    assert_int_equal(state_open(&second, fixture->path, STATE_WRITE, &why), -EBUSY);
    assert_non_null(strstr(buf_text(&why), "another process"));
    buf_free(&why);
    state_close(first);
    pid_t child = fork();
    if (child == 0) {
        (void)fixture_open(fixture, STATE_WRITE);
        fixture_die(true);
    }
    fixture_expect_death(child);
    state_close(fixture_open(fixture, STATE_WRITE));
}

/* As a boot opens it, and as it may end: whoever comes next finds all that was stored. */
static void a_writer_alone_waits_for_nobody_and_loses_nothing(void **context)
{
    struct fixture *fixture = *context;
    struct state *state = fixture_open(fixture, STATE_ALONE);
    char text[64];
    assert_int_equal(fixture_store(state, WEB_MAX_SESSIONS, "5", NULL), 0);
    state_close(state);
    struct state *reader = fixture_open(fixture, STATE_READ);
    assert_int_equal(fixture_load(reader, WEB_MAX_SESSIONS, text, NULL), 0);
    assert_string_equal(text, "5");
    struct buf why = {0};
    assert_int_equal(state_open(&state, fixture->path, STATE_ALONE, &why), -EBUSY);
    buf_free(&why);
    state_close(reader);
    pid_t child = fork();
    if (child == 0) {
        state = fixture_open(fixture, STATE_ALONE);
        fixture_die(fixture_store(state, WEB_MAX_SESSIONS, "6", NULL) == 0);
    }
    fixture_expect_death(child);
    for (enum state_mode mode = STATE_READ; mode <= STATE_ALONE; mode++) {
        state = fixture_open(fixture, mode);
        assert_int_equal(fixture_load(state, WEB_MAX_SESSIONS, text, NULL), 0);
        assert_string_equal(text, "6");
        state_close(state);
    }
}

/* --- settings --- */

static void a_new_database_has_the_defaults_at_revision_0(void **context)
{
    struct settings settings = {0}, defaults = {0};
    uint64_t revision = 99;
    struct state *state = fixture_open(*context, STATE_WRITE);
    assert_int_equal(settings_defaults(&defaults), 0);
    assert_int_equal(state_settings_load(state, &settings, &revision), 0);
    assert_true(settings_equal(&settings, &defaults));
    assert_int_equal(revision, 0);
    assert_int_equal(state_settings_store(state, &settings, "admin", "wizard", &revision), 0);
    assert_int_equal(revision, 0);
    settings_free(&settings);
    settings_free(&defaults);
    state_close(state);
}

static void every_change_is_a_revision_and_survives_the_process(void **context)
{
    struct state *state = fixture_open(*context, STATE_WRITE);
    char text[64];
    uint64_t revision;
    assert_int_equal(fixture_store(state, WEB_MAX_SESSIONS, "100", &revision), 0);
    assert_int_equal(revision, 1);
    assert_int_equal(fixture_store(state, GLOBAL_LOGIN_BANNER, "Authorised use only", &revision),
                     0);
    assert_int_equal(revision, 2);
    assert_int_equal(fixture_store(state, WEB_MAX_SESSIONS, "100", &revision), 0);
    assert_int_equal(revision, 2);
    state_close(state);
    for (enum state_mode mode = STATE_READ; mode <= STATE_WRITE; mode++) {
        state = fixture_open(*context, mode);
        assert_int_equal(fixture_load(state, GLOBAL_LOGIN_BANNER, text, &revision), 0);
        assert_string_equal(text, "Authorised use only");
        assert_int_equal(fixture_load(state, WEB_MAX_SESSIONS, text, &revision), 0);
        assert_string_equal(text, "100");
        assert_int_equal(revision, 2);
        state_close(state);
    }
}

static void every_setting_survives_at_its_suggested_value(void **context)
{
    struct settings wanted = {0}, stored = {0};
    uint64_t revision;
    struct state *state = fixture_open(*context, STATE_WRITE);
    assert_int_equal(settings_strictest(&wanted), 0);
    assert_int_equal(state_settings_store(state, &wanted, "admin", "import", &revision), 0);
    state_close(state);
    state = fixture_open(*context, STATE_READ);
    assert_int_equal(state_settings_load(state, &stored, &revision), 0);
    assert_true(settings_equal(&wanted, &stored));
    state_close(state);
    settings_free(&wanted);
    settings_free(&stored);
}

static void a_reader_sees_each_revision_of_the_writer_beside_it(void **context)
{
    struct state *writer = fixture_open(*context, STATE_WRITE);
    struct state *reader = fixture_open(*context, STATE_READ);
    char text[64];
    uint64_t revision;
    for (unsigned i = 1; i <= 20; i++) {
        char wanted[8];
        (void)snprintf(wanted, sizeof(wanted), "%u", i);
        assert_int_equal(fixture_store(writer, WEB_MAX_SESSIONS, wanted, NULL), 0);
        assert_int_equal(fixture_load(reader, WEB_MAX_SESSIONS, text, &revision), 0);
        assert_string_equal(text, wanted);
        assert_int_equal(revision, i);
    }
    state_close(reader);
    state_close(writer);
}

static void a_reader_stores_nothing(void **context)
{
    fixture_fill(*context);
    struct state *reader = fixture_open(*context, STATE_READ);
    assert_int_equal(fixture_store(reader, WEB_MAX_SESSIONS, "9", NULL), -EROFS);
    assert_int_equal(state_event(reader, "boot", "x"), -EROFS);
    assert_int_equal(state_object_put(reader, "key", "x", 1), -EROFS);
    state_close(reader);
}

/* --- events --- */

struct seen {
    struct buf lines;
    uint64_t first, last;
    int stop; /* returned by the walk at every event */
};

static int see(void *context, const struct event *event)
{
    struct seen *seen = context;
    if (seen->first == 0)
        seen->first = event->sequence;
    seen->last = event->sequence;
    assert_int_equal(strlen(event->hash), 64);
    buf_printf(&seen->lines, "%s: %s\n", event->kind, event->text);
    return seen->stop;
}

static void storing_is_an_event_that_names_values_but_of_secrets(void **context)
{
    struct state *state = fixture_open(*context, STATE_WRITE);
    struct seen seen = {0};
    assert_int_equal(fixture_store(state, SECURITY_FIPS, "yes", NULL), 0);
    assert_int_equal(fixture_store(state, SNMP_AUTH_PASSWORD, "correct horse battery", NULL), 0);
    assert_int_equal(state_events(state, 0, 0, see, &seen), 0);
    assert_string_equal(buf_text(&seen.lines),
                        "set: revision 1 by root; security.fips \"no\" -> \"yes\"\n"
                        "set: revision 2 by root; snmp.auth_password (changed)\n");
    buf_free(&seen.lines);
    state_close(state);
}

static void the_chain_verifies_and_a_walk_is_limited(void **context)
{
    char last[STATE_HASH_TEXT_SIZE];
    struct state *state = fixture_open(*context, STATE_WRITE);
    struct seen all = {0}, newest = {0}, later = {0}, stopped = {.stop = -ECANCELED};
    uint64_t count;
    assert_int_equal(state_events_verify(state, &count, last), 0);
    assert_int_equal(count, 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(state_event(state, "drift", "row %d", i), 0);
    assert_int_equal(state_events_verify(state, &count, last), 0);
    assert_int_equal(count, 10);
    assert_int_equal(state_events(state, 0, 0, see, &all), 0);
    assert_true(all.first == 1 && all.last == 10);
    assert_int_equal(state_events(state, 0, 3, see, &newest), 0);
    assert_true(newest.first == 8 && newest.last == 10);
    assert_int_equal(state_events(state, INT64_MAX, 0, see, &later), 0);
    assert_int_equal(later.last, 0);
    assert_int_equal(state_events(state, 0, 0, see, &stopped), -ECANCELED);
    assert_int_equal(stopped.last, 1);
    buf_free(&all.lines);
    buf_free(&newest.lines);
    buf_free(&stopped.lines);
    state_close(state);
}

static void an_event_is_one_line_of_limited_length(void **context)
{
    struct state *state = fixture_open(*context, STATE_WRITE);
    struct seen seen = {0};
    char *longest = malloc(3 * EVENT_TEXT_MAX + 1);
    assert_non_null(longest);
    for (size_t i = 0; i < EVENT_TEXT_MAX; i++)
        memcpy(longest + 3 * i, "\xe2\x82\xac", 3); /* a character of three bytes */
    longest[3 * EVENT_TEXT_MAX] = '\0';
    assert_int_equal(state_event(state, "a\nb", "one\r\ntwo\x1b[2J\x7f"), 0);
    assert_int_equal(state_event(state, "x", "\xff\xfe"), 0);
    assert_int_equal(state_event(state, "long", "%s", longest), 0);
    assert_int_equal(state_events(state, 0, 2, see, &seen), 0);
    assert_non_null(strstr(buf_text(&seen.lines), "x: ??\nlong: \xe2\x82\xac"));
    assert_true(seen.lines.length < EVENT_TEXT_MAX + 16);
    assert_true(str_is_text(seen.lines.data, seen.lines.length));
    buf_clear(&seen.lines);
    assert_int_equal(state_events(state, 0, 0, see, &seen), 0);
    assert_true(str_starts(buf_text(&seen.lines), "a b: one  two [2J \n"));
    buf_free(&seen.lines);
    free(longest);
    state_close(state);
}

/* Event `sequence` as the log would have it, in one transaction with many others: appending them
 * one by one would take minutes. */
static void insert_event(sqlite3_stmt *row, uint64_t sequence, unsigned char hash[DIGEST_SIZE])
{
    struct digest digest;
    unsigned char before[DIGEST_SIZE];
    memcpy(before, hash, DIGEST_SIZE);
    digest_begin(&digest);
    digest_bytes(&digest, before, DIGEST_SIZE);
    digest_number(&digest, sequence);
    digest_number(&digest, 1);
    digest_text(&digest, "k");
    digest_text(&digest, "t");
    assert_int_equal(digest_end(&digest, hash), 0);
    sqlite3_bind_int64(row, 1, (sqlite3_int64)sequence);
    sqlite3_bind_blob(row, 2, before, DIGEST_SIZE, SQLITE_STATIC);
    sqlite3_bind_blob(row, 3, hash, DIGEST_SIZE, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(row), SQLITE_DONE);
    sqlite3_reset(row);
}

static void fill_log(const struct fixture *fixture, uint64_t count)
{
    sqlite3 *db;
    sqlite3_stmt *row;
    unsigned char hash[DIGEST_SIZE] = {0};
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "INSERT INTO events VALUES (?, 1, 'k', 't', ?, ?)", -1, &row, NULL),
        SQLITE_OK);
    for (uint64_t i = 1; i <= count; i++)
        insert_event(row, i, hash);
    sqlite3_finalize(row);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void the_oldest_events_go_and_the_rest_still_verifies(void **context)
{
    char last[STATE_HASH_TEXT_SIZE];
    struct seen seen = {0};
    uint64_t count;
    state_close(fixture_open(*context, STATE_WRITE));
    fill_log(*context, EVENTS_KEPT + EVENTS_STEP - 1);
    struct state *state = fixture_open(*context, STATE_WRITE);
    assert_int_equal(state_event(state, "k", "one too many"), 0);
    assert_int_equal(state_event(state, "k", "and on"), 0);
    assert_int_equal(state_events_verify(state, &count, last), 0);
    assert_int_equal(count, EVENTS_KEPT + 1);
    assert_int_equal(state_events(state, 0, 0, see, &seen), 0);
    assert_int_equal(seen.first, EVENTS_STEP + 1);
    assert_int_equal(seen.last, EVENTS_KEPT + EVENTS_STEP + 1);
    buf_free(&seen.lines);
    state_close(state);
}

/* --- latches --- */

static void a_latch_stays_whatever_becomes_of_file_or_database(void **context)
{
    struct fixture *fixture = *context;
    char file[128];
    (void)snprintf(file, sizeof(file), "%s.latch-test", fixture->path);
    struct state *state = fixture_open(fixture, STATE_WRITE);
    assert_false(state_latch(state, "test"));
    assert_int_equal(state_latch_set(state, "test"), 0);
    assert_int_equal(state_latch_set(state, "test"), 0);
    assert_true(state_latch(state, "test"));
    assert_false(state_latch(state, "other"));
    assert_int_equal(unlink(file), 0);
    assert_true(state_latch(state, "test"));
    state_close(state);
    state_close(fixture_open(fixture, STATE_WRITE));
    assert_true(state_latch_file(fixture->path, "test")); /* made again */
    assert_int_equal(state_set_aside(fixture->path), 0);
    state = fixture_open(fixture, STATE_WRITE);
    assert_true(state_latch(state, "test"));
    state_close(state);
}

static void a_latch_without_a_database_is_a_file(void **context)
{
    struct fixture *fixture = *context;
    assert_false(state_latch_file(fixture->path, "state-lost"));
    assert_int_equal(state_latch_file_set(fixture->path, "state-lost"), 0);
    assert_true(state_latch_file(fixture->path, "state-lost"));
    assert_int_equal(state_latch_file_set(fixture->path, "../x"), -EINVAL);
    assert_true(state_latch_file(fixture->path, "../x")); /* what cannot be known is set */
    assert_int_equal(state_latch_file_set("/nowhere/at/all/state.db", "x"), -ENOENT);
}

static void no_tool_clears_a_latch_or_changes_an_event_without_damage(void **context)
{
    static const char *const attempts[] = {
        "DELETE FROM latches",
        "UPDATE latches SET name = 'y'",
        "DELETE FROM events",
        "UPDATE events SET text = 'y'",
        "DELETE FROM events_removed",
        "UPDATE events_removed SET sequence = 1000",
        "INSERT INTO events SELECT sequence + 5, time_s, kind, text, previous, hash FROM events",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE sequence = 1",
        "DELETE FROM revisions",
        "UPDATE revisions SET who = 'y'",
    };
    struct fixture *fixture = *context;
    sqlite3 *db;
    fixture_fill(fixture);
    struct state *state = fixture_open(fixture, STATE_WRITE);
    assert_int_equal(state_latch_set(state, "test"), 0);
    state_close(state);
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    for (size_t i = 0; i < countof(attempts); i++)
        if (sqlite3_exec(db, attempts[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT)
            fail_msg("%s: %s", attempts[i], sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    state = fixture_open(fixture, STATE_READ);
    assert_true(state_latch(state, "test"));
    state_close(state);
}

static void the_admin_latch_refuses_to_set_disable_admin_back(void **context)
{
    struct state *state = fixture_open(*context, STATE_WRITE);
    char text[64];
    uint64_t revision;
    assert_int_equal(fixture_store(state, SECURITY_DISABLE_ADMIN, "yes", NULL), 0);
    assert_int_equal(fixture_store(state, SECURITY_DISABLE_ADMIN, "no", NULL), 0);
    assert_int_equal(fixture_store(state, SECURITY_DISABLE_ADMIN, "yes", &revision), 0);
    assert_int_equal(state_latch_set(state, STATE_LATCH_ADMIN), 0);
    assert_int_equal(fixture_store(state, SECURITY_DISABLE_ADMIN, "no", NULL), -EPERM);
    assert_int_equal(fixture_store(state, SECURITY_FIPS, "yes", &revision), 0);
    assert_int_equal(revision, 4);
    assert_int_equal(fixture_load(state, SECURITY_DISABLE_ADMIN, text, NULL), 0);
    assert_string_equal(text, "yes");
    state_close(state);
}

/* --- objects --- */

static void an_object_is_replaced_whole(void **context)
{
    struct state *state = fixture_open(*context, STATE_WRITE);
    struct buf out = {0};
    unsigned char *large = calloc(1, STATE_OBJECT_MAX + 1);
    assert_non_null(large);
    assert_int_equal(state_object_get(state, "key", &out), -ENOENT);
    assert_int_equal(state_object_put(state, "key", "a\0b", 3), 0);
    assert_int_equal(state_object_get(state, "key", &out), 0);
    assert_int_equal(out.length, 3);
    assert_memory_equal(out.data, "a\0b", 3);
    buf_clear(&out);
    assert_int_equal(state_object_put(state, "key", "", 0), 0);
    assert_int_equal(state_object_get(state, "key", &out), 0);
    assert_int_equal(out.length, 0);
    assert_int_equal(state_object_put(state, "key", large, STATE_OBJECT_MAX + 1), -EFBIG);
    assert_int_equal(state_object_put(state, "key", large, STATE_OBJECT_MAX), 0);
    assert_int_equal(state_object_get(state, "key", &out), 0);
    assert_int_equal(out.length, STATE_OBJECT_MAX);
    buf_free(&out);
    free(large);
    state_close(state);
}

static void several_objects_are_stored_all_or_none(void **context)
{
    struct state *state = fixture_open(*context, STATE_WRITE);
    struct buf out = {0};
    unsigned char *large = calloc(1, STATE_OBJECT_MAX + 1);
    const struct state_object fit[] = {{"key", "a", 1}, {"certificate", "b", 1}};
    const struct state_object too_large[] = {{"key", "c", 1},
                                             {"certificate", large, STATE_OBJECT_MAX + 1}};
    assert_non_null(large);
    assert_int_equal(state_objects_put(state, fit, 2), 0);
    assert_int_equal(state_objects_put(state, too_large, 2), -EFBIG);
    assert_int_equal(state_object_get(state, "key", &out), 0);
    assert_int_equal(state_object_get(state, "certificate", &out), 0);
    assert_string_equal(buf_text(&out), "ab");
    buf_free(&out);
    free(large);
    state_close(state);
}

static bool file_contains(const struct fixture *fixture, const char *suffix, const char *needle)
{
    size_t size;
    unsigned char *data = fixture_read(fixture, suffix, &size);
    bool found = memmem(data, size, needle, strlen(needle)) != NULL;
    free(data);
    return found;
}

static void a_secret_that_no_longer_counts_is_gone_from_the_database(void **context)
{
    struct fixture *fixture = *context;
    struct state *state = fixture_open(fixture, STATE_WRITE);
    assert_int_equal(fixture_store(state, SNMP_AUTH_PASSWORD, "old-secret-words", NULL), 0);
    assert_int_equal(fixture_store(state, SNMP_AUTH_PASSWORD, "new-secret-words", NULL), 0);
    state_close(state);
    fixture_sql(fixture, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_false(file_contains(fixture, "", "old-secret-words"));
    assert_true(file_contains(fixture, "", "new-secret-words"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_statement_that_is_none_of_ours_is_refused),
        TEST(a_missing_database_is_made_for_a_writer_alone),
        TEST(folder_and_files_are_the_owners_alone),
        TEST(there_is_one_writer_and_its_death_frees_the_lock),
        TEST(a_writer_alone_waits_for_nobody_and_loses_nothing),
        TEST(a_new_database_has_the_defaults_at_revision_0),
        TEST(every_change_is_a_revision_and_survives_the_process),
        TEST(every_setting_survives_at_its_suggested_value),
        TEST(a_reader_sees_each_revision_of_the_writer_beside_it),
        TEST(a_reader_stores_nothing),
        TEST(storing_is_an_event_that_names_values_but_of_secrets),
        TEST(the_chain_verifies_and_a_walk_is_limited),
        TEST(an_event_is_one_line_of_limited_length),
        TEST(the_oldest_events_go_and_the_rest_still_verifies),
        TEST(a_latch_stays_whatever_becomes_of_file_or_database),
        TEST(a_latch_without_a_database_is_a_file),
        TEST(no_tool_clears_a_latch_or_changes_an_event_without_damage),
        TEST(the_admin_latch_refuses_to_set_disable_admin_back),
        TEST(an_object_is_replaced_whole),
        TEST(several_objects_are_stored_all_or_none),
        TEST(a_secret_that_no_longer_counts_is_gone_from_the_database),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
