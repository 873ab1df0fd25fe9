/* The connection: opened for a writer or a reader, hardened, and what its failures mean. */
#include "state/database.h"

#include "base/log.h"
#include "base/str.h"
#include "state/head.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    BUSY_WAIT_MS = 2000,
    PAUSES = 20,
    PAUSE_NS = 10000000, /* that often: as long */
    LOOKASIDE_SIZE_BYTES = 2048,
    LOOKASIDE_COUNT = 32,
    JOURNAL_HEADER_SIZE = 32, /* sqlite.org/fileformat2.html, 4.1 */
};

/* The cache and the journal are kept small: the daemon's memory is counted in megabytes. A value
 * of the settings is at most 64 KiB, an object 256 KiB. */
static const char setup[] = "PRAGMA cell_size_check=ON;"
                            "PRAGMA synchronous=FULL;"
                            "PRAGMA cache_size=-128;"
                            "PRAGMA journal_size_limit=1048576;"
                            "PRAGMA wal_autocheckpoint=256;";

static const struct {
    int which, value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, 1 << 20},     {SQLITE_LIMIT_SQL_LENGTH, 4096},
    {SQLITE_LIMIT_COLUMN, 16},          {SQLITE_LIMIT_EXPR_DEPTH, 32},
    {SQLITE_LIMIT_COMPOUND_SELECT, 2},  {SQLITE_LIMIT_VDBE_OP, 5000},
    {SQLITE_LIMIT_FUNCTION_ARG, 8},     {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 16}, {SQLITE_LIMIT_TRIGGER_DEPTH, 2},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

/* sqlite.org/c3ref/c_dbconfig_defensive.html and security.html. A reader that happens to be the
 * last to close must not write the journal back. */
static const struct {
    int which, writer, reader;
} switches[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1, 1},        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, 0},
    {SQLITE_DBCONFIG_ENABLE_VIEW, 0, 0},      {SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, 0},
    {SQLITE_DBCONFIG_ENABLE_FKEY, 1, 1},      {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, 0},
    {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, 1},
};

static const struct {
    int code, error;
} meanings[] = {
    {SQLITE_NOMEM, -ENOMEM},
    {SQLITE_FULL, -ENOSPC},
    {SQLITE_BUSY, -EBUSY},
    {SQLITE_LOCKED, -EBUSY},
    {SQLITE_READONLY, -EROFS},
    {SQLITE_CORRUPT, -EBADMSG},
    {SQLITE_NOTADB, -EBADMSG},
    {SQLITE_FORMAT, -EBADMSG},
    {SQLITE_SCHEMA, -EBADMSG},
    {SQLITE_ERROR, -EBADMSG}, /* our SQL is valid, so the schema is damaged */
    {SQLITE_TOOBIG, -EBADMSG},
    {SQLITE_MISMATCH, -EBADMSG},
    {SQLITE_IOERR, -EIO}, /* the system's words say which */
    {SQLITE_AUTH, -EPERM},
    {SQLITE_PERM, -EPERM},
};

/* A reader met an index that only a writer may repair. */
static bool is_unrepaired(int code)
{
    return code == SQLITE_READONLY_RECOVERY || code == SQLITE_READONLY_CANTINIT ||
           code == SQLITE_READONLY_CANTLOCK;
}

static int meaning(int code, int system_error)
{
    if (is_unrepaired(code))
        return -ESTALE;
    if (code == SQLITE_IOERR_NOMEM)
        return -ENOMEM;
    if (code == SQLITE_IOERR_CORRUPTFS)
        return -EBADMSG;
    if (code == SQLITE_CONSTRAINT_TRIGGER)
        return -EPERM;
    for (size_t i = 0; i < countof(meanings); i++)
        if (meanings[i].code == (code & 0xff))
            return meanings[i].error;
    /* Never -ENOENT, which would mean that no state was ever stored. */
    return system_error > 0 && system_error != ENOENT ? -system_error : -EIO;
}

int database_fault(struct state *state, int error, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    if (state->why && state->why->length == 0)
        buf_printf(state->why, "%s: %s", state->path, buf_text(&text));
    else if (!state->why)
        log_error("%s: %s", state->path, buf_text(&text));
    buf_free(&text);
    return error;
}

/* SQLite's own words, and the system's where they say more ("disk I/O error: No space left"). */
int database_logged(struct state *state, int code)
{
    int system_error = state->db ? sqlite3_system_errno(state->db) : 0;
    bool from_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    bool add = from_system && system_error > 0;
    int error = meaning(code, add ? system_error : 0);
    return database_fault(state, error, "%s%s%s%s", error == -EBADMSG ? "damaged: " : "",
                          state->db ? sqlite3_errmsg(state->db) : sqlite3_errstr(code),
                          add ? ": " : "", add ? strerror(system_error) : "");
}

bool database_wait(struct state *state, int code)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    state->waited = is_unrepaired(code) ? state->waited + 1 : 0;
    if (state->waited == 0 || state->waited > PAUSES)
        return false;
    (void)nanosleep(&pause, NULL);
    return true;
}

int database_run(struct state *state, const char *sql)
{
    int code;
    do
        code = sqlite3_exec(state->db, sql, NULL, NULL, NULL);
    while (database_wait(state, code));
    return code == SQLITE_OK ? 0 : database_logged(state, code);
}

int database_begin(struct state *state)
{
    return database_run(state, "BEGIN IMMEDIATE");
}

int database_end(struct state *state, int error)
{
    if (error == 0)
        error = database_run(state, "COMMIT");
    /* After some failures SQLite has already undone the transaction by itself. */
    if (error && !sqlite3_get_autocommit(state->db))
        (void)sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
    if (error == 0 && state->next.sequence != state->end.sequence) {
        state->end = state->next;
        digest_hex(state->end.hash, state->end_text);
        head_write(state);
    }
    state->next = state->end;
    return error;
}

/* --- opening --- */

/* The path as a URI (RFC 3986): what is not a plain character becomes %XX. */
static void append_uri(struct buf *uri, const char *path, const char *query)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~/";
    buf_puts(uri, path[0] == '/' ? "file://" : "file:");
    for (; *path; path++) {
        if (strchr(plain, *path))
            buf_putc(uri, *path);
        else
            buf_printf(uri, "%%%02X", (unsigned char)*path);
    }
    buf_puts(uri, query);
}

/* `first` comes before anything reads the file. */
static int harden(struct state *state, const char *first)
{
    bool writer = state->mode != STATE_READ;
    int code = sqlite3_db_config(state->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_SIZE_BYTES,
                                 LOOKASIDE_COUNT);
    for (size_t i = 0; i < countof(switches) && code == SQLITE_OK; i++)
        code = sqlite3_db_config(state->db, switches[i].which,
                                 writer ? switches[i].writer : switches[i].reader, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(state->db, BUSY_WAIT_MS);
    if (code != SQLITE_OK)
        return database_logged(state, code);
    for (size_t i = 0; i < countof(limits); i++)
        (void)sqlite3_limit(state->db, limits[i].which, limits[i].value);
    int error = database_run(state, first);
    return error ? error : database_run(state, setup);
}

/* How a database is opened. */
struct way {
    int flags;
    const char *query; /* of its URI */
    const char *vfs;   /* NULL: the default */
    const char *first; /* runs before anything is read */
};

static int open_connection(struct state *state, const char *path, const struct way *way)
{
    struct buf uri = {0};
    append_uri(&uri, path, way->query);
    int error = buf_error(&uri);
    if (error == 0) {
        int flags = way->flags | SQLITE_OPEN_URI | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
        int code = sqlite3_open_v2(buf_text(&uri), &state->db, flags, way->vfs);
        error = code == SQLITE_OK ? 0 : database_logged(state, code);
    }
    buf_free(&uri);
    return error ? error : harden(state, way->first);
}

/* The size in bytes of the file PATH + `suffix`, -1 when there is none: what is no file of bytes is
 * none, and SQLite would wait for the other end of a FIFO. */
static int64_t size_of(const char *path, const char *suffix)
{
    struct buf name = {0};
    struct stat st;
    buf_printf(&name, "%s%s", path, suffix);
    bool found = buf_error(&name) == 0 && stat(buf_text(&name), &st) == 0 && S_ISREG(st.st_mode);
    int64_t size = found ? st.st_size : -1;
    buf_free(&name);
    return size;
}

/* A reader changes nothing in the file system, whatever state the files are in:
 * - journal and index lie beside the database, as every writer leaves them: SQLite's own way, with
 *   an index that it cannot write; it builds one in memory where no writer is alive
 *   (sqlite.org/wal.html, "Read-Only Databases");
 * - a bare database, such as a copy: it has no writer, and nothing is made beside it;
 * - a journal without its index, such as a copy of both: the index is built in memory, without
 *   locks.
 * A journal that is a header alone was left by a writer that died before its first frame. It holds
 * nothing, but the first way would wait for its writer for ever (SQLite 3.46: walBeginShmUnreliable
 * compares its salt with one that walIndexRecover has not read). */
static int open_reader(struct state *state)
{
    static const struct way beside = {SQLITE_OPEN_READONLY, "?mode=ro&readonly_shm=1", NULL, ""};
    static const struct way bare = {SQLITE_OPEN_READONLY, "?mode=ro&immutable=1", NULL, ""};
    static const struct way copied = {SQLITE_OPEN_READONLY, "?mode=ro", "unix-none",
                                      "PRAGMA locking_mode=EXCLUSIVE"};
    int64_t journal = size_of(state->path, "-wal");
    bool has_index = size_of(state->path, "-shm") >= 0;
    const struct way *way = journal > JOURNAL_HEADER_SIZE && !has_index ? &copied : &bare;
    if (journal >= 0 && journal != JOURNAL_HEADER_SIZE && has_index)
        way = &beside;
    return open_connection(state, state->path, way);
}

static int open_writer(struct state *state, const char *path)
{
    static const struct way shared = {SQLITE_OPEN_READWRITE, "", NULL, ""};
    static const struct way alone = {SQLITE_OPEN_READWRITE, "", NULL,
                                     "PRAGMA locking_mode=EXCLUSIVE"};
    return open_connection(state, path, state->mode == STATE_ALONE ? &alone : &shared);
}

static int use_wal(struct state *state)
{
    struct statement query;
    statement_begin(&query, state, "PRAGMA journal_mode=WAL");
    if (statement_row(&query) && !str_equal(column_text(&query, 0), "wal") && query.error == 0)
        query.error = database_fault(state, -EBADMSG, "damaged: it cannot be journalled");
    return statement_end(&query);
}

int database_open(struct state *state)
{
    if (state->mode == STATE_READ)
        return open_reader(state);
    /* Journal and index stay when the writer leaves: a reader needs them (open_reader). */
    int keep = 1;
    int error = open_writer(state, state->path);
    if (error == 0 &&
        sqlite3_file_control(state->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep) != SQLITE_OK)
        error = database_fault(state, -EIO, "its journal cannot be kept");
    return error ? error : use_wal(state);
}

int database_open_new(struct state *state, const char *path)
{
    return open_writer(state, path);
}

void database_close(struct state *state)
{
    (void)sqlite3_close(state->db); /* every statement is finalized where it was made */
    state->db = NULL;
}
