/*
 * The node: its role, its state, and the policy that follows, with the one decision of what
 * stands when the state cannot be read (DESIGN: Fail closed).
 */
#ifndef HOLDFAST_SERVE_NODE_H
#define HOLDFAST_SERVE_NODE_H

#include "base/buf.h"
#include "domain/domain.h"
#include "policy/policy.h"
#include "state/state.h"

#include <limits.h>

#define NODE_STATE_PATH "/var/lib/holdfast/state.db"
#define NODE_RUN_FOLDER "/run/holdfast"
#define NODE_ROLE_PATH "/etc/holdfast/role"
#define NODE_LATCH_ADMIN "admin-disabled"
#define NODE_LATCH_LOST "state-lost"

struct node {
    struct system system;
    char state_path[PATH_MAX];
    enum role role;
    struct state *state; /* NULL when it could not be opened */
    struct settings settings;
    uint64_t revision;
    struct policy policy; /* points into settings */
    struct buf reason;    /* why it fails closed; empty when it does not */
};

/* Loads everything. STATE_WRITE: a damaged database is set aside and a new one begun, with the
 * strictest settings from then on; STATE_READ changes nothing. 0 even when the node fails closed
 * (`reason` tells); negative only for what leaves nothing to enforce (-ENOMEM). */
int node_load(struct node *node, const char *root, const char *state_path, enum state_mode mode);

/* Reads settings and latches again, after a change; the state stays open. */
int node_reload(struct node *node);

void node_close(struct node *node);

/* Stores that the admin account is disabled, for good. */
int node_latch_admin(struct node *node);

/* The facts of a report about this node; strings are borrowed from it. */
struct facts;
void node_facts(const struct node *node, struct facts *facts);

#endif
