/* holdfast version. */
#include "cli/commands.h"

#include <stdio.h>

int cli_version(const struct invocation *invocation)
{
    (void)invocation;
    printf("holdfast %s\n", HOLDFAST_VERSION);
    return EXIT_HOLDS;
}
