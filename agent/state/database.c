/* Opens, checks and closes the database; runs statements. */
#include "state/database.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_MS = 2000, /* how long a reader waits for the writer's commit, and it for a checkpoint */
    VALUE_SIZE_MAX = 1048576
};

static int errno_of(int code)
{
    static const struct {
        int sqlite, error;
    } table[] = {
        {SQLITE_NOMEM,      -ENOMEM },
        {SQLITE_BUSY,       -EBUSY  },
        {SQLITE_LOCKED,     -EBUSY  },
        {SQLITE_READONLY,   -EROFS  },
        {SQLITE_FULL,       -ENOSPC },
        {SQLITE_CORRUPT,    -EBADMSG},
        {SQLITE_NOTADB,     -EBADMSG},
        {SQLITE_CONSTRAINT, -EPERM  },
        {SQLITE_CANTOPEN,   -ENOENT },
        {SQLITE_PERM,       -EACCES },
        {SQLITE_MISMATCH,   -EBADMSG},
        {SQLITE_TOOBIG,     -EFBIG  },
    };
    for (size_t i = 0; i < countof(table); i++)
        if (table[i].sqlite == (code & 0xff))
            return table[i].error;
    return -EIO;
}

int database_fault(struct state *state, const char *what)
{
    int code = sqlite3_extended_errcode(state->db);
    log_error("%s: cannot %s: %s", state->path, what, sqlite3_errmsg(state->db));
    return errno_of(code);
}

int database_run(struct state *state, const char *sql)
{
    if (sqlite3_exec(state->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return database_fault(state, "run its statements");
    return 0;
}

sqlite3_stmt *database_prepare(struct state *state, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(state->db, sql, -1, &statement, NULL) != SQLITE_OK)
        (void)database_fault(state, "prepare a statement");
    return statement;
}

int database_finish(struct state *state, sqlite3_stmt *statement, const char *what)
{
    int error = sqlite3_step(statement) == SQLITE_DONE ? 0 : database_fault(state, what);
    (void)sqlite3_finalize(statement);
    return error;
}

int database_transaction(struct state *state, int (*act)(struct state *state, void *context),
                         void *context)
{
    if (state->lock < 0)
        return -EROFS;
    int error = database_run(state, "BEGIN IMMEDIATE");
    if (error)
        return error;
    error = act(state, context);
    if (error == 0)
        error = database_run(state, "COMMIT");
    if (error && !sqlite3_get_autocommit(state->db))
        (void)sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
    return error;
}

/* --- open --- */

static int take_lock(struct state *state)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s.lock", state->path);
    if (length < 0 || (size_t)length >= sizeof(path))
        return -ENAMETOOLONG;
    state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (state->lock < 0)
        return -errno;
    if (flock(state->lock, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    return 0;
}

static int make_folder_of(const char *path)
{
    char folder[PATH_MAX];
    int error = str_copy(folder, sizeof(folder), path);
    char *slash = strrchr(folder, '/');
    if (error || !slash || slash == folder)
        return error;
    *slash = '\0';
    return file_make_folders(folder, 0700);
}

/* A reader must change nothing, not even make PATH-shm: where no log waits to be read, the file
 * is opened as one that nobody writes. Beside a living writer the log is there and is shared. */
static int open_file(struct state *state, enum state_mode mode)
{
    char uri[PATH_MAX + 32];
    char log_path[PATH_MAX + 8];
    int flags = SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
    struct stat log_status;
    (void)snprintf(log_path, sizeof(log_path), "%s-wal", state->path);
    bool quiet = stat(log_path, &log_status) < 0 || log_status.st_size == 0;
    if (strpbrk(state->path, "?#%"))
        return -EINVAL; /* they would be read as parts of the URI */
    (void)snprintf(uri, sizeof(uri), "file:%s%s", state->path,
                   mode == STATE_READ && quiet ? "?immutable=1" : "");
    flags |= mode == STATE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int code = sqlite3_open_v2(uri, &state->db, flags, NULL);
    return code == SQLITE_OK ? 0 : errno_of(code);
}

static int harden(struct state *state, enum state_mode mode)
{
    static const char *const common = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                                      "PRAGMA foreign_keys=ON; PRAGMA cache_size=-256;";
    static const char *const writer = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                      "PRAGMA journal_size_limit=1048576;";
    (void)sqlite3_busy_timeout(state->db, BUSY_MS);
    (void)sqlite3_db_config(state->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(state->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(state->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_limit(state->db, SQLITE_LIMIT_LENGTH, VALUE_SIZE_MAX);
    (void)sqlite3_limit(state->db, SQLITE_LIMIT_ATTACHED, 0);
    int error = sqlite3_exec(state->db, common, NULL, NULL, NULL);
    if (error == SQLITE_OK && mode == STATE_WRITE)
        error = sqlite3_exec(state->db, writer, NULL, NULL, NULL);
    return error == SQLITE_OK ? 0 : errno_of(error);
}

static int first_answer(void *context, int count, char **values, char **names)
{
    (void)names;
    if (count < 1 || !values[0] || !str_equal(values[0], "ok"))
        *(bool *)context = false;
    return 0;
}

static int check_integrity(struct state *state, struct buf *why)
{
    bool sound = true;
    int code = sqlite3_exec(state->db, "PRAGMA integrity_check(1)", first_answer, &sound, NULL);
    if (code != SQLITE_OK)
        return errno_of(code);
    if (!sound)
        buf_printf(why, "the database %s is damaged: its integrity check failed", state->path);
    return sound ? 0 : -EBADMSG;
}

static int open_and_check(struct state *state, enum state_mode mode, struct buf *why)
{
    int error = open_file(state, mode);
    if (error == 0)
        error = harden(state, mode);
    if (error == 0)
        error = check_integrity(state, why);
    if (error == 0)
        error = mode == STATE_WRITE ? migrate(state, why) : migrate_check(state, why);
    return error;
}

static int prepare_to_write(struct state *state)
{
    int error = make_folder_of(state->path);
    return error ? error : take_lock(state);
}

/* Readers open what a writer made; its files are made with mode 0600, whatever the umask. */
static int open_with_mask(struct state *state, enum state_mode mode, struct buf *why)
{
    mode_t before = umask(0177);
    int error = open_and_check(state, mode, why);
    umask(before);
    return error;
}

int state_open(struct state **opened, const char *path, enum state_mode mode, struct buf *why)
{
    struct buf unused = {0};
    struct stat status;
    struct state *state = calloc(1, sizeof(*state));
    *opened = NULL;
    if (!state)
        return -ENOMEM;
    state->lock = -1;
    int error = str_copy(state->path, sizeof(state->path), path);
    if (error == 0 && mode == STATE_READ && stat(path, &status) < 0)
        error = -errno;
    if (error == 0 && mode == STATE_WRITE)
        error = prepare_to_write(state);
    if (error == 0)
        error = open_with_mask(state, mode, why ? why : &unused);
    if (error && why && why->length == 0)
        buf_printf(why, "the database %s cannot be opened: %s", path,
                   state->db && error != -EBUSY ? sqlite3_errmsg(state->db) : strerror(-error));
    buf_free(&unused);
    if (error) {
        state_close(state);
        return error;
    }
    *opened = state;
    return 0;
}

void state_close(struct state *state)
{
    if (!state)
        return;
    (void)sqlite3_close(state->db);
    if (state->lock >= 0)
        close(state->lock);
    free(state);
}

int state_set_aside(const char *path)
{
    static const char *const parts[] = {"", "-wal", "-shm"};
    char from[PATH_MAX], to[PATH_MAX];
    for (size_t i = 0; i < countof(parts); i++) {
        int short_from = snprintf(from, sizeof(from), "%s%s", path, parts[i]);
        int short_to =
            snprintf(to, sizeof(to), "%s.damaged-%lld%s", path, (long long)clock_now_s(), parts[i]);
        if (short_from < 0 || (size_t)short_from >= sizeof(from) || short_to < 0 ||
            (size_t)short_to >= sizeof(to))
            return -ENAMETOOLONG;
        if (rename(from, to) < 0 && errno != ENOENT) {
            int error = -errno;
            log_error("cannot set %s aside: %s", from, strerror(-error));
            return error;
        }
    }
    return 0;
}
