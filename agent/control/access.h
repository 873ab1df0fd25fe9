/*
 * How a command reaches the node: access_call() runs one of the privileged verbs, by the daemon
 * wherever one runs; else, for root, on the database itself. No command knows which it is.
 */
#ifndef HOLDFAST_CONTROL_ACCESS_H
#define HOLDFAST_CONTROL_ACCESS_H

#include "control/verbs.h"

#include <stdbool.h>

struct access;

/* Waits until `fd` (none: -1) can be read or `timeout_ms` (none: -1) have passed: 0, or -EINTR
 * where the person at the terminal interrupts. */
typedef int access_wait(void *context, int fd, int timeout_ms);

/* 0, -EACCES (this user may not), or another errno; the message is logged. The strings are the
 * caller's, and outlive the access. */
int access_open(struct access **access, const char *root, const char *state_path);
void access_close(struct access *access);

/* Whether this user logs in before anything else: everybody but root. */
bool access_needs_login(const struct access *access);

/* How calls wait from now on; NULL: for as long as it takes. */
void access_set_wait(struct access *access, access_wait *wait, void *context);

/* Runs a verb as this user; `request` is without a caller. What the verb's handler gave, or for a
 * log-in: 0; -EACCES where the password is wrong, after a delay that grows with each failure (each
 * is an event); -EPERM where another try is of no use, as with a disabled account; -ENOTSUP or -EIO
 * where none can be checked, with the reason in `answer`; -EINTR where the wait ended so. Where no
 * answer comes, or the node cannot be loaded, the message is logged. */
int access_call(struct access *access, enum control_verb verb, const struct request *request,
                struct buf *answer);

#endif
