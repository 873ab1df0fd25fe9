/*
 * When the last `holdfast boot` ran: /run/holdfast/boot, in milliseconds of CLOCK_BOOTTIME, so that
 * reports can show that it ended before the network began. One line of text, "STARTED FINISHED".
 */
#ifndef HOLDFAST_SERVE_BOOTRECORD_H
#define HOLDFAST_SERVE_BOOTRECORD_H

#include <stdint.h>

struct boot_record {
    uint64_t started_ms, finished_ms;
};

/* Both: 0 or a negative errno, no message. */
int boot_record_write(const char *root, const struct boot_record *record);
int boot_record_read(const char *root, struct boot_record *record);

#endif
