/*
 * The record of the process at the health port: what the daemon knows of its endpoint by the
 * process that it started and its certificate, kept in /run for the tls domain. The port alone
 * proves nothing: another program may answer there.
 *
 * It is written and read by one binary; the reader checks it all the same.
 */
#ifndef HOLDFAST_PROBE_SERVED_H
#define HOLDFAST_PROBE_SERVED_H

#include "pki/certificate.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVED_RECORD_PATH "/run/holdfast/endpoint"

enum served_state {
    SERVED_STARTING, /* the process has not answered yet */
    SERVED_DOWN,     /* `reason` says why */
    SERVED_ANSWERS,
    SERVED_STATES
};

enum { SERVED_TEXT_SIZE = 160, SERVED_STALE_MS = 90000 /* three walks of the daemon */ };

/* Texts are whole; an unused one is empty. */
struct served_record {
    uint32_t magic, size; /* of this structure */
    uint64_t boot_ms;     /* clock_boot_ms() when it was written */
    uint64_t since_ms;    /* ... when the endpoint got its certificate */
    int32_t daemon_pid, pid;
    uint32_t state;  /* enum served_state */
    uint32_t starts; /* of the process, since the daemon's start */
    char place[SERVED_TEXT_SIZE];
    char reason[SERVED_TEXT_SIZE];
    char fingerprint[CERTIFICATE_FINGERPRINT_SIZE]; /* of the certificate that it was given */
    uint32_t probe_failures;             /* probes in a row that did not come to an end */
    char probe_reason[SERVED_TEXT_SIZE]; /* of the last of them */
};

/* Below `root`; sets magic, size and boot_ms. 0 or a negative errno, no message. */
int served_write(const char *root, struct served_record *record);

/* 0 or a negative errno; -ENOENT where no daemon has written it, -EBADMSG where it is no record. */
int served_read(const char *root, struct served_record *record);

/* Takes the record away, at the daemon's end. */
void served_remove(const char *root);

/* Whether the daemon that wrote it has ended without a word, or says nothing any more. */
bool served_is_stale(const struct served_record *record, uint64_t now_ms);

#endif
