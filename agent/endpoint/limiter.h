/*
 * Places for connections, and handshakes, by source. There are so many places altogether; each
 * share of them (stations.h) has some that no other share can use up, at least one, and a
 * source may have so many open. Where there are more shares than places and each place is the only
 * one of its share, an idle one gives way to a share that has none. A handshake begins when the
 * source's budget of them allows (a token bucket of one second), and waits until then. Where all
 * places are taken, this says whose is given to a newcomer. A fixed table, no allocation.
 */
#ifndef HOLDFAST_ENDPOINT_LIMITER_H
#define HOLDFAST_ENDPOINT_LIMITER_H

#include "endpoint/stations.h"
#include "endpoint/worker.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* More than FRONT_CONNECTIONS_MAX, so that an entry without connections can always give way. */
enum { GATE_ENTRIES = 2 * FRONT_CONNECTIONS_MAX };

/* A source: what is counted as one. */
struct gate_entry {
    struct in6_addr address; /* the part that is counted by */
    int share;
    unsigned places;  /* of its connections */
    unsigned started; /* of these, in their handshake or beyond it */
    unsigned open;    /* of these, beyond it */
    uint64_t seen_ms; /* 0: the entry is free */
    uint64_t budget;  /* of handshakes, in thousandths, as of seen_ms */
    bool behaves;     /* it has asked something: it goes before strangers in a crowd */
};

struct gate_share {
    unsigned places;   /* of its connections */
    unsigned reserved; /* at least one, but for the probe's of a very small gate */
};

struct gate {
    struct front_limits limits;
    struct stations stations;
    unsigned connections; /* places taken */
    unsigned waiting;     /* of these, before their handshake */
    uint64_t arrivals;
    unsigned beyond; /* of these, what the shares hold beyond their reserves */
    struct gate_share shares[SHARES_MAX];
    struct gate_entry entries[GATE_ENTRIES];
};

enum gate_stage { STAGE_WAITING, STAGE_STARTED, STAGE_OPEN };

/* A connection's place. */
struct gate_place {
    struct gate_entry *entry;
    enum gate_stage stage;
    bool at_work;         /* an answer is under way */
    uint64_t progress_ms; /* when it last did what it is here for: came, shook hands, asked */
    uint64_t arrival;     /* its number among all */
};

enum gate_answer { GATE_OPEN, GATE_STRANGER, GATE_SOURCE_FULL, GATE_FULL };

void gate_init(struct gate *gate, const struct front_limits *limits,
               const struct stations *stations);

/* Asks for a place, in STAGE_WAITING. GATE_FULL is the last of the reasons: but for the others'
 * number the peer could enter, and place->entry is its own. When the answer is GATE_OPEN the place
 * must be given to gate_leave(). */
enum gate_answer gate_enter(struct gate *gate, const struct peer *peer, uint64_t now_ms,
                            struct gate_place *place);

/* The place goes to another gate, as it is, for the same limits and another list of stations: false
 * where its peer is none of them. */
bool gate_move(struct gate *to, const struct peer *peer, struct gate_place *place);

/* Begins its handshake if the source may; else gate_ready_ms() tells when the budget will allow
 * one, or UINT64_MAX where another of its connections must end first. */
bool gate_start(struct gate *gate, struct gate_place *place, uint64_t now_ms);
uint64_t gate_ready_ms(const struct gate *gate, const struct gate_place *place);

/* Its handshake is finished. */
void gate_finish(struct gate_place *place, uint64_t now_ms);

void gate_leave(struct gate *gate, const struct gate_place *place);

/* Where all is full: whether this place may be taken for a newcomer of that source; and of two such
 * whose goes first. Those of shares within their reserve never go, but for one of the same share,
 * or where all are within theirs and the newcomer's has none. The fullest source gives way,
 * strangers before those who behave, and there the longest idle. */
bool gate_may_take(const struct gate *gate, const struct gate_place *place,
                   const struct gate_entry *newcomer, uint64_t now_ms);
bool gate_takes_before(const struct gate_place *a, const struct gate_place *b,
                       const struct gate_entry *newcomer);

#endif
