/*
 * SQLite as the rest of this module sees it: a hardened connection, transactions, and statements
 * that log their first failure once and remember it, so that callers check at the end. Private to
 * agent/state.
 *
 * The database is hostile input: its sizes are limited, its schema is compared with ours
 * (schema.h), and a value of another type than expected is -EBADMSG, never converted.
 */
#ifndef HOLDFAST_STATE_DATABASE_H
#define HOLDFAST_STATE_DATABASE_H

#include "base/buf.h"
#include "state/digest.h"
#include "state/state.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An event by its place in the chain: what the next one is chained to. */
struct chain_end {
    uint64_t sequence;
    unsigned char hash[DIGEST_SIZE];
};

struct state {
    sqlite3 *db;
    char *path; /* owned */
    enum state_mode mode;
    unsigned waited;      /* times in a row, for the writer's index */
    int lock;             /* of a writer: holds PATH.lock; -1 else */
    int record;           /* of a writer: PATH.head, once it was written to; -1 else */
    struct chain_end end; /* the newest event, committed; of a reader, when it was opened */
    char end_text[DIGEST_TEXT_SIZE];
    struct chain_end next;     /* what `end` becomes when the transaction commits; else the same */
    uint64_t revision;         /* of the settings, as last loaded, stored or recorded */
    struct chain_end recorded; /* PATH.head, as it was before the database was opened */
    bool unrecorded;           /* there was none, though there are events */
    struct buf *why;           /* borrowed, while opening: takes the messages; NULL: the log does */
};

/* Opens the connection for state->mode and hardens it; reads nothing of the database yet. */
int database_open(struct state *state);

/* Opens the file at `path`, which exists and is empty, to build a new database in it. */
int database_open_new(struct state *state, const char *path);

void database_close(struct state *state);

/* Logs "PATH: MESSAGE" and returns `error`. */
__attribute__((format(printf, 3, 4))) int database_fault(struct state *state, int error,
                                                         const char *format, ...);

/* Logs SQLite's failure, with the system's error where there is one, and returns its errno. */
int database_logged(struct state *state, int code);

/* True when `code` says that a reader met a writer that has just begun or been killed, which leaves
 * for a moment an index that only a writer may repair: it has paused, and what gave `code` may be
 * tried again. */
bool database_wait(struct state *state, int code);

/* Runs SQL without parameters or results. */
int database_run(struct state *state, const char *sql);

/* BEGIN IMMEDIATE. database_end() commits when `error` is 0, else undoes; the error, or COMMIT's.
 * A commit that has ended the log with another event is recorded (head.h). */
int database_begin(struct state *state);
int database_end(struct state *state, int error);

struct statement {
    struct state *state;
    sqlite3_stmt *handle;
    int bound; /* number of parameters that have a value */
    int error; /* the first failure, logged */
};

void statement_begin(struct statement *statement, struct state *state, const char *sql);

/* Give the parameters their values, in order. Bytes are borrowed until statement_end(). */
void statement_number(struct statement *statement, uint64_t value);
void statement_time(struct statement *statement, int64_t value);
void statement_text(struct statement *statement, const char *value);
void statement_bytes(struct statement *statement, const void *data, size_t size);

/* True when there is a (further) row. */
bool statement_row(struct statement *statement);

/* The row's columns, of exactly that type, valid until the next row; 0, "" and zeros, and
 * statement->error, when they are not. */
uint64_t column_number(struct statement *statement, int column);
int64_t column_time(struct statement *statement, int column);
const char *column_text(struct statement *statement, int column);
const unsigned char *column_digest(struct statement *statement, int column);
const void *column_bytes(struct statement *statement, int column, size_t *size);

/* Runs what is left to the end when there was no failure, and frees. 0 or the error. */
int statement_end(struct statement *statement);

#endif
