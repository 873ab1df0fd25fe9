/* Which changes want a consent, and which one. */
#include "settings/change.h"

static bool disables(const struct settings *settings)
{
    return settings_bool(settings, SECURITY_DISABLE_ADMIN);
}

bool change_is_out_of_reach(const struct settings *settings)
{
    return disables(settings) && settings_count(settings, HEALTH_STATIONS) == 0;
}

bool change_locks(const struct settings *before, const struct settings *after)
{
    return disables(after) && !disables(before);
}

const char *change_refused(const struct settings *before, const struct settings *after,
                           unsigned consent)
{
    if (change_is_out_of_reach(after) && !change_is_out_of_reach(before) &&
        !(consent & CONSENT_FORCE))
        return "with security.disable_admin=yes and no station in health.stations "
               "this node could not be reached again; set health.stations, or add --force";
    if (change_locks(before, after) && !(consent & CONSENT_YES))
        return "security.disable_admin=yes needs --yes: " CHANGE_LOCKED;
    return NULL;
}

const char *change_refused_to(const struct change *change, const struct settings *before,
                              const struct settings *after)
{
    if (change->may_not_lock && change_locks(before, after))
        return "security.disable_admin=yes is for root and the admin user alone to set";
    return change_refused(before, after, change->consent);
}
