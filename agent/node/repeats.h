/*
 * Repeated events: events that the daemon, or a client that provokes it, causes again and again
 * must not push history out of the event log. An event with the kind and text of an earlier one is
 * recorded at its first, second, fourth, eighth ... occurrence, with the count; what was left out
 * is recorded when the event has been quiet for an hour, and at the daemon's end. Events of one
 * kind whose texts differ share a budget: EVENTS_BURST of them, and one more each EVENTS_REFILL_MS.
 *
 * Pure: no I/O and no clock; times are milliseconds of clock_boot_ms(). One process, one table: it
 * is forgotten with the process, but for the budgets (repeats_seed). Changes of settings do not
 * come here; each is a revision of its own (state_settings_store).
 */
#ifndef HOLDFAST_NODE_REPEATS_H
#define HOLDFAST_NODE_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REPEATS_MAX = 64, /* events remembered; beyond it the longest quiet one is forgotten */
    REPEATS_KINDS_MAX = 24,
    REPEATS_KIND_SIZE = 16, /* longer kinds and texts are compared by their beginning */
    REPEATS_TEXT_SIZE = 240,
    REPEATS_QUIET_MS = 3600000,
    EVENTS_BURST = 100,
    EVENTS_REFILL_MS = 600000
};

struct repeat {
    char kind[REPEATS_KIND_SIZE], text[REPEATS_TEXT_SIZE];
    uint64_t count, recorded; /* occurrences, and how many the log knows of; 0: a free place */
    uint64_t last_ms;
};

struct repeat_budget {
    char kind[REPEATS_KIND_SIZE];
    unsigned left;
    uint64_t dropped; /* since one was recorded */
    uint64_t refilled_ms;
};

/* Zeroed: nothing has happened yet. */
struct repeats {
    bool seeded; /* the caller's: whether what earlier processes recorded was counted */
    struct repeat list[REPEATS_MAX];
    struct repeat_budget budgets[REPEATS_KINDS_MAX];
};

/* Counts an event that an earlier process has recorded against the budget of its kind, so that a
 * process which is started again and again has no budget of its own each time. */
void repeats_seed(struct repeats *repeats, const char *kind, uint64_t now_ms);

/* What to record of one occurrence. */
struct repeat_verdict {
    uint64_t count;   /* 0: nothing; 1: the event; more: the event, and that it is the n-th */
    uint64_t dropped; /* other events of its kind that went over the budget since the last one */
};

struct repeat_verdict repeats_note(struct repeats *repeats, const char *kind, const char *text,
                                   uint64_t now_ms);

/* Takes out one event that has been quiet for REPEATS_QUIET_MS (or any, with now_ms UINT64_MAX)
 * whose count is more than the log knows. NULL when there is none; else valid until the next
 * call. */
const struct repeat *repeats_take_quiet(struct repeats *repeats, uint64_t now_ms);

#endif
