/*
 * Settings with a revision each transaction. A revision's row has a hash over all values that are
 * stored as of it, so that a flipped bit in a value is damage, not another value.
 */
#include "base/clock.h"
#include "base/str.h"
#include "state/database.h"
#include "state/events.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Settings that a latch holds: once it is set, the value stays where it is. */
static const struct {
    const char *latch;
    enum setting_key key;
} held[] = {
    {STATE_LATCH_ADMIN, SECURITY_DISABLE_ADMIN},
};

enum { SHOWN_MAX = 64 };

struct revision {
    uint64_t number; /* 0: nothing was stored yet */
    unsigned char hash[DIGEST_SIZE];
};

static void hash_head(struct digest *digest, uint64_t number, int64_t time_s, const char *who,
                      const char *how)
{
    digest_begin(digest);
    digest_number(digest, number);
    digest_number(digest, (uint64_t)time_s);
    digest_text(digest, who);
    digest_text(digest, how);
}

static int put_stored(struct state *state, struct settings *settings, const char *name,
                      const char *value)
{
    struct buf why = {0};
    int key = setting_find(name);
    int error = key < 0 ? -EINVAL : settings_put(settings, (enum setting_key)key, value, &why);
    if (error == -EINVAL)
        error = database_fault(state, -EBADMSG, "its setting %s cannot be used: %s", name,
                               key < 0 ? "there is no such setting" : buf_text(&why));
    buf_free(&why);
    return error;
}

/* Every value that is stored, by key, into the digest and, where not NULL, over `settings`. */
static int walk_values(struct state *state, struct digest *digest, struct settings *settings)
{
    struct statement query;
    statement_begin(&query, state,
                    "SELECT key, value FROM settings AS newest WHERE revision ="
                    " (SELECT max(revision) FROM settings WHERE key = newest.key) ORDER BY key");
    while (statement_row(&query)) {
        const char *name = column_text(&query, 0), *value = column_text(&query, 1);
        digest_text(digest, name);
        digest_text(digest, value);
        if (query.error == 0 && settings)
            query.error = put_stored(state, settings, name, value);
    }
    return statement_end(&query);
}

/* The newest revision, and the digest of its head. */
static int read_newest(struct state *state, struct revision *revision, struct digest *digest)
{
    struct statement query;
    *revision = (struct revision){0};
    statement_begin(&query, state,
                    "SELECT revision, time_s, who, how, hash FROM revisions"
                    " ORDER BY revision DESC LIMIT 1");
    if (statement_row(&query)) {
        revision->number = column_number(&query, 0);
        hash_head(digest, revision->number, column_time(&query, 1), column_text(&query, 2),
                  column_text(&query, 3));
        memcpy(revision->hash, column_digest(&query, 4), DIGEST_SIZE);
    } else {
        hash_head(digest, 0, 0, "", "");
    }
    return statement_end(&query);
}

static int load(struct state *state, struct settings *settings, uint64_t *number)
{
    struct revision revision;
    struct digest digest;
    unsigned char hash[DIGEST_SIZE] = {0};
    int error = read_newest(state, &revision, &digest);
    if (error == 0)
        error = settings_defaults(settings);
    if (error == 0)
        error = walk_values(state, &digest, settings);
    int digest_error = digest_end(&digest, hash);
    if (error || digest_error)
        return error ? error : digest_error;
    state->revision = revision.number;
    if (revision.number > 0 && memcmp(hash, revision.hash, DIGEST_SIZE) != 0)
        return database_fault(state, -EBADMSG,
                              "damaged: its settings are not those of revision %" PRIu64,
                              revision.number);
    *number = revision.number;
    return 0;
}

/* Within one transaction: a reader beside the writer sees one revision, whole. */
int state_settings_load(struct state *state, struct settings *settings, uint64_t *revision)
{
    struct settings loaded = {0};
    int error = database_run(state, "BEGIN");
    if (error)
        return error;
    error = database_end(state, load(state, &loaded, revision));
    if (error) {
        settings_free(&loaded);
        return error;
    }
    settings_free(settings);
    *settings = loaded;
    return 0;
}

/* --- storing --- */

static int refuse_held(struct state *state, const struct settings *before,
                       const struct settings *wanted)
{
    for (size_t i = 0; i < countof(held); i++) {
        enum setting_key key = held[i].key;
        if (str_equal(settings_text(before, key), settings_text(wanted, key)) ||
            !state_latch(state, held[i].latch) || settings_bool(wanted, key))
            continue;
        return database_fault(state, -EPERM, "%s cannot be set back: it was enforced",
                              setting_table[key].name);
    }
    return 0;
}

static int insert_value(struct state *state, uint64_t number, enum setting_key key,
                        const char *value)
{
    struct statement change;
    statement_begin(&change, state, "INSERT INTO settings (key, revision, value) VALUES (?, ?, ?)");
    statement_text(&change, setting_table[key].name);
    statement_number(&change, number);
    statement_text(&change, value);
    int error = statement_end(&change);
    if (error || !setting_table[key].secret)
        return error;
    /* A secret that no longer counts is of use to a thief alone. */
    statement_begin(&change, state, "DELETE FROM settings WHERE key = ? AND revision < ?");
    statement_text(&change, setting_table[key].name);
    statement_number(&change, number);
    return statement_end(&change);
}

static void describe_value(struct buf *text, const char *value)
{
    bool cut = strlen(value) > SHOWN_MAX;
    buf_printf(text, "\"%.*s%s\"", SHOWN_MAX, value, cut ? "..." : "");
}

static void describe(struct buf *text, enum setting_key key, const char *before, const char *after)
{
    buf_printf(text, "; %s ", setting_table[key].name);
    if (setting_table[key].secret) {
        buf_puts(text, "(changed)");
        return;
    }
    describe_value(text, before);
    buf_puts(text, " -> ");
    describe_value(text, after);
}

static int insert_values(struct state *state, uint64_t number, const struct settings *before,
                         const struct settings *wanted, struct buf *text)
{
    int error = 0;
    for (int i = 0; i < SETTING_COUNT && error == 0; i++) {
        enum setting_key key = (enum setting_key)i;
        const char *old = settings_text(before, key), *new = settings_text(wanted, key);
        if (str_equal(old, new))
            continue;
        describe(text, key, old, new);
        error = insert_value(state, number, key, new);
    }
    return error ? error : buf_error(text);
}

static int insert_revision(struct state *state, uint64_t number, const char *who, const char *how)
{
    struct statement change;
    struct digest digest;
    unsigned char hash[DIGEST_SIZE] = {0};
    int64_t now_s = clock_now_s();
    hash_head(&digest, number, now_s, who, how);
    int error = walk_values(state, &digest, NULL);
    int digest_error = digest_end(&digest, hash);
    if (error || digest_error)
        return error ? error : digest_error;
    statement_begin(&change, state,
                    "INSERT INTO revisions (revision, time_s, who, how, hash)"
                    " VALUES (?, ?, ?, ?, ?)");
    statement_number(&change, number);
    statement_time(&change, now_s);
    statement_text(&change, who);
    statement_text(&change, how);
    statement_bytes(&change, hash, DIGEST_SIZE);
    return statement_end(&change);
}

static int store(struct state *state, uint64_t number, const struct settings *before,
                 const struct settings *wanted, const char *who, const char *how)
{
    struct buf text = {0};
    buf_printf(&text, "revision %" PRIu64 " by %s", number, who);
    int error = insert_values(state, number, before, wanted, &text);
    if (error == 0)
        error = insert_revision(state, number, who, how);
    if (error == 0)
        error = events_append(state, how, buf_text(&text));
    buf_free(&text);
    return error;
}

int state_settings_store(struct state *state, const struct settings *settings, const char *who,
                         const char *how, uint64_t *revision)
{
    struct settings before = {0};
    uint64_t number = 0;
    int error = state_settings_load(state, &before, &number);
    if (error == 0 && settings_equal(&before, settings)) {
        *revision = number;
        goto out;
    }
    if (error == 0)
        error = refuse_held(state, &before, settings);
    if (error == 0)
        error = database_begin(state);
    if (error == 0) {
        error = store(state, number + 1, &before, settings, who, how);
        state->revision = number + (error == 0);
        error = database_end(state, error);
        if (error)
            state->revision = number;
        else
            *revision = number + 1;
    }
out:
    settings_free(&before);
    return error;
}
