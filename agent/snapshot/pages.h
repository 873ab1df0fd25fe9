/* The pages of one generation: what each audience is shown, as one table. */
#ifndef HOLDFAST_SNAPSHOT_PAGES_H
#define HOLDFAST_SNAPSHOT_PAGES_H

#include "node/node.h"
#include "policy/policy.h"
#include "report/report.h"
#include "snapshot/snapshot.h"

/* Who is shown a page. */
enum audience {
    AUDIENCE_STATIONS, /* every client of the endpoint */
    AUDIENCE_ADMIN,    /* the commands of root and the admin user */
    AUDIENCE_COUNT
};

/* The page of AUDIENCE_ADMIN: snapshot/published.h. */
#define PAGES_PUBLISHED "/published"

/* The headers that every answer carries by the settings: HSTS (RFC 6797) with or without preload,
 * and Referrer-Policy; "Name: value\n" lines as in a snapshot's head. 0 or -EMSGSIZE. */
int pages_headers(const struct policy *policy, struct snapshot_head *head);

/* Renders the pages of an audience and seals the snapshot; pages are stale after `stale_s` seconds.
 * The descriptor (the caller closes it), or a negative errno. */
int pages_seal(const struct report *report, const struct node *node, enum audience audience,
               unsigned stale_s);

#endif
