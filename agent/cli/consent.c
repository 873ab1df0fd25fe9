/* The last word before what cannot be undone. */
#include "cli/consent.h"

#include "base/log.h"
#include "base/str.h"
#include "cli/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static bool disables(const struct settings *settings)
{
    return settings_bool(settings, SECURITY_DISABLE_ADMIN);
}

bool consent_is_out_of_reach(const struct settings *settings)
{
    return disables(settings) && settings_count(settings, HEALTH_STATIONS) == 0;
}

bool consent_locks(const struct settings *before, const struct settings *after)
{
    return disables(after) && !disables(before);
}

static int ask(const char *name)
{
    if (!isatty(STDIN_FILENO)) {
        log_error("%s: nothing is stored: security.disable_admin=yes wants --yes: " CONSENT_LOCKED,
                  name);
        return -EPERM;
    }
    printf("security.disable_admin=yes: " CONSENT_LOCKED ".\n");
    if (terminal_confirm("Store it? (yes or no): ") == TERMINAL_YES)
        return 0;
    log_error("%s: nothing is stored", name);
    return -EPERM;
}

int consent_check(const struct invocation *invocation, const struct settings *before,
                  const struct settings *after, bool asked)
{
    const char *name = invocation->command->name;
    if (consent_is_out_of_reach(after) && !consent_is_out_of_reach(before) &&
        !invocation_option(invocation, "force")) {
        log_error("%s: nothing is stored: with security.disable_admin=yes and no station in "
                  "health.stations nobody could ever reach this node again; set health.stations, "
                  "or add --force",
                  name);
        return -EPERM;
    }
    bool said = asked || invocation_option(invocation, "yes");
    return consent_locks(before, after) && !said ? ask(name) : 0;
}
