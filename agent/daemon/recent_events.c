/* Copies of a few events. */
#include "daemon/recent_events.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int copy(void *context, const struct event *event)
{
    struct recent *recent = context;
    if (recent->count == RECENT_EVENTS)
        return -E2BIG;
    struct report_event *last = &recent->list[recent->count++];
    last->sequence = event->sequence;
    last->time_s = event->time_s;
    last->kind = strdup(event->kind);
    last->text = strdup(event->text);
    return last->kind && last->text ? 0 : -ENOMEM;
}

int recent_read(struct recent *recent, struct state *state)
{
    int error = state ? state_events(state, INT64_MIN, RECENT_EVENTS, copy, recent) : 0;
    if (error)
        recent_free(recent);
    return error;
}

void recent_free(struct recent *recent)
{
    for (size_t i = 0; i < recent->count; i++) {
        free(recent->list[i].kind);
        free(recent->list[i].text);
    }
    recent->count = 0;
}
