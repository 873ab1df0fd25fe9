/* The users of the helper processes, as the firewall needs them. */
#include "process/users.h"

#include <pwd.h>
#include <stddef.h>

void users_find(const char *name, unsigned *uid, unsigned *gid)
{
    const struct passwd *user = name ? getpwnam(name) : NULL;
    *uid = user ? user->pw_uid : USERS_NOBODY;
    *gid = user ? user->pw_gid : USERS_NOBODY;
}

uint32_t users_endpoint(void)
{
    const struct passwd *user = getpwnam(USERS_ENDPOINT);
    return user && user->pw_uid != USERS_NOBODY ? user->pw_uid : 0;
}
