/* Texts that a command takes from a file or, named "-", from standard input. */
#ifndef HOLDFAST_CLI_INPUT_H
#define HOLDFAST_CLI_INPUT_H

#include "base/buf.h"

#include <stdbool.h>

/* Whether `path` means standard input, which is read after the password: its line may come
 * first. */
bool input_is_stdin(const char *path);

/* How faults and messages name it. */
const char *input_name(const char *path);

/* Appends the whole text, or a byte more than SETTINGS_TEXT_MAX where it is longer, so that whoever
 * checks the size sees it. The buffer is reserved at once: the text may hold secrets, and the
 * caller wipes it. 0 or a negative errno, logged in the name of `command`. */
int input_read(const char *command, const char *path, struct buf *text);

#endif
