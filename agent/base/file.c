/* Whole files, read with a limit and replaced atomically. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 4096 };

/* What was read may be a secret: the caller wipes its buffer, this wipes the copy. */
static int read_all(int fd, size_t limit, struct buf *buf)
{
    char step[READ_STEP];
    size_t total = 0;
    ssize_t got;
    while ((got = read(fd, step, sizeof(step))) != 0 && total <= limit) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        total += (size_t)got;
        if (total <= limit)
            buf_append(buf, step, (size_t)got);
    }
    int error = got < 0 ? -errno : total > limit ? -EFBIG : buf_error(buf);
    explicit_bzero(step, sizeof(step));
    return error;
}

static int read_with(const char *path, int flags, size_t limit, struct buf *buf)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags); /* a FIFO's, too */
    if (fd < 0)
        return -errno;
    int error = read_all(fd, limit, buf);
    close(fd);
    return error;
}

int file_read(const char *path, size_t limit, struct buf *buf)
{
    return read_with(path, 0, limit, buf);
}

int file_read_own(const char *path, size_t limit, struct buf *buf)
{
    return read_with(path, O_NOFOLLOW, limit, buf);
}

int file_read_record(const char *root, const char *path, void *record, size_t size)
{
    char target[PATH_MAX];
    struct buf data = {0};
    int error = file_target(target, sizeof(target), root, path);
    if (error == 0)
        error = file_read(target, size, &data);
    if (error == -EFBIG || (error == 0 && (!data.data || data.length != size)))
        error = -EBADMSG;
    if (error == 0)
        memcpy(record, data.data, size);
    buf_free(&data);
    return error == -ENOTDIR ? -ENOENT : error;
}

static int write_temporary(const char *path, const void *data, size_t size,
                           const struct file_attributes *attributes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int error = file_write_all(fd, data, size);
    bool mine = attributes->uid == geteuid() && attributes->gid == getegid();
    if (error == 0 && !mine && fchown(fd, attributes->uid, attributes->gid) < 0)
        error = -errno;
    if (error == 0 && fchmod(fd, attributes->mode) < 0)
        error = -errno;
    if (error == 0 && attributes->durable && fsync(fd) < 0)
        error = -errno;
    if (close(fd) < 0 && error == 0)
        error = -errno;
    return error;
}

int file_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    int error = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return error;
}

int file_sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 1;
    if (length >= sizeof(folder))
        return -ENAMETOOLONG;
    memcpy(folder, slash ? path : ".", length);
    folder[length] = '\0';
    return file_sync(length ? folder : "/");
}

int file_replace_with(const char *path, const void *data, size_t size,
                      const struct file_attributes *attributes)
{
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof(temporary), "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof(temporary))
        return -ENAMETOOLONG;
    if (unlink(temporary) < 0 && errno != ENOENT)
        return -errno;
    int error = write_temporary(temporary, data, size, attributes);
    if (error == 0 && rename(temporary, path) < 0)
        error = -errno;
    if (error) {
        (void)unlink(temporary);
        return error;
    }
    return attributes->durable ? file_sync_folder_of(path) : 0;
}

int file_replace(const char *path, const void *data, size_t size, mode_t mode)
{
    return file_replace_with(path, data, size,
                             &(struct file_attributes){mode, geteuid(), getegid(), true});
}

int file_replace_volatile(const char *path, const void *data, size_t size, mode_t mode)
{
    return file_replace_with(path, data, size,
                             &(struct file_attributes){mode, geteuid(), getegid(), false});
}

int file_replace_alike(const char *path, const char *like, const void *data, size_t size)
{
    struct stat old;
    if (stat(like, &old) < 0)
        return -errno;
    return file_replace_with(
        path, data, size,
        &(struct file_attributes){old.st_mode & 07777, old.st_uid, old.st_gid, true});
}

int file_make_folders(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof(part))
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

int file_read_exactly(int fd, void *data, size_t size)
{
    char *at = data;
    while (size) {
        ssize_t got = read(fd, at, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EPIPE;
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

int file_write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size) {
        ssize_t put = write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        at += put;
        size -= (size_t)put;
    }
    return 0;
}
