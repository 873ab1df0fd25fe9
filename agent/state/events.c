/* The event log: each event's SHA-256 covers its fields and the hash before it. */
#include "state/database.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <mbedtls/sha256.h>
#include <string.h>

enum { HASH_SIZE = 32, HASH_TEXT_SIZE = 2 * HASH_SIZE + 1 };

struct link {
    uint64_t sequence;
    int64_t time_s;
    const char *kind, *text;
    unsigned char before[HASH_SIZE]; /* zero for the first */
};

static void put_number(struct buf *out, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(number >> (8 * (7 - i)));
    buf_append(out, bytes, sizeof(bytes));
}

/* Lengths before texts: no two events have the same bytes. */
static int hash_link(const struct link *link, unsigned char hash[HASH_SIZE])
{
    struct buf bytes = {0};
    buf_append(&bytes, link->before, HASH_SIZE);
    put_number(&bytes, link->sequence);
    put_number(&bytes, (uint64_t)link->time_s);
    put_number(&bytes, strlen(link->kind));
    buf_puts(&bytes, link->kind);
    put_number(&bytes, strlen(link->text));
    buf_puts(&bytes, link->text);
    int error = buf_error(&bytes);
    if (error == 0 && mbedtls_sha256((const unsigned char *)bytes.data, bytes.length, hash, 0) != 0)
        error = -EIO;
    buf_free(&bytes);
    return error;
}

static int read_last(struct state *state, struct link *next)
{
    sqlite3_stmt *row =
        database_prepare(state, "SELECT sequence, hash FROM event ORDER BY sequence DESC LIMIT 1");
    if (!row)
        return -EIO;
    int code = sqlite3_step(row);
    int error =
        code == SQLITE_ROW || code == SQLITE_DONE ? 0 : database_fault(state, "read the event log");
    next->sequence = 1;
    if (code == SQLITE_ROW) {
        next->sequence = (uint64_t)sqlite3_column_int64(row, 0) + 1;
        if (sqlite3_column_bytes(row, 1) == HASH_SIZE)
            memcpy(next->before, sqlite3_column_blob(row, 1), HASH_SIZE);
        else
            error = -EBADMSG;
    }
    (void)sqlite3_finalize(row);
    return error;
}

int event_append(struct state *state, const char *kind, const char *text)
{
    unsigned char hash[HASH_SIZE];
    struct link link = {.time_s = clock_now_s(), .kind = kind, .text = text};
    int error = read_last(state, &link);
    if (error == 0)
        error = hash_link(&link, hash);
    if (error)
        return error;
    sqlite3_stmt *row = database_prepare(
        state, "INSERT INTO event (sequence, time, kind, text, hash) VALUES (?, ?, ?, ?, ?)");
    if (!row)
        return -EIO;
    (void)sqlite3_bind_int64(row, 1, (sqlite3_int64)link.sequence);
    (void)sqlite3_bind_int64(row, 2, link.time_s);
    (void)sqlite3_bind_text(row, 3, kind, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(row, 4, text, -1, SQLITE_STATIC);
    (void)sqlite3_bind_blob(row, 5, hash, HASH_SIZE, SQLITE_STATIC);
    return database_finish(state, row, "store an event");
}

struct wanted_event {
    const char *kind, *text;
};

static int append(struct state *state, void *context)
{
    const struct wanted_event *event = context;
    return event_append(state, event->kind, event->text);
}

int state_event(struct state *state, const char *kind, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    struct wanted_event event = {kind, buf_text(&text)};
    int error = buf_error(&text);
    if (error == 0)
        error = database_transaction(state, append, &event);
    if (error)
        log_error("%s: cannot store the event \"%s\": %s", state->path, kind, strerror(-error));
    buf_free(&text);
    return error;
}

/* --- read --- */

/* One row as an event; false when a field has not the type that the schema gives it. */
static bool event_of(sqlite3_stmt *row, struct event *event, char hash[HASH_TEXT_SIZE])
{
    const unsigned char *bytes = sqlite3_column_blob(row, 4);
    event->sequence = (uint64_t)sqlite3_column_int64(row, 0);
    event->time_s = sqlite3_column_int64(row, 1);
    event->kind = (const char *)sqlite3_column_text(row, 2);
    event->text = (const char *)sqlite3_column_text(row, 3);
    event->hash = hash;
    if (!event->kind || !event->text || !bytes || sqlite3_column_bytes(row, 4) != HASH_SIZE)
        return false;
    for (size_t i = 0; i < HASH_SIZE; i++) {
        hash[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        hash[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    hash[HASH_TEXT_SIZE - 1] = '\0';
    return true;
}

int state_events(struct state *state, int64_t since_s, uint64_t limit,
                 int (*each)(void *context, const struct event *event), void *context)
{
    sqlite3_stmt *rows = database_prepare(
        state, "SELECT * FROM (SELECT sequence, time, kind, text, hash FROM event WHERE time >= ?"
               " ORDER BY sequence DESC LIMIT ?) ORDER BY sequence");
    if (!rows)
        return -EIO;
    (void)sqlite3_bind_int64(rows, 1, since_s);
    (void)sqlite3_bind_int64(rows, 2, limit ? (sqlite3_int64)limit : -1);
    int error = 0, code = SQLITE_DONE;
    while (error == 0 && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        struct event event;
        char hash[HASH_TEXT_SIZE];
        error = event_of(rows, &event, hash) ? each(context, &event) : -EBADMSG;
    }
    if (error == 0 && code != SQLITE_DONE)
        error = database_fault(state, "read the event log");
    (void)sqlite3_finalize(rows);
    return error;
}

struct verification {
    struct link link;
    uint64_t count;
};

static int verify_one(void *context, const struct event *event)
{
    struct verification *verification = context;
    struct link *link = &verification->link;
    unsigned char hash[HASH_SIZE];
    char text[HASH_TEXT_SIZE];
    link->sequence++;
    link->time_s = event->time_s;
    link->kind = event->kind;
    link->text = event->text;
    int error = hash_link(link, hash);
    for (size_t i = 0; i < HASH_SIZE; i++)
        (void)sqlite3_snprintf(3, &text[2 * i], "%02x", hash[i]);
    if (error == 0 && (event->sequence != link->sequence || strcmp(text, event->hash) != 0))
        error = -EBADMSG;
    memcpy(link->before, hash, HASH_SIZE);
    if (error == 0)
        verification->count++;
    return error;
}

int state_events_verify(struct state *state, uint64_t *count_or_bad)
{
    struct verification verification = {.count = 0};
    int error = state_events(state, INT64_MIN, 0, verify_one, &verification);
    *count_or_bad = error ? verification.count + 1 : verification.count;
    return error;
}
