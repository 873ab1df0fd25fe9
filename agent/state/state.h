/*
 * What the node remembers, in SQLite: settings with a revision each transaction, the event log
 * with its SHA-256 chain, latches, and named objects such as the endpoint's certificate.
 *
 * One writer; journal in WAL with synchronous=FULL, so that a committed revision survives a power
 * cut at any instant and a half-written one never shows. The schema moves by an append-only array
 * of migrations under PRAGMA user_version; a newer database is refused. Every function returns 0
 * or a negative code and has told its message.
 */
#ifndef HOLDFAST_STATE_STATE_H
#define HOLDFAST_STATE_STATE_H

#include "base/buf.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state;

enum state_mode {
    STATE_READ,  /* no change to the file system: check, events, a reader beside the warden */
    STATE_WRITE, /* made when missing, migrated, recovered */
};

/* Opens the database at `path` (its folder is made, mode 0700; the file has 0600), migrates it and
 * checks its integrity. -ENOENT when it is missing (STATE_READ), -EBADMSG when damaged, -EPROTO
 * when it is newer than this program, -EBUSY when another writer holds it, or another errno.
 * `why` (may be NULL) gets the reason in words for the report's first line. */
int state_open(struct state **state, const char *path, enum state_mode mode, struct buf *why);
void state_close(struct state *state);

/* Renames a damaged database, its -wal and -shm to PATH.damaged-TIME, so that nothing is lost. */
int state_set_aside(const char *path);

/* All stored values over the defaults, and the revision they belong to (0: nothing stored yet).
 * A stored value that this program no longer accepts is -EBADMSG. */
int state_settings_load(struct state *state, struct settings *settings, uint64_t *revision);

/* Stores what differs from the current revision as the next one, with an event, in one
 * transaction or not at all. With nothing to change the revision stays. `who` is "admin", "root",
 * `how` the verb ("wizard", "set", "import"). -EPERM when it would open a latch. */
int state_settings_store(struct state *state, const struct settings *settings, const char *who,
                         const char *how, uint64_t *revision);

/* Latches are set once and never cleared: a trigger in the database refuses it, and state_latch
 * is also true when the file beside the database (PATH + ".latch-" + name) exists. Setting writes
 * both, the file first, durably. */
int state_latch_set(struct state *state, const char *name);
bool state_latch(struct state *state, const char *name);

/* The same question without a database, from the file alone: for a lost or damaged one. */
bool state_latch_file(const char *path, const char *name);
int state_latch_file_set(const char *path, const char *name);

/* Appends to the event log. `kind` is a word ("boot", "drift", "repair", "password"); the text
 * holds no secret. Each event's hash covers its fields and the hash before it. */
__attribute__((format(printf, 3, 4))) int state_event(struct state *state, const char *kind,
                                                      const char *format, ...);

struct event {
    uint64_t sequence;
    int64_t time_s;
    const char *kind;
    const char *text;
    const char *hash; /* 64 hex digits */
};

/* Calls `each` for events from `since_s` on, oldest first, at most `limit` newest ones (0: all).
 * A negative return of `each` ends the walk and is returned. */
int state_events(struct state *state, int64_t since_s, uint64_t limit,
                 int (*each)(void *context, const struct event *event), void *context);

/* Recomputes the chain. 0 and the number of events; -EBADMSG and the first bad sequence. */
int state_events_verify(struct state *state, uint64_t *count_or_bad);

/* Named objects (certificate, key): replaced whole. -ENOENT when there is none. Secrets: the
 * caller wipes the buffer. */
int state_object_get(struct state *state, const char *name, struct buf *out);
int state_object_put(struct state *state, const char *name, const void *data, size_t size);

#endif
