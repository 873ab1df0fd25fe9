/*
 * What lies at a path, held against what should: a plain file of this process's own user, of one
 * mode and content, in a folder that nobody else can write to. Nothing is followed, waited for or
 * changed on the way: a symbolic link, a FIFO or a device is told by what it is.
 */
#ifndef HOLDFAST_DOMAIN_MANAGED_FILE_H
#define HOLDFAST_DOMAIN_MANAGED_FILE_H

#include "base/buf.h"

#include <stdbool.h>
#include <sys/types.h>

enum { MANAGED_FILE_MODE = 0644, MANAGED_FILE_FOLDER_MODE = 0755, MANAGED_FILE_SIZE_MAX = 65536 };

/* What was found of a file. */
struct managed_file {
    bool equal;          /* as it should be: `observed` is "SHA-256 3f2a..." of what was read */
    struct buf observed; /* else in words how it differs, "absent" where there is none */
    struct buf should;   /* what its first differing line should be; empty: nothing to say */
};

/* Looks at the file at `path`. 0 or a negative errno; the caller frees both texts. */
int managed_file_look(const char *path, const struct buf *wanted, struct managed_file *found);

/* The same of the folder that `path` lies in: "absent" and how it differs. */
int managed_file_look_folder(const char *path, struct buf *observed);

/* Makes the folder that `path` lies in what it should be. What is no folder there is removed. */
int managed_file_repair_folder(const char *path);

#endif
