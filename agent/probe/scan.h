/*
 * The scan: many short connections to one listener, each a hello and what it is answered by, some
 * at once, in one thread by poll(2). What to ask next follows from what was heard: that is the
 * asker's part (probe/enumeration.h).
 *
 * A listener may have a budget of handshakes and close connections above it without a word
 * (Holdfast's own endpoint does). A close without a word is therefore asked again, alone and after
 * a pause; when it is answered then, the rest of the scan keeps to that pace. One with a queue so
 * short that it leaves connections outside is asked one question at a time.
 */
#ifndef HOLDFAST_PROBE_SCAN_H
#define HOLDFAST_PROBE_SCAN_H

#include "probe/connect.h"
#include "probe/hello.h"
#include "probe/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scan_response {
    SCAN_HELLO,   /* the reader's reply holds the server's hello */
    SCAN_ALERT,   /* it refused */
    SCAN_CLOSED,  /* it closed the connection without a word, and did so again */
    SCAN_SILENCE, /* nothing, or not all, until the deadline */
    SCAN_GARBAGE, /* no TLS */
    SCAN_NOTHING, /* no connection: `error` of the scan says why */
    SCAN_COUNT
};

/* One line of questions, each of which waits for the answer to the one before. */
struct scan_prober {
    /* Writes the next hello: its size, or 0 when there is nothing (more) to ask. */
    int (*ask)(struct scan_prober *scan_prober, unsigned char to[HELLO_SIZE_MAX]);
    void (*on_response)(struct scan_prober *scan_prober, enum scan_response scan_response,
                        const struct reply_reader *reader);
};

struct scan_limits {
    uint64_t deadline_ms; /* of clock_boot_ms(), for all */
    uint32_t answer_ms;   /* for one answer, the connection included */
    unsigned parallel;    /* connections at once, at least 1 */
};

struct scan_count {
    uint32_t connections;
    uint32_t scan_response[SCAN_COUNT];
    bool begun;      /* an answer came in part, and not to its end in time */
    int error;       /* the last of a connection that was not made */
    bool unfinished; /* the deadline came first */
};

enum { SCAN_PROBERS_MAX = 12 };

/* Runs until no asker has a question left or the deadline. 0 or -ENOMEM. */
int scan_run(const struct target *target, const struct scan_limits *limits,
             struct scan_prober *const *scan_probers, size_t count, struct scan_count *counted);

#endif
