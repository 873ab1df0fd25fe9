/* The daemon's signals, one after the other in its loop (signalfd(2)): SIGTERM, SIGINT, SIGHUP,
 * SIGCHLD. SIGPIPE is ignored. */
#ifndef HOLDFAST_DAEMON_SIGNALS_H
#define HOLDFAST_DAEMON_SIGNALS_H

#include "base/loop.h"

struct signals {
    int fd; /* -1: none */
    void (*caught)(void *context, unsigned number);
    void *context;
    struct loop_source source;
};

/* Blocks the signals and calls `caught` for each that comes. 0 or a negative errno. */
int signals_open(struct signals *signals, struct loop *loop,
                 void (*caught)(void *context, unsigned number), void *context);
void signals_close(struct signals *signals);

#endif
