/* The node, from the database or from the daemon. */
#include "cli/look.h"

#include "base/log.h"
#include "control/client.h"
#include "snapshot/publisher.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void log_refusal(const struct invocation *invocation, const char *socket, int error)
{
    const char *name = invocation->command->name;
    if (control_client_no_daemon(error))
        log_error("%s: no daemon runs (%s%s), and only root may look without it", name,
                  invocation->root, socket);
    else
        log_error("%s: root and the admin user alone may look at this node: %s%s: %s", name,
                  invocation->root, socket, strerror(-error));
}

/* -ENODEV where there is nothing to ask: for root, and below --root without a daemon. */
static int ask(const struct invocation *invocation, const char *socket,
               int (*connect)(const char *root))
{
    if (geteuid() == 0)
        return -ENODEV;
    int fd = connect(invocation->root);
    if (control_client_no_daemon(fd) && invocation->root[0])
        return -ENODEV;
    if (fd < 0)
        log_refusal(invocation, socket, fd);
    return fd;
}

int look_connect(const struct invocation *invocation)
{
    return ask(invocation, CONTROL_PATH, control_client_connect);
}

static int load(struct look *look, const struct invocation *invocation)
{
    int error = node_load(&look->node, invocation->root, invocation->state_path, NODE_LOOK);
    if (error)
        log_error("%s: cannot load the node from %s: %s", invocation->command->name,
                  invocation->state_path, strerror(-error));
    return error;
}

static int copy_published(struct look *look, const struct snapshot *snapshot)
{
    struct snapshot_page page;
    int error = snapshot_find(snapshot, PAGES_PUBLISHED, PAGE_PLAIN, &page);
    if (error)
        return error;
    buf_append(&look->published.bytes, page.body, page.size);
    return buf_error(&look->published.bytes);
}

static int read_snapshot(struct look *look, const struct invocation *invocation, int fd)
{
    struct snapshot snapshot;
    int error = snapshot_map(&snapshot, fd);
    if (error == 0) {
        error = copy_published(look, &snapshot);
        snapshot_unmap(&snapshot);
    }
    if (error == 0)
        error = published_read(&look->published, &look->node, invocation->root);
    if (error)
        log_error("%s: cannot read the daemon's snapshot: %s", invocation->command->name,
                  error == -EPROTO ? "it is of another version" : strerror(-error));
    look->by_daemon = error == 0;
    return error;
}

int look_open(struct look *look, const struct invocation *invocation)
{
    *look = (struct look){.by_daemon = false};
    int fd = ask(invocation, PUBLISHER_PATH, publisher_fetch);
    int error = fd >= 0         ? read_snapshot(look, invocation, fd)
                : fd == -ENODEV ? load(look, invocation)
                                : fd;
    if (fd >= 0)
        close(fd);
    if (error)
        look_close(look);
    return error;
}

void look_close(struct look *look)
{
    node_close(&look->node);
    published_free(&look->published);
}
