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

void file_watch_renew(int fd, const char *root)
{
    static const struct {
        const char *path;
        uint32_t events;
    } watched[] = {
        {RENDER_FOLDER, FOLDER_EVENTS},
        {RENDER_WEB, FILE_EVENTS},
        {RENDER_NETWORK, FILE_EVENTS},
    };
    char path[PATH_MAX];
    for (size_t i = 0; fd >= 0 && i < countof(watched); i++)
        if (file_path(path, sizeof(path), root, watched[i].path) == 0)
            (void)inotify_add_watch(fd, path, watched[i].events);
}

bool file_watch_drain(int fd)
{
    char events[READ_BYTES];
    bool any = false;
    for (int i = 0; i < READS_MAX && read(fd, events, sizeof(events)) > 0; i++)
        any = true;
    return any;
}
