/*
 * A log-in's password is checked by a process of its own: a hash takes a second or more to compute
 * (crypt(5)), and the daemon goes on meanwhile. It is a helper (process/helper.h), gets
 * the password and the hash in a sealed memfd, and writes one number to a pipe.
 */
#ifndef HOLDFAST_CONTROL_PASSWORD_HELPER_H
#define HOLDFAST_CONTROL_PASSWORD_HELPER_H

#include <sys/types.h>

struct password_helper {
    pid_t pid;   /* 0: none runs */
    int fd;      /* the pipe's end that is polled, -1: none runs */
    int instead; /* given in place of "wrong", 0: nothing is */
};

void password_helper_init(struct password_helper *helper);

/* Begins to check a user's password, the admin's against shadow(5) below `root`; any other user's
 * is wrong. An account that is locked or missing takes as long as any other. 0: `fd` becomes
 * readable when the result is there; the caller wipes its copy of the password at once. -ENOTSUP
 * where the stored hash cannot be computed (password_unsupported), or -EIO where shadow cannot be
 * read or no process can be made, and the log says why: none runs. */
int password_helper_start(struct password_helper *helper, const char *root, const char *user,
                          const char *password);

/* The result, as password_check(): once `fd` is readable; -EIO too where the process could not give
 * up its privilege, and the log says why; -ETIME where the process ended without a
 * result, at its limit of processor time say. None runs afterwards. */
int password_helper_finish(struct password_helper *helper);

/* Ends the process, with no result. */
void password_helper_close(struct password_helper *helper);

#endif
