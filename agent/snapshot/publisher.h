/*
 * The publisher: renders one generation of pages and hands it to its readers. Each kind of reader
 * gets a sealed snapshot with the pages of its audience and nothing else: the endpoint over its
 * channel, local readers over the socket PUBLISHER_PATH. All of them show one generation.
 *
 * A local reader connects and reads: the user is the kernel's word (SO_PEERCRED), and nothing that
 * a reader could send is read.
 */
#ifndef HOLDFAST_SNAPSHOT_PUBLISHER_H
#define HOLDFAST_SNAPSHOT_PUBLISHER_H

#include "node/node.h"
#include "report/report.h"
#include "snapshot/pages.h"

#include <stdbool.h>
#include <sys/types.h>

#define PUBLISHER_PATH "/run/holdfast/snapshot"

struct publisher {
    int listener;            /* the local socket, to be polled for reading; -1: none */
    uid_t admin;             /* who may read besides root */
    int fds[AUDIENCE_COUNT]; /* the sealed snapshots of the last generation; -1: none yet */
};

/* Without socket and snapshots: may be closed. */
void publisher_init(struct publisher *publisher);

/* Makes the socket below `root` for root, `admin` and the members of `group` (of whom admin alone
 * is served). 0 or a negative errno; the message is logged. */
int publisher_open(struct publisher *publisher, const char *root, uid_t admin, gid_t group);
void publisher_close(struct publisher *publisher);

/* Renders and seals the pages for every audience; they are stale after `stale_s` seconds. 0, or a
 * negative errno: then that audience keeps no snapshot, rather than an older one. */
int publisher_publish(struct publisher *publisher, const struct report *report,
                      const struct node *node, unsigned stale_s);

/* Hands the snapshot to those who have connected; never waits. */
void publisher_serve(struct publisher *publisher);

/* The other end: the last snapshot that the daemon below `root` published for this user. A
 * descriptor for snapshot_map, which the caller closes, or a negative errno: -ENOENT or
 * -ECONNREFUSED where no daemon runs, -EACCES or -EPIPE where it does not serve this user. */
int publisher_fetch(const char *root);

#endif
