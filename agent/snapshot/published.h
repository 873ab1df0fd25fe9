/*
 * What the daemon publishes to local readers, the admin user's `holdfast check` among them: the
 * report of its last walk, and the settings and the policy that are in force, without any secret.
 * The report is that of the snapshot: a reader sees what the stations see, of one generation.
 *
 * Writer and reader are one program; bytes of another version are refused.
 */
#ifndef HOLDFAST_SNAPSHOT_PUBLISHED_H
#define HOLDFAST_SNAPSHOT_PUBLISHED_H

#include "base/buf.h"
#include "node/node.h"
#include "report/report.h"

struct published {
    struct buf bytes; /* what every string below points into */
    struct facts facts;
    struct results results;
    const char *firewall; /* the ruleset in nft's syntax */
};

/* Appends the published report. Errors stay in the buffer. */
void published_write(const struct report *report, const struct node *node, struct buf *out);

/* Reads published->bytes: fills the rest, and `node` as that of the daemon, but without state and
 * without secrets. 0, -EPROTO for another version, -EBADMSG for damaged bytes, or -ENOMEM; the
 * caller frees both whatever the result. */
int published_read(struct published *published, struct node *node, const char *root);
void published_free(struct published *published);

#endif
