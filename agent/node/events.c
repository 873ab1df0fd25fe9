/* Events of the node, with their repetitions left out (node/repeats.h). */
#include "node/load.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

static void record_event(struct node *node, const char *kind, const char *text,
                         const struct repeat_verdict *verdict)
{
    struct buf whole = {0};
    buf_puts(&whole, text);
    if (verdict->count > 1)
        buf_printf(&whole, " (repeated %llu times)", (unsigned long long)verdict->count);
    if (verdict->dropped)
        buf_printf(&whole, " (%llu other events of this kind were not recorded)",
                   (unsigned long long)verdict->dropped);
    (void)state_event(node->state, kind, "%s", buf_text(&whole));
    buf_free(&whole);
}

static int seed(void *context, const struct event *event)
{
    repeats_seed(context, event->kind, clock_boot_ms());
    return 0;
}

/* As many of the newest events, and as old, as a budget can tell of. */
static void seed_repeats(struct node *node)
{
    enum { WINDOW_S = EVENTS_BURST * (EVENTS_REFILL_MS / 1000), LIMIT = 4 * EVENTS_BURST };
    if (node->repeats.seeded || !node->state)
        return;
    node->repeats.seeded = true;
    (void)state_events(node->state, clock_now_s() - WINDOW_S, LIMIT, seed, &node->repeats);
}

bool node_event(struct node *node, const char *kind, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    seed_repeats(node);
    const struct repeat_verdict verdict =
        repeats_note(&node->repeats, kind, buf_text(&text), clock_boot_ms());
    if (verdict.count && node->writable)
        record_event(node, kind, buf_text(&text), &verdict);
    buf_free(&text);
    return verdict.count > 0;
}

void node_events_record_quiet(struct node *node, uint64_t now_ms)
{
    const struct repeat *repeat;
    while (node->writable && (repeat = repeats_take_quiet(&node->repeats, now_ms)))
        record_event(node, repeat->kind, repeat->text,
                     &(struct repeat_verdict){.count = repeat->count});
}

void node_events_settle(struct node *node)
{
    node_events_record_quiet(node, clock_boot_ms());
}
