/*
 * The administrator's password, held against shadow(5) below a root. Nothing of it is kept, and
 * every copy is wiped.
 */
#ifndef HOLDFAST_CONTROL_PASSWORD_H
#define HOLDFAST_CONTROL_PASSWORD_H

#include "base/buf.h"

#include <stddef.h>
#include <sys/types.h>

#define PASSWORD_ADMIN "admin"

/* What new passwords are hashed with (crypt(5), sha512crypt): as many rounds as libxcrypt's default
 * for yescrypt costs. PASSWORD_OF_NOBODY is a hash of that cost which no password is known for. */
#define PASSWORD_SETTING   "$6$rounds=656000$"
#define PASSWORD_OF_NOBODY PASSWORD_SETTING "................$"

enum {
    PASSWORD_MAX = 256, /* bytes, as much as musl's crypt(3) takes; a longer one is wrong */
    PASSWORD_TRIES = 3
};

/* 0 when it is the admin's; -EACCES when it is wrong; -EPERM when the account is locked, past its
 * day, has no password, does not exist or has a malformed line; -ENOTSUP when its kind of hash
 * is not known. -EIO is no verdict: shadow cannot be read, and the log says why. */
int password_check(const char *root, const char *password);

/* Both halves of it: the hash that is stored, appended to `hash`, with what keeps it from being
 * used; and whether a hash is the password's, which allocates and reads nothing, and takes as long
 * as the hash was made to take: 0, -EACCES or -ENOTSUP. */
int password_stored(const char *root, struct buf *hash);
int password_compare(const char *password, const char *hash);

/* What the log keeps of a log-in as `name` that failed with this error of password_check(). People
 * type a password where a name is asked for: one that passwd(5) does not know is not repeated. */
void password_refusal(const char *root, const char *name, int error, struct buf *why);

/* After -ENOTSUP: why no password can be checked, by the name of the stored hash's kind (crypt(5)).
 * Nothing of the hash itself is in it. */
void password_unsupported(const char *root, struct buf *why);

/* After -EIO: why no password can be checked. */
#define PASSWORD_NOT_CHECKED "the password cannot be checked; the log says why"

/* The user and group numbers of an account from passwd(5), neither of them 0. -ENOENT when there is
 * no such account, another errno when its line is malformed or cannot be read. */
int password_account(const char *root, const char *name, uid_t *uid, gid_t *gid);

/* How long the answer to the n-th failure in a row (from 1) is held back, in milliseconds: it
 * doubles from one second to half a minute. */
unsigned password_delay_ms(unsigned failures);

#endif
