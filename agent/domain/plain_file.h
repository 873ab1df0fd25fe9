/*
 * What lies at a path, held against what should: a plain file of this process's own user, of one
 * mode and content, in a folder that nobody else can write to. Nothing is followed, waited for or
 * changed on the way: a symbolic link, a FIFO or a device is told by what it is.
 */
#ifndef HOLDFAST_DOMAIN_PLAIN_FILE_H
#define HOLDFAST_DOMAIN_PLAIN_FILE_H

#include "base/buf.h"

#include <sys/types.h>

enum { PLAIN_FILE_MODE = 0644, PLAIN_FILE_FOLDER_MODE = 0755, PLAIN_FILE_SIZE_MAX = 65536 };

/* Appends to `actual` in words how the file at `path` differs from `wanted`, and "absent" where
 * there is none; nothing where it is as it should be. `should` gets what its first differing line
 * should be. 0 or a negative errno. */
int plain_file_look(const char *path, const struct buf *wanted, struct buf *actual,
                    struct buf *should);

/* The same of the folder that `path` lies in: "absent" and how it differs. */
int plain_file_look_folder(const char *path, struct buf *actual);

/* Makes the folder that `path` lies in what it should be. What is no folder there is removed. */
int plain_file_mend_folder(const char *path);

#endif
