/*
 * The front: the unprivileged process that answers HTTPS from the snapshot. TLS (tls.h) stands
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

enum { FRONT_CONNECTIONS_MAX = 256 };

struct front_limits {
    unsigned connections;                    /* 100; FRONT_CONNECTIONS_MAX at the most */
    unsigned connections_per_address;        /* 10; stations.h says what counts as one */
    unsigned handshake_ms, head_ms, idle_ms; /* 10 s, 10 s, 60 s */
    unsigned life_ms;                        /* 10 min: then its next answer is its last */
    unsigned handshakes_per_address_s;       /* a budget an address a second */
    unsigned head_bytes;                     /* 8 KiB */
};

struct front_setup {
    const char *address; /* health.address: "::" is both families */
    uint16_t port;
    struct buf certificate_pem, key_pem; /* the child wipes its copies, the caller its own */
    struct tls_offer offer;              /* versions, suites, groups, signatures of TLS */
    unsigned ticket_key_s;               /* how long a key seals session tickets */
    struct front_limits limits;
    const struct stations *stations; /* whom it serves, beside the node itself */
    unsigned uid, gid;               /* 0: stay, in the same root folder (tests without root) */
    bool seccomp_kill; /* kill the process on a denied call; else the call fails with EPERM */
    bool fips;         /* the self-tests come before the first handshake (pki/selftest.h) */
    int errors;        /* its standard error; the caller keeps and closes its own */
};

/* What the front tells the warden: one fixed-size record, never a byte of a client's. */
struct front_record {
    uint32_t magic;
    uint32_t size;
    uint32_t heard; /* the sequence of the last message from the warden */
    struct traffic_counts counts;
};

struct front {
    int pid;
    int channel;    /* SOCK_SEQPACKET: snapshots down, records up; non-blocking here */
    uint32_t asked; /* the sequence of the last message to it */
};

/* The listening socket, bound here, where that is permitted; a descriptor or a negative errno, no
 * message. "::" means both families; on a kernel without IPv6 that is IPv4. */
int front_listen(const char *address, uint16_t port);

/* Whether a listening socket still listens: a process that shared it may have shut it down. */
bool front_listens(int listener);

/* Forks, and executes this binary anew (worker_main.h; main must know it) with `listener`, which
 * stays the caller's: the child gives up every privilege before the first byte from outside, then
 * serves until the channel closes. 0, or a negative errno, no message. */
int front_spawn_on(struct front *front, const struct front_setup *setup, int listener);

/* front_listen and front_spawn_on, with the message told. */
int front_spawn(struct front *front, const struct front_setup *setup);

/* Hands over a snapshot's descriptor (the caller keeps and closes its own); with -1 asks for a sign
 * of life alone. Either is answered by a record with `heard` = front->asked. */
int front_publish(struct front *front, int snapshot_fd);

/* From now on it serves these: connections of others end, those of stations that stay go on. 0 or a
 * negative errno. */
int front_admit(struct front *front, const struct stations *stations);

/* Reads one record if there is one; -EAGAIN when none, -EPIPE when the front is gone. */
int front_record_read(struct front *front, struct front_record *record);

/* Whether somebody has stopped the process (SIGSTOP), which SIGCHLD announces. */
bool front_is_stopped(const struct front *front);

/* Ends the child and reaps it. It ends by itself too when the channel closes or its parent dies. */
void front_stop(struct front *front);

/* How a child that has closed its channel ended, as waitpid(2) has it, or -1 where it has not, a
 * moment later. front_stop must follow. */
int front_wait(struct front *front);

#endif
