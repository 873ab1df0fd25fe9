/*
 * Watches the services' files (render/render.h) by inotify(7), so that what drifts is repaired at
 * once and not at the next timer. Where the kernel gives no descriptor the timer remains.
 */
#ifndef HOLDFAST_DAEMON_FILE_WATCH_H
#define HOLDFAST_DAEMON_FILE_WATCH_H

#include "base/loop.h"

struct file_watch {
    int fd; /* negative: none */
    struct loop_notice changed;
    struct loop_source source;
};

/* From now on `changed` is called in the turns in which something was announced. */
void file_watch_open(struct file_watch *files, struct loop *loop, struct loop_notice changed);

/* Watches what there is now below `root`: after each walk, since somebody may have put another
 * folder or file in its place. What is not there is left to the timer. */
void file_watch_renew(const struct file_watch *files, const char *root);
void file_watch_close(struct file_watch *files);

#endif
