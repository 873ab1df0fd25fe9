/*
 * Power cuts and kills. A log of every write and sync while revisions are stored is cut at each
 * act; of what was written since a file's last sync, each 512-byte sector has reached the disk or
 * not, as chance has it. Whatever then lies there opens, holds the last acknowledged revision or
 * the one that was being stored, whole, and verifies.
 */
#include "base/str.h"
#include "state/state.h"
#include "state_fixture.h"
#include "state_vfs.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SECTOR = 512,
    SEED = 20240229,
    BEFORE = 70,
    REVISIONS = 24,
    KILLS = 25,
    FILE_MAX_SIZE = 4 << 20
};

static int begin(void **context)
{
    struct fixture *fixture = malloc(sizeof(*fixture));
    assert_non_null(fixture);
    fixture_begin(fixture);
    *context = fixture;
    return 0;
}

static int end(void **context)
{
    fixture_end(*context);
    free(*context);
    return 0;
}

/* Revision `number` as stored here: two settings that belong together. */
static int store_pair(struct state *state, uint64_t number)
{
    struct settings settings = {0};
    char text[24];
    uint64_t revision;
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    int error = state_settings_load(state, &settings, &revision);
    if (error == 0)
        error = settings_put(&settings, WEB_MAX_SESSIONS, text, NULL);
    if (error == 0)
        error = settings_put(&settings, GLOBAL_LOGIN_BANNER, text, NULL);
    if (error == 0)
        error = state_settings_store(state, &settings, "root", "set", &revision);
    settings_free(&settings);
    return error ? error : revision == number ? 0 : -EILSEQ;
}

/* What one way of opening finds there: at least revision `acknowledged`, at most one more, never
 * half of one. */
static uint64_t expect_pair(const struct fixture *fixture, enum state_mode mode,
                            uint64_t acknowledged, bool latched, const char *what)
{
    char last[STATE_HASH_TEXT_SIZE];
    struct settings settings = {0};
    char text[24];
    uint64_t revision, count;
    struct state *state = fixture_open(fixture, mode);
    assert_int_equal(state_settings_load(state, &settings, &revision), 0);
    if (revision < acknowledged || revision > acknowledged + 1)
        fail_msg("%s: revision %llu where %llu was acknowledged", what,
                 (unsigned long long)revision, (unsigned long long)acknowledged);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)revision);
    assert_string_equal(settings_text(&settings, WEB_MAX_SESSIONS), text);
    assert_string_equal(settings_text(&settings, GLOBAL_LOGIN_BANNER), revision ? text : "");
    assert_true(!latched || state_latch(state, "test"));
    assert_int_equal(state_events_verify(state, &count, last), 0);
    assert_true(count >= revision);
    settings_free(&settings);
    state_close(state);
    return revision;
}

/* A reader before the next writer, that writer, and a reader behind it see the same. */
static uint64_t expect_whole(const struct fixture *fixture, uint64_t acknowledged, bool latched,
                             const char *what)
{
    uint64_t first = expect_pair(fixture, STATE_READ, acknowledged, latched, what);
    assert_int_equal(expect_pair(fixture, STATE_WRITE, acknowledged, latched, what), first);
    assert_int_equal(expect_pair(fixture, STATE_READ, acknowledged, latched, what), first);
    return first;
}

/* --- power cuts --- */

/* One file of the disk: what surely is on it. */
struct disk_file {
    const char *suffix;
    unsigned char *data;
    size_t size;
};

struct disk {
    struct disk_file file[2]; /* the database, its journal */
};

static void load_disk(const struct fixture *fixture, struct disk *disk)
{
    static const char *const suffixes[] = {"", "-wal"};
    for (size_t i = 0; i < countof(suffixes); i++) {
        struct disk_file *file = &disk->file[i];
        unsigned char *now = fixture_read(fixture, suffixes[i], &file->size);
        assert_true(file->size <= FILE_MAX_SIZE);
        file->suffix = suffixes[i];
        file->data = calloc(1, FILE_MAX_SIZE);
        assert_non_null(file->data);
        memcpy(file->data, now, file->size);
        free(now);
    }
}

static void write_sector(struct disk_file *file, size_t at, const unsigned char *data, size_t size)
{
    assert_true(at + size <= FILE_MAX_SIZE);
    memcpy(file->data + at, data, size);
    if (at + size > file->size)
        file->size = at + size;
}

static void cut_to(struct disk_file *file, size_t size)
{
    if (size < file->size)
        memset(file->data + size, 0, file->size - size);
    file->size = size;
}

/* Applies one record; `lucky`: NULL for all of it, else the generator that decides by sector. */
static void apply(struct disk_file *file, const struct vfs_record *record, uint32_t *lucky)
{
    if (record->act == VFS_TRUNCATE && (!lucky || fixture_random(lucky) % 2))
        cut_to(file, (size_t)record->where);
    for (size_t done = 0; record->act == VFS_WRITE && done < record->size;) {
        size_t at = (size_t)record->where + done;
        size_t size = SECTOR - at % SECTOR;
        if (size > record->size - done)
            size = record->size - done;
        if (!lucky || fixture_random(lucky) % 2)
            write_sector(file, at, record->data + done, size);
        done += size;
    }
}

/* Applies to `disk` what record `until` makes durable: everything on its file since `*synced`. */
static void make_durable(struct disk *disk, const struct vfs_log *log, size_t until, size_t *synced)
{
    bool journal = log->record[until].journal;
    for (size_t i = *synced; i < until; i++)
        if (log->record[i].journal == journal)
            apply(&disk->file[journal], &log->record[i], NULL);
    *synced = until + 1;
}

/* PATH.head as it was written after each revision: which of them the disk has is chance, but none
 * that was written later than the cut. */
struct heads {
    size_t count;
    size_t written_at[REVISIONS + 1]; /* acts before it */
    unsigned char *data[REVISIONS + 1];
    size_t size;
};

struct cut {
    const struct fixture *fixture;
    const struct vfs_log *log;
    const struct heads *heads;
    struct disk *disk;
    size_t synced[2]; /* by file: everything before is durable */
    uint32_t seed;
};

static void note_head(const struct fixture *fixture, const struct vfs_log *log, struct heads *heads)
{
    assert_true(heads->count <= REVISIONS);
    heads->written_at[heads->count] = log->count;
    heads->data[heads->count++] = fixture_read(fixture, ".head", &heads->size);
}

static void free_heads(struct heads *heads)
{
    for (size_t i = 0; i < heads->count; i++)
        free(heads->data[i]);
}

static void write_head(const struct fixture *fixture, const struct heads *heads, size_t at,
                       uint32_t *seed)
{
    size_t newest = 0;
    while (newest + 1 < heads->count && heads->written_at[newest + 1] <= at)
        newest++;
    size_t chosen = newest - fixture_random(seed) % (newest + 1);
    fixture_write(fixture, ".head", heads->data[fixture_random(seed) % 2 ? newest : chosen],
                  heads->size);
}

/* The files as they lie there when the power fails before record `at`. */
static void write_files(struct cut *cut, size_t at)
{
    write_head(cut->fixture, cut->heads, at, &cut->seed);
    for (size_t journal = 0; journal < 2; journal++) {
        struct disk_file file = cut->disk->file[journal];
        file.data = malloc(FILE_MAX_SIZE);
        assert_non_null(file.data);
        memcpy(file.data, cut->disk->file[journal].data, FILE_MAX_SIZE);
        for (size_t i = cut->synced[journal]; i < at; i++)
            if (cut->log->record[i].journal == (journal == 1))
                apply(&file, &cut->log->record[i], &cut->seed);
        fixture_write(cut->fixture, file.suffix, file.data, file.size);
        free(file.data);
    }
    char name[128];
    (void)snprintf(name, sizeof(name), "%s-shm", cut->fixture->path);
    (void)unlink(name);
    if (at % 2) /* the index is in memory: of its file there is nothing, or an empty one */
        fixture_write(cut->fixture, "-shm", "", 0);
}

/* Cuts before every record in turn. */
static void cut_everywhere(const struct fixture *fixture, const struct vfs_log *log,
                           const struct heads *heads, struct disk *disk, uint64_t acknowledged)
{
    struct cut cut = {.fixture = fixture, .log = log, .heads = heads, .disk = disk, .seed = SEED};
    for (size_t i = 0; i < log->count; i++) {
        const struct vfs_record *record = &log->record[i];
        char what[96];
        if (record->act == VFS_MARK) {
            acknowledged = (uint64_t)record->where;
            continue;
        }
        (void)snprintf(what, sizeof(what), "cut before act %zu of %zu, seed %u", i, log->count,
                       SEED);
        write_files(&cut, i);
        (void)expect_whole(fixture, acknowledged, true, what);
        if (record->act == VFS_SYNC)
            make_durable(disk, log, i, &cut.synced[record->journal]);
    }
}

static bool has_checkpoint(const struct vfs_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        if (!log->record[i].journal && log->record[i].act == VFS_WRITE)
            return true;
    return false;
}

/* Long enough that the journal is moved into the database and begun anew within the log. */
static void a_power_cut_anywhere_loses_no_acknowledged_revision(void **context)
{
    const struct fixture *fixture = *context;
    struct vfs_log log = {0};
    struct disk disk;
    struct heads heads = {0};
    uint64_t number = 0;
    vfs_install();
    struct state *state = fixture_open(fixture, STATE_WRITE);
    assert_int_equal(state_latch_set(state, "test"), 0);
    while (number < BEFORE)
        assert_int_equal(store_pair(state, ++number), 0);
    load_disk(fixture, &disk);
    uint64_t first = number;
    vfs_log_to(&log);
    note_head(fixture, &log, &heads);
    while (number < first + REVISIONS) {
        assert_int_equal(store_pair(state, ++number), 0);
        vfs_log_mark((int64_t)number);
        note_head(fixture, &log, &heads);
    }
    vfs_log_to(NULL);
    state_close(state);
    vfs_remove();
    assert_true(has_checkpoint(&log));
    cut_everywhere(fixture, &log, &heads, &disk, first);
    vfs_log_free(&log);
    free_heads(&heads);
    free(disk.file[0].data);
    free(disk.file[1].data);
}

/* --- kills --- */

static void store_for_ever(const struct fixture *fixture, uint64_t number, int acknowledge)
{
    struct state *state = fixture_open(fixture, STATE_WRITE);
    while (store_pair(state, ++number) == 0 &&
           write(acknowledge, &number, sizeof(number)) == sizeof(number)) {
    }
    _exit(1);
}

/* The last number that the child has acknowledged, `before` when none. */
static uint64_t last_acknowledged(int from, uint64_t before)
{
    uint64_t number;
    while (read(from, &number, sizeof(number)) == sizeof(number))
        before = number;
    return before;
}

static void a_killed_writer_has_stored_what_it_acknowledged(void **context)
{
    const struct fixture *fixture = *context;
    uint64_t acknowledged = 0;
    uint32_t seed = SEED;
    state_close(fixture_open(fixture, STATE_WRITE));
    for (unsigned i = 0; i < KILLS; i++) {
        int ends[2], status;
        struct timespec pause = {.tv_nsec = (long)(fixture_random(&seed) % 30) * 1000000};
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            store_for_ever(fixture, acknowledged, ends[1]);
        close(ends[1]);
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        acknowledged = last_acknowledged(ends[0], acknowledged);
        close(ends[0]);
        acknowledged = expect_whole(fixture, acknowledged, false, "after a kill");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_power_cut_anywhere_loses_no_acknowledged_revision),
        TEST(a_killed_writer_has_stored_what_it_acknowledged),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
