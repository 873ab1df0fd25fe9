/*
 * --format: a command's formats are a table of its own, whose rows begin with the format's name;
 * the first one is the default.
 */
#ifndef HOLDFAST_CLI_FORMAT_H
#define HOLDFAST_CLI_FORMAT_H

#include "cli/command.h"

#include <stddef.h>

/* The row of `table`, of `count` rows of `size` bytes, that --format names; NULL where there is
 * none, with the message logged, which names all of them. The first member of a row is
 * `const char *name`. */
const void *format_find(const struct invocation *invocation, const void *table, size_t count,
                        size_t size);

#define FORMAT_FIND(invocation, table)                                                             \
    format_find(invocation, table, countof(table), sizeof((table)[0]))

#endif
