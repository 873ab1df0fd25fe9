/* The node, from the database or from the daemon. */
#include "cli/look.h"

#include "base/log.h"
#include "control/client.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int look_connect(const struct invocation *invocation)
{
    const char *name = invocation->command->name;
    if (geteuid() == 0)
        return -ENODEV;
    int control = control_client_connect(invocation->root);
    if (control >= 0 || (control_client_nobody(control) && invocation->root[0]))
        return control >= 0 ? control : -ENODEV;
    if (control_client_nobody(control))
        log_error("%s: no daemon runs (%s%s), and only root may look without it", name,
                  invocation->root, CONTROL_PATH);
    else
        log_error("%s: root and the admin user alone may look at this node: %s%s: %s", name,
                  invocation->root, CONTROL_PATH, strerror(-control));
    return control;
}

static int load(struct look *look, const struct invocation *invocation)
{
    int error = node_load(&look->node, invocation->root, invocation->state_path, NODE_LOOK);
    if (error)
        log_error("%s: cannot load the node from %s: %s", invocation->command->name,
                  invocation->state_path, strerror(-error));
    return error;
}

static int ask_daemon(struct look *look, const struct invocation *invocation, int control)
{
    int error = control_client_ask(control, CONTROL_PUBLISHED, "", 0, &look->published.bytes);
    if (error == 0) {
        error = published_read(&look->published, &look->node, invocation->root);
        if (error)
            log_error("%s: cannot read the daemon's answer: %s", invocation->command->name,
                      error == -EPROTO ? "it is of another version" : strerror(-error));
    }
    look->by_daemon = error == 0;
    return error;
}

int look_open(struct look *look, const struct invocation *invocation)
{
    *look = (struct look){.by_daemon = false};
    int control = look_connect(invocation);
    int error = control >= 0         ? ask_daemon(look, invocation, control)
                : control == -ENODEV ? load(look, invocation)
                                     : control;
    if (control >= 0)
        close(control);
    if (error)
        look_close(look);
    return error;
}

void look_close(struct look *look)
{
    node_close(&look->node);
    published_free(&look->published);
}
