/*
 * The control socket: the one way in for changes. A local stream socket, open to the callers of
 * control/caller.h alone (SO_PEERCRED), with a closed set of messages, each of checked size; what
 * comes over it is hostile until validated. It works in the turns of the daemon's
 * loop.
 */
#ifndef HOLDFAST_CONTROL_SERVER_H
#define HOLDFAST_CONTROL_SERVER_H

#include "base/loop.h"
#include "control/message.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CONTROL_CLIENTS_MAX = 14,
    CONTROL_USER_CLIENTS_MAX = 6, /* of a user, so that none shuts out another, nor root */
    CONTROL_CHECKS_MAX =
        3 /* of a password at a time: of root, of the admin user, of the consoles */
};

/* The daemon's side. */
struct control_actions {
    /* Runs a verb's handler on the node: 0 or a negative errno. */
    int (*run)(void *context, const struct verb *verb, const struct request *request,
               struct buf *answer);
    /* A password was wrong, a user is not a caller, or a message was malformed: an event. */
    void (*refused)(void *context, const char *who, const char *why);
    uint64_t (*now_ms)(void); /* never goes back: clock_boot_ms */
    void *context;
};

struct control;

/* Makes the socket at root + CONTROL_PATH, mode 0660; its group is the admin user's, its owner the
 * management application's user where there is one. `root` is also where /etc/shadow and
 * /etc/passwd are read. From then on it works in the turns of `loop`, which outlives it. The
 * message is logged. */
int control_open(struct control **control, struct loop *loop, const char *root,
                 const struct control_actions *actions);
void control_close(struct control *control);

#endif
