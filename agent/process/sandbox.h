/*
 * Giving up privilege, for good: what a process that listens to the network must not be able to do
 * any more, even when it is taken over. Everything here ends with the process.
 *
 * Sources: credentials(7), capabilities(7), prctl(2), seccomp(2), landlock(7), close_range(2).
 */
#ifndef HOLDFAST_PROCESS_SANDBOX_H
#define HOLDFAST_PROCESS_SANDBOX_H

#include "process/sandbox_filter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SANDBOX_PORTS_MAX = 8 };

struct sandbox {
    unsigned uid, gid;          /* 0: stay, and keep the root folder (tests without root) */
    enum filter_process filter; /* which system calls it may make */
    bool seccomp_kill;    /* a denied system call kills the process; else it fails with EPERM */
    bool silent;          /* standard error goes where standard output does, before the filter */
    unsigned descriptors; /* RLIMIT_NOFILE */
    size_t memory;        /* RLIMIT_DATA, bytes */
    size_t file_size;     /* RLIMIT_FSIZE, bytes: of any file, a memfd too; mostly 0 */
    uint16_t ports[SANDBOX_PORTS_MAX]; /* to which it connects by TCP: Landlock of Linux 6.7 */
    size_t port_count;
};

/* Closes every descriptor but standard error and those listed; standard input and output become
 * /dev/null. Signals are as at a program's start, but that SIGPIPE, SIGINT, SIGHUP and SIGXFSZ are
 * ignored: a terminal's signals are the parent's to handle, and a write(2) beyond the limit of a
 * file's size fails with EFBIG. 0 or a negative errno. */
int sandbox_close(const int *keep, size_t count);

/* Limits, an empty root folder, uid and gid, capabilities, Landlock, in this order; the process
 * dies with its parent from here on. 0, or a negative errno with its message logged: the process
 * must end then. Only sandbox_enter is enough: this is for tests of what holds without seccomp. */
int sandbox_confine(const struct sandbox *sandbox, int parent_pid);

/* sandbox_confine, then the system call filter. 0 or a negative errno, as there. */
int sandbox_enter(const struct sandbox *sandbox, int parent_pid);

#endif
