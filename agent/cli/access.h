/*
 * How a command reaches the settings: through the daemon's door, the local socket
 * /run/holdfast/door, wherever a daemon runs; else, for root, the database itself. The same calls
 * serve both, so no command knows which it is.
 */
#ifndef HOLDFAST_CLI_ACCESS_H
#define HOLDFAST_CLI_ACCESS_H

#include "base/buf.h"
#include "settings/change.h"

#include <stdbool.h>
#include <stdint.h>

struct access;
struct terminal;

/* 0, -EACCES (neither root nor admin), or another errno; the message is told. */
int access_open(struct access **access, const char *root, const char *state_path);
void access_close(struct access *access);

/* True for everybody but root: access_login_interactive() comes before anything else then. */
bool access_needs_login(const struct access *access);

/* Asks for the admin user's password on the terminal without echo, or reads standard input's first
 * line where that is no terminal, or `file` when not NULL; three tries at a terminal. 0, -EACCES
 * when it is wrong (after a delay that grows with each failure; each is an event), -EPERM when no
 * more tries are left or the password cannot be checked, as with a disabled account, -EINTR, or
 * another errno; told. */
int access_login_interactive(struct access *access, const char *file);

/* Checks what a person at a console gave as name and password, of which the administrator's alone
 * will do; a failure is an event that names the terminal. For root. 0, -EACCES where they are
 * wrong, after a delay that grows with each failure; -EPERM where another try is of no use,
 * -ENOTSUP with the message told, or another errno. */
int access_console(struct access *access, struct terminal *terminal, const char *user,
                   const char *password);

/* The role, the stored settings (secrets included, to prefill) and their revision. 0, -ENODATA
 * where the node fails closed, since what stands then is not what was stored, or another errno;
 * told. */
int access_load(struct access *access, enum role *role, struct settings *settings,
                uint64_t *revision);

/* Imports the change's text over the stored settings in one transaction, as root or, through the
 * daemon, as the user whom that finds. -EINVAL or -EPERM: `faults` has the lines that say why;
 * nothing is stored. */
int access_apply(struct access *access, const struct change *change, uint64_t *revision,
                 struct buf *faults);

/* Reboots the node: through the daemon, or by asking init. */
int access_reboot(struct access *access);

#endif
