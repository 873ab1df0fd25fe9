/* holdfast front: no command, but the daemon's other half, which the daemon alone starts. */
#include "cli/commands.h"

#include "endpoint/worker_main.h"

bool cli_front_is_meant(int count, char *const *words)
{
    return front_child_is_meant(count, words);
}

int cli_front(void)
{
    return front_child_main();
}
