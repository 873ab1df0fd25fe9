/*
 * PATH.head: which event ended the log when the database was last written, beside the database, so
 * that an older one that is put back is found out. Private to agent/state.
 *
 * The record is written after the commit that it describes and is not synced: after a power cut it
 * may lag behind the database, and never leads it. An older record is therefore valid as long as
 * its event is in the log. It is one line of fixed length within one sector, overwritten in place:
 *
 *   revision                   12 event                   57 HASH CHECK
 *
 * CHECK is the SHA-256 of what stands before it. A record that does not read counts as missing.
 */
#ifndef HOLDFAST_STATE_HEAD_H
#define HOLDFAST_STATE_HEAD_H

#include "state/database.h"

/* Writes the record of state->end. A failure is logged: what was committed has happened. */
void head_write(struct state *state);

/* Reads the record into state->recorded and ->revision, or sets ->unrecorded. It is read before the
 * database is opened: what a writer beside this reader commits in between may then be in the log
 * alone, never in the record alone. */
void head_read(struct state *state);

#endif
