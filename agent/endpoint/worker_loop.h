/*
 * The endpoint's loop, in the unprivileged child: one epoll over the listening socket, the daemon's
 * channel and the clients. It sleeps until something happens, the earliest time limit of a client
 * falls due, or the keys of session tickets are to change.
 */
#ifndef HOLDFAST_ENDPOINT_WORKER_LOOP_H
#define HOLDFAST_ENDPOINT_WORKER_LOOP_H

#include "endpoint/worker.h"
#include "tls/tls.h"

struct worker_loop;

/* Prepares everything that needs memory or descriptors; `listener`, `channel` and `tls` stay the
 * caller's. 0 or a negative errno. */
int worker_loop_open(struct worker_loop **loop, const struct worker_limits *limits,
                     const struct stations *stations, int listener, int channel,
                     struct tls_server *tls);

/* Serves until the channel closes: 0, or a negative errno. */
int worker_loop_run(struct worker_loop *loop);
void worker_loop_close(struct worker_loop *loop);

/* What the two processes say to each other over the channel: messages of the first kind go down,
 * with a snapshot's descriptor or without, of the second with whom to serve from now on, each with
 * a sequence; a struct worker_record comes up at once, as a sign of life, and when counts have
 * changed.
 */
enum { WORKER_MAGIC = 0x48464653 };

struct worker_message {
    uint32_t magic;
    uint32_t size;
    uint32_t sequence;
};

struct worker_stations_message {
    struct worker_message head;
    struct stations stations;
};

#endif
