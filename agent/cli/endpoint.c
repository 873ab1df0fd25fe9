/* holdfast front: no command, but the daemon's other half, which the daemon alone starts. */
#include "cli/commands.h"

#include "endpoint/worker_main.h"

bool cli_endpoint_is_helper_invocation(int count, char *const *words)
{
    return worker_main_is_helper_invocation(count, words);
}

int cli_endpoint(void)
{
    return worker_main();
}
