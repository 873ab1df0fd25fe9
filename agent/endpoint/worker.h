/*
 * The endpoint: the unprivileged process that answers HTTPS from the snapshot. TLS (tls.h) stands
 * before libmicrohttpd, which gets each decrypted connection by MHD_add_connection.
 * It has its own uid, an empty root, no capabilities, a seccomp filter, and no file system.
 */
#ifndef HOLDFAST_ENDPOINT_WORKER_H
#define HOLDFAST_ENDPOINT_WORKER_H

#include "base/buf.h"
#include "endpoint/stations.h"
#include "report/traffic.h"
#include "tls/tls_offer.h"

#include <stdbool.h>
#include <stdint.h>

enum { WORKER_CONNECTIONS_MAX = 256 };

struct worker_limits {
    unsigned connections;                    /* 100; WORKER_CONNECTIONS_MAX at the most */
    unsigned connections_per_address;        /* 10; stations.h says what counts as one */
    unsigned handshake_ms, head_ms, idle_ms; /* 10 s, 10 s, 60 s */
    unsigned life_ms;                        /* 10 min: then its next answer is its last */
    unsigned handshakes_per_address_s;       /* a budget an address a second */
    unsigned head_bytes;                     /* 8 KiB */
};

struct worker_setup {
    const char *address; /* health.address: "::" is both families */
    uint16_t port;
    struct buf certificate_pem, key_pem; /* the child wipes its copies, the caller its own */
    struct tls_offer offer;              /* versions, suites, groups, signatures of TLS */
    unsigned ticket_key_s;               /* how long a key seals session tickets */
    struct worker_limits limits;
    const struct stations *stations; /* whom it serves, beside the node itself */
    unsigned uid, gid;               /* 0: stay, in the same root folder (tests without root) */
    bool seccomp_kill; /* kill the process on a denied call; else the call fails with EPERM */
    bool fips;         /* the self-tests come before the first handshake (pki/selftest.h) */
    int errors;        /* its standard error; the caller keeps and closes its own */
};

/* What the endpoint tells the daemon: one fixed-size record, never a byte of a client's. */
struct worker_record {
    uint32_t magic;
    uint32_t size;
    uint32_t heard; /* the sequence of the last message from the daemon */
    struct traffic_counts counts;
};

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

/* Forks, and executes this binary anew (worker_main.h; main must know it) with `listener`, which
 * stays the caller's: the child gives up every privilege before the first byte from outside, then
 * serves until the channel closes. 0, or a negative errno, no message. */
int worker_spawn_on(struct worker *worker, const struct worker_setup *setup, int listener);

/* worker_listen and worker_spawn_on, with the message told. */
int worker_spawn(struct worker *worker, const struct worker_setup *setup);

/* Hands over a snapshot's descriptor (the caller keeps and closes its own); with -1 asks for a sign
 * of life alone. Either is answered by a record with `heard` = front->asked. */
int worker_publish(struct worker *worker, int snapshot_fd);

/* From now on it serves these: connections of others end, those of stations that stay go on. 0 or a
 * negative errno. */
int worker_admit(struct worker *worker, const struct stations *stations);

/* Reads one record if there is one; -EAGAIN when none, -EPIPE when the endpoint is gone. */
int worker_record_read(struct worker *worker, struct worker_record *record);

/* Whether somebody has stopped the process (SIGSTOP), which SIGCHLD announces. */
bool worker_is_stopped(const struct worker *worker);

/* Ends the child and reaps it. It ends by itself too when the channel closes or its parent dies. */
void worker_stop(struct worker *worker);

/* How a child that has closed its channel ended, as waitpid(2) has it, or -1 where it has not, a
 * moment later. worker_stop must follow. */
int worker_wait(struct worker *worker);

#endif
