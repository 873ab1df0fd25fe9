/* Opening and closing: lock, database, schema, damage, in that order. */
#include "state/state.h"

#include "base/log.h"
#include "state/database.h"
#include "state/events.h"
#include "state/files.h"
#include "state/head.h"
#include "state/latches.h"
#include "state/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REOPENINGS = 10 };

/* What every opening goes through, once the file is there. A database that this call has made is
 * not untrusted yet. */
static int prove(struct state *state, bool made)
{
    int error = schema_migrate(state);
    if (error == 0 && !made)
        error = schema_check(state);
    if (error == 0)
        error = schema_guard(state);
    if (error == 0)
        error = made ? events_check_newest(state) : events_check_record(state);
    return error;
}

/* A reader looks at one instant of what others may be writing, and looks it up once. */
static int open_database(struct state *state, bool made)
{
    bool reader = state->mode == STATE_READ;
    int error = database_open(state);
    if (error == 0 && reader)
        error = database_run(state, "BEGIN");
    if (error)
        return error;
    error = prove(state, made);
    return reader ? database_end(state, error) : error;
}

static int open_to_write(struct state *state)
{
    int error = files_lock(state);
    head_read(state);
    if (error == 0)
        error = files_look(state);
    bool made = error == -ENOENT;
    if (made)
        error = files_make(state);
    if (error == 0)
        error = open_database(state, made);
    return error ? error : latches_restore_files(state);
}

static int open_to_read(struct state *state)
{
    head_read(state);
    int error = files_look(state);
    return error ? error : open_database(state, false);
}

/* A writer that was killed while this reader connected left an index that this connection cannot
 * repair; a new connection makes its own. */
static int open_again_while_stale(struct state *state)
{
    struct buf told = {0}, *why = state->why;
    int error = -ESTALE;
    state->why = &told;
    for (unsigned i = 0; i < REOPENINGS && error == -ESTALE; i++) {
        buf_clear(&told);
        database_close(state);
        error = open_to_read(state);
    }
    state->why = why;
    if (error && why)
        buf_puts(why, buf_text(&told));
    else if (error)
        log_error("%s", buf_text(&told));
    buf_free(&told);
    return error;
}

int state_open(struct state **state, const char *path, enum state_mode mode, struct buf *why)
{
    struct state *made = calloc(1, sizeof(*made));
    char *copy = strdup(path);
    *state = NULL;
    if (!made || !copy) {
        free(made);
        free(copy);
        return -ENOMEM;
    }
    *made = (struct state){.path = copy, .mode = mode, .lock = -1, .record = -1, .why = why};
    int error = mode == STATE_READ ? open_again_while_stale(made) : open_to_write(made);
    made->why = NULL;
    if (error) {
        state_close(made);
        return error;
    }
    *state = made;
    return 0;
}

void state_close(struct state *state)
{
    if (!state)
        return;
    database_close(state);
    files_unlock(state);
    free(state->path);
    free(state);
}
