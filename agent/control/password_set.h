/*
 * A new password for the administrator: which ones may be chosen, their hash, and shadow(5) below a
 * root.
 */
#ifndef HOLDFAST_CONTROL_PASSWORD_SET_H
#define HOLDFAST_CONTROL_PASSWORD_SET_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { PASSWORD_LEAST = 8 /* characters (guide, Management Node, bootstrap) */ };

/* Why a password is refused, as the end of "The password ...", or NULL: it has fewer than
 * PASSWORD_LEAST characters, more than PASSWORD_MAX bytes, or one that cannot be typed at every
 * terminal: a control character or what is not UTF-8. */
const char *password_fault(const char *password, size_t length);

/* Appends the password's hash, with a new salt of 96 bits. 0 or a negative errno. */
int password_hash(const char *password, struct buf *hash);

/* Puts `hash` into the admin's line of shadow(5), with today as the day of its change; every other
 * line and field stays. Where `keep` is not NULL the new line is first written to that file, which
 * is not below the root. `first`: only where no password was ever set. Both files are replaced
 * atomically and durably, and no two processes do so at a time. 0; -ENOENT where there is no such
 * account, -EINVAL for a line with too few fields, -EPERM where the account is locked, -EEXIST
 * where `first` comes too late, or another errno. */
int password_store(const char *root, const char *hash, const char *keep, bool first);

#endif
