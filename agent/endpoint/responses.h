/*
 * The responses of a snapshot: one prepared response a page, and those for refusals. All of them
 * carry the headers common to the snapshot.
 */
#ifndef HOLDFAST_ENDPOINT_RESPONSES_H
#define HOLDFAST_ENDPOINT_RESPONSES_H

#include "snapshot/snapshot.h"

#include <microhttpd.h>
#include <stdint.h>

struct responses;

struct responses_query {
    const char *path;
    const char *accept, *if_none_match; /* fields of the request, or "" */
    uint64_t now_ms;                    /* CLOCK_BOOTTIME */
};

struct answer {
    unsigned status;
    struct MHD_Response *response; /* stays the owner's */
};

/* Takes over a mapped snapshot; NULL: there is none yet, and every page answers 503. 0, or -ENOMEM
 * with the snapshot unmapped. */
int responses_open(struct responses **responses, struct snapshot *snapshot);

/* Lets go of them; answers that are still being written keep what they need. */
void responses_close(struct responses *responses);

/* The answer to a GET or HEAD of this path. */
struct answer responses_find(struct responses *responses, const struct responses_query *request);

/* The answer that refuses with this status, as struct request names it. */
struct MHD_Response *responses_refusal(struct responses *responses, unsigned status);

#endif
