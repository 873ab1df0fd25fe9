/* The table of events that were seen, and the budget of each kind. */
#include "node/repeats.h"

#include "base/str.h"

#include <stdbool.h>
#include <string.h>

/* What does not fit is cut: copies are compared with copies. */
static void cut(char *to, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    memcpy(to, text, length);
    to[length] = '\0';
}

/* Kinds beyond the table's size share its last place. */
static struct repeat_budget *find_budget(struct repeats *repeats, const char *kind, uint64_t now_ms)
{
    for (size_t i = 0; i < REPEATS_KINDS_MAX; i++) {
        struct repeat_budget *budget = &repeats->budgets[i];
        if (budget->kind[0] == '\0') {
            *budget = (struct repeat_budget){.left = EVENTS_BURST, .refilled_ms = now_ms};
            cut(budget->kind, sizeof(budget->kind), kind);
        }
        if (str_equal(budget->kind, kind))
            return budget;
    }
    return &repeats->budgets[REPEATS_KINDS_MAX - 1];
}

/* The place of an event: its own, a free one, or that of the one which is quiet longest, whose
 * occurrences that were not recorded then count as dropped. */
static struct repeat *find_place(struct repeats *repeats, const struct repeat *event,
                                 uint64_t now_ms)
{
    struct repeat *place = &repeats->list[0];
    for (size_t i = 0; i < REPEATS_MAX; i++) {
        struct repeat *each = &repeats->list[i];
        if (each->count && str_equal(each->kind, event->kind) && str_equal(each->text, event->text))
            return each;
        if (place->count && (each->count == 0 || each->last_ms < place->last_ms))
            place = each;
    }
    if (place->count > place->recorded)
        find_budget(repeats, place->kind, now_ms)->dropped += place->count - place->recorded;
    *place = *event;
    return place;
}

static bool spend(struct repeat_budget *budget, uint64_t now_ms)
{
    uint64_t more = (now_ms - budget->refilled_ms) / EVENTS_REFILL_MS;
    budget->refilled_ms += more * EVENTS_REFILL_MS;
    budget->left =
        more >= EVENTS_BURST - budget->left ? EVENTS_BURST : budget->left + (unsigned)more;
    if (budget->left == 0)
        return false;
    budget->left--;
    return true;
}

void repeats_seed(struct repeats *repeats, const char *kind, uint64_t now_ms)
{
    char cut_kind[REPEATS_KIND_SIZE];
    cut(cut_kind, sizeof(cut_kind), kind);
    (void)spend(find_budget(repeats, cut_kind, now_ms), now_ms);
}

static bool is_power_of_two(uint64_t count)
{
    return (count & (count - 1)) == 0;
}

struct repeat_verdict repeats_note(struct repeats *repeats, const char *kind, const char *text,
                                   uint64_t now_ms)
{
    struct repeat event = {.count = 0};
    struct repeat_verdict verdict = {.count = 0};
    cut(event.kind, sizeof(event.kind), kind);
    cut(event.text, sizeof(event.text), text);
    struct repeat *place = find_place(repeats, &event, now_ms);
    if (place->count == place->recorded && now_ms - place->last_ms >= REPEATS_QUIET_MS)
        place->count = place->recorded = 0; /* so long ago that it is a new one */
    place->last_ms = now_ms;
    place->count++;
    struct repeat_budget *budget = find_budget(repeats, event.kind, now_ms);
    if (!is_power_of_two(place->count) || !spend(budget, now_ms))
        return verdict;
    verdict.count = place->recorded = place->count;
    verdict.dropped = budget->dropped;
    budget->dropped = 0;
    return verdict;
}

const struct repeat *repeats_take_quiet(struct repeats *repeats, uint64_t now_ms)
{
    for (size_t i = 0; i < REPEATS_MAX; i++) {
        struct repeat *each = &repeats->list[i];
        if (each->count == each->recorded || now_ms - each->last_ms < REPEATS_QUIET_MS)
            continue;
        struct repeat_budget *budget = find_budget(repeats, each->kind, now_ms);
        bool recorded = spend(budget, now_ms);
        budget->dropped += recorded ? 0 : each->count - each->recorded;
        each->recorded = each->count;
        if (recorded)
            return each;
    }
    return NULL;
}
