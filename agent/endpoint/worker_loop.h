/*
 * The endpoint's loop, in the unprivileged child: one epoll over the listening socket, the daemon's
 * channel and the clients. It sleeps until something happens, the earliest time limit of a client
 * falls due, or the keys of session tickets are to change.
 */
#ifndef HOLDFAST_ENDPOINT_WORKER_LOOP_H
#define HOLDFAST_ENDPOINT_WORKER_LOOP_H

#include "endpoint/worker_start.h"
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

#endif
