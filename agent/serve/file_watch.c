/* inotify on the folder of the services' files. Our own writes are announced too: the walk that
 * follows one finds nothing to change, and ends it. */
#include "serve/file_watch.h"

#include "base/file.h"
#include "render/render.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    EVENTS = IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVE |
             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW,
    READ_BYTES = 4096,
    READS_MAX = 64 /* in one go: a flood must not keep the loop from its other duties */
};

int file_watch_open(void)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void file_watch_renew(int fd, const char *root)
{
    char path[PATH_MAX];
    if (fd >= 0 && file_path(path, sizeof(path), root, RENDER_FOLDER) == 0)
        (void)inotify_add_watch(fd, path, EVENTS);
}

bool file_watch_drain(int fd)
{
    char events[READ_BYTES];
    bool any = false;
    for (int i = 0; i < READS_MAX && read(fd, events, sizeof(events)) > 0; i++)
        any = true;
    return any;
}
