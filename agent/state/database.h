/*
 * What the files of state share: the open database and how a statement is run on it. Private to
 * state; everybody else includes state/state.h.
 */
#ifndef HOLDFAST_STATE_DATABASE_H
#define HOLDFAST_STATE_DATABASE_H

#include "state/state.h"

#include <limits.h>
#include <sqlite3.h>

struct state {
    sqlite3 *db;
    int lock; /* the one writer's flock(2) on PATH.lock, -1 for a reader */
    char path[PATH_MAX];
};

/* Tells that `what` failed with the database's own words; the negative errno for its code. */
int database_fault(struct state *state, const char *what);

/* Runs statements without parameters or results. */
int database_run(struct state *state, const char *sql);

/* Prepares one statement; NULL with the message told. */
sqlite3_stmt *database_prepare(struct state *state, const char *sql);

/* Steps a statement that gives no rows and finalizes it. `what` names it in a message. */
int database_finish(struct state *state, sqlite3_stmt *statement, const char *what);

/* One write transaction around `act`: committed where it returns 0, else rolled back. */
int database_transaction(struct state *state, int (*act)(struct state *state, void *context),
                         void *context);

/* Brings the schema to this program's version, or checks that it is just that: -ENOENT for a
 * database in which nothing was ever stored, -EPROTO for another version, -EBADMSG for a schema
 * that no migration made. */
int migrate(struct state *state, struct buf *why);
int migrate_check(struct state *state, struct buf *why);

/* Appends an event inside a transaction of the caller's. */
int event_append(struct state *state, const char *kind, const char *text);

#endif
