/* holdfast reboot: through the daemon, for the admin user; or by asking init. */
#include "cli/authenticate.h"
#include "cli/commands.h"
#include "cli/stored.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

static int reboot(struct access *access)
{
    struct buf out = {0};
    int error = stored_reboot(access);
    if (error) {
        log_error("reboot: %s", error == -ENOTSUP  ? "below --root there is no machine"
                                : error == -ENOSYS ? "the init of this machine is not the image's: "
                                                     "reboot it by its own means"
                                                   : strerror(-error));
        return EXIT_COULD_NOT;
    }
    buf_puts(&out, "The node reboots.\n");
    int code = stored_done("reboot", &out, EXIT_HOLDS);
    buf_free(&out);
    return code;
}

int cli_reboot(const struct invocation *invocation)
{
    struct access *access;
    int error = access_open(&access, invocation->root, invocation->state_path);
    if (error)
        return EXIT_COULD_NOT;
    error = authenticate_if_needed(access, invocation);
    int code = error ? EXIT_COULD_NOT : reboot(access);
    access_close(access);
    return code;
}
