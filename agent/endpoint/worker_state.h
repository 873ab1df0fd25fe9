/*
 * The state of the endpoint's loop, and the two parts of a turn that have files of their own.
 * Private to worker_loop.c, worker_channel.c and worker_admission.c.
 */
#ifndef HOLDFAST_ENDPOINT_WORKER_STATE_H
#define HOLDFAST_ENDPOINT_WORKER_STATE_H

#include "endpoint/connection.h"
#include "endpoint/worker_start.h"
#include "report/traffic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WORKER_RECORD_INTERVAL_MS = 1000,
    WORKER_SLOTS = 2 * WORKER_CONNECTIONS_MAX /* those with a place, and those just closed */
};

struct worker_loop {
    int epoll, listener, channel;
    struct connection_shared shared;
    struct limiter *limiter; /* owned */
    struct traffic_counts counts, recorded;
    uint32_t heard, answered;              /* sequences of the daemon's messages */
    uint64_t recorded_ms, accept_again_ms; /* the latter 0: accepting */
    uint64_t rotate_ms;                    /* when the keys of session tickets change next */
    bool http_busy, accepting, ended;
    size_t count;
    struct connection *connections[WORKER_SLOTS];
};

/* Registers what is waited for at a descriptor (epoll_ctl(2)); `who` comes back with the event. 0
 * or a negative errno. */
int worker_loop_watch(struct worker_loop *loop, int operation, int fd, unsigned events, void *who);

/* --- the daemon's channel --- */

/* Takes one message, which may be a snapshot or a list of stations. */
void worker_channel_read(struct worker_loop *loop);

/* Whether there are counts that the daemon does not know yet. */
bool worker_channel_has_counts(const struct worker_loop *loop);

/* Sends a record where one is due: an answer, or new counts. */
void worker_channel_send(struct worker_loop *loop, uint64_t now_ms);

/* --- new clients --- */

/* Accepts clients, as many as one turn may. */
void worker_admission_accept(struct worker_loop *loop, uint64_t now_ms);

/* Begins the handshakes of those that wait, as far as their sources' budgets allow. */
void worker_admission_start(struct worker_loop *loop, uint64_t now_ms);

/* Accepts again where a lack of memory or descriptors had made a pause. */
void worker_admission_resume(struct worker_loop *loop, uint64_t now_ms);

#endif
