/*
 * The endpoint's beginning, on both sides of execve(2): the daemon forks and executes its own
 * binary anew, so that the endpoint's memory never holds what the daemon's does.
 *
 * All that the child needs crosses in one sealed memfd, a struct worker_start and the two PEM texts
 * behind it, and in four descriptors at fixed numbers, standard error among them. No secret is an
 * argument, and there is no environment.
 *
 * Sources: execveat(2), memfd_create(2), fcntl(2) (file sealing), close_range(2).
 */
#ifndef HOLDFAST_ENDPOINT_WORKER_MAIN_H
#define HOLDFAST_ENDPOINT_WORKER_MAIN_H

#include "endpoint/worker.h"

#include <stdbool.h>

enum { WORKER_START_MAGIC = 0x48465331 };

/* Fixed-size and without pointers; both sides are the same binary. What the child is to know more
 * is a field more here. */
struct worker_start {
    uint32_t magic, size; /* of this struct */
    uint32_t certificate_size, key_size;
    int32_t parent_pid;
    uint32_t uid, gid;
    uint32_t seccomp_kill;
    uint32_t fips;
    uint32_t ticket_key_s;
    struct worker_limits limits;
    struct stations stations;
    struct tls_offer offer;
};

/* In the parent: a sealed memfd (the caller closes it), or a negative errno. */
int worker_main_seal(const struct worker_setup *setup);

/* In the child of fork(2): puts the descriptors at their numbers, `errors` at that of standard
 * error, and executes `binary`, an O_PATH descriptor. Returns only what went wrong, a negative
 * errno. */
int worker_main_execute(int binary, int listener, int channel, int start, int errors);

/* Whether a program's arguments are those that worker_main_execute gives. */
bool worker_main_is_helper_invocation(int count, char *const *words);

/* All that such a program does: checks what it was given, gives up every privilege, serves until
 * the channel closes. The exit status; 2 with its message told when it was not started as above. */
int worker_main(void);

#endif
