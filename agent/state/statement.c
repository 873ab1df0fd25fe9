/* Statements: parameters in, typed columns out, one remembered failure. */
#include "state/database.h"

#include <errno.h>
#include <string.h>

static void failed(struct statement *statement, int code)
{
    if (statement->error == 0)
        statement->error = database_logged(statement->state, code);
}

void statement_begin(struct statement *statement, struct state *state, const char *sql)
{
    *statement = (struct statement){.state = state};
    int code;
    do
        code = sqlite3_prepare_v2(state->db, sql, -1, &statement->handle, NULL);
    while (database_wait(state, code));
    if (code != SQLITE_OK)
        failed(statement, code);
}

static void bound(struct statement *statement, int code)
{
    if (code != SQLITE_OK)
        failed(statement, code);
}

void statement_time(struct statement *statement, int64_t value)
{
    if (statement->error == 0)
        bound(statement, sqlite3_bind_int64(statement->handle, ++statement->bound, value));
}

void statement_number(struct statement *statement, uint64_t value)
{
    statement_time(statement, (int64_t)value);
}

void statement_text(struct statement *statement, const char *value)
{
    if (statement->error == 0)
        bound(statement,
              sqlite3_bind_text(statement->handle, ++statement->bound, value, -1, SQLITE_STATIC));
}

void statement_bytes(struct statement *statement, const void *data, size_t size)
{
    if (statement->error == 0)
        bound(statement, sqlite3_bind_blob64(statement->handle, ++statement->bound,
                                             size ? data : "", size, SQLITE_STATIC));
}

bool statement_row(struct statement *statement)
{
    if (statement->error)
        return false;
    int code = sqlite3_step(statement->handle);
    while (database_wait(statement->state, code)) { /* no row was there yet */
        (void)sqlite3_reset(statement->handle);
        code = sqlite3_step(statement->handle);
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        failed(statement, code);
    return code == SQLITE_ROW;
}

int statement_end(struct statement *statement)
{
    while (statement_row(statement)) {
    }
    (void)sqlite3_finalize(statement->handle); /* returns the failure that was logged */
    statement->handle = NULL;
    return statement->error;
}

/* True when the column has that type. */
static bool is(struct statement *statement, int column, int type)
{
    if (statement->error)
        return false;
    if (sqlite3_column_type(statement->handle, column) == type)
        return true;
    statement->error =
        database_fault(statement->state, -EBADMSG, "damaged: a stored value has the wrong type");
    return false;
}

int64_t column_time(struct statement *statement, int column)
{
    return is(statement, column, SQLITE_INTEGER) ? sqlite3_column_int64(statement->handle, column)
                                                 : 0;
}

uint64_t column_number(struct statement *statement, int column)
{
    int64_t value = column_time(statement, column);
    if (value < 0 && statement->error == 0)
        statement->error =
            database_fault(statement->state, -EBADMSG, "damaged: a stored number is negative");
    return value < 0 ? 0 : (uint64_t)value;
}

const char *column_text(struct statement *statement, int column)
{
    if (!is(statement, column, SQLITE_TEXT))
        return "";
    const char *text = (const char *)sqlite3_column_text(statement->handle, column);
    if (!text) {
        failed(statement, SQLITE_NOMEM);
        return "";
    }
    if (strlen(text) == (size_t)sqlite3_column_bytes(statement->handle, column))
        return text;
    statement->error =
        database_fault(statement->state, -EBADMSG, "damaged: a stored text contains a NUL");
    return "";
}

const void *column_bytes(struct statement *statement, int column, size_t *size)
{
    *size = 0;
    if (!is(statement, column, SQLITE_BLOB))
        return "";
    const void *data = sqlite3_column_blob(statement->handle, column);
    *size = (size_t)sqlite3_column_bytes(statement->handle, column);
    return data ? data : "";
}

const unsigned char *column_digest(struct statement *statement, int column)
{
    static const unsigned char zeros[DIGEST_SIZE];
    size_t size;
    const unsigned char *data = column_bytes(statement, column, &size);
    if (size == DIGEST_SIZE)
        return data;
    if (statement->error == 0)
        statement->error =
            database_fault(statement->state, -EBADMSG, "damaged: a stored hash has the wrong size");
    return zeros;
}
