/*
 * The schema, as an append-only array of migrations under PRAGMA user_version. A row that was
 * shipped is never edited. A newer database is refused, and one whose schema is not what its
 * version says has been tampered with.
 */
#include "state/database.h"

#include "base/str.h"

#include <errno.h>

static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE revision (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, who TEXT NOT NULL,"
    " how TEXT NOT NULL) STRICT;"
    "CREATE TABLE setting (revision INTEGER NOT NULL REFERENCES revision, key TEXT NOT NULL,"
    " value TEXT NOT NULL, PRIMARY KEY (key, revision)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE event (sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL,"
    " text TEXT NOT NULL, hash BLOB NOT NULL) STRICT;"
    "CREATE TABLE latch (name TEXT PRIMARY KEY, time INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE object (name TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER event_kept BEFORE DELETE ON event BEGIN"
    " SELECT RAISE(ABORT, 'events are kept'); END;"
    "CREATE TRIGGER event_unchanged BEFORE UPDATE ON event BEGIN"
    " SELECT RAISE(ABORT, 'events do not change'); END;"
    "CREATE TRIGGER latch_kept BEFORE DELETE ON latch BEGIN"
    " SELECT RAISE(ABORT, 'a latch is never opened'); END;"
    "CREATE TRIGGER latch_unchanged BEFORE UPDATE ON latch BEGIN"
    " SELECT RAISE(ABORT, 'a latch does not change'); END;",
};

/* How many objects sqlite_schema has after each migration, beside SQLite's own. */
static const int schema_objects[] = {9};

enum { VERSION = countof(migrations) };

_Static_assert(countof(schema_objects) == VERSION, "each migration says what it leaves");

static int ask_number(struct state *state, const char *sql, int *number)
{
    sqlite3_stmt *statement = database_prepare(state, sql);
    if (!statement)
        return -EBADMSG;
    int error = sqlite3_step(statement) == SQLITE_ROW ? 0 : -EBADMSG;
    if (error == 0)
        *number = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return error;
}

static int check_version(struct state *state, int *version, struct buf *why)
{
    int objects = 0;
    int error = ask_number(state, "PRAGMA user_version", version);
    if (error)
        return error;
    if (*version > VERSION) {
        buf_printf(why, "the database %s has version %d, newer than this program's %d", state->path,
                   *version, VERSION);
        return -EPROTO;
    }
    error = ask_number(state,
                       "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' "
                       "ESCAPE '\\'",
                       &objects);
    if (error == 0 && (*version < 0 || objects != (*version ? schema_objects[*version - 1] : 0))) {
        buf_printf(why, "the database %s is damaged: it has another schema than its version %d",
                   state->path, *version);
        error = -EBADMSG;
    }
    return error;
}

int migrate_check(struct state *state, struct buf *why)
{
    int version = 0;
    int error = check_version(state, &version, why);
    if (error || version == VERSION)
        return error;
    if (version == 0)
        return -ENOENT; /* made, but nothing was ever stored */
    buf_printf(why, "the database %s has version %d: holdfast boot brings it to %d", state->path,
               version, VERSION);
    return -EPROTO;
}

static int apply(struct state *state, void *context)
{
    int *version = context;
    for (; *version < VERSION; (*version)++) {
        int error = database_run(state, migrations[*version]);
        if (error)
            return error;
    }
    char sql[40];
    (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA user_version=%d", VERSION);
    return database_run(state, sql);
}

int migrate(struct state *state, struct buf *why)
{
    int version = 0;
    int error = check_version(state, &version, why);
    if (error || version == VERSION)
        return error;
    return database_transaction(state, apply, &version);
}
