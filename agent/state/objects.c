/* Named objects, replaced whole, each with a hash over its name and bytes. */
#include "state/database.h"

#include <errno.h>
#include <string.h>

static int hash_of(const char *name, const void *data, size_t size, unsigned char hash[DIGEST_SIZE])
{
    struct digest digest;
    digest_begin(&digest);
    digest_text(&digest, name);
    digest_bytes(&digest, data, size);
    return digest_end(&digest, hash);
}

/* Appends the row's bytes when they are those that were put. */
static int take(struct statement *query, const char *name, struct buf *out)
{
    size_t size;
    unsigned char hash[DIGEST_SIZE] = {0};
    const void *data = column_bytes(query, 0, &size);
    const unsigned char *written = column_digest(query, 1);
    if (query->error)
        return query->error;
    if (hash_of(name, data, size, hash) < 0 || memcmp(hash, written, DIGEST_SIZE) != 0)
        return database_fault(query->state, -EBADMSG,
                              "damaged: the object %s is not what was stored", name);
    if (buf_reserve(out, size) == 0)
        buf_append(out, data, size);
    return buf_error(out);
}

int state_object_get(struct state *state, const char *name, struct buf *out)
{
    struct statement query;
    statement_begin(&query, state, "SELECT data, hash FROM objects WHERE name = ?");
    statement_text(&query, name);
    bool found = statement_row(&query);
    if (found)
        query.error = take(&query, name, out);
    int error = statement_end(&query);
    return error || found ? error : -ENOENT;
}

int state_object_put(struct state *state, const char *name, const void *data, size_t size)
{
    struct statement change;
    unsigned char hash[DIGEST_SIZE];
    if (size > STATE_OBJECT_MAX)
        return database_fault(state, -EFBIG, "the object %s is too large: %zu bytes", name, size);
    int error = hash_of(name, data, size, hash);
    if (error)
        return database_fault(state, error, "cannot hash the object %s", name);
    statement_begin(&change, state,
                    "INSERT INTO objects (name, data, hash) VALUES (?, ?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET data = excluded.data, hash = excluded.hash");
    statement_text(&change, name);
    statement_bytes(&change, data, size);
    statement_bytes(&change, hash, DIGEST_SIZE);
    return statement_end(&change);
}

int state_objects_put(struct state *state, const struct state_object *objects, size_t count)
{
    int error = database_begin(state);
    if (error)
        return error;
    for (size_t i = 0; error == 0 && i < count; i++)
        error = state_object_put(state, objects[i].name, objects[i].data, objects[i].size);
    return database_end(state, error);
}
