/*
 * What the node remembers, in SQLite: settings with a revision each transaction, the event log
 * with its SHA-256 chain, latches, and named objects such as the endpoint's certificate.
 *
 * One writer, held apart by a lock on PATH.lock; any number of readers beside it. Journal in WAL
 * with synchronous=FULL, so that a committed revision survives a power cut at any instant and a
 * half-written one never shows; a new database appears whole or not at all. The schema moves by an
 * append-only array of migrations under PRAGMA user_version; a newer database is refused.
 *
 * The database is input like any other. At open its schema is compared with what its version looks
 * like, the tables that decide are looked through for damage, and the newest event's hash is
 * recomputed; settings and objects have hashes that are compared when they are read. An older
 * database, or another one, in the place of the one that was written last is damage too: the newest
 * event is recorded beside the database (PATH.head), and must be in its log.
 *
 * Every function returns 0 or a negative code and has logged its message: -EBADMSG is damage,
 * -ENOSPC, -EROFS, -EIO and the like leave everything as it was. A handle belongs to one process: a
 * child of fork() closes the descriptors and does not use it.
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
    STATE_READ,  /* no change to the file system: with a writer, after a killed writer, or without
                    one; in a writable or a read-only folder: check, events, a reader beside the
                    daemon */
    STATE_WRITE, /* made when missing, migrated, recovered */
    STATE_ALONE, /* as STATE_WRITE, without an index shared with readers, which wait until it is
                    closed: for short work such as a boot. Also -EBUSY beside a reader */
};

/* The latch that holds security.disable_admin at yes. */
#define STATE_LATCH_ADMIN "admin-disabled"

enum { STATE_OBJECT_MAX = 256 * 1024 };

/* Opens the database at `path` (its folder is made, mode 0700; the file has 0600), migrates it and
 * checks it. -ENOENT when it is missing (STATE_READ), -EBADMSG when damaged, -EPROTO when it is
 * newer than this program (or, for STATE_READ, older), -EBUSY when another writer holds it, or
 * another errno. `*state` is NULL then. The reason goes to `why`, for the report's first line, or,
 * where that is NULL, to the log. A reader beside a writer that is killed may find that it can read
 * no more: its calls give -ESTALE then, and it is to be opened again. */
int state_open(struct state **state, const char *path, enum state_mode mode, struct buf *why);
void state_close(struct state *state);

/* The newest event, the head of the chain, by which another can tell later whether the log still is
 * the one that it saw: its hash, valid until the next event, and its number. NULL and 0 where there
 * is no event. */
const char *state_head(const struct state *state, uint64_t *sequence);

/* 0 when the log holds the event with this number and hash (64 hexadecimal digits in small
 * letters), or is so long that it has removed it; -ENOENT when it does not; -EINVAL when the hash
 * is none. */
int state_holds(struct state *state, uint64_t sequence, const char *hash);

/* True when the database had events, but no record of the newest beside it, when it was opened. */
bool state_unrecorded(const struct state *state);

/* The revision that is recorded beside the database at `path`, which may be missing. -ENOENT when
 * no record is there, or none that reads. */
int state_recorded_revision(const char *path, uint64_t *revision);

/* Renames a damaged database, its -wal and -shm to PATH.damaged-TIME, so that nothing is
 * lost. Nothing there is no failure. */
int state_set_aside(const char *path);

/* All stored values over the defaults, and the revision they belong to (0: nothing stored yet).
 * A stored value that this program no longer accepts is -EBADMSG. `settings` stays as it was on
 * a failure. */
int state_settings_load(struct state *state, struct settings *settings, uint64_t *revision);

/* Stores what differs from the current revision as the next one, with an event of kind `how` that
 * names each change (of a secret, only that it changed), in one transaction or not at all. With
 * nothing to change the revision stays. Earlier values are kept, but for those of secrets. `who` is
 * the caller's name, `how` the verb ("wizard", "set", "import"). -EPERM when it would open a latch.
 */
int state_settings_store(struct state *state, const struct settings *settings, const char *who,
                         const char *how, uint64_t *revision);

/* Latches are set once and never cleared: a trigger in the database refuses it, and state_latch
 * is also true when the file beside the database (PATH + ".latch-" + name) exists, and when neither
 * can be read. Setting writes both, the file first, durably, with an event; a file that is gone is
 * made again when the database is opened. A name has small letters, digits and hyphens. */
int state_latch_set(struct state *state, const char *name);
bool state_latch(struct state *state, const char *name);

/* The same question without a database, from the file alone: for a lost or damaged one. */
bool state_latch_file(const char *path, const char *name);
int state_latch_file_set(const char *path, const char *name);

/* Appends to the event log, in one transaction with one fsync (but for one in about a hundred,
 * which moves the journal into the database). `kind` is a word ("boot", "drift", "repair",
 * "password"); the text holds no secret, and is written as one line of at most 8 KiB. Each event's
 * hash covers its fields and the hash before it. The newest 100,000 are kept. */
__attribute__((format(printf, 3, 4))) int state_event(struct state *state, const char *kind,
                                                      const char *format, ...);

enum { STATE_HASH_TEXT_SIZE = 65 };

struct event {
    uint64_t sequence;
    int64_t time_s;
    const char *kind;
    const char *text;
    const char *previous, *hash; /* 64 hex digits each; `previous` is that of the event before */
};

/* Calls `each` for events from `since_s` on, oldest first, at most `limit` newest ones (0: all).
 * A negative return of `each` ends the walk and is returned. The journal grows as long as a walk
 * lasts: `each` does not wait. Strings are valid during the call. */
int state_events(struct state *state, int64_t since_s, uint64_t limit,
                 int (*each)(void *context, const struct event *event), void *context);

/* As state_events(), but the oldest `limit` ones behind the event numbered `after`: a page of the
 * log at a time. */
int state_events_after(struct state *state, uint64_t after, int64_t since_s, uint64_t limit,
                       int (*each)(void *context, const struct event *event), void *context);

/* Where the log begins and ends: the newest event that was removed from it, whose hash the oldest
 * one has as its previous, and the newest of all as this process knows it. 0 and zeroes: none. */
struct event_bounds {
    uint64_t removed, newest;
    char removed_hash[STATE_HASH_TEXT_SIZE], newest_hash[STATE_HASH_TEXT_SIZE];
};
int state_event_bounds(struct state *state, struct event_bounds *bounds);

/* Whether `event`, however it came here, is as it was written: its hash is that of its fields and
 * of the hash before it. */
bool state_event_is_whole(const struct event *event);

/* Looks through the whole database and recomputes the chain. 0, the number of events, and the hash
 * of the last one that was looked at ("none" of none); -EBADMSG and the first bad sequence, or 0
 * where it is not an event that is bad. */
int state_events_verify(struct state *state, uint64_t *count_or_bad,
                        char last_hash[STATE_HASH_TEXT_SIZE]);

/* Named objects (certificate, key) of at most STATE_OBJECT_MAX bytes: replaced whole. -ENOENT when
 * there is none, without a message. Secrets: the caller wipes the buffer. */
int state_object_get(struct state *state, const char *name, struct buf *out);
int state_object_put(struct state *state, const char *name, const void *data, size_t size);

/* Several of them in one transaction, all or none. */
struct state_object {
    const char *name;
    const void *data;
    size_t size;
};
int state_objects_put(struct state *state, const struct state_object *objects, size_t count);

#endif
