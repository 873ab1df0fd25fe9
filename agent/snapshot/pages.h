/* The pages of one generation: every report that the endpoint offers, as one table. */
#ifndef HOLDFAST_SNAPSHOT_PAGES_H
#define HOLDFAST_SNAPSHOT_PAGES_H

#include "policy/policy.h"
#include "report/report.h"
#include "snapshot/snapshot.h"

/* The headers that every answer carries by the settings: HSTS (RFC 6797) with or without preload,
 * and Referrer-Policy; "Name: value\n" lines as in a snapshot's head. 0 or -EMSGSIZE. */
int pages_headers(const struct policy *policy, struct snapshot_head *head);

/* Renders every page and seals the snapshot; pages are stale after `stale_s` seconds. The
 * descriptor (the caller closes it), or a negative errno. */
int pages_seal(const struct report *report, const struct policy *policy, unsigned stale_s);

#endif
