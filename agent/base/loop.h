/*
 * The event loop: one poll(2) over the descriptors and deadlines of all who registered. A source
 * says what it waits for each time that it is asked, so that there is no registration to keep in
 * step with its state; the loop asks all of them before it sleeps, and each again when its turn
 * comes. It allocates nothing.
 *
 * Sources have their turns in the order in which they were added, each at most once a turn. A
 * source may add and remove any, itself among them, while it runs.
 */
#ifndef HOLDFAST_BASE_LOOP_H
#define HOLDFAST_BASE_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOOP_SOURCES_MAX = 64 };

/* What a source waits for now. */
struct loop_wait {
    int fd;          /* -1: no descriptor */
    short events;    /* of poll(2) */
    uint64_t due_ms; /* of the loop's clock; 0: no deadline */
};

struct loop_source {
    /* Fills `wait`, which is {-1, POLLIN, 0} before; changes nothing. */
    void (*look)(const void *context, struct loop_wait *wait);
    /* `revents` is 0 where its deadline alone has come. A deadline that the source leaves as it is
     * comes again in the next turn. */
    void (*run)(void *context, short revents);
    void *context;
    /* The loop's own. */
    struct loop_source *next;
    int polled_fd;
    short ready;
};

/* For a module that has a source, and an owner that wants to know of what came. */
struct loop_notice {
    void (*call)(void *context);
    void *context;
};

struct loop {
    uint64_t (*now_ms)(void);
    int (*wait)(struct pollfd *fds, nfds_t count, int timeout_ms); /* as poll(2) */
    struct loop_source *first, *next; /* the latter has its turn after the one that runs */
    size_t count;
    bool is_stopped;
};

/* By clock_boot_ms() and poll(2); a test sets others. */
void loop_init(struct loop *loop);

/* Adds a source, which stays the caller's and where it is until it is removed. 0, or -ENOSPC where
 * there are LOOP_SOURCES_MAX. */
int loop_add(struct loop *loop, struct loop_source *source);

/* Harmless for one that is not there. */
void loop_remove(struct loop *loop, struct loop_source *source);

/* Waits until a source is ready or due, and runs those that are. 0, also when a signal came, or a
 * negative errno. */
int loop_turn(struct loop *loop);

/* Turns until loop_stop or an error: 0 or a negative errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
