/*
 * The endpoint as the daemon sees it: its certificate, its listening socket, and the process that
 * answers for it. The daemon knows by these who serves, not by the port: it holds the socket
 * itself, so that no other program gets the port while the process is started again; it asks the
 * process for a sign of life; and it hands what it knows to the tls domain (probe/served.h). A
 * process that ended, was stopped or does not answer is replaced, after a delay that grows
 * (daemon/backoff.h).
 */
#ifndef HOLDFAST_DAEMON_ENDPOINT_H
#define HOLDFAST_DAEMON_ENDPOINT_H

#include "daemon/backoff.h"
#include "daemon/endpoint_place.h"
#include "daemon/own_certificate.h"
#include "endpoint/worker.h"
#include "node/node.h"
#include "probe/served.h"
#include "process/helper_log.h"

#include <stdbool.h>
#include <stdint.h>

struct endpoint {
    struct worker worker;
    struct helper_log log;
    bool running;
    int listener;                /* -1: none */
    struct endpoint_place place; /* of the listener */
    struct tls_offer offer;      /* what the process was started with */
    struct stations stations;    /* whom it serves */
    struct own_certificate certificate;
    struct backoff backoff;
    uint64_t started_ms;
    uint64_t start_due_ms; /* 0: it runs, or may not */
    uint64_t ask_due_ms;   /* for the next sign of life */
    uint32_t asked, heard; /* sequences of the last question and the last answer */
    unsigned unanswered;   /* questions in a row */
    struct served_record served;
    struct node *node;
    struct traffic_counts *counts;
    struct loop_notice changed;
    struct loop_source source;
};

/* Nothing is open. */
void endpoint_init(struct endpoint *endpoint);

/* Reads the certificate, or makes it; neither where a self-test failed (node/fips_evidence.h). 0 or
 * a negative code, logged. */
int endpoint_open(struct endpoint *endpoint, struct node *node);

/* Does in the turns of this loop what is due or comes from the process, whose counts go to
 * `counts`, and calls `changed` where the endpoint is in another state. 0 or a negative errno. */
int endpoint_register(struct endpoint *endpoint, struct loop *loop, struct node *node,
                      struct traffic_counts *counts, struct loop_notice changed);

/* For a report: whether FIPS mode would let the endpoint start, with the key that the state holds.
 */
void endpoint_evaluate(struct node *node);

/* Starts the process on the address and port of the settings; or leaves it down where FIPS mode
 * forbids it: a self-test failed, or the key is not approved. A failure is logged, recorded, and
 * retried. */
void endpoint_start(struct endpoint *endpoint, struct node *node);

/* Holds the endpoint against the settings and the clock: makes the certificate anew where that is
 * due, sends the process a changed health.stations, and replaces it where it listens elsewhere or
 * offers something else than is set, which ends its connections. True where the process was
 * replaced. */
bool endpoint_hold(struct endpoint *endpoint, struct node *node);

/* What is due: a start, a question. True where it is another state than before. */
bool endpoint_do_due(struct endpoint *endpoint, struct node *node);
uint64_t endpoint_due_ms(const struct endpoint *endpoint); /* 0: nothing */

/* When the channel is readable: takes the last counts, and notices the process's end. True where it
 * is another state than before. */
bool endpoint_read(struct endpoint *endpoint, struct node *node, struct traffic_counts *counts);

/* When a child has changed its state (SIGCHLD): notices that the process was stopped. */
bool endpoint_look_at_child(struct endpoint *endpoint, struct node *node);

/* Writes what is known of it for the tls domain; `failures` are the prober's, in a row, and why. */
void endpoint_report(struct endpoint *endpoint, const struct node *node, unsigned failures,
                     const char *reason);

/* Ends the process, closes the port and takes the record away. */
void endpoint_close(struct endpoint *endpoint, const struct node *node);

#endif
