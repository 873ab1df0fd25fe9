/* The record of the log's head: one line, written in place and read back with its checksum. */
#include "state/head.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    NUMBER_SIZE = 20,
    HEX_SIZE = DIGEST_TEXT_SIZE - 1,
    REVISION_AT = sizeof("revision ") - 1,
    EVENT_AT = REVISION_AT + NUMBER_SIZE + (int)sizeof(" event ") - 1,
    HASH_AT = EVENT_AT + NUMBER_SIZE + 1,
    CHECK_AT = HASH_AT + HEX_SIZE + 1,
    LINE_SIZE = CHECK_AT + HEX_SIZE + 1, /* with its newline */
    FILE_MODE = 0600,
    READINGS = 10 /* a writer beside the reader may be at it */
};

static int join(char name[PATH_MAX], const char *path)
{
    int length = snprintf(name, PATH_MAX, "%s.head", path);
    return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Fills in CHECK and the newline behind a line's first CHECK_AT bytes. */
static int seal_line(char line[LINE_SIZE + 1])
{
    struct digest digest;
    unsigned char hash[DIGEST_SIZE] = {0};
    digest_begin(&digest);
    digest_bytes(&digest, line, CHECK_AT);
    int error = digest_end(&digest, hash);
    digest_hex(hash, line + CHECK_AT);
    line[LINE_SIZE - 1] = '\n';
    line[LINE_SIZE] = '\0';
    return error;
}

static int make_line(const struct state *state, char line[LINE_SIZE + 1])
{
    int length = snprintf(line, LINE_SIZE + 1, "revision %20" PRIu64 " event %20" PRIu64 " %s ",
                          state->revision, state->end.sequence, state->end_text);
    return length == CHECK_AT ? seal_line(line) : -EIO;
}

static int open_record(struct state *state)
{
    char name[PATH_MAX];
    int error = state->record >= 0 ? 0 : join(name, state->path);
    if (error || state->record >= 0)
        return error;
    state->record =
        open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, FILE_MODE);
    return state->record < 0 ? -errno : 0;
}

void head_write(struct state *state)
{
    char line[LINE_SIZE + 1];
    int error = make_line(state, line);
    if (error == 0)
        error = open_record(state);
    ssize_t put = error ? 0 : pwrite(state->record, line, LINE_SIZE, 0);
    if (error == 0 && put != LINE_SIZE)
        error = put < 0 ? -errno : -EIO;
    if (error)
        log_error("%s.head cannot be written: %s", state->path, strerror(-error));
}

static int parse_number(const char *at, uint64_t *number)
{
    char digits[NUMBER_SIZE + 1];
    memcpy(digits, at, NUMBER_SIZE);
    digits[NUMBER_SIZE] = '\0';
    return str_to_u64(digits + strspn(digits, " "), 0, INT64_MAX, number); /* as SQLite has them */
}

static int parse_line(const char *line, size_t size, struct chain_end *end, uint64_t *revision)
{
    char sealed[LINE_SIZE + 1];
    if (size != LINE_SIZE)
        return -ENOENT;
    memcpy(sealed, line, LINE_SIZE);
    if (seal_line(sealed) < 0 || memcmp(sealed, line, LINE_SIZE) != 0 ||
        parse_number(line + REVISION_AT, revision) < 0 ||
        parse_number(line + EVENT_AT, &end->sequence) < 0)
        return -ENOENT;
    sealed[HASH_AT + HEX_SIZE] = '\0';
    return digest_parse(sealed + HASH_AT, end->hash) < 0 ? -ENOENT : 0;
}

static int read_record(const char *path, struct chain_end *end, uint64_t *revision)
{
    char name[PATH_MAX];
    struct buf line = {0};
    int error = join(name, path);
    if (error)
        return error;
    error = -ENOENT;
    for (unsigned i = 0; i < READINGS && error; i++) {
        buf_clear(&line);
        if (file_read_own(name, LINE_SIZE, &line) < 0 || line.length == 0)
            break;
        error = parse_line(line.data, line.length, end, revision);
    }
    buf_free(&line);
    return error;
}

void head_read(struct state *state)
{
    state->unrecorded = read_record(state->path, &state->recorded, &state->revision) < 0;
}

int state_recorded_revision(const char *path, uint64_t *revision)
{
    struct chain_end end;
    return read_record(path, &end, revision);
}
