/*
 * The event log: each event's hash covers its fields and the hash before it, the first one's the
 * hash in events_removed (zeros in a new log). An event is appended, never changed; when the log
 * has grown too long, its oldest part is removed as a whole, and the chain begins behind it.
 */
#include "state/events.h"

#include "base/clock.h"
#include "base/str.h"
#include "state/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define COLUMNS "sequence, time_s, kind, text, previous, hash"

/* The columns of a row of COLUMNS; texts and hashes are the statement's. */
struct record {
    struct event event;
    const unsigned char *previous, *hash;
};

static void read_record(struct statement *query, struct record *record)
{
    *record = (struct record){
        .event = {.sequence = column_number(query, 0),
                  .time_s = column_time(query, 1),
                  .kind = column_text(query, 2),
                  .text = column_text(query, 3)},
        .previous = column_digest(query, 4),
        .hash = column_digest(query, 5),
    };
}

static int hash_of(const struct event *event, const unsigned char previous[DIGEST_SIZE],
                   unsigned char hash[DIGEST_SIZE])
{
    struct digest digest;
    digest_begin(&digest);
    digest_bytes(&digest, previous, DIGEST_SIZE);
    digest_number(&digest, event->sequence);
    digest_number(&digest, (uint64_t)event->time_s);
    digest_text(&digest, event->kind);
    digest_text(&digest, event->text);
    return digest_end(&digest, hash);
}

/* True when the record's own hash is that of its fields. */
static bool is_whole(const struct record *record)
{
    unsigned char hash[DIGEST_SIZE] = {0};
    return hash_of(&record->event, record->previous, hash) == 0 &&
           memcmp(hash, record->hash, DIGEST_SIZE) == 0;
}

static int chain_start(struct state *state, struct chain_end *link)
{
    struct statement query;
    *link = (struct chain_end){0};
    statement_begin(&query, state, "SELECT sequence, hash FROM events_removed");
    bool found = statement_row(&query);
    if (found) {
        link->sequence = column_number(&query, 0);
        memcpy(link->hash, column_digest(&query, 1), DIGEST_SIZE);
    }
    int error = statement_end(&query);
    if (error == 0 && !found)
        error = database_fault(state, -EBADMSG, "damaged: the start of the event log is missing");
    return error;
}

static int chain_end(struct state *state, struct chain_end *link)
{
    struct statement query;
    struct record record;
    int error = chain_start(state, link);
    if (error)
        return error;
    statement_begin(&query, state, "SELECT " COLUMNS " FROM events ORDER BY sequence DESC LIMIT 1");
    if (statement_row(&query)) {
        read_record(&query, &record);
        if (query.error == 0 && !is_whole(&record))
            query.error = database_fault(state, -EBADMSG,
                                         "damaged: event %" PRIu64 " is not what was written",
                                         record.event.sequence);
        link->sequence = record.event.sequence;
        memcpy(link->hash, record.hash, DIGEST_SIZE);
    }
    return statement_end(&query);
}

int events_check_newest(struct state *state)
{
    int error = chain_end(state, &state->end);
    state->next = state->end;
    digest_hex(state->end.hash, state->end_text);
    state->unrecorded = state->unrecorded && state->end.sequence > 0;
    return error;
}

/* The event at `wanted->sequence`, or the removed one that the chain begins behind. */
static int find_hash(struct state *state, const struct chain_end *wanted, bool *same)
{
    struct statement query;
    struct chain_end start;
    int error = chain_start(state, &start);
    if (error)
        return error;
    *same =
        wanted->sequence < start.sequence || /* too old to say: it was removed long ago */
        (wanted->sequence == start.sequence && memcmp(wanted->hash, start.hash, DIGEST_SIZE) == 0);
    if (*same)
        return 0;
    statement_begin(&query, state, "SELECT hash FROM events WHERE sequence = ?");
    statement_number(&query, wanted->sequence);
    if (statement_row(&query))
        *same = memcmp(column_digest(&query, 0), wanted->hash, DIGEST_SIZE) == 0;
    return statement_end(&query);
}

int events_check_record(struct state *state)
{
    bool same = state->unrecorded;
    int error = same ? 0 : find_hash(state, &state->recorded, &same);
    if (error == 0 && !same)
        error = database_fault(state, -EBADMSG,
                               "older than what was written: event %" PRIu64
                               ", which is recorded beside it, is not in its log",
                               state->recorded.sequence);
    if (error == 0)
        error = events_check_newest(state);
    return error;
}

const char *state_head(const struct state *state, uint64_t *sequence)
{
    *sequence = state->end.sequence;
    return state->end.sequence ? state->end_text : NULL;
}

bool state_unrecorded(const struct state *state)
{
    return state->unrecorded;
}

/* --- appending --- */

/* One line that no terminal takes for a command, of at most `max` bytes. */
static void append_clean(struct buf *out, const char *text, size_t max)
{
    size_t length = strlen(text);
    bool sound = str_is_text(text, length);
    bool cut = length > max;
    if (cut)
        for (length = max - 3; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
            length--; /* not within a character (RFC 3629, section 3) */
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool control = c < 0x20 || c == 0x7f;
        buf_putc(out, control ? ' ' : !sound && c >= 0x80 ? '?' : text[i]);
    }
    buf_puts(out, cut ? "..." : "");
}

/* Removes what is too much, once in EVENTS_STEP events; the chain then begins behind it. */
static int shorten(struct state *state, uint64_t newest)
{
    struct statement change;
    if (newest <= EVENTS_KEPT || newest % EVENTS_STEP != 0)
        return 0;
    statement_begin(&change, state,
                    "UPDATE events_removed SET (sequence, hash) ="
                    " (SELECT sequence, hash FROM events WHERE sequence = ?)");
    statement_number(&change, newest - EVENTS_KEPT);
    int error = statement_end(&change);
    if (error)
        return error;
    statement_begin(&change, state, "DELETE FROM events WHERE sequence <= ?");
    statement_number(&change, newest - EVENTS_KEPT);
    return statement_end(&change);
}

static int insert(struct state *state, const struct event *event, const struct chain_end *last)
{
    struct statement change;
    struct chain_end *next = &state->next;
    int error = hash_of(event, last->hash, next->hash);
    if (error)
        return database_fault(state, error, "cannot hash an event");
    statement_begin(&change, state, "INSERT INTO events (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)");
    statement_number(&change, event->sequence);
    statement_time(&change, event->time_s);
    statement_text(&change, event->kind);
    statement_text(&change, event->text);
    statement_bytes(&change, last->hash, DIGEST_SIZE);
    statement_bytes(&change, next->hash, DIGEST_SIZE);
    next->sequence = event->sequence;
    return statement_end(&change);
}

int events_append(struct state *state, const char *kind, const char *text)
{
    struct buf clean_kind = {0}, clean_text = {0};
    struct chain_end last;
    append_clean(&clean_kind, kind, EVENT_KIND_MAX);
    append_clean(&clean_text, text, EVENT_TEXT_MAX);
    int error = buf_error(&clean_kind) ? buf_error(&clean_kind) : buf_error(&clean_text);
    if (error == 0)
        error = chain_end(state, &last);
    if (error == 0) {
        struct event event = {.sequence = last.sequence + 1,
                              .time_s = clock_now_s(),
                              .kind = buf_text(&clean_kind),
                              .text = buf_text(&clean_text)};
        error = insert(state, &event, &last);
        if (error == 0)
            error = shorten(state, event.sequence);
    }
    buf_free(&clean_kind);
    buf_free(&clean_text);
    return error;
}

int state_event(struct state *state, const char *kind, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    int error = buf_error(&text);
    if (error == 0)
        error = database_begin(state);
    if (error == 0)
        error = database_end(state, events_append(state, kind, buf_text(&text)));
    buf_free(&text);
    return error;
}

/* --- reading --- */

/* Ends `query`, whose rows are COLUMNS, when all of them were shown. */
static int show_rows(struct statement *query, int (*each)(void *context, const struct event *event),
                     void *context)
{
    struct record record;
    char previous[DIGEST_TEXT_SIZE], hash[DIGEST_TEXT_SIZE];
    while (statement_row(query)) {
        read_record(query, &record);
        digest_hex(record.previous, previous);
        digest_hex(record.hash, hash);
        record.event.previous = previous;
        record.event.hash = hash;
        if (query->error == 0)
            query->error = each(context, &record.event);
    }
    return statement_end(query);
}

int state_events(struct state *state, int64_t since_s, uint64_t limit,
                 int (*each)(void *context, const struct event *event), void *context)
{
    struct statement query;
    statement_begin(&query, state,
                    "SELECT " COLUMNS " FROM (SELECT " COLUMNS " FROM events WHERE time_s >= ?"
                    " ORDER BY sequence DESC LIMIT ?) ORDER BY sequence");
    statement_time(&query, since_s);
    statement_time(&query, limit ? (int64_t)limit : -1);
    return show_rows(&query, each, context);
}

int state_events_after(struct state *state, uint64_t after, int64_t since_s, uint64_t limit,
                       int (*each)(void *context, const struct event *event), void *context)
{
    struct statement query;
    statement_begin(&query, state,
                    "SELECT " COLUMNS " FROM events WHERE sequence > ? AND time_s >= ?"
                    " ORDER BY sequence LIMIT ?");
    statement_number(&query, after);
    statement_time(&query, since_s);
    statement_number(&query, limit);
    return show_rows(&query, each, context);
}

bool state_event_is_whole(const struct event *event)
{
    unsigned char previous[DIGEST_SIZE], hash[DIGEST_SIZE];
    char text[DIGEST_TEXT_SIZE];
    if (digest_parse(event->previous, previous) < 0 || hash_of(event, previous, hash) < 0)
        return false;
    digest_hex(hash, text);
    return str_equal(text, event->hash);
}

int state_holds(struct state *state, uint64_t sequence, const char *hash)
{
    struct chain_end wanted = {.sequence = sequence};
    bool same = false;
    if (digest_parse(hash, wanted.hash) < 0)
        return -EINVAL;
    int error = find_hash(state, &wanted, &same);
    return error ? error : same ? 0 : -ENOENT;
}

/* True when the record follows `last`, which it then becomes. */
static bool follows(const struct record *record, struct chain_end *last)
{
    if (record->event.sequence != last->sequence + 1 ||
        memcmp(record->previous, last->hash, DIGEST_SIZE) != 0 || !is_whole(record))
        return false;
    last->sequence = record->event.sequence;
    memcpy(last->hash, record->hash, DIGEST_SIZE);
    return true;
}

int state_event_bounds(struct state *state, struct event_bounds *bounds)
{
    struct chain_end start;
    int error = chain_start(state, &start);
    if (error)
        return error;
    bounds->removed = start.sequence;
    bounds->newest = state->end.sequence;
    digest_hex(start.hash, bounds->removed_hash);
    digest_hex(state->end.hash, bounds->newest_hash);
    return 0;
}

int state_events_verify(struct state *state, uint64_t *count_or_bad,
                        char last_hash[STATE_HASH_TEXT_SIZE])
{
    struct statement query;
    struct record record;
    struct chain_end last;
    *count_or_bad = 0;
    int error = schema_check_all(state);
    if (error == 0)
        error = chain_start(state, &last);
    if (error)
        return error;
    uint64_t count = 0;
    statement_begin(&query, state, "SELECT " COLUMNS " FROM events ORDER BY sequence");
    for (; statement_row(&query); count++) {
        read_record(&query, &record);
        if (query.error == 0 && !follows(&record, &last))
            query.error =
                database_fault(state, -EBADMSG, "event %" PRIu64 " is not the one that was written",
                               last.sequence + 1);
    }
    error = statement_end(&query);
    *count_or_bad = error ? last.sequence + 1 : count;
    (void)str_copy(last_hash, STATE_HASH_TEXT_SIZE, "none");
    if (count)
        digest_hex(last.hash, last_hash);
    return error;
}
