/*
 * The endpoint: the unprivileged process that answers HTTPS from the snapshot. TLS (tls.h) stands
 * before libmicrohttpd, which gets each decrypted connection by MHD_add_connection.
 * It has its own uid, an empty root, no capabilities, a seccomp filter, and no file system.
 */
#ifndef HOLDFAST_ENDPOINT_WORKER_H
#define HOLDFAST_ENDPOINT_WORKER_H

#include "endpoint/worker_channel.h"
#include "endpoint/worker_start.h"

#include <stdbool.h>
#include <stdint.h>

struct worker {
    int pid;
    int channel;    /* SOCK_SEQPACKET: snapshots down, records up; non-blocking here */
    uint32_t asked; /* the sequence of the last message to it */
};

/* The listening socket, bound here, where that is permitted; a descriptor or a negative errno, no
 * message. "::" means both families; on a kernel without IPv6 that is IPv4. */
int worker_listen(const char *address, uint16_t port);

/* Whether a listening socket still listens: a process that shared it may have shut it down. */
bool worker_listens(int listener);

/* Spawns the process (process/helper.h) with `listener`, which stays the caller's: it gives up
 * every privilege before the first byte from outside, then serves until the channel closes. 0, or a
 * negative errno, no message. */
int worker_spawn_on(struct worker *worker, const struct worker_setup *setup, int listener);

/* worker_listen and worker_spawn_on, with the message logged. */
int worker_spawn(struct worker *worker, const struct worker_setup *setup);

/* Hands over a snapshot's descriptor (the caller keeps and closes its own); with -1 asks for a sign
 * of life alone. Either is answered by a record with `heard` = worker->asked. */
int worker_publish(struct worker *worker, int snapshot_fd);

/* From now on it serves these: connections of others end, those of stations that stay go on. 0 or a
 * negative errno. */
int worker_admit(struct worker *worker, const struct stations *stations);

/* Reads one record if there is one; -EAGAIN when none, -EPIPE when the endpoint is gone. */
int worker_record_read(struct worker *worker, struct worker_record *record);

/* Whether the process was stopped (SIGSTOP), which SIGCHLD announces. */
bool worker_is_stopped(const struct worker *worker);

/* Ends the child and reaps it. It ends by itself too when the channel closes or its parent dies. */
void worker_stop(struct worker *worker);

/* How a child that has closed its channel ended, as waitpid(2) has it, or -1 where it has not, a
 * moment later. worker_stop must follow. */
int worker_wait(struct worker *worker);

#endif
