/*
 * What the daemon and the endpoint's process say to each other over their channel, a
 * SOCK_SEQPACKET: a struct worker_message goes down, with a snapshot's descriptor or without, or a
 * struct worker_stations_message with whom to serve from now on, each with a sequence; a struct
 * worker_record comes up at once, as a sign of life, and when counts have changed.
 */
#ifndef HOLDFAST_ENDPOINT_WORKER_CHANNEL_H
#define HOLDFAST_ENDPOINT_WORKER_CHANNEL_H

#include "endpoint/stations.h"
#include "report/traffic.h"

#include <stdint.h>

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

/* One fixed-size record, never a byte of a client's. */
struct worker_record {
    uint32_t magic;
    uint32_t size;
    uint32_t heard; /* the sequence of the last message from the daemon */
    struct traffic_counts counts;
};

/* The process's descriptors, from HELPER_FD on (process/helper.h). */
enum { WORKER_LISTENER, WORKER_CHANNEL, WORKER_START, WORKER_DESCRIPTORS };

#endif
