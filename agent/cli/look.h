/*
 * How a command that only shows comes to know the node: root loads it from the database; the admin
 * user, who may not read that, gets the snapshot that the daemon publishes to local readers. No
 * password is asked for, since the stations are shown the same (agent/decisions/35). Whoever may do
 * neither gets that as the reason: a lack of permission is no failure of the node.
 */
#ifndef HOLDFAST_CLI_LOOK_H
#define HOLDFAST_CLI_LOOK_H

#include "cli/command.h"
#include "node/node.h"
#include "snapshot/published.h"

#include <stdbool.h>

struct look {
    struct node node; /* with role, settings, policy, and the reason why it fails closed */
    bool by_daemon;   /* as published: without state and without secrets */
    struct published published; /* empty otherwise */
};

/* 0, -EACCES where this user may not look, or another errno; the message is logged. The look is to
 * be closed when it is 0. */
int look_open(struct look *look, const struct invocation *invocation);
void look_close(struct look *look);

/* A connection to the daemon for a user who is not root; or -ENODEV where root, or a user below
 * --root without a daemon, is to read the database; or another negative errno, logged. */
int look_connect(const struct invocation *invocation);

#endif
