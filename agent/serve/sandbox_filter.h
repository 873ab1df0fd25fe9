/* The seccomp filter of the front: the system calls that it may make. */
#ifndef HOLDFAST_SERVE_SANDBOX_FILTER_H
#define HOLDFAST_SERVE_SANDBOX_FILTER_H

#include <stdbool.h>

/* Installs it; no_new_privs must be set. 0 or a negative errno. */
int sandbox_filter_install(bool kill);

#endif
