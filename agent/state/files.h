/*
 * The files of the state: the database made whole or not at all, the one writer's lock, a damaged
 * database set aside. Private to agent/state.
 *
 *   PATH, PATH-wal, PATH-shm   the database, its journal and the journal's index; all three stay
 *                              when the writer leaves
 *   PATH.lock                  locked (flock) by the one writer for as long as it lives
 *   PATH.head                  the record of the log's newest event (head.h)
 *   PATH.new                   a database in the making
 *   PATH.latch-NAME            a latch (latches.c)
 *   PATH.damaged-TIME          what was set aside
 */
#ifndef HOLDFAST_STATE_FILES_H
#define HOLDFAST_STATE_FILES_H

#include "state/database.h"

/* Locks PATH.lock, making folder and file when missing. -EBUSY when another writer holds it. */
int files_lock(struct state *state);
void files_unlock(struct state *state);

/* 0 when PATH is a file with content; -ENOENT when there is none; -EBADMSG when it cannot be a
 * database. A missing one is logged for a reader only: a writer makes it. */
int files_look(struct state *state);

/* Makes PATH with the newest schema: built as PATH.new, made durable, then renamed. The new name is
 * durable with the first commit. */
int files_make(struct state *state);

#endif
