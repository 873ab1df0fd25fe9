/*
 * One client of the endpoint, from accept to close: handshake, decrypted requests into HTTP,
 * answers out, and a time limit for each of these. It never waits: every function does what can be
 * done at once and says through connection_events() what it waits for.
 *
 * An idle client hibernates after a moment: its HTTP connection and buffers are freed, and only the
 * TLS state remains. Its next request restores the rest.
 */
#ifndef HOLDFAST_ENDPOINT_CONNECTION_H
#define HOLDFAST_ENDPOINT_CONNECTION_H

#include "endpoint/client_wire.h"
#include "endpoint/http.h"
#include "endpoint/limiter.h"
#include "tls/tls.h"

#include <stdbool.h>
#include <stdint.h>

/* What all connections share: nothing in it holds a client's bytes. */
struct connection_shared {
    struct http *http;
    struct tls_server *tls;
    struct traffic_counts *counts;
    struct limiter *limiter; /* and the limits */
};

enum connection_phase {
    PHASE_WAITING, /* for its source's budget of handshakes: nothing is read yet */
    PHASE_HANDSHAKE,
    PHASE_OPEN,
    PHASE_LINGER, /* all is sent; the client's own end is awaited, for a moment */
    PHASE_DEAD    /* closed; HTTP may not have noticed yet */
};

struct connection {
    enum connection_phase phase;
    struct connection_shared *shared;
    struct limiter_slot place;
    struct peer peer;
    struct tls *tls;
    struct http_client http;
    struct client_wire wire;
    uint64_t born_ms;
    uint64_t deadline_ms; /* of what it does now */
    uint64_t rest_ms;     /* when it shall rest; 0: not now */
    bool active;          /* the loop's: it has a turn */
    bool in_head;         /* a request has begun: its time runs */
    bool input_ended;     /* the client sends nothing more */
    bool output_ended;    /* nor do we */
    bool drained;         /* HTTP had nothing more to say when it was last asked */
    bool undecrypted;     /* TLS holds bytes that no event will announce */
    bool more;            /* there is more to do at once */
    unsigned events;      /* the loop's: registered with epoll */
};

/* Takes over the accepted non-blocking socket and its place at the gate. NULL when there is no
 * memory; both are given up then. */
struct connection *connection_open(struct connection_shared *shared, int socket,
                                   const struct limiter_slot *place, const struct peer *peer,
                                   uint64_t now_ms);

/* Of one that waits: begins the handshake if the gate lets it, and says whether it waits no
 * more. */
bool connection_start(struct connection *connection, uint64_t now_ms);

/* Its place, as it is now. */
const struct limiter_slot *connection_slot(struct connection *connection);

/* First half of a turn: handshake, or decrypted bytes into HTTP. Then http_run(); then the other
 * half: what HTTP answered goes out. */
void connection_receive(struct connection *connection, uint64_t now_ms);
void connection_send(struct connection *connection, uint64_t now_ms);

/* When connection_check_time() shall be called again, in ms of CLOCK_BOOTTIME. */
uint64_t connection_due_ms(const struct connection *connection);

/* Closes it if its time is over, and counts that; lets it rest if it is time for that. */
void connection_check_time(struct connection *connection, uint64_t now_ms);

/* Closes it at once, without a word. */
void connection_drop(struct connection *connection);

/* Closes it for a reason of the endpoint: after the handshake the client is sent close_notify (RFC
 * 8446, 6.1), so that it does not mistake the end for an attack. */
void connection_part(struct connection *connection);

/* What epoll shall wait for: 0, EPOLLIN or EPOLLOUT. */
unsigned connection_events(const struct connection *connection);

/* It wants another turn without any event. */
bool connection_is_busy(const struct connection *connection);

/* Dead, and let go by HTTP: connection_free() may follow. */
bool connection_is_over(const struct connection *connection);
void connection_free(struct connection *connection);

#endif
