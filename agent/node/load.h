/*
 * What the files that make up a node share. Private to agent/node.
 */
#ifndef HOLDFAST_NODE_LOAD_H
#define HOLDFAST_NODE_LOAD_H

#include "node/node.h"

/* Notes why the node fails closed; the first reason stands. */
void node_set_closed(struct node *node, const char *what, const char *why);

/* True where a look failed for a lack of permission, which says nothing about the node. */
bool node_may_not_look(const struct node *node, int error);

/* True where the disk takes nothing any more, from the mount or from an error of its own (ext4(5),
 * errors=): what was stored is still read, and stands. */
bool node_is_frozen(const struct node *node);

/* Reads the role. 0, also where the node fails closed for it, or an error of node_may_not_look. */
int node_load_role(struct node *node);

/* Takes these settings, which the caller gives away, for those that are stored now, and makes the
 * policy of them. 0 or -ENOMEM. */
int node_adopt(struct node *node, struct settings *settings);

/* Keeps the settings without which the node could not be reached, so that they survive the loss of
 * the database; a failure is logged. */
void node_known_keep(const struct node *node);

/* Makes the node's settings the strictest, with those last known. 0 or -ENOMEM. */
int node_known_restore(struct node *node);

/* Whether settings were ever stored: they are kept only then. */
bool node_known_stands(const struct node *node);

/* Records the repetitions of events that have been quiet since long before `now_ms`; all of them
 * for UINT64_MAX. */
void node_events_record_quiet(struct node *node, uint64_t now_ms);

#endif
