/* The files around the database: lock, making, setting aside. */
#include "state/files.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "state/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700, FILE_MODE = 0600, ASIDE_MAX = 100 };

/* The database first: where it cannot be moved, its journal stays with it. The record of its log
 * (head.h) stays until the next database's first event is written over it. */
static const char *const parts[] = {"", "-wal", "-shm", "-journal"};

static int join(char name[PATH_MAX], const char *path, const char *suffix)
{
    int length = snprintf(name, PATH_MAX, "%s%s", path, suffix);
    return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make_folder_of(const char *path)
{
    char folder[PATH_MAX];
    int error = str_copy(folder, sizeof(folder), path);
    char *slash = error ? NULL : strrchr(folder, '/');
    if (!slash || slash == folder)
        return error;
    *slash = '\0';
    return file_make_folders(folder, FOLDER_MODE);
}

int files_lock(struct state *state)
{
    char name[PATH_MAX];
    int error = make_folder_of(state->path);
    if (error == 0)
        error = join(name, state->path, ".lock");
    if (error)
        return database_fault(state, error, "cannot make its folder: %s", strerror(-error));
    state->lock =
        open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, FILE_MODE);
    if (state->lock < 0)
        return database_fault(state, -errno, "cannot open its lock file: %s", strerror(errno));
    if (flock(state->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return database_fault(state, -EBUSY, "another process writes it (such as holdfast run)");
    return database_fault(state, -errno, "cannot lock it: %s", strerror(errno));
}

void files_unlock(struct state *state)
{
    if (state->record >= 0)
        close(state->record);
    state->record = -1;
    if (state->lock >= 0)
        close(state->lock);
    state->lock = -1;
}

int files_look(struct state *state)
{
    struct stat st;
    if (stat(state->path, &st) < 0) {
        if (errno == ENOENT && state->mode != STATE_READ)
            return -ENOENT;
        return database_fault(state, errno == ENOTDIR ? -ENOENT : -errno, "%s", strerror(errno));
    }
    if (!S_ISREG(st.st_mode))
        return database_fault(state, -EBADMSG, "damaged: it is not a regular file");
    if (st.st_size == 0)
        return database_fault(state, -EBADMSG, "damaged: it is empty");
    return 0;
}

/* --- making --- */

static int remove_all(const char *path)
{
    char name[PATH_MAX];
    for (size_t i = 0; i < countof(parts); i++) {
        int error = join(name, path, parts[i]);
        if (error)
            return error;
        if (unlink(name) < 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

static int make_empty(const char *path, const char *suffix)
{
    char name[PATH_MAX];
    int error = join(name, path, suffix);
    if (error)
        return error;
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

/* A journal without its database belongs to one that is gone: replayed into a new one it would
 * damage it. */
static int clear_the_place(const char *path)
{
    char name[PATH_MAX];
    struct stat st;
    int error = join(name, path, "-wal");
    if (error)
        return error;
    if (lstat(name, &st) == 0 && st.st_size > 0)
        return state_set_aside(path);
    return remove_all(path);
}

/* Without journal and syncs: one that is not complete has no name that counts, and is thrown away.
 * The last statement puts it into WAL for good. */
static int build(struct state *state, const char *path)
{
    int error = database_open_new(state, path);
    if (error == 0)
        error = database_run(state, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF");
    if (error == 0)
        error = schema_migrate(state);
    if (error == 0)
        error = database_run(state, "PRAGMA journal_mode=WAL");
    database_close(state);
    if (error)
        return error;
    error = file_sync(path);
    return error ? database_fault(state, error, "cannot make %s: %s", path, strerror(-error)) : 0;
}

/* Journal and index stand, empty, before the database does, so that no reader ever meets it
 * without them while a writer lives. The new name is made durable by the first commit, which syncs
 * the folder for the journal's sake; until then nothing is lost with it. */
static int put_in_place(const char *path, const char *new)
{
    int error = clear_the_place(path);
    if (error == 0)
        error = make_empty(path, "-wal");
    if (error == 0)
        error = make_empty(path, "-shm");
    if (error == 0 && rename(new, path) < 0)
        error = -errno;
    return error;
}

int files_make(struct state *state)
{
    char new[PATH_MAX];
    int error = join(new, state->path, ".new");
    if (error == 0)
        error = remove_all(new);
    if (error == 0)
        error = make_empty(new, "");
    if (error)
        return database_fault(state, error, "cannot make %s: %s", new, strerror(-error));
    error = build(state, new); /* logs */
    if (error)
        return error;
    error = put_in_place(state->path, new);
    return error ? database_fault(state, error, "cannot put it in place: %s", strerror(-error)) : 0;
}

/* --- setting aside --- */

/* A name that nothing has yet: PATH.damaged-TIME, or with a number behind it. */
static int free_name(const char *path, char aside[PATH_MAX])
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(clock_now_s(), time);
    for (unsigned i = 0; i < ASIDE_MAX; i++) {
        char number[12] = "";
        struct stat st;
        if (i > 0)
            (void)snprintf(number, sizeof(number), "-%u", i);
        int length = snprintf(aside, PATH_MAX, "%s.damaged-%s%s", path, time, number);
        if (length < 0 || length >= PATH_MAX)
            return -ENAMETOOLONG;
        if (lstat(aside, &st) < 0)
            return errno == ENOENT ? 0 : -errno;
    }
    return -EEXIST;
}

static int move_parts(const char *path, const char *aside, bool *moved)
{
    *moved = false;
    for (size_t i = 0; i < countof(parts); i++) {
        char from[PATH_MAX], to[PATH_MAX];
        int error = join(from, path, parts[i]);
        if (error == 0)
            error = join(to, aside, parts[i]);
        if (error)
            return error;
        if (rename(from, to) == 0)
            *moved = true;
        else if (errno != ENOENT)
            return -errno;
    }
    return *moved ? file_sync_folder_of(path) : 0;
}

int state_set_aside(const char *path)
{
    char aside[PATH_MAX];
    bool moved = false;
    int error = free_name(path, aside);
    if (error == 0)
        error = move_parts(path, aside, &moved);
    if (error)
        log_error("%s: cannot be set aside: %s", path, strerror(-error));
    else if (moved)
        log_warning("%s: set aside as %s", path, aside);
    return error;
}
