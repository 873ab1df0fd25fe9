/* holdfast run: the daemon, in the foreground, for an init that starts it again. */
#include "cli/commands.h"

#include "daemon/daemon.h"

int cli_run(const struct invocation *invocation)
{
    struct daemon_setup setup = {
        .root = invocation->root,
        .state_path = invocation->state_path,
        .interval_s = DAEMON_INTERVAL_S,
    };
    return daemon_run(&setup) < 0 ? EXIT_COULD_NOT : EXIT_HOLDS;
}
