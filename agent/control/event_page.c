/* Events as bytes. */
#include "control/event_page.h"

#include "base/str.h"
#include "base/wire.h"

#include <errno.h>
#include <string.h>

enum {
    PAGE_EVENTS = 256,
    PAGE_BYTES = 128 * 1024 /* a page that has grown so long takes no further event */
};

static int add_event(void *context, const struct event *event)
{
    struct buf *page = context;
    if (page->length >= PAGE_BYTES)
        return -E2BIG;
    wire_put_number(page, event->sequence);
    wire_put_number(page, (uint64_t)event->time_s);
    wire_put_text(page, event->kind);
    wire_put_text(page, event->text);
    wire_put_text(page, event->previous);
    wire_put_text(page, event->hash);
    return buf_error(page);
}

static int add_bounds(struct state *state, struct buf *page)
{
    struct event_bounds bounds;
    int error = state_event_bounds(state, &bounds);
    if (error)
        return error;
    wire_put_number(page, bounds.removed);
    wire_put_text(page, bounds.removed_hash);
    wire_put_number(page, bounds.newest);
    wire_put_text(page, bounds.newest_hash);
    return buf_error(page);
}

int event_page_write(struct state *state, const void *request, size_t size, struct buf *out)
{
    struct event_request asked;
    if (size != sizeof(asked))
        return -EBADMSG;
    memcpy(&asked, request, sizeof(asked));
    if (asked.after > INT64_MAX)
        return -EBADMSG;
    int error = add_bounds(state, out);
    if (error == 0)
        error = state_events_after(state, asked.after, asked.since_s, PAGE_EVENTS, add_event, out);
    return error == -E2BIG ? buf_error(out) : error;
}

static int read_event(struct cursor *from, struct event *event)
{
    event->sequence = wire_take_number(from);
    event->time_s = (int64_t)wire_take_number(from);
    event->kind = wire_take_text(from);
    event->text = wire_take_text(from);
    event->previous = wire_take_text(from);
    event->hash = wire_take_text(from);
    bool whole = !from->bad && event->kind && event->text && event->previous && event->hash;
    return whole ? 0 : -EBADMSG;
}

static int read_bounds(struct cursor *from, struct event_bounds *bounds)
{
    bounds->removed = wire_take_number(from);
    const char *removed = wire_take_text(from);
    bounds->newest = wire_take_number(from);
    const char *newest = wire_take_text(from);
    bool whole = !from->bad && removed && newest &&
                 str_copy(bounds->removed_hash, sizeof(bounds->removed_hash), removed) == 0 &&
                 str_copy(bounds->newest_hash, sizeof(bounds->newest_hash), newest) == 0;
    return whole ? 0 : -EBADMSG;
}

int event_page_read(const struct buf *page, struct event_bounds *bounds, uint64_t *last,
                    int (*each)(void *context, const struct event *event), void *context)
{
    struct cursor from = {(const unsigned char *)buf_text(page), page->length, false};
    int error = read_bounds(&from, bounds);
    while (error == 0 && from.left) {
        struct event event;
        error = read_event(&from, &event);
        if (error == 0 && event.sequence <= *last)
            error = -EBADMSG; /* it would be requested without end */
        if (error)
            break;
        *last = event.sequence;
        error = each(context, &event);
    }
    return error;
}
