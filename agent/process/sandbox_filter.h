/* The seccomp filters of the helper processes: the system calls that each may make. */
#ifndef HOLDFAST_PROCESS_SANDBOX_FILTER_H
#define HOLDFAST_PROCESS_SANDBOX_FILTER_H

#include <stdbool.h>

enum filter_process { FILTER_ENDPOINT = 1, FILTER_PROBER = 2, FILTER_PASSWORD = 4 };

/* Installs that of a process; no_new_privs must be set. 0 or a negative errno. */
int sandbox_filter_install(enum filter_process process, bool kill);

#endif
