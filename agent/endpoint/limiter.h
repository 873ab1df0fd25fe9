/*
 * The limits of connections and handshakes by source. The number of places for connections is
 * fixed; each share (stations.h) has a reserve that no other share can use up, at least one place,
 * and each source has a limit. Where there are more shares than places, an idle connection that is
 * the only one of its share gives way to a share that has none. A handshake begins when the
 * source's budget allows (a token bucket of one second), and waits until then. At the limit this
 * decides which connection gives way to a new one. A fixed table, no allocation.
 */
#ifndef HOLDFAST_ENDPOINT_LIMITER_H
#define HOLDFAST_ENDPOINT_LIMITER_H

#include "endpoint/stations.h"
#include "endpoint/worker_start.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* More than WORKER_CONNECTIONS_MAX, so that an entry without connections can always give way. */
enum { LIMITER_ENTRIES = 2 * WORKER_CONNECTIONS_MAX };

/* A source: the addresses that are counted as one. */
struct limiter_entry {
    struct in6_addr address; /* the counted part */
    int share;
    unsigned places;  /* of its connections */
    unsigned started; /* of these, in their handshake or beyond it */
    unsigned open;    /* of these, beyond it */
    uint64_t seen_ms; /* 0: the entry is free */
    uint64_t budget;  /* of handshakes, in thousandths, as of seen_ms */
    bool is_known;    /* it has sent a request: it is preferred to unknown clients */
};

struct limiter_share {
    unsigned places;   /* of its connections */
    unsigned reserved; /* at least one, but for the probe's of a very small gate */
};

struct limiter {
    struct worker_limits limits;
    struct stations stations;
    unsigned connections; /* places taken */
    unsigned waiting;     /* of these, before their handshake */
    uint64_t arrivals;
    unsigned beyond; /* of these, what the shares hold beyond their reserves */
    struct limiter_share shares[SHARES_MAX];
    struct limiter_entry entries[LIMITER_ENTRIES];
};

enum limiter_stage { STAGE_WAITING, STAGE_STARTED, STAGE_OPEN };

/* A connection's place. */
struct limiter_slot {
    struct limiter_entry *entry;
    enum limiter_stage stage;
    bool at_work;         /* an answer is under way */
    uint64_t progress_ms; /* when it last did what it is here for: came, shook hands, asked */
    uint64_t arrival;     /* its number among all */
};

enum limiter_answer { LIMITER_OPEN, LIMITER_UNKNOWN, LIMITER_SOURCE_FULL, LIMITER_FULL };

void limiter_init(struct limiter *limiter, const struct worker_limits *limits,
                  const struct stations *stations);

/* Asks for a slot, in STAGE_WAITING. LIMITER_FULL is returned only where the peer passes every
 * other limit; place->entry is then its own. After LIMITER_OPEN the caller must pass the slot to
 * limiter_leave(). */
enum limiter_answer limiter_enter(struct limiter *limiter, const struct peer *peer, uint64_t now_ms,
                                  struct limiter_slot *place);

/* The place goes to another gate, as it is, for the same limits and another list of stations: false
 * where its peer is none of them. */
bool limiter_move(struct limiter *to, const struct peer *peer, struct limiter_slot *place);

/* Begins its handshake if the source may; else limiter_ready_ms() tells when the budget will allow
 * one, or UINT64_MAX where another of its connections must end first. */
bool limiter_start(struct limiter *limiter, struct limiter_slot *place, uint64_t now_ms);
uint64_t limiter_ready_ms(const struct limiter *limiter, const struct limiter_slot *place);

/* Its handshake is finished. */
void limiter_finish(struct limiter_slot *place, uint64_t now_ms);

void limiter_leave(struct limiter *limiter, const struct limiter_slot *place);

/* At the limit: whether this connection may give way to a new one of that source, and which of two
 * gives way first. A share within its reserve gives way only to the same share, or, where all
 * shares are within theirs, to one that has none. The fullest source gives way, unknown clients
 * before known ones, then the longest idle. */
bool limiter_may_take(const struct limiter *limiter, const struct limiter_slot *place,
                      const struct limiter_entry *newcomer, uint64_t now_ms);
bool limiter_takes_before(const struct limiter_slot *a, const struct limiter_slot *b,
                          const struct limiter_entry *newcomer);

#endif
