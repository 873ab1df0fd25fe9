/*
 * The running processes that the accounts domain looks for: logins, shells of an account, sshd.
 * Read from /proc; only ever asked on the machine itself, never below --root.
 */
#ifndef HOLDFAST_DOMAIN_PROCESSES_H
#define HOLDFAST_DOMAIN_PROCESSES_H

#include "base/buf.h"

#include <stddef.h>
#include <sys/types.h>

struct process_wanted {
    const char *const *names; /* of programs, as in /proc/PID/comm */
    size_t name_count;
    uid_t uid; /* and every process of this user; 0: of no user */
};

/* Appends "NAME (PID)", separated by ", ", for each process that is wanted, and sends it `signal`
 * where that is not 0. This process itself is passed over. `count` gets how many there are besides
 * it, wanted or not. 0 or a negative errno. */
int processes_find(const struct process_wanted *wanted, int signal, struct buf *found,
                   size_t *count);

#endif
