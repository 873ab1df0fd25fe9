/*
 * Paths below --root: symbolic links are resolved here, as chroot(2) would resolve them, so that a
 * path names what lies below the root whatever the links in it say. The result holds no link, and
 * the call that uses it follows none, as long as only root may change the folders on the way:
 * those of every path of the product are root's alone.
 */
#include "base/file.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { LINKS_MAX = 40 /* as the kernel (path_resolution(7)) */ };

struct walk {
    char *to; /* what is resolved */
    size_t size, length;
    size_t root; /* length of the root's own name: ".." ends there */
    char rest[PATH_MAX];
    unsigned links;
};

static int push(struct walk *walk, const char *name, size_t length)
{
    if (length + 2 > walk->size - walk->length)
        return -ENAMETOOLONG;
    walk->to[walk->length] = '/';
    memcpy(walk->to + walk->length + 1, name, length);
    walk->length += length + 1;
    walk->to[walk->length] = '\0';
    return 0;
}

static void pop(struct walk *walk)
{
    while (walk->length > walk->root && walk->to[--walk->length] != '/')
        ;
    walk->to[walk->length] = '\0';
}

/* What a link says comes before the rest; an absolute one begins at the root anew. */
static int follow(struct walk *walk, const char *target, size_t length)
{
    size_t rest = strlen(walk->rest);
    if (++walk->links > LINKS_MAX)
        return -ELOOP;
    if (length + 1 + rest >= sizeof(walk->rest))
        return -ENAMETOOLONG;
    memmove(walk->rest + length + 1, walk->rest, rest + 1);
    memcpy(walk->rest, target, length);
    walk->rest[length] = '/';
    pop(walk);
    if (target[0] == '/')
        walk->to[walk->length = walk->root] = '\0';
    return 0;
}

/* What is missing may be made; in a folder that may not be searched the next call fails as well. */
static bool is_no_link(int error)
{
    return error == EINVAL || error == ENOENT || error == ENOTDIR || error == EACCES;
}

/* Takes one component. */
static int step(struct walk *walk, const char *name, size_t length)
{
    char target[PATH_MAX];
    if (length == 0 || (length == 1 && name[0] == '.'))
        return 0;
    if (length == 2 && name[0] == '.' && name[1] == '.') {
        pop(walk);
        return 0;
    }
    int error = push(walk, name, length);
    if (error)
        return error;
    ssize_t link = readlink(walk->to, target, sizeof(target));
    if (link >= 0)
        return follow(walk, target, (size_t)link);
    return is_no_link(errno) ? 0 : -errno;
}

static int resolve(struct walk *walk)
{
    while (walk->rest[0]) {
        char name[NAME_MAX + 1];
        size_t length = strcspn(walk->rest, "/");
        size_t taken = length + (walk->rest[length] == '/');
        if (length > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(name, walk->rest, length);
        memmove(walk->rest, walk->rest + taken, strlen(walk->rest + taken) + 1);
        int error = step(walk, name, length);
        if (error)
            return error;
    }
    return 0;
}

/* The one link that may lead out, for a root that shares its kernel with the machine: "proc" that
 * says "/proc", where that is procfs, for the product's own paths below /proc. */
static bool is_kernels(const char *root, const char *path)
{
    static const char kernel[] = "/proc";
    char link[PATH_MAX], target[sizeof(kernel)];
    struct statfs fs;
    if (!str_starts(path, "/proc/"))
        return false;
    int length = snprintf(link, sizeof(link), "%s%s", root, kernel);
    if (length < 0 || (size_t)length >= sizeof(link))
        return false;
    return readlink(link, target, sizeof(target)) == (ssize_t)strlen(kernel) &&
           memcmp(target, kernel, strlen(kernel)) == 0 && statfs(kernel, &fs) == 0 &&
           fs.f_type == PROC_SUPER_MAGIC;
}

/* Where the last `kept` components of an absolute path begin. */
static size_t tail_of(const char *path, unsigned kept)
{
    size_t at = strlen(path);
    for (; kept > 0 && at > 0; kept--)
        while (at > 0 && path[--at] != '/')
            ;
    return at;
}

int file_path_keeping(char *to, size_t size, const char *root, const char *path, unsigned kept)
{
    struct walk walk = {.to = to, .size = size, .length = strlen(root), .root = strlen(root)};
    size_t tail = tail_of(path, kept);
    if (root[0] == '\0' || is_kernels(root, path))
        return str_copy(to, size, path);
    int error = str_copy(to, size, root);
    if (error == 0)
        error = tail < sizeof(walk.rest) ? 0 : -ENAMETOOLONG;
    if (error)
        return error;
    memcpy(walk.rest, path, tail); /* ends with the 0 that is there */
    error = resolve(&walk);
    if (error == 0 && path[tail])
        error = push(&walk, path + tail + 1, strlen(path + tail + 1));
    return error;
}

int file_open_below(int folder, const char *name, int flags)
{
    const struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));
    return fd < 0 ? -errno : fd;
}

int file_path(char *to, size_t size, const char *root, const char *path)
{
    return file_path_keeping(to, size, root, path, 1);
}

int file_target(char *to, size_t size, const char *root, const char *path)
{
    return file_path_keeping(to, size, root, path, 0);
}
