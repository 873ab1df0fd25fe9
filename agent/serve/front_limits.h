/*
 * Who may connect: so many connections altogether, so many an address, and a budget of new
 * handshakes an address a second (a token bucket of one second). A fixed table, no allocation.
 */
#ifndef HOLDFAST_SERVE_FRONT_LIMITS_H
#define HOLDFAST_SERVE_FRONT_LIMITS_H

#include "serve/front.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* More than FRONT_CONNECTIONS_MAX, so that an entry without connections can always give way. */
enum { GATE_ENTRIES = 2 * FRONT_CONNECTIONS_MAX };

struct gate_entry {
    struct in6_addr address; /* IPv4 as ::ffff:a.b.c.d */
    unsigned connections;
    uint64_t seen_ms; /* 0: the entry is free */
    uint64_t budget;  /* of handshakes, in thousandths, as of seen_ms */
    bool behaves;     /* its last handshake was finished: it goes before strangers in a crowd */
};

struct gate {
    struct front_limits limits;
    unsigned connections;
    struct gate_entry entries[GATE_ENTRIES];
};

enum gate_answer { GATE_OPEN, GATE_FULL, GATE_ADDRESS_FULL, GATE_TOO_FAST };

/* Asks for one more connection. GATE_FULL is the last of the reasons: but for the others' number,
 * the address could enter, and *entry is its own. When the answer is GATE_OPEN it is counted, and
 * *entry must be given to gate_leave() when it ends. */
enum gate_answer gate_enter(struct gate *gate, const struct sockaddr_storage *address,
                            uint64_t now_ms, struct gate_entry **entry);
void gate_leave(struct gate *gate, struct gate_entry *entry);

#endif
