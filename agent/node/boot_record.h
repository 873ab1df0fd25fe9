/*
 * When the last `holdfast boot` ran and with which settings: /run/holdfast/boot, so that reports
 * can show that it ended before the network began, one line of text, "STARTED FINISHED"; and beside
 * it, in boot.network, the digest of the settings that wait for a boot, so that a changed one is
 * seen to wait.
 */
#ifndef HOLDFAST_NODE_BOOT_RECORD_H
#define HOLDFAST_NODE_BOOT_RECORD_H

#include "settings/settings.h"

#include <stdint.h>

enum { BOOT_RECORD_DIGEST_SIZE = 65 };

struct boot_record {
    uint64_t started_ms, finished_ms; /* of CLOCK_BOOTTIME */
    char
        network[BOOT_RECORD_DIGEST_SIZE]; /* of the settings that the network was brought up with */
};

/* The digest of the settings that take effect only at a boot, and that no domain observes: name,
 * addresses and routers. "" where it cannot be computed. */
void boot_record_digest(const struct settings *settings, char digest[BOOT_RECORD_DIGEST_SIZE]);

/* Both: 0 or a negative errno, no message. */
int boot_record_write(const char *root, const struct boot_record *record);
int boot_record_read(const char *root, struct boot_record *record);

#endif
