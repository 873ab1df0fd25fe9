/* The table of sources. */
#include "endpoint/limiter.h"

#include <string.h>

enum {
    WHOLE = 1000,        /* one handshake */
    PROBE_PLACES = 6,    /* as many connections as the prober has at once */
    PROBE_PART = 8,      /* but no more of all places than one in so many */
    BEHAVING_PLACES = 2, /* of a known source are not counted */
    WORK_MS = 1000       /* for its answer, before a connection is slow */
};

/* --- entries --- */

/* Unknown clients are forgotten before known ones, and the least recently seen first. */
static bool is_forgotten_before(const struct limiter_entry *a, const struct limiter_entry *b)
{
    if (a->is_known != b->is_known)
        return b->is_known;
    return a->seen_ms < b->seen_ms;
}

/* The source's own entry, else a free one, else one that has no connection. There are more entries
 * than connections, so that there always is one. */
static struct limiter_entry *find_entry(struct limiter *limiter, const struct in6_addr *address,
                                        int share)
{
    struct limiter_entry *oldest = NULL;
    for (size_t i = 0; i < LIMITER_ENTRIES; i++) {
        struct limiter_entry *entry = &limiter->entries[i];
        if (entry->seen_ms && entry->share == share &&
            memcmp(&entry->address, address, sizeof(*address)) == 0)
            return entry;
        if (entry->places == 0 && (!oldest || is_forgotten_before(entry, oldest)))
            oldest = entry;
    }
    *oldest = (struct limiter_entry){.address = *address, .share = share};
    return oldest;
}

/* None where it is noted later than now: a turn looks at the clock more than once. */
static uint64_t passed(uint64_t since_ms, uint64_t now_ms)
{
    return now_ms > since_ms ? now_ms - since_ms : 0;
}

static void refill(struct limiter_entry *entry, unsigned rate_s, uint64_t now_ms)
{
    uint64_t most = (uint64_t)rate_s * WHOLE;
    uint64_t passed_ms = passed(entry->seen_ms, now_ms);
    /* A rate a second is as many thousandths a millisecond. */
    if (entry->seen_ms == 0 || passed_ms >= 1000 || entry->budget + passed_ms * rate_s > most)
        entry->budget = most;
    else
        entry->budget += passed_ms * rate_s;
    if (entry->seen_ms < now_ms || entry->seen_ms == 0)
        entry->seen_ms = now_ms ? now_ms : 1;
}

/* --- places --- */

void limiter_init(struct limiter *limiter, const struct worker_limits *limits,
                  const struct stations *stations)
{
    memset(limiter, 0, sizeof(*limiter));
    limiter->limits = *limits;
    limiter->stations = *stations;
    unsigned probe = limits->connections / PROBE_PART;
    if (probe > PROBE_PLACES)
        probe = PROBE_PLACES;
    unsigned each = (limits->connections - probe) / (SHARE_STATIONS - SHARE_NODE + stations->count);
    if (each == 0)
        each = 1; /* more shares than places: together they have more than there is */
    for (size_t i = 0; i < SHARE_STATIONS + stations->count; i++)
        limiter->shares[i].reserved = i == SHARE_PROBE ? probe : each;
}

static void take_place(struct limiter *limiter, struct limiter_slot *place)
{
    struct limiter_entry *entry = place->entry;
    struct limiter_share *share = &limiter->shares[entry->share];
    limiter->connections++;
    limiter->beyond += share->places >= share->reserved;
    share->places++;
    entry->places++;
    limiter->waiting += place->stage == STAGE_WAITING;
    entry->started += place->stage >= STAGE_STARTED;
    entry->open += place->stage == STAGE_OPEN;
}

enum limiter_answer limiter_enter(struct limiter *limiter, const struct peer *peer, uint64_t now_ms,
                                  struct limiter_slot *place)
{
    struct in6_addr source;
    int share = stations_share(&limiter->stations, peer, &source);
    *place = (struct limiter_slot){.stage = STAGE_WAITING, .progress_ms = now_ms};
    if (share == SHARE_NONE)
        return LIMITER_UNKNOWN;
    place->entry = find_entry(limiter, &source, share);
    refill(place->entry, limiter->limits.handshakes_per_address_s, now_ms);
    if (place->entry->open >= limiter->limits.connections_per_address)
        return LIMITER_SOURCE_FULL;
    if (limiter->connections >= limiter->limits.connections ||
        limiter->connections >= WORKER_CONNECTIONS_MAX)
        return LIMITER_FULL;
    place->arrival = ++limiter->arrivals;
    take_place(limiter, place);
    return LIMITER_OPEN;
}

bool limiter_move(struct limiter *to, const struct peer *peer, struct limiter_slot *place)
{
    struct in6_addr source;
    const struct limiter_entry *former = place->entry;
    int share = stations_share(&to->stations, peer, &source);
    if (share == SHARE_NONE)
        return false;
    place->entry = find_entry(to, &source, share);
    place->entry->seen_ms = former->seen_ms;
    place->entry->budget = former->budget;
    place->entry->is_known |= former->is_known;
    take_place(to, place);
    return true;
}

bool limiter_start(struct limiter *limiter, struct limiter_slot *place, uint64_t now_ms)
{
    struct limiter_entry *entry = place->entry;
    refill(entry, limiter->limits.handshakes_per_address_s, now_ms);
    if (entry->budget < WHOLE || entry->started >= limiter->limits.connections_per_address)
        return false;
    entry->budget -= WHOLE;
    entry->started++;
    limiter->waiting--;
    place->stage = STAGE_STARTED;
    place->progress_ms = now_ms;
    return true;
}

uint64_t limiter_ready_ms(const struct limiter *limiter, const struct limiter_slot *place)
{
    const struct limiter_entry *entry = place->entry;
    uint64_t rate_s = limiter->limits.handshakes_per_address_s;
    if (rate_s == 0 || entry->started >= limiter->limits.connections_per_address)
        return UINT64_MAX;
    if (entry->budget >= WHOLE)
        return entry->seen_ms;
    return entry->seen_ms + (WHOLE - entry->budget + rate_s - 1) / rate_s;
}

void limiter_finish(struct limiter_slot *place, uint64_t now_ms)
{
    place->stage = STAGE_OPEN;
    place->progress_ms = now_ms;
    place->entry->open++;
}

void limiter_leave(struct limiter *limiter, const struct limiter_slot *place)
{
    struct limiter_entry *entry = place->entry;
    struct limiter_share *share = &limiter->shares[entry->share];
    limiter->connections--;
    share->places--;
    limiter->beyond -= share->places >= share->reserved;
    entry->places--;
    limiter->waiting -= place->stage == STAGE_WAITING;
    entry->started -= place->stage >= STAGE_STARTED;
    entry->open -= place->stage == STAGE_OPEN;
}

/* --- who gives way --- */

/* With the new connection counted to its own source. */
static unsigned fullness(const struct limiter_entry *entry, const struct limiter_entry *newcomer)
{
    unsigned places = entry->places + (entry == newcomer);
    unsigned free_of_blame = entry->is_known ? BEHAVING_PLACES : 0;
    return places > free_of_blame ? places - free_of_blame : 0;
}

bool limiter_may_take(const struct limiter *limiter, const struct limiter_slot *place,
                      const struct limiter_entry *newcomer, uint64_t now_ms)
{
    const struct limiter_entry *entry = place->entry;
    const struct limiter_share *share = &limiter->shares[entry->share];
    const struct limiter_share *own = &limiter->shares[newcomer->share];
    bool is_over = share->places > share->reserved;
    bool works = place->at_work && passed(place->progress_ms, now_ms) < WORK_MS;
    if (own->places < own->reserved)
        return limiter->beyond ? is_over : !works;
    return (is_over || entry->share == newcomer->share) &&
           !(works && entry->places <= BEHAVING_PLACES);
}

bool limiter_takes_before(const struct limiter_slot *a, const struct limiter_slot *b,
                          const struct limiter_entry *newcomer)
{
    unsigned a_fullness = fullness(a->entry, newcomer), b_fullness = fullness(b->entry, newcomer);
    if (a_fullness != b_fullness)
        return a_fullness > b_fullness;
    if (a->entry->is_known != b->entry->is_known)
        return b->entry->is_known;
    if (a->progress_ms != b->progress_ms)
        return a->progress_ms < b->progress_ms;
    return a->arrival < b->arrival;
}
