/* Events as bytes. */
#include "serve/event_page.h"

#include "serve/wire.h"

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

int event_page_write(struct state *state, const void *request, size_t size, struct buf *out)
{
    struct event_request asked;
    if (size != sizeof(asked))
        return -EBADMSG;
    memcpy(&asked, request, sizeof(asked));
    if (asked.after > INT64_MAX)
        return -EBADMSG;
    int error = state_events_after(state, asked.after, asked.since_s, PAGE_EVENTS, add_event, out);
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

int event_page_read(const struct buf *page, uint64_t *last,
                    int (*each)(void *context, const struct event *event), void *context)
{
    struct cursor from = {(const unsigned char *)buf_text(page), page->length, false};
    int error = 0;
    while (error == 0 && from.left) {
        struct event event;
        error = read_event(&from, &event);
        if (error == 0 && event.sequence <= *last)
            error = -EBADMSG; /* it would be asked for without end */
        if (error)
            break;
        *last = event.sequence;
        error = each(context, &event);
    }
    return error;
}
