/* The failing and recording VFS (sqlite.org/vfs.html). */
#include "state_vfs.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
    sqlite3_vfs vfs, *real;
    unsigned acts, left, count[VFS_OPEN + 1];
    int code;
    bool forever, failed;
    struct vfs_log *log;
} shim;

struct shim_file {
    sqlite3_file base;
    bool journal, recorded;
    sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct shim_file *)file)->real;
}

/* SQLITE_OK, or how the act that is about to happen fails. */
static int fate(enum vfs_act act)
{
    shim.count[act]++;
    if (!(shim.acts & act) || shim.left == 0 || --shim.left > 0)
        return SQLITE_OK;
    if (shim.forever)
        shim.left = 1;
    shim.failed = true;
    errno = shim.code == SQLITE_FULL ? ENOSPC : EIO;
    return shim.code;
}

static void record(const sqlite3_file *file, enum vfs_act act, int64_t where, const void *data,
                   size_t size)
{
    const struct shim_file *mine = (const struct shim_file *)file;
    struct vfs_log *log = shim.log;
    if (!log || (mine && !mine->recorded))
        return;
    if (log->count == log->capacity) {
        log->capacity = log->capacity ? 2 * log->capacity : 256;
        log->record = realloc(log->record, log->capacity * sizeof(*log->record));
        assert_non_null(log->record);
    }
    unsigned char *copy = size ? malloc(size) : NULL;
    if (copy)
        memcpy(copy, data, size);
    log->record[log->count++] = (struct vfs_record){act, mine && mine->journal, where, copy, size};
}

static int shim_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int shim_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
    int code = fate(VFS_READ);
    return code ? code : real_of(file)->pMethods->xRead(real_of(file), data, size, at);
}

static int shim_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    int code = fate(VFS_WRITE);
    if (code)
        size /= 2;
    record(file, VFS_WRITE, at, data, (size_t)size);
    int real = real_of(file)->pMethods->xWrite(real_of(file), data, size, at);
    return code ? code : real;
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = fate(VFS_TRUNCATE);
    if (code)
        return code;
    record(file, VFS_TRUNCATE, size, NULL, 0);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int shim_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    int code = fate(VFS_SYNC);
    if (code == SQLITE_OK)
        record(file, VFS_SYNC, 0, NULL, 0);
    return code;
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int shim_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_reserved(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int shim_control(sqlite3_file *file, int verb, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), verb, argument);
}

static int shim_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shim_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, memory);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shim_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_device,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    struct shim_file *mine = (struct shim_file *)file;
    *mine = (struct shim_file){.journal = (flags & SQLITE_OPEN_WAL) != 0,
                               .recorded = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) != 0,
                               .real = (sqlite3_file *)(mine + 1)};
    int code = fate(VFS_OPEN);
    if (code == SQLITE_OK)
        code = shim.real->xOpen(shim.real, name, mine->real, flags, out);
    mine->base.pMethods = code == SQLITE_OK ? &methods : NULL;
    return code;
}

void vfs_install(void)
{
    shim.real = sqlite3_vfs_find("unix");
    assert_non_null(shim.real);
    shim.vfs = *shim.real;
    shim.vfs.pNext = NULL;
    shim.vfs.zName = "shim";
    shim.vfs.szOsFile = (int)sizeof(struct shim_file) + shim.real->szOsFile;
    shim.vfs.xOpen = shim_open;
    assert_int_equal(sqlite3_vfs_register(&shim.vfs, 1), SQLITE_OK);
    vfs_fail(0, 0, SQLITE_OK, false);
}

void vfs_remove(void)
{
    shim.log = NULL;
    assert_int_equal(sqlite3_vfs_unregister(&shim.vfs), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(shim.real, 1), SQLITE_OK);
}

void vfs_fail(unsigned acts, unsigned nth, int code, bool forever)
{
    memset(shim.count, 0, sizeof(shim.count));
    shim.acts = acts;
    shim.left = nth;
    shim.code = code;
    shim.forever = forever;
    shim.failed = false;
}

bool vfs_has_failed(void)
{
    return shim.failed;
}

unsigned vfs_count(unsigned acts)
{
    unsigned sum = 0;
    for (unsigned act = 1; act <= VFS_OPEN; act *= 2)
        sum += acts & act ? shim.count[act] : 0;
    return sum;
}

void vfs_log_to(struct vfs_log *log)
{
    shim.log = log;
}

void vfs_log_mark(int64_t number)
{
    record(NULL, VFS_MARK, number, NULL, 0);
}

void vfs_log_free(struct vfs_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        free(log->record[i].data);
    free(log->record);
    *log = (struct vfs_log){0};
}
