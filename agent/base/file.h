/*
 * Files: whole reads with a limit, atomic replacement, paths below --root.
 *
 * Every function returns 0 or a negative errno and writes no message: the caller knows what the
 * file is for and says so.
 */
#ifndef HOLDFAST_BASE_FILE_H
#define HOLDFAST_BASE_FILE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Resolves an absolute `path` of the node for this process: `path` itself where `root` is "" (no
 * --root), else a path below `root` in which every symbolic link has been resolved as chroot(2)
 * would: an absolute one begins at the root, ".." ends there. A missing component stays as it is.
 * Paths below /proc are the kernel's where ROOT/proc is a link to "/proc". -ENAMETOOLONG, -ELOOP,
 * or the errno of readlink(2).
 *
 * file_path leaves the last component as it is, for calls that replace, remove or look at a link;
 * file_target follows a link there too, for calls that open; file_path_keeping leaves the last
 * `kept` components. */
int file_path(char *to, size_t size, const char *root, const char *path);
int file_target(char *to, size_t size, const char *root, const char *path);
int file_path_keeping(char *to, size_t size, const char *root, const char *path, unsigned kept);

/* Opens `name` below a folder, through no symbolic link (openat2(2)), and waits for no other end of
 * a FIFO. The descriptor or a negative errno, -ELOOP where there is a link. */
int file_open_below(int folder, const char *name, int flags);

/* Appends a whole regular file or /proc entry. -EFBIG when it is longer than `limit` bytes. */
int file_read(const char *path, size_t limit, struct buf *buf);

/* The same, but for a file that only this program makes: -ELOOP where it is a symbolic link. */
int file_read_own(const char *path, size_t limit, struct buf *buf);

/* Reads a record of one size, of `path` below `root` (file_target). -EBADMSG where the file has
 * another length, -ENOENT where it or its folder is missing. */
int file_read_record(const char *root, const char *path, void *record, size_t size);

/* Replaces a file atomically and durably: temporary beside it, fsync, rename, fsync of the folder.
 * `mode` is set exactly, whatever the umask. A symbolic link at `path` is replaced, not
 * followed. */
int file_replace(const char *path, const void *data, size_t size, mode_t mode);

/* As file_replace, but atomic alone and not durable: for what a reboot forgets anyway (/run). */
int file_replace_volatile(const char *path, const void *data, size_t size, mode_t mode);

/* The same of any owner, durable or not. */
struct file_attributes {
    mode_t mode;
    uid_t uid;
    gid_t gid;
    bool durable;
};
int file_replace_with(const char *path, const void *data, size_t size,
                      const struct file_attributes *attributes);

/* As file_replace, with the mode and owner of the file at `like`: file_target's, where file_path's
 * is replaced, since a link's own mode lets everybody write. */
int file_replace_alike(const char *path, const char *like, const void *data, size_t size);

/* Makes what was written to the file durable; a rename in the folder of `path` (fsync(2),
 * Notes). */
int file_sync(const char *path);
int file_sync_folder_of(const char *path);

/* Makes every missing folder of `path` (itself included) with `mode`. */
int file_make_folders(const char *path, mode_t mode);

/* Reads or writes exactly `size` bytes, through signals and short transfers.
 * file_read_exactly gives -EPIPE when the other end closed before that. */
int file_read_exactly(int fd, void *data, size_t size);
int file_write_all(int fd, const void *data, size_t size);

#endif
