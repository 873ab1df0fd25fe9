/*
 * The fips domain: whether the node does what FIPS mode asks (spec: "FIPS-approved algorithms
 * only"; none of its libraries holds a certificate). What the process found out about its own
 * cryptography comes to it as evidence; the kernel's own mode and its argument for the next boot it
 * reads itself.
 *
 * The boot entry is a GRUB environment block (GNU GRUB manual, 15.3 The GRUB environment block)
 * with the one variable `fips`: the boot loader reads it before there is a kernel, and passes
 * fips=1 on. Where there is none, the kernel gets no such argument.
 */
#ifndef HOLDFAST_DOMAIN_FIPS_H
#define HOLDFAST_DOMAIN_FIPS_H

#include "pki/selftest.h"

#include <stdbool.h>

#define FIPS_BOOT_ENTRY  "/var/lib/holdfast/bootenv"
#define FIPS_KERNEL_MODE "/proc/sys/crypto/fips_enabled"

enum { FIPS_REASON_SIZE = 192, FIPS_KIND_SIZE = 32 };

/* What a process knows of its own cryptography. One that uses no more than the state, as `boot`,
 * has none of it, and the checks are not checked. */
struct fips_evidence {
    bool tested; /* all self-tests ran */
    struct selftest_report selftests;
    unsigned took_ms;                                                    /* of processor time */
    enum { FIPS_KEY_UNKNOWN, FIPS_KEY_APPROVED, FIPS_KEY_REJECTED } key; /* the endpoint's */
    char key_kind[FIPS_KIND_SIZE];                                       /* "EC of 384 bits" */
    char key_reason[FIPS_REASON_SIZE];                                   /* why it is rejected */
};

/* The kernel's own mode: 0, 1, or a negative errno; -ENOENT where it has none. */
int fips_kernel_mode(const char *root);

/* Makes the boot entry say `on`, where it does not. 0 or a negative errno. */
int fips_boot_entry_write(const char *root, bool on);

#endif
