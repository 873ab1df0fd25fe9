/* What the endpoint counts: the one report of its own, and all that the daemon learns from it. */
#ifndef HOLDFAST_REPORT_TRAFFIC_H
#define HOLDFAST_REPORT_TRAFFIC_H

#include <stdint.h>

/* Since the endpoint's start; zero outside the daemon. */
struct traffic_counts {
    uint64_t connections;         /* accepted, the refused ones not among them */
    uint64_t handshakes;          /* completed */
    uint64_t handshake_failures;  /* by the client's fault: not TLS, no common suite, an alert */
    uint64_t renegotiations;      /* clients dropped because they began another handshake */
    uint64_t requests;            /* whole heads */
    uint64_t refused_connections; /* beyond the limit of all connections */
    uint64_t refused_address;     /* beyond the limit of one source */
    uint64_t refused_rate;    /* closed while they waited for their source's budget of handshakes */
    uint64_t refused_unknown; /* from outside health.stations, or no longer in them */
    uint64_t delayed;         /* waited for that budget */
    uint64_t gave_way;        /* closed for a new connection at the limit */
    uint64_t timed_out;       /* handshake, head, idle or answer */
    uint64_t refused_requests; /* answered with 4xx */
};

#endif
