/*
 * The node: its role, its state, and the policy that follows, with the one decision of what
 * stands when the state cannot be read (DESIGN: Fail closed).
 */
#ifndef HOLDFAST_NODE_NODE_H
#define HOLDFAST_NODE_NODE_H

#include "base/buf.h"
#include "domain/domain.h"
#include "domain/fips.h"
#include "node/anchor.h"
#include "node/repeats.h"
#include "policy/policy.h"
#include "settings/change.h"
#include "state/state.h"

#include <limits.h>

#define NODE_STATE_PATH  "/var/lib/holdfast/state.db"
#define NODE_RUN_FOLDER  "/run/holdfast"
#define NODE_ROLE_PATH   "/etc/holdfast/role"
#define NODE_LATCH_ADMIN STATE_LATCH_ADMIN
#define NODE_LATCH_LOST  "state-lost"
#define NODE_FROZEN      "nothing can be recorded: Read-only file system"

/* What the node is loaded for. */
enum node_purpose {
    NODE_BOOT, /* writes; the admin account is disabled where the setting says so */
    NODE_RUN,  /* writes; it is disabled only where a boot has done so: until then an
                  administrator who is logged in may still take the answer back */
    NODE_LOOK  /* changes nothing at all; else as NODE_RUN */
};

struct node {
    struct system system;
    struct evidence evidence; /* points into this node */
    char state_path[PATH_MAX];
    enum role role;
    enum node_purpose purpose;
    struct state *state; /* NULL when it could not be opened */
    bool writable;       /* this process is the database's one writer */
    bool frozen; /* the disk is read-only: the settings are enforced, and a setting that a boot
                    would latch counts as latched, since no change can be stored */
    bool admin_latched;
    struct settings settings;
    uint64_t revision;
    struct anchor anchor;      /* what the platform says of the state disk */
    struct policy policy;      /* points into settings */
    struct buf reason;         /* why it fails closed; empty when it does not */
    struct fips_evidence fips; /* node/fips_evidence.h */
    struct repeats repeats;    /* of node_event */
};

/* The node as a walk of that phase takes it; valid while the node is. */
struct walk node_walk(const struct node *node, enum phase phase);

/* Fills `system` for a root: what lies below it, and the network namespace of this process. */
void node_system(struct system *system, const char *root);

/* Loads everything. For NODE_BOOT and NODE_RUN a damaged database is set aside and a new one begun,
 * with the strictest settings from then on. 0 even when the node fails closed (`reason` tells);
 * negative only for what leaves nothing to enforce (-ENOMEM), and for NODE_LOOK where this process
 * may not read the state (-EACCES, -EPERM), which says nothing about the node. The node is to be
 * closed whatever the result. */
int node_load(struct node *node, const char *root, const char *state_path,
              enum node_purpose purpose);

/* Reads settings and latches again, after a change; the state stays open. */
int node_reload(struct node *node);

/* Gives up the state and falls back to the strictest settings, for the reason given; whatever the
 * process had open with the old ones is the caller's. 0 or -ENOMEM. */
int node_fail_closed(struct node *node, const char *what, const char *why);

/* Reboots the machine by the image's init, with an event that names `who`. -ENOTSUP below --root,
 * -ENOSYS where another init runs: how it is asked is not known. */
int node_reboot(struct node *node, const char *who);

void node_close(struct node *node);

/* Stores that the admin account is disabled, for good. */
int node_latch_admin(struct node *node);

/* Appends to the event log where this process may write it, unless the event only repeats others
 * (node/repeats.h). A failure is logged, not returned: the enforcement that it reports has
 * happened. True when this occurrence was recorded, so that the system log repeats no more than the
 * event log does. */
__attribute__((format(printf, 3, 4))) bool node_event(struct node *node, const char *kind,
                                                      const char *format, ...);

/* Records the repetitions that node_event left out, of events that have been quiet for an hour; to
 * be called now and then. node_close records all of them. */
void node_events_settle(struct node *node);

/* Imports a text over the stored settings, in one transaction or not at all, for the daemon and for
 * a command that works on the database directly. -EINVAL or -EPERM with the reason in `faults`, one
 * that lacks a consent among them, or another errno. */
int node_apply(struct node *node, const struct change *change, struct buf *faults);

/* The facts of a report about this node; strings are borrowed from it. */
struct facts;
void node_facts(const struct node *node, struct facts *facts);

#endif
