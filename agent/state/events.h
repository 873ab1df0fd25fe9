/* The event log, for this module's other files. Private to agent/state. */
#ifndef HOLDFAST_STATE_EVENTS_H
#define HOLDFAST_STATE_EVENTS_H

#include "state/database.h"

/* The log keeps at least this many events; when it has EVENTS_STEP more, the oldest go. */
enum { EVENTS_KEPT = 100000, EVENTS_STEP = 1000 };

/* Longer texts are cut. */
enum { EVENT_KIND_MAX = 32, EVENT_TEXT_MAX = 8192 };

/* Appends one event, within the caller's transaction. */
int events_append(struct state *state, const char *kind, const char *text);

/* 0, or -EBADMSG when the newest event, to which the next is chained, is not what was written. */
int events_check_newest(struct state *state);

/* 0, or -EBADMSG when an event that was recorded beside the database (head.h) is not in its log:
 * an older database, or another one, was put in its place. */
int events_check_record(struct state *state);

#endif
