/* Copies of a few events. */
#include "serve/recent.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int copy(void *context, const struct event *event)
{
    struct recent *recent = context;
    char *kind = strdup(event->kind), *text = strdup(event->text);
    if (!kind || !text || recent->count == RECENT_EVENTS) {
        free(kind);
        free(text);
        return -ENOMEM;
    }
    recent->list[recent->count++] =
        (struct report_event){event->sequence, event->time_s, kind, text};
    return 0;
}

int recent_read(struct recent *recent, struct state *state)
{
    return state ? state_events(state, INT64_MIN, RECENT_EVENTS, copy, recent) : 0;
}

void recent_free(struct recent *recent)
{
    for (size_t i = 0; i < recent->count; i++) {
        free(recent->list[i].kind);
        free(recent->list[i].text);
    }
    recent->count = 0;
}
