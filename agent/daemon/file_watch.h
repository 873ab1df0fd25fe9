/*
 * Watches the services' files (render/render.h) by inotify(7), so that what drifts is repaired at
 * once and not at the next timer.
 */
#ifndef HOLDFAST_DAEMON_FILE_WATCH_H
#define HOLDFAST_DAEMON_FILE_WATCH_H

#include <stdbool.h>

/* A descriptor to poll for reading, or a negative errno; close(2) ends it. */
int file_watch_open(void);

/* Watches what there is now below `root`: after each walk, since somebody may have put another
 * folder or file in its place. Does nothing without a descriptor, and for what is not there: the
 * timer remains. */
void file_watch_renew(int fd, const char *root);

/* Reads all that has come, without waiting; true where there was anything. */
bool file_watch_drain(int fd);

#endif
