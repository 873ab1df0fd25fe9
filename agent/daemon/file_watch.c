/* inotify on the folder of the services' files, and on those outside it: the folder around them
 * holds what the daemon itself writes all the time. A file that is replaced ends its watch with an
 * event, after which the walk watches the new one. Our own writes are announced too: the walk that
 * follows one finds nothing to change, and ends it. */
#include "daemon/file_watch.h"

#include "base/file.h"
#include "base/str.h"
#include "render/render.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    FILE_EVENTS =
        IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW,
    FOLDER_EVENTS = FILE_EVENTS | IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR,
    READ_BYTES = 4096,
    READS_MAX = 64 /* in one go: a flood must not keep the loop from its other duties */
};

int file_watch_open(void)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void watch(int fd, const char *root, const char *name, uint32_t events)
{
    char path[PATH_MAX];
    if (file_path(path, sizeof(path), root, name) == 0)
        (void)inotify_add_watch(fd, path, events);
}

void file_watch_renew(int fd, const char *root)
{
    if (fd < 0)
        return;
    watch(fd, root, RENDER_FOLDER, FOLDER_EVENTS);
    for (size_t i = 0; i < RENDERED_COUNT; i++)
        if (!str_starts(rendered_files[i].file.path, RENDER_FOLDER "/"))
            watch(fd, root, rendered_files[i].file.path, FILE_EVENTS);
}

bool file_watch_drain(int fd)
{
    char events[READ_BYTES];
    bool any = false;
    for (int i = 0; i < READS_MAX && read(fd, events, sizeof(events)) > 0; i++)
        any = true;
    return any;
}
