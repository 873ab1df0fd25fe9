/* inotify on the folder of the services' files, and on those outside it: the folder around them
 * holds what the daemon itself writes all the time. A file that is replaced ends its watch with an
 * event, after which the walk watches the new one. Our own writes are announced too: the walk that
 * follows one finds nothing to change, and ends it. */
#include "daemon/file_watch.h"

#include "base/file.h"
#include "base/str.h"
#include "render/render.h"

#include <limits.h>
#include <stdbool.h>
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

static void watch(int fd, const char *root, const char *name, uint32_t events)
{
    char path[PATH_MAX];
    if (file_path(path, sizeof(path), root, name) == 0)
        (void)inotify_add_watch(fd, path, events);
}

void file_watch_renew(const struct file_watch *files, const char *root)
{
    if (files->fd < 0)
        return;
    watch(files->fd, root, RENDER_FOLDER, FOLDER_EVENTS);
    for (size_t i = 0; i < RENDERED_COUNT; i++)
        if (!str_starts(rendered_files[i].file.path, RENDER_FOLDER "/"))
            watch(files->fd, root, rendered_files[i].file.path, FILE_EVENTS);
}

static void look(const void *context, struct loop_wait *wait)
{
    const struct file_watch *files = context;
    wait->fd = files->fd;
}

/* Reads all that has come, without waiting. */
static void run(void *context, short revents)
{
    const struct file_watch *files = context;
    char events[READ_BYTES];
    bool any = false;
    (void)revents;
    for (int i = 0; i < READS_MAX && read(files->fd, events, sizeof(events)) > 0; i++)
        any = true;
    if (any)
        files->changed.call(files->changed.context);
}

void file_watch_open(struct file_watch *files, struct loop *loop, struct loop_notice changed)
{
    files->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    files->changed = changed;
    files->source = (struct loop_source){.look = look, .run = run, .context = files};
    if (loop_add(loop, &files->source) < 0)
        file_watch_close(files);
}

void file_watch_close(struct file_watch *files)
{
    if (files->fd >= 0)
        close(files->fd);
    files->fd = -1;
}
