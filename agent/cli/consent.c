/* The last word before what cannot be undone. */
#include "cli/consent.h"

#include "base/log.h"
#include "cli/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static unsigned given_by(const struct invocation *invocation, bool asked)
{
    unsigned given = asked ? CONSENT_YES : 0;
    if (invocation_option(invocation, "yes"))
        given |= CONSENT_YES;
    if (invocation_option(invocation, "force"))
        given |= CONSENT_FORCE;
    return given;
}

static int ask(const char *name)
{
    printf("security.disable_admin=yes: " CHANGE_LOCKED ".\n");
    if (terminal_confirm("Store it? (yes or no): ") == TERMINAL_YES)
        return 0;
    log_error("%s: nothing is stored", name);
    return -EPERM;
}

int consent_check(const struct invocation *invocation, const struct settings *before,
                  const struct settings *after, bool asked, unsigned *given)
{
    const char *name = invocation->command->name;
    *given = given_by(invocation, asked);
    const char *refused = change_refused(before, after, *given);
    if (!refused)
        return 0;
    *given |= CONSENT_YES;
    if (isatty(STDIN_FILENO) && !change_refused(before, after, *given))
        return ask(name);
    log_error("%s: nothing is stored: %s", name, refused);
    return -EPERM;
}
