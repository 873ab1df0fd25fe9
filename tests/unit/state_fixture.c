/* The folder, files and settings that the tests of state begin with. */
#include "state_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void fixture_begin(struct fixture *fixture)
{
    strcpy(fixture->folder, "/tmp/holdfast-state-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/state.db", fixture->folder);
}

void fixture_end(struct fixture *fixture)
{
    (void)chmod(fixture->folder, 0700);
    DIR *folder = opendir(fixture->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (unlinkat(dirfd(folder), entry->d_name, 0) < 0)
            (void)unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
    closedir(folder);
    assert_int_equal(rmdir(fixture->folder), 0);
}

struct state *fixture_open(const struct fixture *fixture, enum state_mode mode)
{
    struct state *state;
    struct buf why = {0};
    int error = state_open(&state, fixture->path, mode, &why);
    if (error)
        fail_msg("%s: %d, %s", fixture->path, error, buf_text(&why));
    assert_string_equal(buf_text(&why), "");
    buf_free(&why);
    return state;
}

int fixture_store(struct state *state, enum setting_key key, const char *text, uint64_t *revision)
{
    struct settings settings = {0};
    uint64_t number;
    int error = state_settings_load(state, &settings, &number);
    if (error == 0)
        error = settings_put(&settings, key, text, NULL);
    if (error == 0)
        error = state_settings_store(state, &settings, "root", "set", &number);
    settings_free(&settings);
    if (error == 0 && revision)
        *revision = number;
    return error;
}

int fixture_load(struct state *state, enum setting_key key, char text[64], uint64_t *revision)
{
    struct settings settings = {0};
    uint64_t number;
    int error = state_settings_load(state, &settings, &number);
    if (error == 0)
        (void)snprintf(text, 64, "%s", settings_text(&settings, key));
    if (error == 0 && revision)
        *revision = number;
    settings_free(&settings);
    return error;
}

void fixture_fill(const struct fixture *fixture)
{
    struct state *state = fixture_open(fixture, STATE_WRITE);
    assert_int_equal(fixture_store(state, WEB_MAX_SESSIONS, "7", NULL), 0);
    assert_int_equal(state_event(state, "boot", "enforced %d rows", 42), 0);
    assert_int_equal(state_object_put(state, "certificate", "DER", 3), 0);
    state_close(state);
}

static void name_of(const struct fixture *fixture, const char *suffix, char name[128])
{
    (void)snprintf(name, 128, "%s%s", fixture->path, suffix);
}

unsigned char *fixture_read(const struct fixture *fixture, const char *suffix, size_t *size)
{
    char name[128];
    struct stat st;
    name_of(fixture, suffix, name);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    *size = (size_t)st.st_size;
    unsigned char *data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(read(fd, data, *size), *size);
    close(fd);
    return data;
}

void fixture_write(const struct fixture *fixture, const char *suffix, const void *data, size_t size)
{
    char name[128];
    name_of(fixture, suffix, name);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    close(fd);
}

bool fixture_has(const struct fixture *fixture, const char *suffix)
{
    char name[128];
    struct stat st;
    name_of(fixture, suffix, name);
    return lstat(name, &st) == 0;
}

void fixture_sql(const struct fixture *fixture, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(fixture->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void fixture_die(bool well)
{
    (void)raise(well ? SIGKILL : SIGTERM);
    _exit(1);
}

void fixture_expect_death(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

uint32_t fixture_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}
