/*
 * A page of the event log as the control socket carries it: where the log begins and ends, so that
 * a reader can see whether anything is missing from it, and some events behind a given one, oldest
 * first. A reader asks for one page after the other until one without any, so that neither side
 * holds the whole log in a message and the daemon is never busy with it for long.
 */
#ifndef HOLDFAST_CONTROL_EVENT_PAGE_H
#define HOLDFAST_CONTROL_EVENT_PAGE_H

#include "base/buf.h"
#include "state/state.h"

#include <stddef.h>
#include <stdint.h>

/* The payload of a request, in host byte order. */
struct event_request {
    uint64_t after;  /* sequence: events behind it */
    int64_t since_s; /* events from this time on */
};

/* Appends the page that `request`, of `size` bytes, asks for. 0, -EBADMSG where it is no request or
 * the log is damaged, or another errno. */
int event_page_write(struct state *state, const void *request, size_t size, struct buf *out);

/* Calls `each` for the events of a page, with `bounds` filled before; `*last` becomes the sequence
 * of the last one, or stays as it is where the page has none. 0, -EBADMSG, or what `each`
 * returned. */
int event_page_read(const struct buf *page, struct event_bounds *bounds, uint64_t *last,
                    int (*each)(void *context, const struct event *event), void *context);

#endif
