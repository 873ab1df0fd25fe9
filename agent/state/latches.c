/* Latches: a row in the database that triggers protect, and a file beside it that outlives it. */
#include "state/latches.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "state/events.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME_MAX_BYTES = 64 };

static int latch_path(char to[PATH_MAX], const char *path, const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (length == 0 || length > NAME_MAX_BYTES || name[length] != '\0')
        return -EINVAL;
    int written = snprintf(to, PATH_MAX, "%s.latch-%s", path, name);
    return written < 0 || written >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Set, too, where that cannot be known: a latch fails closed. */
bool state_latch_file(const char *path, const char *name)
{
    char file[PATH_MAX];
    struct stat st;
    if (latch_path(file, path, name) < 0)
        return true;
    return lstat(file, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int state_latch_file_set(const char *path, const char *name)
{
    char file[PATH_MAX], text[CLOCK_TEXT_SIZE];
    struct stat st;
    int error = latch_path(file, path, name);
    if (error == 0 && lstat(file, &st) == 0)
        return 0;
    clock_text(clock_now_s(), text);
    text[CLOCK_TEXT_SIZE - 1] = '\n';
    if (error == 0)
        error = file_replace(file, text, sizeof(text), 0600);
    if (error)
        log_error("%s: latch %s cannot be set: %s", path, name, strerror(-error));
    return error;
}

static int look_up(struct state *state, const char *name, bool *found)
{
    struct statement query;
    statement_begin(&query, state, "SELECT 1 FROM latches WHERE name = ?");
    statement_text(&query, name);
    *found = statement_row(&query);
    return statement_end(&query);
}

bool state_latch(struct state *state, const char *name)
{
    bool found = false;
    return state_latch_file(state->path, name) || look_up(state, name, &found) < 0 || found;
}

static int insert(struct state *state, const char *name)
{
    struct statement change;
    statement_begin(&change, state, "INSERT INTO latches (name, time_s) VALUES (?, ?)");
    statement_text(&change, name);
    statement_time(&change, clock_now_s());
    int error = statement_end(&change);
    return error ? error : events_append(state, "latch", name);
}

int state_latch_set(struct state *state, const char *name)
{
    bool found = false;
    int error = state_latch_file_set(state->path, name);
    if (error == 0)
        error = look_up(state, name, &found);
    if (error || found)
        return error;
    error = database_begin(state);
    return error ? error : database_end(state, insert(state, name));
}

int latches_restore_files(struct state *state)
{
    struct statement query;
    statement_begin(&query, state, "SELECT name FROM latches");
    while (statement_row(&query)) {
        const char *name = column_text(&query, 0);
        if (query.error == 0)
            query.error = state_latch_file_set(state->path, name);
    }
    return statement_end(&query);
}
