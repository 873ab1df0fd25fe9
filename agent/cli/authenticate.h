/*
 * The log-in before a command changes the node: the admin user's password, from the terminal or a
 * file, or the name of the administrator for whom the management application acts.
 */
#ifndef HOLDFAST_CLI_AUTHENTICATE_H
#define HOLDFAST_CLI_AUTHENTICATE_H

#include "cli/command.h"
#include "control/access.h"

struct terminal;

/* With --for NAME, acts for that administrator. Else asks for the admin user's password on the
 * terminal without echo, or reads standard input's first line where that is no terminal, or
 * --password-file; three tries at a terminal. 0, or as access_call(); the message is logged. */
int authenticate(struct access *access, const struct invocation *invocation);

/* The same only where this user has to log in. */
int authenticate_if_needed(struct access *access, const struct invocation *invocation);

/* Checks what a person at a console gave as name and password, of which the administrator's alone
 * will do; a failure is an event that names the terminal. For root. */
int authenticate_console(struct access *access, struct terminal *terminal, const char *user,
                         const char *password);

#endif
