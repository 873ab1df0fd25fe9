/*
 * A file on the disk, held against what it should be: a plain file of one owner, mode and content,
 * in a folder that its own user alone can write to. Nothing is followed, waited for or changed on
 * the way: a symbolic link, a FIFO or a device is reported as such.
 */
#ifndef HOLDFAST_DOMAIN_MANAGED_FILE_H
#define HOLDFAST_DOMAIN_MANAGED_FILE_H

#include "base/buf.h"
#include "render/render.h"

#include <stdbool.h>

enum { MANAGED_FILE_FOLDER_MODE = 0755 };

/* What was found at a path. Of a file with a secret neither text says anything of its content. */
struct managed_file_found {
    bool equal;          /* as it should be: `observed` is "SHA-256 3f2a..." of what was read, of a
                            secret "as it should be" */
    struct buf observed; /* else how it differs in words, "absent" where it is missing */
    struct buf should;   /* what its first differing line should be; empty: nothing to say */
};

/* Looks at the file at `path`, where the file's own path lies on this system. 0 or a negative
 * errno; the caller frees both texts. */
int managed_file_look(const char *path, const struct managed_file *file, const struct buf *wanted,
                      struct managed_file_found *found);

/* The same of the folder that `path` lies in: "absent" and how it differs. */
int managed_file_look_folder(const char *path, struct buf *observed);

/* Replaces the file as a whole, with its mode and owner; durably where a reboot must not forget
 * it. 0 or a negative errno. */
int managed_file_write(const char *path, const struct managed_file *file, const struct buf *text,
                       bool durable);

/* Makes the folder of `path` with the expected owner and mode. Another object in its place is
 * removed. */
int managed_file_repair_folder(const char *path);

#endif
