/* holdfast prober: no command, but a process that the daemon alone starts. */
#include "cli/commands.h"

#include "daemon/prober.h"

bool cli_prober_is_helper_invocation(int count, char *const *words)
{
    return prober_is_helper_invocation(count, words);
}

int cli_prober(void)
{
    return prober_main();
}
