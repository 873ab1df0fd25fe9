/*
 * What a helper process writes on its standard error, as the daemon passes it on: each line cleaned
 * of control characters, with the helper's name before it, in the daemon's own log. The helper has
 * one end of a pipe and no other file that people read: a helper that is taken over cannot write to
 * the console or to the kernel's log.
 *
 * A helper that writes too much, or never ends a line, costs no more than the limits of the .c
 * file: the daemon then leaves the pipe alone for the rest of the minute, and what finds no room in
 * it is lost. Neither side ever waits for the other.
 */
#ifndef HOLDFAST_PROCESS_HELPER_LOG_H
#define HOLDFAST_PROCESS_HELPER_LOG_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HELPER_LOG_LINE_SIZE = 400 }; /* bytes; a longer line is cut */

/* The limits are the helper's, not the process's: they outlast one that is started again. */
struct helper_log {
    const char *name; /* the helper's, kept by reference */
    int fd;           /* the daemon's end of the pipe; -1: no process */
    char line[HELPER_LOG_LINE_SIZE];
    size_t length;          /* of the line so far */
    bool skips;             /* what comes belongs to a line that was cut, up to its end */
    uint64_t minute_end_ms; /* of clock_boot_ms(): when the two below begin anew */
    unsigned lines, bytes;  /* taken in this minute */
    bool muted;             /* it wrote too much in this minute */
    struct loop_source source;
};

/* No process. */
void helper_log_init(struct helper_log *log, const char *name);

/* A new pipe for a new process: the end for its standard error, which the caller closes once the
 * process has it, or a negative errno. */
int helper_log_open(struct helper_log *log);

/* Passes on what comes, from now on, in the turns of this loop. 0 or a negative errno. */
int helper_log_register(struct helper_log *log, struct loop *loop);

/* The descriptor to poll for reading, -1: none now. */
int helper_log_fd(const struct helper_log *log);

/* To be called when that is readable or closed: passes some of it on. */
void helper_log_read(struct helper_log *log);

/* When to call helper_log_do_due, of clock_boot_ms(); 0: never. It lets a helper that wrote too
 * much speak again. */
uint64_t helper_log_due_ms(const struct helper_log *log);
void helper_log_do_due(struct helper_log *log);

/* The process is gone: passes its last lines on and closes the pipe. Harmless without one. */
void helper_log_close(struct helper_log *log);

#endif
