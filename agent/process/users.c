/* The users of the helper processes, as the firewall needs them. */
#include "process/users.h"

#include <pwd.h>

uint32_t users_endpoint(void)
{
    const struct passwd *user = getpwnam(USERS_ENDPOINT);
    return user && user->pw_uid != USERS_NOBODY ? user->pw_uid : 0;
}
