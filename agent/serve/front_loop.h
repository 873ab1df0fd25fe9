/*
 * The front's loop, in the unprivileged child: one epoll over the listening socket, the warden's
 * channel and the clients. It sleeps until something happens, the earliest time limit of a client
 * falls due, or the keys of session tickets are to change.
 */
#ifndef HOLDFAST_SERVE_FRONT_LOOP_H
#define HOLDFAST_SERVE_FRONT_LOOP_H

#include "serve/front.h"
#include "serve/tls.h"

struct front_loop;

/* Prepares everything that needs memory or descriptors; `listener`, `channel` and `tls` stay the
 * caller's. 0 or a negative errno. */
int front_loop_open(struct front_loop **loop, const struct front_limits *limits,
                    const struct stations *stations, int listener, int channel,
                    struct tls_server *tls);

/* Serves until the channel closes: 0, or a negative errno. */
int front_loop_run(struct front_loop *loop);
void front_loop_close(struct front_loop *loop);

/* What the two processes say to each other over the channel: a snapshot's descriptor goes down
 * with a message of the first kind, whom to serve from now on with one of the second, and a struct
 * front_record comes up. */
enum { FRONT_MAGIC = 0x48464652 };

struct front_message {
    uint32_t magic;
    uint32_t size;
};

struct front_stations_message {
    struct front_message head;
    struct stations stations;
};

#endif
