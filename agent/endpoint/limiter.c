/* The table of sources. */
#include "endpoint/limiter.h"

#include <string.h>

enum {
    WHOLE = 1000,        /* one handshake */
    PROBE_PLACES = 6,    /* as many connections as the prober has at once */
    PROBE_PART = 8,      /* but no more of all places than one in so many */
    BEHAVING_PLACES = 2, /* of a source that behaves are not held against it */
    WORK_MS = 1000       /* for its answer, before a connection is slow */
};

/* --- entries --- */

/* Strangers are forgotten before those who behave, and each the longer ago it was seen. */
static bool is_forgotten_before(const struct gate_entry *a, const struct gate_entry *b)
{
    if (a->behaves != b->behaves)
        return b->behaves;
    return a->seen_ms < b->seen_ms;
}

/* The source's own entry, else a free one, else one that has no connection. There are more entries
 * than connections, so that there always is one. */
static struct gate_entry *find_entry(struct gate *gate, const struct in6_addr *address, int share)
{
    struct gate_entry *oldest = NULL;
    for (size_t i = 0; i < GATE_ENTRIES; i++) {
        struct gate_entry *entry = &gate->entries[i];
        if (entry->seen_ms && entry->share == share &&
            memcmp(&entry->address, address, sizeof(*address)) == 0)
            return entry;
        if (entry->places == 0 && (!oldest || is_forgotten_before(entry, oldest)))
            oldest = entry;
    }
    *oldest = (struct gate_entry){.address = *address, .share = share};
    return oldest;
}

/* None where it is noted later than now: a turn looks at the clock more than once. */
static uint64_t passed(uint64_t since_ms, uint64_t now_ms)
{
    return now_ms > since_ms ? now_ms - since_ms : 0;
}

static void refill(struct gate_entry *entry, unsigned rate_s, uint64_t now_ms)
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

void gate_init(struct gate *gate, const struct front_limits *limits,
               const struct stations *stations)
{
    memset(gate, 0, sizeof(*gate));
    gate->limits = *limits;
    gate->stations = *stations;
    unsigned probe = limits->connections / PROBE_PART;
    if (probe > PROBE_PLACES)
        probe = PROBE_PLACES;
    unsigned each = (limits->connections - probe) / (SHARE_STATIONS - SHARE_NODE + stations->count);
    if (each == 0)
        each = 1; /* more shares than places: together they have more than there is */
    for (size_t i = 0; i < SHARE_STATIONS + stations->count; i++)
        gate->shares[i].reserved = i == SHARE_PROBE ? probe : each;
}

static void take_place(struct gate *gate, struct gate_place *place)
{
    struct gate_entry *entry = place->entry;
    struct gate_share *share = &gate->shares[entry->share];
    gate->connections++;
    gate->beyond += share->places >= share->reserved;
    share->places++;
    entry->places++;
    gate->waiting += place->stage == STAGE_WAITING;
    entry->started += place->stage >= STAGE_STARTED;
    entry->open += place->stage == STAGE_OPEN;
}

enum gate_answer gate_enter(struct gate *gate, const struct peer *peer, uint64_t now_ms,
                            struct gate_place *place)
{
    struct in6_addr source;
    int share = stations_share(&gate->stations, peer, &source);
    *place = (struct gate_place){.stage = STAGE_WAITING, .progress_ms = now_ms};
    if (share == SHARE_NONE)
        return GATE_STRANGER;
    place->entry = find_entry(gate, &source, share);
    refill(place->entry, gate->limits.handshakes_per_address_s, now_ms);
    if (place->entry->open >= gate->limits.connections_per_address)
        return GATE_SOURCE_FULL;
    if (gate->connections >= gate->limits.connections || gate->connections >= FRONT_CONNECTIONS_MAX)
        return GATE_FULL;
    place->arrival = ++gate->arrivals;
    take_place(gate, place);
    return GATE_OPEN;
}

bool gate_move(struct gate *to, const struct peer *peer, struct gate_place *place)
{
    struct in6_addr source;
    const struct gate_entry *former = place->entry;
    int share = stations_share(&to->stations, peer, &source);
    if (share == SHARE_NONE)
        return false;
    place->entry = find_entry(to, &source, share);
    place->entry->seen_ms = former->seen_ms;
    place->entry->budget = former->budget;
    place->entry->behaves |= former->behaves;
    take_place(to, place);
    return true;
}

bool gate_start(struct gate *gate, struct gate_place *place, uint64_t now_ms)
{
    struct gate_entry *entry = place->entry;
    refill(entry, gate->limits.handshakes_per_address_s, now_ms);
    if (entry->budget < WHOLE || entry->started >= gate->limits.connections_per_address)
        return false;
    entry->budget -= WHOLE;
    entry->started++;
    gate->waiting--;
    place->stage = STAGE_STARTED;
    place->progress_ms = now_ms;
    return true;
}

uint64_t gate_ready_ms(const struct gate *gate, const struct gate_place *place)
{
    const struct gate_entry *entry = place->entry;
    uint64_t rate_s = gate->limits.handshakes_per_address_s;
    if (rate_s == 0 || entry->started >= gate->limits.connections_per_address)
        return UINT64_MAX;
    if (entry->budget >= WHOLE)
        return entry->seen_ms;
    return entry->seen_ms + (WHOLE - entry->budget + rate_s - 1) / rate_s;
}

void gate_finish(struct gate_place *place, uint64_t now_ms)
{
    place->stage = STAGE_OPEN;
    place->progress_ms = now_ms;
    place->entry->open++;
}

void gate_leave(struct gate *gate, const struct gate_place *place)
{
    struct gate_entry *entry = place->entry;
    struct gate_share *share = &gate->shares[entry->share];
    gate->connections--;
    share->places--;
    gate->beyond -= share->places >= share->reserved;
    entry->places--;
    gate->waiting -= place->stage == STAGE_WAITING;
    entry->started -= place->stage >= STAGE_STARTED;
    entry->open -= place->stage == STAGE_OPEN;
}

/* --- who gives way --- */

/* With the newcomer counted to its own source. */
static unsigned fullness(const struct gate_entry *entry, const struct gate_entry *newcomer)
{
    unsigned places = entry->places + (entry == newcomer);
    unsigned free_of_blame = entry->behaves ? BEHAVING_PLACES : 0;
    return places > free_of_blame ? places - free_of_blame : 0;
}

bool gate_may_take(const struct gate *gate, const struct gate_place *place,
                   const struct gate_entry *newcomer, uint64_t now_ms)
{
    const struct gate_entry *entry = place->entry;
    const struct gate_share *share = &gate->shares[entry->share];
    const struct gate_share *own = &gate->shares[newcomer->share];
    bool is_over = share->places > share->reserved;
    bool works = place->at_work && passed(place->progress_ms, now_ms) < WORK_MS;
    if (own->places < own->reserved)
        return gate->beyond ? is_over : !works;
    return (is_over || entry->share == newcomer->share) &&
           !(works && entry->places <= BEHAVING_PLACES);
}

bool gate_takes_before(const struct gate_place *a, const struct gate_place *b,
                       const struct gate_entry *newcomer)
{
    unsigned a_fullness = fullness(a->entry, newcomer), b_fullness = fullness(b->entry, newcomer);
    if (a_fullness != b_fullness)
        return a_fullness > b_fullness;
    if (a->entry->behaves != b->entry->behaves)
        return b->entry->behaves;
    if (a->progress_ms != b->progress_ms)
        return a->progress_ms < b->progress_ms;
    return a->arrival < b->arrival;
}
