/*
 * The database's schema: made and moved on by an append-only array of migrations under PRAGMA
 * user_version, and compared with what each version is known to look like, so that a trigger, view
 * or table that is not ours is damage. Private to agent/state.
 */
#ifndef HOLDFAST_STATE_SCHEMA_H
#define HOLDFAST_STATE_SCHEMA_H

#include "state/database.h"

/* Brings the database to the newest version in one transaction; does nothing when it is there. A
 * reader only looks. -EPROTO: newer than this program, or older and opened for reading. -EBADMSG:
 * the schema is not what its version says. */
int schema_migrate(struct state *state);

/* Looks for damage in the tables that decide (all but the event log, whose size has no limit that
 * a boot could wait for: state_events_verify() looks through it). 0 or -EBADMSG. */
int schema_check(struct state *state);

/* The same over the whole database. */
int schema_check_all(struct state *state);

/* From here on the connection refuses statements that this module does not use: whatever changes
 * the schema, and any change to an event or a latch. */
int schema_guard(struct state *state);

#endif
