/* The table of addresses. */
#include "serve/front_limits.h"

#include <string.h>

enum { WHOLE = 1000 /* one handshake */ };

static void read_address(const struct sockaddr_storage *from, struct in6_addr *to)
{
    memset(to, 0, sizeof(*to));
    if (from->ss_family == AF_INET6) {
        *to = ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    } else if (from->ss_family == AF_INET) {
        to->s6_addr[10] = to->s6_addr[11] = 0xff;
        memcpy(&to->s6_addr[12], &((const struct sockaddr_in *)(const void *)from)->sin_addr,
               sizeof(struct in_addr));
    }
}

/* Strangers are forgotten before those who behave, and each the longer ago it was seen. */
static bool is_forgotten_before(const struct gate_entry *a, const struct gate_entry *b)
{
    if (a->behaves != b->behaves)
        return b->behaves;
    return a->seen_ms < b->seen_ms;
}

/* The address's own entry, else a free one, else one that has no connection. There are more entries
 * than connections, so that there always is one. */
static struct gate_entry *find_entry(struct gate *gate, const struct in6_addr *address)
{
    struct gate_entry *oldest = NULL;
    for (size_t i = 0; i < GATE_ENTRIES; i++) {
        struct gate_entry *entry = &gate->entries[i];
        if (entry->seen_ms && memcmp(&entry->address, address, sizeof(*address)) == 0)
            return entry;
        if (entry->connections == 0 && (!oldest || is_forgotten_before(entry, oldest)))
            oldest = entry;
    }
    *oldest = (struct gate_entry){.address = *address};
    return oldest;
}

static void refill(struct gate_entry *entry, unsigned rate_s, uint64_t now_ms)
{
    uint64_t most = (uint64_t)rate_s * WHOLE;
    uint64_t passed_ms = now_ms - entry->seen_ms;
    /* A rate a second is as many thousandths a millisecond. */
    if (entry->seen_ms == 0 || passed_ms >= 1000 || entry->budget + passed_ms * rate_s > most)
        entry->budget = most;
    else
        entry->budget += passed_ms * rate_s;
    entry->seen_ms = now_ms ? now_ms : 1;
}

enum gate_answer gate_enter(struct gate *gate, const struct sockaddr_storage *address,
                            uint64_t now_ms, struct gate_entry **entry)
{
    struct in6_addr key;
    read_address(address, &key);
    *entry = find_entry(gate, &key);
    refill(*entry, gate->limits.handshakes_per_address_s, now_ms);
    if ((*entry)->connections >= gate->limits.connections_per_address)
        return GATE_ADDRESS_FULL;
    if ((*entry)->budget < WHOLE)
        return GATE_TOO_FAST;
    if (gate->connections >= gate->limits.connections || gate->connections >= FRONT_CONNECTIONS_MAX)
        return GATE_FULL;
    (*entry)->budget -= WHOLE;
    (*entry)->connections++;
    gate->connections++;
    return GATE_OPEN;
}

void gate_leave(struct gate *gate, struct gate_entry *entry)
{
    entry->connections--;
    gate->connections--;
}
