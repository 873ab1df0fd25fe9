/* Copies of a few events. */
#include "daemon/recent_events.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int copy(void *context, const struct event *event)
{
    struct recent_events *recent_events = context;
    if (recent_events->count == RECENT_EVENTS_MAX)
        return -E2BIG;
    struct report_event *last = &recent_events->list[recent_events->count++];
    last->sequence = event->sequence;
    last->time_s = event->time_s;
    last->kind = strdup(event->kind);
    last->text = strdup(event->text);
    return last->kind && last->text ? 0 : -ENOMEM;
}

int recent_events_read(struct recent_events *recent_events, struct state *state)
{
    int error = state ? state_events(state, INT64_MIN, RECENT_EVENTS_MAX, copy, recent_events) : 0;
    if (error)
        recent_events_free(recent_events);
    return error;
}

void recent_events_free(struct recent_events *recent_events)
{
    for (size_t i = 0; i < recent_events->count; i++) {
        free(recent_events->list[i].kind);
        free(recent_events->list[i].text);
    }
    recent_events->count = 0;
}
