/* Settings in the database: each revision keeps the values that it changed. */
#include "state/database.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

#define LATCH_ADMIN "admin-disabled"

static int load_row(struct state *state, struct settings *settings, sqlite3_stmt *row)
{
    struct buf why = {0};
    const char *name = (const char *)sqlite3_column_text(row, 0);
    const char *value = (const char *)sqlite3_column_text(row, 1);
    int key = name ? setting_find(name) : -ENOENT;
    int error =
        key < 0 || !value ? -EINVAL : settings_put(settings, (enum setting_key)key, value, &why);
    if (error == -EINVAL) {
        log_error("%s: the stored value of %s is not accepted: %s", state->path,
                  name ? name : "a setting", why.length ? buf_text(&why) : "unknown setting");
        error = -EBADMSG;
    }
    buf_free(&why);
    return error;
}

static int load_values(struct state *state, struct settings *settings)
{
    sqlite3_stmt *rows = database_prepare(
        state, "SELECT key, value, max(revision) FROM setting GROUP BY key ORDER BY key");
    if (!rows)
        return -EBADMSG;
    int error = 0, code;
    while (error == 0 && (code = sqlite3_step(rows)) == SQLITE_ROW)
        error = load_row(state, settings, rows);
    if (error == 0 && code != SQLITE_DONE)
        error = database_fault(state, "read the settings");
    (void)sqlite3_finalize(rows);
    return error;
}

static int load_revision(struct state *state, uint64_t *revision)
{
    sqlite3_stmt *row = database_prepare(state, "SELECT ifnull(max(number), 0) FROM revision");
    if (!row)
        return -EBADMSG;
    int error = sqlite3_step(row) == SQLITE_ROW ? 0 : database_fault(state, "read the revision");
    if (error == 0)
        *revision = (uint64_t)sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    return error;
}

int state_settings_load(struct state *state, struct settings *settings, uint64_t *revision)
{
    int error = settings_defaults(settings);
    if (error == 0)
        error = load_revision(state, revision);
    return error ? error : load_values(state, settings);
}

/* --- store --- */

struct change {
    const struct settings *before, *after;
    const char *who, *how;
    uint64_t revision;
    struct buf event; /* what the log says: names, and values that are no secrets */
};

static int insert_revision(struct state *state, const struct change *change)
{
    sqlite3_stmt *row = database_prepare(
        state, "INSERT INTO revision (number, time, who, how) VALUES (?, ?, ?, ?)");
    if (!row)
        return -EIO;
    (void)sqlite3_bind_int64(row, 1, (sqlite3_int64)change->revision);
    (void)sqlite3_bind_int64(row, 2, clock_now_s());
    (void)sqlite3_bind_text(row, 3, change->who, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(row, 4, change->how, -1, SQLITE_STATIC);
    return database_finish(state, row, "store a revision");
}

static int insert_value(struct state *state, const struct change *change, enum setting_key key)
{
    sqlite3_stmt *row =
        database_prepare(state, "INSERT INTO setting (revision, key, value) VALUES (?, ?, ?)");
    if (!row)
        return -EIO;
    (void)sqlite3_bind_int64(row, 1, (sqlite3_int64)change->revision);
    (void)sqlite3_bind_text(row, 2, setting_table[key].name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(row, 3, settings_text(change->after, key), -1, SQLITE_STATIC);
    return database_finish(state, row, "store a setting");
}

/* List items stand one a line: the log has one line an event. */
static void put_on_one_line(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_putc(out, *text == '\n' ? ' ' : *text);
}

static void describe(struct change *change, enum setting_key key)
{
    buf_printf(&change->event, "; %s: ", setting_table[key].name);
    put_on_one_line(&change->event, setting_shown(change->before, key));
    buf_puts(&change->event, " -> ");
    put_on_one_line(&change->event, setting_shown(change->after, key));
}

static int store(struct state *state, void *context)
{
    struct change *change = context;
    int error = insert_revision(state, change);
    buf_printf(&change->event, "revision %llu by %s", (unsigned long long)change->revision,
               change->who);
    for (enum setting_key key = 0; error == 0 && key < SETTING_COUNT; key++) {
        if (str_equal(settings_text(change->before, key), settings_text(change->after, key)))
            continue;
        error = insert_value(state, change, key);
        describe(change, key);
    }
    if (error == 0)
        error = buf_error(&change->event);
    return error ? error : event_append(state, change->how, buf_text(&change->event));
}

int state_settings_store(struct state *state, const struct settings *settings, const char *who,
                         const char *how, uint64_t *revision)
{
    struct settings before = {0};
    struct change change = {.before = &before, .after = settings, .who = who, .how = how};
    int error = state_settings_load(state, &before, &change.revision);
    bool opens_latch =
        !settings_bool(settings, SECURITY_DISABLE_ADMIN) && state_latch(state, LATCH_ADMIN);
    if (error == 0 && opens_latch)
        error = -EPERM;
    if (error == 0 && !settings_equal(&before, settings)) {
        change.revision++;
        error = database_transaction(state, store, &change);
    }
    if (error == 0)
        *revision = change.revision;
    buf_free(&change.event);
    settings_free(&before);
    return error;
}
