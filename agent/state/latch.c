/* Latches, each in the database and in a file beside it; and named objects. */
#include "state/database.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int latch_path(const char *path, const char *name, char *to, size_t size)
{
    int length = snprintf(to, size, "%s.latch-%s", path, name);
    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* What cannot be looked at counts as set: a latch fails closed. */
bool state_latch_file(const char *path, const char *name)
{
    char file[PATH_MAX];
    struct stat status;
    if (latch_path(path, name, file, sizeof(file)) < 0)
        return true;
    return lstat(file, &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int state_latch_file_set(const char *path, const char *name)
{
    char file[PATH_MAX];
    int error = latch_path(path, name, file, sizeof(file));
    if (error == 0 && !state_latch_file(path, name))
        error = file_replace(file, "", 0, 0600);
    if (error)
        log_error("cannot set the latch %s beside %s: %s", name, path, strerror(-error));
    return error;
}

static int insert_latch(struct state *state, void *context)
{
    const char *name = context;
    sqlite3_stmt *row =
        database_prepare(state, "INSERT OR IGNORE INTO latch (name, time) VALUES (?, ?)");
    if (!row)
        return -EIO;
    (void)sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(row, 2, clock_now_s());
    int error = database_finish(state, row, "set a latch");
    return error ? error : event_append(state, "latch", name);
}

int state_latch_set(struct state *state, const char *name)
{
    char copy[64];
    int length = snprintf(copy, sizeof(copy), "%s", name);
    if (length < 0 || (size_t)length >= sizeof(copy))
        return -ENAMETOOLONG;
    int error = state_latch_file_set(state->path, name);
    return error ? error : database_transaction(state, insert_latch, copy);
}

bool state_latch(struct state *state, const char *name)
{
    if (state_latch_file(state->path, name))
        return true;
    sqlite3_stmt *row = database_prepare(state, "SELECT 1 FROM latch WHERE name = ?");
    if (!row)
        return true;
    (void)sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
    bool unset = sqlite3_step(row) == SQLITE_DONE;
    (void)sqlite3_finalize(row);
    return !unset;
}

/* --- objects --- */

int state_object_get(struct state *state, const char *name, struct buf *out)
{
    sqlite3_stmt *row = database_prepare(state, "SELECT data FROM object WHERE name = ?");
    if (!row)
        return -EIO;
    (void)sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
    int code = sqlite3_step(row), error = -ENOENT;
    if (code == SQLITE_ROW) {
        buf_append(out, sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
        error = buf_error(out);
    } else if (code != SQLITE_DONE) {
        error = database_fault(state, "read an object");
    }
    (void)sqlite3_finalize(row);
    return error;
}

struct object {
    const char *name;
    const void *data;
    size_t size;
};

static int put_object(struct state *state, void *context)
{
    const struct object *object = context;
    sqlite3_stmt *row =
        database_prepare(state, "INSERT INTO object (name, data) VALUES (?, ?)"
                                " ON CONFLICT (name) DO UPDATE SET data = excluded.data");
    if (!row)
        return -EIO;
    (void)sqlite3_bind_text(row, 1, object->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob64(row, 2, object->data, object->size, SQLITE_STATIC);
    return database_finish(state, row, "store an object");
}

int state_object_put(struct state *state, const char *name, const void *data, size_t size)
{
    struct object object = {name, data, size};
    return database_transaction(state, put_object, &object);
}
