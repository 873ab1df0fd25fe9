/*
 * What a kernel parameter holds, read and written below an open folder of /proc/sys.
 */
#ifndef HOLDFAST_DOMAIN_SYSCTL_VALUE_H
#define HOLDFAST_DOMAIN_SYSCTL_VALUE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { SYSCTL_NUMBERS_MAX = 2 };

/* What a key holds: a number, or the first and last of a range. */
struct sysctl_value {
    size_t count;
    int number[SYSCTL_NUMBERS_MAX];
};

/* True where both hold the same numbers. */
bool sysctl_value_equal(const struct sysctl_value *a, const struct sysctl_value *b);

/* Appends the numbers as the kernel takes them: "32768 60999". */
void sysctl_value_print(const struct sysctl_value *value, struct buf *out);

/* Reads, or writes, the numbers of a folder's file. 0 or a negative errno; -EBADMSG for anything
 * but numbers. */
int sysctl_value_read(int folder, const char *name, struct sysctl_value *value);
int sysctl_value_write(int folder, const char *name, const struct sysctl_value *value);

#endif
