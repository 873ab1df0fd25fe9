/*
 * A SQLite VFS over the usual one that makes the n-th act on a file fail, or keeps a log of what
 * was written and when it was made durable. It syncs nothing itself, which makes tests quick.
 */
#ifndef HOLDFAST_TESTS_STATE_VFS_H
#define HOLDFAST_TESTS_STATE_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vfs_act {
    VFS_WRITE = 1,
    VFS_SYNC = 2,
    VFS_TRUNCATE = 4,
    VFS_READ = 8,
    VFS_OPEN = 16,
    VFS_MARK = 32, /* in the log: put there by the test */
};

/* Becomes the default VFS, or leaves again. */
void vfs_install(void);
void vfs_remove(void);

/* From now on the `nth` (1: the next) of `acts` fails with SQLite's `code`, and so do all later
 * ones where `forever`. A write that fails has written its first half. 0 acts: nothing fails. */
void vfs_fail(unsigned acts, unsigned nth, int code, bool forever);

/* True when something has failed since vfs_fail(). */
bool vfs_has_failed(void);

/* Acts of these kinds since vfs_fail(). */
unsigned vfs_count(unsigned acts);

struct vfs_record {
    enum vfs_act act;
    bool journal;  /* on PATH-wal, else on PATH */
    int64_t where; /* offset of a write, new size of a truncation, number of a mark */
    unsigned char *data;
    size_t size;
};

struct vfs_log {
    struct vfs_record *record;
    size_t count, capacity;
};

/* Appends each write, sync and truncation to `log`; NULL: no longer. */
void vfs_log_to(struct vfs_log *log);
void vfs_log_mark(int64_t number);
void vfs_log_free(struct vfs_log *log);

#endif
