/* Migrations, the comparison with the schema that is expected, and the guard over statements. */
#include "state/schema.h"

#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a version of the schema is made by, and the digest of how it then looks (schema_digest). A
 * row that was shipped is never edited: what is new is a new row. */
struct migration {
    const char *sql, *digest;
};

static const struct migration migrations[] = {
    {"PRAGMA application_id=1215262834;" /* "Hold" */

     "CREATE TABLE revisions ("
     " revision INTEGER PRIMARY KEY CHECK (revision > 0),"
     " time_s INTEGER NOT NULL,"
     " who TEXT NOT NULL,"
     " how TEXT NOT NULL,"
     " hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;"

     "CREATE TABLE settings ("
     " key TEXT NOT NULL,"
     " revision INTEGER NOT NULL REFERENCES revisions DEFERRABLE INITIALLY DEFERRED,"
     " value TEXT NOT NULL,"
     " PRIMARY KEY (key, revision)) STRICT, WITHOUT ROWID;"

     "CREATE TABLE events ("
     " sequence INTEGER PRIMARY KEY CHECK (sequence > 0),"
     " time_s INTEGER NOT NULL,"
     " kind TEXT NOT NULL,"
     " text TEXT NOT NULL,"
     " previous BLOB NOT NULL CHECK (length(previous) = 32),"
     " hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;"

     /* The last event removed because the log had grown too long: where the chain begins. */
     "CREATE TABLE events_removed ("
     " one INTEGER PRIMARY KEY CHECK (one = 1),"
     " sequence INTEGER NOT NULL,"
     " hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;"
     "INSERT INTO events_removed VALUES (1, 0, zeroblob(32));"

     "CREATE TABLE latches ("
     " name TEXT PRIMARY KEY,"
     " time_s INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

     "CREATE TABLE objects ("
     " name TEXT PRIMARY KEY,"
     " data BLOB NOT NULL,"
     " hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT, WITHOUT ROWID;"

     "CREATE TRIGGER revisions_no_update BEFORE UPDATE ON revisions"
     " BEGIN SELECT RAISE(ABORT, 'a revision never changes'); END;"
     "CREATE TRIGGER revisions_no_delete BEFORE DELETE ON revisions"
     " BEGIN SELECT RAISE(ABORT, 'a revision is never removed'); END;"
     "CREATE TRIGGER latches_no_update BEFORE UPDATE ON latches"
     " BEGIN SELECT RAISE(ABORT, 'a latch never changes'); END;"
     "CREATE TRIGGER latches_no_delete BEFORE DELETE ON latches"
     " BEGIN SELECT RAISE(ABORT, 'a latch is never cleared'); END;"
     "CREATE TRIGGER events_no_update BEFORE UPDATE ON events"
     " BEGIN SELECT RAISE(ABORT, 'an event never changes'); END;"
     "CREATE TRIGGER events_no_delete BEFORE DELETE ON events"
     " WHEN old.sequence > (SELECT sequence FROM events_removed)"
     " BEGIN SELECT RAISE(ABORT, 'an event is never removed'); END;"
     "CREATE TRIGGER events_append BEFORE INSERT ON events"
     " WHEN new.sequence IS NOT 1 + coalesce((SELECT max(sequence) FROM events),"
     " (SELECT sequence FROM events_removed))"
     " BEGIN SELECT RAISE(ABORT, 'an event is only appended'); END;"
     "CREATE TRIGGER events_removed_no_delete BEFORE DELETE ON events_removed"
     " BEGIN SELECT RAISE(ABORT, 'the start of the event log is never removed'); END;"
     "CREATE TRIGGER events_removed_moves BEFORE UPDATE ON events_removed"
     " WHEN new.hash IS NOT (SELECT hash FROM events WHERE sequence = new.sequence)"
     " BEGIN SELECT RAISE(ABORT, 'the event log starts behind one of its events'); END;",
     "800f306dee6247f1ea8fa92c4e1f2bb68751bfbd573bd64487992185206d1099"},
};

enum { VERSION = countof(migrations) };

/* The statements of this module's other files; everything else is refused (sqlite3_set_authorizer).
 * A NULL name stands for any. */
static const struct permission {
    int action;
    const char *name; /* of the table; of the pragma */
} permissions[] = {
    {SQLITE_SELECT, NULL},
    {SQLITE_READ, NULL},
    {SQLITE_FUNCTION, NULL},
    {SQLITE_TRANSACTION, NULL},
    {SQLITE_PRAGMA, "integrity_check"},
    {SQLITE_INSERT, "revisions"},
    {SQLITE_INSERT, "settings"},
    {SQLITE_DELETE, "settings"},
    {SQLITE_INSERT, "events"},
    {SQLITE_DELETE, "events"}, /* those that events_removed names: the trigger looks */
    {SQLITE_UPDATE, "events_removed"},
    {SQLITE_INSERT, "latches"},
    {SQLITE_INSERT, "objects"},
    {SQLITE_UPDATE, "objects"},
};

static int permit(void *context, int action, const char *name, const char *second,
                  const char *database, const char *trigger)
{
    (void)context;
    (void)second;
    (void)database;
    (void)trigger;
    for (size_t i = 0; i < countof(permissions); i++)
        if (permissions[i].action == action &&
            (!permissions[i].name || (name && str_equal(permissions[i].name, name))))
            return SQLITE_OK;
    return SQLITE_DENY;
}

int schema_guard(struct state *state)
{
    int code = sqlite3_set_authorizer(state->db, permit, NULL);
    return code == SQLITE_OK ? 0 : database_logged(state, code);
}

/* --- what the schema looks like --- */

static int schema_digest(struct state *state, char text[DIGEST_TEXT_SIZE])
{
    struct statement query;
    struct digest digest;
    unsigned char hash[DIGEST_SIZE] = {0};
    digest_begin(&digest);
    statement_begin(&query, state,
                    "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema"
                    " ORDER BY type, name");
    while (statement_row(&query))
        for (int column = 0; column < 4; column++)
            digest_text(&digest, column_text(&query, column));
    int error = statement_end(&query);
    int digest_error = digest_end(&digest, hash);
    digest_hex(hash, text);
    return error ? error : digest_error;
}

static int compare(struct state *state, size_t version)
{
    char text[DIGEST_TEXT_SIZE];
    int error = schema_digest(state, text);
    if (error == 0 && !str_equal(text, migrations[version - 1].digest))
        error =
            database_fault(state, -EBADMSG,
                           "damaged: its schema (%.16s) is not that of version %zu", text, version);
    return error;
}

static int read_version(struct state *state, uint64_t *version)
{
    struct statement query;
    statement_begin(&query, state, "PRAGMA user_version");
    *version = statement_row(&query) ? column_number(&query, 0) : 0;
    return statement_end(&query);
}

static int migrate_from(struct state *state, size_t version)
{
    char sql[40];
    int error = database_begin(state);
    if (error)
        return error;
    for (; version < VERSION && error == 0; version++)
        error = database_run(state, migrations[version].sql);
    (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA user_version=%d", (int)VERSION);
    if (error == 0)
        error = database_run(state, sql);
    if (error == 0)
        error = compare(state, VERSION);
    return database_end(state, error);
}

/* A database is made whole under another name (files.h), so that here version 0 is damage. */
int schema_migrate(struct state *state)
{
    uint64_t version;
    int error = read_version(state, &version);
    if (error)
        return error;
    if (version > VERSION)
        return database_fault(state, -EPROTO,
                              "written by a newer Holdfast: schema version %llu, known are 1 to %d",
                              (unsigned long long)version, (int)VERSION);
    if (version > 0)
        error = compare(state, version);
    if (error || version == VERSION)
        return error;
    if (state->mode == STATE_READ)
        return database_fault(state, version ? -EPROTO : -EBADMSG,
                              "its schema is version %llu, not yet moved to %d",
                              (unsigned long long)version, (int)VERSION);
    return migrate_from(state, version);
}

/* --- damage --- */

/* The check reports as a finding, too, that it could not read or had no memory; that is no damage,
 * and must not cost a node its settings. */
static int finding(struct state *state, const char *text)
{
    static const char mark[] = "error code=";
    const char *line = strrchr(text, '\n');
    const char *found = strstr(text, mark);
    int code = found ? (int)strtol(found + sizeof(mark) - 1, NULL, 10) : SQLITE_CORRUPT;
    if ((code & 0xff) != SQLITE_CORRUPT)
        return database_logged(state, code);
    return database_fault(state, -EBADMSG, "damaged: %s", line ? line + 1 : text);
}

static int check(struct state *state, const char *sql)
{
    struct statement query;
    statement_begin(&query, state, sql);
    while (statement_row(&query)) {
        const char *text = column_text(&query, 0);
        if (query.error == 0 && !str_equal(text, "ok"))
            query.error = finding(state, text);
    }
    return statement_end(&query);
}

int schema_check(struct state *state)
{
    static const char *const checks[] = {
        "PRAGMA integrity_check(revisions)",      "PRAGMA integrity_check(settings)",
        "PRAGMA integrity_check(latches)",        "PRAGMA integrity_check(objects)",
        "PRAGMA integrity_check(events_removed)",
    };
    int error = 0;
    for (size_t i = 0; i < countof(checks) && error == 0; i++)
        error = check(state, checks[i]);
    return error;
}

int schema_check_all(struct state *state)
{
    return check(state, "PRAGMA integrity_check");
}
